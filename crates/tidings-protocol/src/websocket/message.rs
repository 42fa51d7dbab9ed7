//! A message that has not come in whole: its bytes so far and how far they are known good.

use super::compression::inflate;
use super::{Error, Event, Limits, Opcode};

/// The least room made for a message that comes in pieces.
///
/// More is made only as bytes come, so that a frame which announces much and sends little holds
/// little.
const FIRST_RESERVE: usize = 4096;

const NOT_UTF8: Error = Error::payload("text message is not UTF-8");

/// The state of a message between two reads.
#[derive(Debug)]
pub(super) struct Message {
    text: bool,
    compressed: bool,
    /// How many frames of the message have begun.
    fragments: u32,
    /// How many bytes of `buffer` are known to be UTF-8; all but the last three at most. Only
    /// kept for text that is not compressed.
    checked: usize,
    /// The payload so far, as it came.
    buffer: Vec<u8>,
}

impl Message {
    pub(super) fn new(opcode: Opcode, compressed: bool) -> Self {
        let text = opcode == Opcode::Text;
        Self {
            text,
            compressed,
            fragments: 0,
            checked: 0,
            buffer: Vec::new(),
        }
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }

    pub(super) fn fragments(&self) -> u32 {
        self.fragments
    }

    /// The bytes held.
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Notes that a further frame of the message has begun.
    pub(super) fn begin_fragment(&mut self) {
        self.fragments = self.fragments.saturating_add(1);
    }

    /// Appends unmasked bytes of a frame, of which `remaining` more are to come.
    ///
    /// Text fails at the first byte that cannot be UTF-8 any more, wherever the frames and the
    /// reads were cut. Each byte is looked at once, those of a cut character twice.
    pub(super) fn append(&mut self, bytes: &[u8], remaining: u64, last: bool) -> Result<(), Error> {
        self.reserve(bytes.len(), remaining, last);
        self.buffer.extend_from_slice(bytes);
        if !self.text || self.compressed {
            return Ok(());
        }
        match simdutf8::compat::from_utf8(&self.buffer[self.checked..]) {
            Ok(_) => self.checked = self.buffer.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(NOT_UTF8),
        }
        Ok(())
    }

    /// Makes room for `count` bytes and for some of the `remaining` ones.
    ///
    /// The buffer at least doubles unless the frame ends before that, so the copying stays linear;
    /// within the last frame it never gets bigger than the message.
    fn reserve(&mut self, count: usize, remaining: u64, last: bool) {
        if self.buffer.capacity() - self.buffer.len() >= count {
            return;
        }
        let remaining = usize::try_from(remaining).unwrap_or(usize::MAX);
        let ahead = remaining.min(FIRST_RESERVE.max(self.buffer.len()));
        if last {
            self.buffer.reserve_exact(count.saturating_add(ahead));
        } else {
            self.buffer.reserve(count.saturating_add(ahead));
        }
    }

    /// Hands the message over, now that its last byte is here.
    pub(super) fn finish(
        self,
        limits: &Limits,
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Error> {
        deliver(self.text, self.compressed, &self.buffer, limits, on_event)
    }
}

/// Inflates and checks a whole message and hands it over.
pub(super) fn deliver(
    text: bool,
    compressed: bool,
    payload: &[u8],
    limits: &Limits,
    on_event: &mut impl FnMut(Event<'_>),
) -> Result<(), Error> {
    let inflated;
    let payload = if compressed {
        inflated = inflate(payload, limits)?;
        &inflated
    } else {
        payload
    };
    if text {
        on_event(Event::Text(
            simdutf8::basic::from_utf8(payload).map_err(|_| NOT_UTF8)?,
        ));
    } else {
        on_event(Event::Binary(payload));
    }
    Ok(())
}
