//! What waits to be written to one connection, bounded in bytes, and where it goes.
//!
//! The outbox is under one small lock. Publishers append under it, and whoever writes holds it
//! for the one non-blocking system call that it makes, so two writers can never interleave.

use std::{collections::VecDeque, io, io::IoSlice, sync::Arc};

use smallvec::SmallVec;
use tokio::{
    net::tcp::OwnedWriteHalf,
    sync::oneshot,
};

use super::frame::{Frame, WireEncoding};

/// Slices in one `writev`; Linux takes up to 1,024.
const SLICES_MAX: usize = 64;
/// Bytes that one `writev` is given; more would only wait in the socket.
const WRITE_MAX: usize = 256 * 1024;

/// Where the frames go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// Long-polling: the frames wait for the next GET.
    Polling(Polling),
    /// An upgraded socket.
    Socket(Arc<OwnedWriteHalf>),
    /// Nowhere any more.
    Closed,
}

#[derive(Debug, Default)]
pub(crate) struct Polling {
    /// The GET that waits for frames.
    pub(crate) waiting: Option<oneshot::Sender<PollAnswer>>,
    /// A WebSocket is being probed to take over.
    pub(crate) upgrading: bool,
    /// A POST is being read; dropped, it is given up.
    pub(crate) posting: Option<oneshot::Sender<()>>,
}

/// The body of an answered GET.
#[derive(Debug)]
pub(crate) struct PollAnswer {
    pub(crate) payload: Vec<u8>,
    pub(crate) compress: bool,
}

pub(crate) struct Outbox {
    pub(crate) sink: Sink,
    queue: VecDeque<Arc<Frame>>,
    /// Bytes of the frames in the queue.
    bytes: usize,
    /// Bytes of the first frame that are already written.
    written: usize,
    /// Somebody is going to flush: the shard, or the reader at the end of its turn.
    pub(crate) dirty: bool,
    /// The socket took no more; a task waits until it does.
    pub(crate) blocked: bool,
    /// Closed for new frames; what is queued still goes out.
    pub(crate) closed: bool,
    /// Shut the socket down once the queue is empty.
    pub(crate) shut_when_empty: bool,
    pub(crate) encoding: WireEncoding,
}

/// What a write came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing is left.
    Everything,
    /// There is more, and the socket may take it.
    Some,
    /// The socket takes no more for now.
    Blocked,
}

impl Outbox {
    pub(crate) fn new(sink: Sink, encoding: WireEncoding) -> Self {
        Self {
            sink,
            queue: VecDeque::new(),
            bytes: 0,
            written: 0,
            dirty: false,
            blocked: false,
            closed: false,
            shut_when_empty: false,
            encoding,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether what is pushed now leaves at once: the measure of volatile messages.
    pub(crate) fn is_writable(&self) -> bool {
        match &self.sink {
            Sink::Socket(_) => !self.blocked,
            Sink::Polling(polling) => polling.waiting.is_some() && !polling.upgrading,
            Sink::Closed => false,
        }
    }

    pub(crate) fn push(&mut self, frame: Arc<Frame>) {
        self.bytes += frame.len();
        self.queue.push_back(frame);
    }

    pub(crate) fn clear(&mut self) {
        self.queue = VecDeque::new();
        self.bytes = 0;
        self.written = 0;
    }

    /// Writes once to the socket.
    pub(crate) fn write_to(&mut self, socket: &OwnedWriteHalf) -> io::Result<Written> {
        let base64: SmallVec<[bytes::Bytes; 4]> = if self.encoding.base64 {
            self.queue.iter().take(SLICES_MAX).map(|frame| frame.as_base64_text()).collect()
        } else {
            SmallVec::new()
        };
        let mut slices: SmallVec<[IoSlice<'_>; 8]> = SmallVec::new();
        let mut total = 0;
        let mut skip = self.written;
        for (index, frame) in self.queue.iter().take(SLICES_MAX).enumerate() {
            let bytes = base64.get(index).unwrap_or_else(|| frame.websocket(self.encoding));
            let slice = &bytes[skip..];
            skip = 0;
            total += slice.len();
            slices.push(IoSlice::new(slice));
            if total >= WRITE_MAX {
                break;
            }
        }
        let mut done = match slices.as_slice() {
            [] => return Ok(Written::Everything),
            [one] => socket.try_write(one),
            many => socket.try_write_vectored(many),
        };
        if matches!(&done, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            done = Ok(0);
        }
        let done = done?;
        let lengths: SmallVec<[usize; 8]> = slices.iter().map(|slice| slice.len()).collect();
        drop(slices);
        self.advance(done, &lengths);
        Ok(match () {
            () if self.queue.is_empty() => {
                // An idle connection holds no queue.
                self.queue = VecDeque::new();
                Written::Everything
            }
            () if done < total => Written::Blocked,
            () => Written::Some,
        })
    }

    fn advance(&mut self, mut done: usize, lengths: &[usize]) {
        for length in lengths {
            if done < *length {
                self.written += done;
                break;
            }
            done -= length;
            self.written = 0;
            if let Some(frame) = self.queue.pop_front() {
                self.bytes -= frame.len();
            }
        }
    }

    /// Everything that waits, as one polling payload.
    pub(crate) fn take_payload(&mut self) -> PollAnswer {
        let mut payload = Vec::with_capacity(self.bytes + self.queue.len());
        let mut compress = false;
        for frame in std::mem::take(&mut self.queue) {
            compress |= frame.may_compress();
            frame.append_polling(&mut payload);
        }
        self.bytes = 0;
        PollAnswer { payload, compress }
    }
}
