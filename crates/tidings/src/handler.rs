//! Handlers: plain async functions over what they extract from an event.

pub(crate) mod context;
pub(crate) mod extract;
pub(crate) mod function;
pub(crate) mod handlers;
pub(crate) mod namespace;
pub(crate) mod reply;

pub use context::Context;
pub use extract::{Auth, Data, EventName, Extension, FromContext, Rejection, ServerAck, State};
pub use function::Handler;
pub use namespace::{ConnectRefused, Namespace};
pub use reply::{IntoConnectResult, IntoReply, Reply};
