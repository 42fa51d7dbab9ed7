//! The socket under an upgraded connection: TCP, TLS over it, or a Unix socket.
//!
//! A reader has one half and writers share the other. An enum and no trait object, since every
//! message passes here.

use std::{
    io::{self, IoSlice},
    net::Shutdown,
    sync::Arc,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::{
        TcpStream, UnixStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
        unix,
    },
};
use tokio_rustls::server::TlsStream;

use super::tls::TlsSocket;

/// A socket that was taken back from HTTP.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

impl Socket {
    pub(crate) fn split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Tcp(stream) => {
                let _ = stream.set_nodelay(true);
                let (read, write) = stream.into_split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            Self::Tls(stream) => {
                let socket = Arc::new(TlsSocket::new(*stream));
                (ReadHalf::Tls(Arc::clone(&socket)), WriteHalf::Tls(socket))
            }
            Self::Unix(stream) => {
                let (read, write) = stream.into_split();
                (ReadHalf::Unix(read), WriteHalf::Unix(write))
            }
        }
    }
}

/// What is read from.
pub(crate) enum ReadHalf {
    Tcp(OwnedReadHalf),
    Tls(Arc<TlsSocket>),
    Unix(unix::OwnedReadHalf),
}

impl ReadHalf {
    /// Reads into `scratch` what is there, and gives it; nothing at all when the peer has closed.
    pub(crate) fn poll_read<'a>(
        &mut self,
        context: &mut Context<'_>,
        scratch: &'a mut [u8],
    ) -> Poll<io::Result<&'a mut [u8]>> {
        match self {
            Self::Tcp(socket) => poll_read(socket, context, scratch),
            Self::Tls(socket) => socket.poll_read(context, scratch),
            Self::Unix(socket) => poll_read(socket, context, scratch),
        }
    }
}

/// What is written to, by one writer at a time.
#[derive(Debug)]
pub(crate) enum WriteHalf {
    Tcp(OwnedWriteHalf),
    Tls(Arc<TlsSocket>),
    Unix(unix::OwnedWriteHalf),
}

/// What a write came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) bytes: usize,
    /// The socket takes no more for now.
    pub(crate) full: bool,
}

impl WriteHalf {
    /// Bytes that one write may be given.
    pub(crate) fn limit(&self) -> usize {
        match self {
            Self::Tcp(_) | Self::Unix(_) => usize::MAX,
            Self::Tls(_) => super::tls::PLAIN_MAX,
        }
    }

    /// Writes without waiting. While a socket is full, what it is given has to begin as before:
    /// of that, TLS has a part encrypted already.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<Taken> {
        match self {
            Self::Tcp(socket) => taken(
                slices,
                match slices {
                    [one] => socket.try_write(one),
                    many => socket.try_write_vectored(many),
                },
            ),
            Self::Tls(socket) => socket.try_write(slices),
            Self::Unix(socket) => taken(slices, socket.try_write_vectored(slices)),
        }
    }

    /// Waits until a socket that was full takes bytes again.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.writable().await,
            Self::Tls(socket) => socket.tcp().writable().await,
            Self::Unix(socket) => socket.writable().await,
        }
    }

    /// Writes all of it, however long the socket takes.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let piece = &bytes[..bytes.len().min(self.limit())];
            let taken = self.try_write(&[IoSlice::new(piece)])?;
            bytes = &bytes[taken.bytes..];
            if taken.full {
                self.writable().await?;
            }
        }
        Ok(())
    }

    /// Says within TLS that nothing follows, as far as the socket takes it.
    pub(crate) fn finish(&self) {
        if let Self::Tls(socket) = self {
            socket.finish();
        }
    }

    /// Shuts the socket down.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        let socket = match self {
            Self::Tcp(socket) => SockRef::from(socket.as_ref()),
            Self::Tls(socket) => SockRef::from(socket.tcp()),
            Self::Unix(socket) => SockRef::from(socket.as_ref()),
        };
        let _ = socket.shutdown(how);
    }
}

fn poll_read<'a>(
    socket: &mut (impl AsyncRead + Unpin),
    context: &mut Context<'_>,
    scratch: &'a mut [u8],
) -> Poll<io::Result<&'a mut [u8]>> {
    let mut buffer = ReadBuf::new(scratch);
    ready!(std::pin::Pin::new(socket).poll_read(context, &mut buffer))?;
    let filled = buffer.filled().len();
    Poll::Ready(Ok(&mut scratch[..filled]))
}

/// What a write without waiting came to.
fn taken(slices: &[IoSlice<'_>], written: io::Result<usize>) -> io::Result<Taken> {
    let wanted = slices.iter().map(|slice| slice.len()).sum();
    match written {
        Ok(bytes) => Ok(Taken {
            bytes,
            full: bytes < wanted,
        }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Taken {
            bytes: 0,
            full: true,
        }),
        Err(error) => Err(error),
    }
}
