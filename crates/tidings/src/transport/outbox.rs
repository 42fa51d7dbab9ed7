//! What waits to be written to one connection, bounded in bytes, and where it goes.
//!
//! The outbox is under one small lock, held to append and to take, never during a system call:
//! whoever writes takes the queue out as a [`Batch`], writes it, and gives back what is left. One
//! batch is out at a time, so two writers can never interleave.
//!
//! Items of a client that batches wait beside the queue (see [`gathering`](super::gathering)), and
//! go in front of any other frame that is pushed.

use std::{io, io::IoSlice, sync::Arc};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::{sync::oneshot, time::Instant};

use super::{
    frame::{Frame, WireEncoding},
    gathering::{Gathering, Interval},
    longpoll::LongPoll,
    queue::Queue,
    socket::{Taken, WriteHalf},
    streaming::EventSink,
};

/// Slices in one `writev`; Linux takes up to 1,024.
const SLICES_MAX: usize = 64;
/// About how many bytes of an event stream leave the outbox at a time, beyond which HTTP would
/// only buffer them.
const CHUNK: usize = 64 * 1024;
/// Bytes that one `writev` is given; more would only wait in the socket.
const WRITE_MAX: usize = 256 * 1024;

/// Where the frames go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// Long-polling: the frames wait for the next GET.
    Polling(Polling),
    /// An upgraded socket.
    Socket(Arc<WriteHalf>),
    /// The body of a response that goes on: Server-Sent Events.
    EventStream(Box<EventSink>),
    /// Long-polling in JSON: the frames wait for the next poll.
    LongPoll(Box<LongPoll>),
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
    queue: Queue,
    /// Where items wait, for a client that batches.
    gathering: Option<Box<Gathering>>,
    /// Bytes of the frames in the queue and in the batch that is out.
    bytes: usize,
    /// Bytes of the first frame that are already written.
    written: usize,
    /// Somebody is going to flush: the shard, or the reader at the end of its turn.
    pub(crate) dirty: bool,
    /// The socket took no more; a task waits until it does.
    pub(crate) blocked: bool,
    /// A batch is out.
    writing: bool,
    /// Somebody wanted to write meanwhile.
    again: bool,
    /// Closed for new frames; what is queued still goes out.
    pub(crate) closed: bool,
    /// Shut the socket down once everything is written.
    pub(crate) shut_when_empty: bool,
    pub(crate) encoding: WireEncoding,
}

/// Frames on their way to a socket.
pub(crate) struct Batch {
    frames: Queue,
    /// Bytes of the first frame that are already written.
    written: usize,
    /// Bytes that the socket has taken.
    taken: usize,
    encoding: WireEncoding,
}

/// What writing a batch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Everything,
    /// The socket takes no more for now.
    Blocked,
}

impl Outbox {
    pub(crate) fn new(sink: Sink, encoding: WireEncoding) -> Self {
        Self {
            sink,
            queue: Queue::default(),
            gathering: None,
            bytes: 0,
            written: 0,
            dirty: false,
            blocked: false,
            writing: false,
            again: false,
            closed: false,
            shut_when_empty: false,
            encoding,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.gathering.as_ref().map_or(0, |it| it.bytes())
    }

    /// How many frames are in the queue; those of a batch that is out are not.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no frame is in the queue.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether nothing waits and nothing is being written.
    pub(crate) fn is_drained(&self) -> bool {
        self.queue.is_empty() && !self.writing
    }

    /// Whether what is pushed now leaves at once: the measure of volatile messages.
    pub(crate) fn is_writable(&self) -> bool {
        match &self.sink {
            Sink::Socket(_) => !self.blocked,
            Sink::Polling(polling) => polling.waiting.is_some() && !polling.upgrading,
            Sink::EventStream(stream) => stream.waker.is_some(),
            Sink::LongPoll(poll) => poll.is_waiting(),
            Sink::Closed => false,
        }
    }

    /// Takes a frame or an item. Says whether the connection has to be flushed for it.
    pub(crate) fn push(&mut self, frame: Arc<Frame>) -> bool {
        let is_item = frame.subject().is_some();
        let mut completed = false;
        if let Some(gathering) = &self.gathering
            && !(is_item && gathering.suits(&frame))
        {
            completed = self.complete();
        }
        match &mut self.gathering {
            Some(gathering) if is_item => gathering.add(frame) || completed,
            _ => {
                debug_assert!(!is_item, "items are only for those who gather them");
                self.append(frame);
                true
            }
        }
    }

    fn append(&mut self, frame: Arc<Frame>) {
        self.bytes += frame.len();
        self.queue.push(frame);
    }

    /// Gathers items from now on; `begin` is how, unless it does so already.
    pub(crate) fn gather(&mut self, begin: impl FnOnce() -> Gathering) -> &mut Gathering {
        self.gathering.get_or_insert_with(|| Box::new(begin()))
    }

    /// Puts the messages that are complete into the queue, and gives the interval that the caller
    /// has to keep for the rest.
    pub(crate) fn settle(&mut self) -> Option<Interval> {
        if self.gathering.as_ref().is_none_or(|it| it.is_empty()) {
            return None;
        }
        while let Some(message) = self.gathering.as_mut()?.take_complete() {
            self.append(Arc::new(message));
        }
        self.gathering.as_mut()?.start_interval()
    }

    /// The end of the interval that goes on. When it has ended, what was gathered is in the queue.
    pub(crate) fn end_interval(&mut self) -> Option<Instant> {
        let goes_on = self.gathering.as_mut()?.go_on();
        if goes_on.is_none() {
            self.complete();
        }
        goes_on
    }

    /// Puts what is gathered into the queue. Says whether that was something.
    fn complete(&mut self) -> bool {
        let before = self.queue.len();
        while let Some(gathering) = &mut self.gathering
            && let Some(message) = gathering.take_complete().or_else(|| gathering.take_all())
        {
            self.append(Arc::new(message));
        }
        self.queue.len() > before
    }

    /// Ends the gathering, with what was gathered in the queue. What is given is to be dropped
    /// outside of any lock, since that ends a task.
    pub(crate) fn stop_gathering(&mut self) -> Option<Box<Gathering>> {
        self.complete();
        self.gathering.take()
    }

    pub(crate) fn clear(&mut self) {
        self.queue = Queue::default();
        self.bytes = 0;
        self.written = 0;
    }

    /// Takes out what waits, to be written; `None` while another batch is out, whose writer then
    /// comes back for it.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        if self.writing {
            self.again = true;
            return None;
        }
        if self.queue.is_empty() {
            return None;
        }
        self.writing = true;
        self.again = false;
        let frames = std::mem::take(&mut self.queue);
        Some(Batch {
            frames,
            written: self.written,
            taken: 0,
            encoding: self.encoding,
        })
    }

    /// Gives back what is left of a batch, in front of what was queued meanwhile. Says whether
    /// somebody wanted to write in between.
    pub(crate) fn give_back(&mut self, mut batch: Batch, done: usize) -> bool {
        self.writing = false;
        // Zero when the queue was cleared in between.
        self.bytes = self.bytes.saturating_sub(done);
        self.written = batch.written;
        if !batch.frames.is_empty() {
            batch.frames.append(std::mem::take(&mut self.queue));
            self.queue = batch.frames;
        }
        std::mem::take(&mut self.again)
    }

    /// What waits for an event stream, as one chunk; of a great deal, the beginning.
    pub(crate) fn take_chunk(&mut self) -> Option<Bytes> {
        let first = self.queue.pop()?;
        let mut taken = first.len();
        let chunk = if self.queue.is_empty() || taken >= CHUNK {
            Bytes::from_owner(Payload(first))
        } else {
            let mut chunk = Vec::with_capacity(self.bytes.min(2 * CHUNK));
            chunk.extend_from_slice(first.payload());
            while taken < CHUNK
                && let Some(next) = self.queue.pop()
            {
                taken += next.len();
                chunk.extend_from_slice(next.payload());
            }
            chunk.into()
        };
        self.bytes = self.bytes.saturating_sub(taken);
        Some(chunk)
    }

    /// Answers the poll that waits with everything that waits for it. Says whether there was such
    /// a poll and something to say.
    pub(crate) fn answer_long_poll(&mut self) -> bool {
        let Sink::LongPoll(poll) = &mut self.sink else {
            return false;
        };
        if self.queue.is_empty() || !poll.is_waiting() {
            return false;
        }
        self.bytes = 0;
        poll.give(std::mem::take(&mut self.queue).iter());
        true
    }

    /// Everything that waits, as one polling payload.
    pub(crate) fn take_payload(&mut self) -> PollAnswer {
        let mut payload = Vec::with_capacity(self.bytes + self.queue.len());
        let mut compress = false;
        let mut queue = std::mem::take(&mut self.queue);
        while let Some(frame) = queue.pop() {
            compress |= frame.may_compress();
            frame.append_polling(&mut payload);
        }
        self.bytes = 0;
        PollAnswer { payload, compress }
    }
}

/// The payload of a shared frame, as a buffer.
struct Payload(Arc<Frame>);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.payload()
    }
}

impl Batch {
    /// Bytes that the socket has taken so far.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Writes until everything is written or the socket takes no more. `done` counts the bytes of
    /// the frames that are through, whatever the outcome.
    pub(crate) fn write_to(&mut self, socket: &WriteHalf, done: &mut usize) -> io::Result<Written> {
        while !self.frames.is_empty() {
            let taken = self.write_once(socket)?;
            self.taken += taken.bytes;
            self.advance(taken.bytes, done);
            if taken.full {
                return Ok(Written::Blocked);
            }
        }
        Ok(Written::Everything)
    }

    /// One system call.
    fn write_once(&self, socket: &WriteHalf) -> io::Result<Taken> {
        let limit = socket.limit();
        if self.encoding.base64 {
            // For the rare client that cannot take binary frames, one frame at a time.
            let bytes = self.frames.first().map(|frame| frame.as_base64_text());
            let rest = bytes
                .as_deref()
                .unwrap_or_default()
                .get(self.written..)
                .unwrap_or_default();
            return socket.try_write(&[IoSlice::new(&rest[..rest.len().min(limit)])]);
        }
        let mut slices: SmallVec<[IoSlice<'_>; SLICES_MAX]> = SmallVec::new();
        let mut wanted = 0;
        let mut skip = self.written;
        for frame in self.frames.iter().take(SLICES_MAX) {
            let slice = &frame.websocket(self.encoding)[skip..];
            skip = 0;
            let slice = &slice[..slice.len().min(limit - wanted)];
            wanted += slice.len();
            slices.push(IoSlice::new(slice));
            if wanted >= limit.min(WRITE_MAX) {
                break;
            }
        }
        socket.try_write(&slices)
    }

    fn advance(&mut self, mut written: usize, done: &mut usize) {
        while let Some(first) = self.frames.first() {
            let length = if self.encoding.base64 {
                first.as_base64_text().len()
            } else {
                first.websocket(self.encoding).len()
            };
            let left = length - self.written;
            if written < left {
                self.written += written;
                return;
            }
            written -= left;
            self.written = 0;
            *done += first.len();
            self.frames.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tidings_protocol::websocket::Opcode;
    use tokio::{
        io::{AsyncRead, AsyncReadExt},
        net::TcpSocket,
    };

    use super::*;
    use crate::transport::{socket::Socket, tls::tests::secured};

    /// Frames that are pushed before each write, by the length of their payloads.
    async fn check(pushes: Vec<Vec<usize>>, base64: bool, tls: bool, read_size: usize) {
        let listener = TcpSocket::new_v4().unwrap();
        listener.set_send_buffer_size(4096).unwrap();
        listener
            .bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
            .unwrap();
        let listener = listener.listen(1).unwrap();
        let peer = TcpSocket::new_v4().unwrap();
        peer.set_recv_buffer_size(2048).unwrap();
        let peer = peer.connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = listener.accept().await.unwrap().0;
        let (socket, mut peer): (_, Box<dyn AsyncRead + Unpin>) = if tls {
            let (socket, peer) = secured(socket, peer).await;
            (socket, Box::new(peer))
        } else {
            (Socket::Tcp(socket), Box::new(peer))
        };
        let (_read, socket) = socket.split();

        let encoding = WireEncoding {
            base64,
            ..WireEncoding::default()
        };
        let mut outbox = Outbox::new(Sink::Closed, encoding);
        let mut expected = Vec::new();
        let mut received = Vec::new();
        let mut number = 0u8;
        let mut pushes = pushes.into_iter();
        loop {
            let pushed = pushes.next();
            let over = pushed.is_none();
            for length in pushed.unwrap_or_default() {
                number = number.wrapping_add(1);
                let frame = Arc::new(Frame::raw(Opcode::Binary, &vec![number; length]));
                let whole = if base64 {
                    frame.as_base64_text().to_vec()
                } else {
                    frame.websocket(encoding).to_vec()
                };
                expected.extend_from_slice(&whole);
                outbox.push(frame);
            }
            let Some(mut batch) = outbox.take_batch() else {
                assert_eq!(outbox.bytes(), 0);
                if over {
                    break;
                }
                continue;
            };
            assert!(outbox.take_batch().is_none(), "one batch is out at a time");
            let mut done = 0;
            let written = batch.write_to(&socket, &mut done).unwrap();
            assert!(
                outbox.give_back(batch, done),
                "somebody wanted to write meanwhile"
            );
            assert_eq!(outbox.is_drained(), written == Written::Everything);
            if written == Written::Blocked {
                let mut piece = vec![0; read_size];
                tokio::select! {
                    biased;
                    read = peer.read(&mut piece) => received.extend_from_slice(&piece[..read.unwrap()]),
                    // The rest of a record that the peer has to have whole is still to be written.
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        socket.finish();
        drop((_read, socket));
        // A socket that is full takes no end of TLS; what counts is what came.
        let _ = peer.read_to_end(&mut received).await;
        assert!(
            received == expected,
            "{} of {} bytes",
            received.len(),
            expected.len()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn however_little_the_socket_takes_everything_arrives_in_order(
            pushes in prop::collection::vec(
                prop::collection::vec(prop_oneof![4 => 0usize..300, 1 => 0usize..40_000], 0..8),
                1..12,
            ),
            base64: bool,
            tls: bool,
            read_size in 1usize..20_000,
        ) {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // Reading a byte at a time would take for ever.
            runtime.block_on(check(pushes, base64, tls, read_size.max(500)));
        }
    }

    #[test]
    fn what_is_given_back_stands_in_front_of_what_came_meanwhile() {
        let frame = |text: &'static [u8]| Arc::new(Frame::raw(Opcode::Text, text));
        let mut outbox = Outbox::new(Sink::Closed, WireEncoding::default());
        outbox.push(frame(b"1"));
        outbox.push(frame(b"2"));
        let batch = outbox.take_batch().unwrap();
        outbox.push(frame(b"3"));
        assert!(!outbox.is_drained());
        assert!(!outbox.give_back(batch, 0));
        assert_eq!(outbox.bytes(), 9);
        assert_eq!(outbox.take_payload().payload, b"1\x1e2\x1e3");
        assert_eq!(outbox.bytes(), 0);
    }
}
