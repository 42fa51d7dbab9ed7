//! Where connections come in: TCP, or a Unix socket.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

/// The pause after a failed accept: usually the process has run out of file descriptors, and
/// trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The address of whoever comes over a Unix socket, who is on this machine and has no other.
pub(super) const UNIX_PEER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a server listens on.
#[derive(Debug)]
pub enum Listener {
    /// An address and port.
    Tcp(TcpListener),
    /// A Unix socket, such as for a proxy on the same machine. Its peers have the address
    /// `127.0.0.1:0`.
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// A connection that was accepted.
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listener {
    /// The next connection; `None` when `until` is cancelled.
    pub(super) async fn accept(&self, until: &CancellationToken) -> Option<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (socket, address) = accept(until, || listener.accept()).await?;
                let _ = socket.set_nodelay(true);
                Some(Accepted::Tcp(socket, address))
            }
            Self::Unix(listener) => {
                let (socket, _) = accept(until, || listener.accept()).await?;
                Some(Accepted::Unix(socket))
            }
        }
    }
}

/// Accepts until it succeeds.
pub(super) async fn accept<T, F>(until: &CancellationToken, accept: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        match until.run_until_cancelled(accept()).await? {
            Ok(accepted) => return Some(accepted),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors of the connection that was about to be accepted, not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
