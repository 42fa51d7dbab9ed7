//! The library as its users meet it: a server on a port of its own, and clients on real sockets.

mod closing;
mod delivery;
mod dynamic;
mod envelope;
mod handlers;
mod limits;
mod mount;
mod raw;
mod support;
