//! Socket.IO 5 over Engine.IO: packets in, sockets of namespaces out.

pub(crate) mod client;
pub(crate) mod config;

pub use config::SocketIo;
