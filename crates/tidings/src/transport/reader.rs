//! The reading side of an upgraded socket: one small task that holds no buffer while it waits.
//!
//! Each worker thread has one scratch buffer. A turn reads into it, decodes, runs the handlers as
//! far as they go without waiting, and then writes whatever they sent in one piece. Only the
//! bytes of an incomplete frame are copied out.

use std::{
    cell::Cell,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tidings_protocol::websocket::{Decoder, Error};

use super::{
    connection::{Connection, Goodbye},
    socket::ReadHalf,
};
use crate::reason::CloseReason;

const SCRATCH: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Runs `f` with this thread's scratch buffer. A nested call gets a buffer of its own.
pub(crate) fn with_scratch<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER
        .take()
        .unwrap_or_else(|| vec![0; SCRATCH].into_boxed_slice());
    let out = f(&mut buffer);
    BUFFER.set(Some(buffer));
    out
}

/// Reads until the connection is over.
pub(crate) struct Reader {
    pub(crate) connection: Arc<Connection>,
    pub(crate) socket: ReadHalf,
    pub(crate) decoder: Decoder,
}

impl Reader {
    /// `early` are bytes that arrived together with the handshake.
    pub(crate) async fn run(mut self, early: Bytes) {
        if !early.is_empty() {
            let mut early = early.to_vec();
            if !self.turn(&mut early) {
                return self.connection.transport_gone(CloseReason::TransportClose);
            }
        }
        let reason = poll_fn(|context| self.poll_read(context)).await;
        self.connection.transport_gone(reason);
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        loop {
            ready!(self.connection.poll_admit(context));
            let Self {
                connection,
                socket,
                decoder,
            } = self;
            let more = with_scratch(|scratch| {
                let read = ready!(socket.poll_read(context, scratch))
                    .map_err(|_| CloseReason::TransportError)?;
                if read.is_empty() {
                    return Poll::Ready(Err(CloseReason::TransportClose));
                }
                Poll::Ready(if turn(connection, decoder, read) {
                    Ok(())
                } else {
                    Err(CloseReason::TransportClose)
                })
            });
            if let Err(reason) = ready!(more) {
                return Poll::Ready(reason);
            }
        }
    }

    fn turn(&mut self, bytes: &mut [u8]) -> bool {
        turn(&self.connection, &mut self.decoder, bytes)
    }
}

/// One turn; false when there is nothing more to read.
fn turn(connection: &Arc<Connection>, decoder: &mut Decoder, bytes: &mut [u8]) -> bool {
    connection.core().stats.bytes_in.add(bytes.len() as u64);
    let corked = connection.cork();
    let mut reading = true;
    let decoded = decoder.feed(bytes, |event| {
        reading = reading && connection.receive(event);
    });
    if let Err(Error { code, reason }) = decoded {
        tracing::debug!(?connection, %code, reason, "websocket error");
        connection.end(
            CloseReason::TransportError,
            Goodbye::Frame(Some(code), reason),
        );
        connection.shut_after_goodbye();
        reading = false;
    }
    if corked {
        connection.flush();
    }
    // A peer that is being told goodbye still has to answer; until then its frames are ignored.
    reading || (!connection.shuts_when_empty() && connection.is_closed())
}
