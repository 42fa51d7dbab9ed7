//! Taking the socket back from the HTTP connection that was upgraded.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use hyper::upgrade::{OnUpgrade, Parts as HyperParts};
use hyper_util::{rt::TokioIo, server::conn::auto};
use tidings_protocol::websocket::handshake::{self, Options};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use super::{
    body::{Body, empty, respond},
    core::Core,
};
use crate::transport::socket::{ReadHalf, Socket, WriteHalf};

/// A socket that speaks WebSocket from now on.
pub(crate) struct Upgraded {
    pub(crate) read: ReadHalf,
    pub(crate) write: WriteHalf,
    /// What had arrived behind the request.
    pub(crate) early: Bytes,
    /// Whether messages may come compressed (permessage-deflate).
    pub(crate) deflate: bool,
    /// Whether messages may be sent compressed.
    pub(crate) compress: bool,
    /// The subprotocol that was chosen.
    pub(crate) protocol: Option<String>,
}

/// Answers a WebSocket handshake, and runs `then` with the socket once the answer is written.
pub(crate) fn accept<F, Fut>(
    core: &Arc<Core>,
    parts: &mut Parts,
    deflate: bool,
    protocols: &[&str],
    then: F,
) -> Response<Body>
where
    F: FnOnce(Upgraded) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let accepted = match handshake::accept(parts, &Options { deflate, protocols }) {
        Ok(accepted) => accepted,
        Err(error) => {
            let mut response = respond(error.status(), "text/plain", error.to_string());
            error.apply(response.headers_mut());
            return response;
        }
    };
    let Some(pending) = parts.extensions.remove::<OnUpgrade>() else {
        return respond(
            StatusCode::NOT_IMPLEMENTED,
            "text/plain",
            "this HTTP server does not hand over upgraded connections",
        );
    };
    let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
    accepted.apply(response.headers_mut());
    core.tasks.spawn(async move {
        let Ok(upgraded) = pending.await else { return };
        let Some((socket, early)) = take_socket(upgraded) else {
            tracing::error!("an upgraded connection is no socket that is known; it is closed");
            return;
        };
        let (read, write) = socket.split();
        then(Upgraded {
            read,
            write,
            early,
            deflate: accepted.deflate,
            compress: accepted.compress,
            protocol: accepted.protocol,
        })
        .await;
    });
    response
}

/// The socket under a connection of this library's listeners, or of a server built on hyper-util
/// such as `axum::serve`.
fn take_socket(upgraded: hyper::upgrade::Upgraded) -> Option<(Socket, Bytes)> {
    let (socket, early) = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(HyperParts { io, read_buf, .. }) => (Socket::Tcp(io.into_inner()), read_buf),
        Err(upgraded) => match upgraded.downcast::<TokioIo<Box<TlsStream<TcpStream>>>>() {
            Ok(HyperParts { io, read_buf, .. }) => (Socket::Tls(io.into_inner()), read_buf),
            Err(upgraded) => match upgraded.downcast::<TokioIo<UnixStream>>() {
                Ok(HyperParts { io, read_buf, .. }) => (Socket::Unix(io.into_inner()), read_buf),
                Err(upgraded) => {
                    let parts = auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded).ok()?;
                    (Socket::Tcp(parts.io.into_inner()), parts.read_buf)
                }
            },
        },
    };
    // A copy, since even an empty view would keep HTTP's whole read buffer alive with the session.
    Some((socket, Bytes::copy_from_slice(&early)))
}
