//! Clients of plain HTTP, for the handlers of a namespace: event streams and long-polling, which
//! carry events down, and requests of one command, which carry commands up.
//!
//! Reading order: [`config`], then `audience` (the sessions of a namespace, and how one is
//! opened), `client` (how it joins and goes), `events`, `poll` and `rpc` (the endpoints), `answer`
//! (what is said when something is wrong).

pub(crate) mod answer;
pub(crate) mod audience;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod events;
pub(crate) mod poll;
pub(crate) mod rpc;

pub use config::{RpcConfig, StreamConfig};
