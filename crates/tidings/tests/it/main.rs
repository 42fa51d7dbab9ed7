//! The library as its users meet it: a server on a port of its own, and clients on real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::unit_arg,
    reason = "helpers of tests may fail like tests"
)]

mod acks;
mod admission;
mod batching;
mod closing;
mod delivery;
mod dynamic;
mod envelope;
mod handlers;
mod limits;
mod mount;
mod raw;
mod recovery;
mod streams;
mod support;
mod tls;
