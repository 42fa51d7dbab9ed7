//! Tidings, the library: Socket.IO, plain WebSocket, event stream and long-polling clients in the
//! same rooms.
//!
//! A [`Server`] has [`Namespace`]s, whose handlers are async functions, and endpoints mounted at
//! paths, through which clients reach them. A live namespace is a [`Hub`], a client in it a
//! [`Socket`].
//!
//! ```no_run
//! use tidings::{
//!     Data, Namespace, Reply, RpcConfig, Server, Socket, SocketIo, StreamConfig, WebSocketConfig,
//! };
//!
//! async fn join(socket: Socket, Data(room): Data<String>) -> Result<Reply<bool>, tidings::JoinError> {
//!     socket.join(&room)?;
//!     Ok(Reply(true))
//! }
//!
//! async fn say(socket: Socket, Data((room, text)): Data<(String, String)>) -> Result<(), tidings::EmitError> {
//!     socket.to(room).emit("said", &text)
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::builder()
//!         .namespace("/", Namespace::new().on("join", join).on("say", say))
//!         .socketio("/socket.io/", SocketIo::new())
//!         .envelope("/ws", WebSocketConfig::new(), "/")
//!         .event_stream("/sse", StreamConfig::new(), "/")
//!         .long_poll("/poll", StreamConfig::new(), "/")
//!         .rpc("/rpc", RpcConfig::new(), "/")
//!         .build()?;
//!     server.serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?).await?;
//!     Ok(())
//! }
//! ```
//!
//! What the library does not know: users, chat, databases. Those are the business of the
//! application, or of the `tidings` server that is built on it.
#![deny(missing_docs)]

pub mod adapter;
mod admission;
mod engine;
mod event;
mod handler;
mod hub;
mod id;
mod limits;
mod reason;
mod server;
mod socketio;
mod stats;
mod stream;
mod transport;
mod websocket;

pub use admission::{Admission, Permit, Refusal};
pub use engine::{
    bare::EngineHandler,
    config::{ConnectionError, Cookie, EngineConfig},
    cors::Cors,
};
pub use event::IntoArgs;
pub use handler::{
    Auth, ConnectRefused, Context, Data, EventName, Extension, FromContext, Handler,
    IntoConnectResult, IntoReply, Namespace, Rejection, Reply, ServerAck, State,
    namespace::EventInfo,
};
pub use hub::{
    Ack, AckError, AckRequest, Broadcast, BroadcastAcks, EmitError, Hub, JoinError, RecoveryConfig,
    Selection, Socket, SocketInfo,
};
pub use id::{PrivateId, SocketId};
pub use limits::Limits;
pub use reason::CloseReason;
pub use server::{
    Body, BoxError, BuildError, Listener, Peer, Server, ServerBuilder, TidingsService, Tls,
};
pub use socketio::SocketIo;
pub use stats::{Counter, Queued, Stats, Transports};
pub use stream::{RpcConfig, StreamConfig};
pub use tidings_protocol::{
    args,
    args::{Args, DecodeError, EncodeError},
    close::CloseCode,
    socket::Parser,
};
/// The TLS library whose settings [`Tls`] takes.
pub use tokio_rustls::rustls;
pub use transport::{connection::Connection, handshake::Handshake};
pub use websocket::{WebSocketConfig, WebSocketHandler};

/// The examples of the README, which have to compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
