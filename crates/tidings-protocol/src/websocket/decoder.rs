//! From bytes to messages: the state machine of a connection's reading side.

use std::mem;
use std::sync::Arc;

use super::compression::max_wire;
use super::header::{Header, MAX_HEADER};
use super::message::{Message, deliver};
use super::{Error, Event, Limits, Opcode, mask};
use crate::close::CloseCode;

/// Decodes what one client sends.
///
/// Most connections are silent most of the time, so a decoder with nothing half-read is a few
/// words and owns no heap. It is cancel safe for want of anything to cancel: all state is between
/// two calls of [`feed`](Self::feed).
#[derive(Debug)]
pub struct Decoder {
    limits: Arc<Limits>,
    /// Whether permessage-deflate was agreed on.
    deflate: bool,
    /// Whether a close frame or an error has ended the stream.
    ended: bool,
    /// What was left half-read, if anything.
    partial: Option<Box<Partial>>,
}

const _: () = assert!(size_of::<Decoder>() <= 24);

/// What is kept between two reads that cut something in halves.
#[derive(Debug, Default)]
struct Partial {
    /// The bytes of a header that is not complete.
    header: [u8; MAX_HEADER],
    /// How many there are.
    header_len: usize,
    /// The frame whose payload is not complete.
    frame: Option<Frame>,
    /// The payload so far of `frame` if it is a control frame.
    control: Vec<u8>,
    /// The message whose last frame is not complete.
    message: Option<Message>,
}

/// A frame of which some payload is to come.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// The header, with the key as it applies to the next byte.
    header: Header,
    /// How many bytes are to come.
    remaining: u64,
    /// Whether an earlier read brought the header.
    resumed: bool,
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }
}

impl Decoder {
    /// Makes the decoder of a new connection.
    ///
    /// `deflate` tells whether the handshake agreed on permessage-deflate; without it a
    /// compressed frame is an error.
    pub fn new(limits: Arc<Limits>, deflate: bool) -> Self {
        Self {
            limits,
            deflate,
            ended: false,
            partial: None,
        }
    }

    /// Tells whether nothing is half-read.
    pub fn is_idle(&self) -> bool {
        self.partial.is_none()
    }

    /// Takes bytes read from the peer and calls `on_event` for each message and control frame
    /// that they complete, in order.
    ///
    /// The bytes are unmasked in place. A frame that is a whole message and lies within `input` is
    /// handed over from there; what is cut in halves is copied and kept until the rest comes.
    /// After a close event or an error the decoder ignores whatever is fed.
    ///
    /// # Errors
    ///
    /// When the peer broke the protocol or a limit. The events before that have been delivered.
    pub fn feed(
        &mut self,
        input: &mut [u8],
        mut on_event: impl FnMut(Event<'_>),
    ) -> Result<(), Error> {
        let result = self.run(input, &mut on_event);
        self.ended |= result.is_err();
        if self.ended
            || self
                .partial
                .as_ref()
                .is_some_and(|partial| partial.is_empty())
        {
            self.partial = None;
        }
        result
    }

    fn run(
        &mut self,
        mut input: &mut [u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Error> {
        while !self.ended
            && let Some(mut frame) = self.next_frame(&mut input)?
        {
            let count = usize::try_from(frame.remaining)
                .unwrap_or(usize::MAX)
                .min(input.len());
            let (payload, rest) = mem::take(&mut input).split_at_mut(count);
            input = rest;
            mask::apply(payload, frame.header.key);
            frame.header.key = mask::rotate(frame.header.key, count);
            frame.remaining -= count as u64;
            if frame.header.opcode.is_control() {
                self.control(&frame, payload, on_event)?;
            } else {
                self.data(&frame, payload, on_event)?;
            }
            if frame.remaining > 0 {
                let frame = Frame {
                    resumed: true,
                    ..frame
                };
                self.partial.get_or_insert_default().frame = Some(frame);
            }
        }
        Ok(())
    }

    /// Resumes the frame in progress or reads the next header, taking it off `input`.
    fn next_frame(&mut self, input: &mut &mut [u8]) -> Result<Option<Frame>, Error> {
        if input.is_empty() {
            return Ok(None);
        }
        if let Some(partial) = &mut self.partial
            && let Some(frame) = partial.frame.take()
        {
            return Ok(Some(frame));
        }
        let Some(header) = self.next_header(input)? else {
            return Ok(None);
        };
        self.check(&header)?;
        Ok(Some(Frame {
            header,
            remaining: header.length,
            resumed: false,
        }))
    }

    /// Reads the next header off `input`, or keeps the beginning of one.
    fn next_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Error> {
        if let Some(partial) = &mut self.partial
            && partial.header_len > 0
        {
            let known = partial.header_len;
            let count = input.len().min(MAX_HEADER - known);
            partial.header[known..known + count].copy_from_slice(&input[..count]);
            let bytes = &partial.header[..known + count];
            let Some((header, length)) = Header::parse(bytes, self.deflate)? else {
                partial.header_len = known + count;
                return Ok(None);
            };
            partial.header_len = 0;
            *input = &mut mem::take(input)[length - known..];
            return Ok(Some(header));
        }
        let Some((header, length)) = Header::parse(input, self.deflate)? else {
            let partial = self.partial.get_or_insert_default();
            partial.header[..input.len()].copy_from_slice(input);
            partial.header_len = input.len();
            return Ok(None);
        };
        *input = &mut mem::take(input)[length..];
        Ok(Some(header))
    }

    /// Checks a header against the message in progress and the limits, before anything of its
    /// payload is kept.
    fn check(&self, header: &Header) -> Result<(), Error> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let message = self
            .partial
            .as_ref()
            .and_then(|partial| partial.message.as_ref());
        let (held, compressed) = match (header.opcode, message) {
            (Opcode::Continuation, None) => {
                return Err(Error::protocol(
                    "continuation frame without a message to continue",
                ));
            }
            (Opcode::Continuation, Some(message)) => {
                if message.fragments() >= self.limits.max_fragments
                    && self.limits.max_fragments != u32::MAX
                {
                    let reason = "message has too many fragments";
                    return Err(Error {
                        code: CloseCode::POLICY,
                        reason,
                    });
                }
                (message.len(), message.is_compressed())
            }
            (_, Some(_)) => {
                return Err(Error::protocol(
                    "new message before the end of a fragmented one",
                ));
            }
            (_, None) => (0, header.compressed),
        };
        let max = if compressed {
            max_wire(&self.limits)
        } else {
            self.limits.max_message
        };
        if header.length > max.saturating_sub(held) as u64 {
            return Err(Error::too_big("message is too big"));
        }
        Ok(())
    }

    /// Takes `payload`, which is what this read brought of a data frame.
    fn data(
        &mut self,
        frame: &Frame,
        payload: &[u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Error> {
        let Header {
            opcode,
            fin,
            compressed,
            ..
        } = frame.header;
        let complete = fin && frame.remaining == 0;
        if complete && !frame.resumed && opcode != Opcode::Continuation {
            let text = opcode == Opcode::Text;
            return deliver(text, compressed, payload, &self.limits, on_event);
        }
        let partial = self.partial.get_or_insert_default();
        let message = partial
            .message
            .get_or_insert_with(|| Message::new(opcode, compressed));
        if !frame.resumed {
            message.begin_fragment();
        }
        message.append(payload, frame.remaining, fin)?;
        if complete && let Some(message) = partial.message.take() {
            message.finish(&self.limits, on_event)?;
        }
        Ok(())
    }

    /// Takes `payload`, which is what this read brought of a control frame.
    fn control(
        &mut self,
        frame: &Frame,
        payload: &[u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Error> {
        let opcode = frame.header.opcode;
        self.ended = opcode == Opcode::Close && frame.remaining == 0;
        if frame.remaining == 0 && !frame.resumed {
            on_event(control_event(opcode, payload)?);
            return Ok(());
        }
        let partial = self.partial.get_or_insert_default();
        partial.control.extend_from_slice(payload);
        if frame.remaining == 0 {
            let payload = mem::take(&mut partial.control);
            on_event(control_event(opcode, &payload)?);
        }
        Ok(())
    }
}

/// Reads a complete control frame (RFC 6455 section 5.5).
fn control_event(opcode: Opcode, payload: &[u8]) -> Result<Event<'_>, Error> {
    match opcode {
        Opcode::Ping => return Ok(Event::Ping(payload)),
        Opcode::Pong => return Ok(Event::Pong(payload)),
        _ => {}
    }
    if payload.is_empty() {
        return Ok(Event::Close(None, ""));
    }
    let Some((&code, reason)) = payload.split_first_chunk::<2>() else {
        return Err(Error::protocol("close frame has half a code"));
    };
    let code = CloseCode(u16::from_be_bytes(code));
    if !code.may_be_received() {
        return Err(Error::protocol(
            "close frame has a code that must not be sent",
        ));
    }
    let reason =
        str::from_utf8(reason).map_err(|_| Error::payload("reason of close frame is not UTF-8"))?;
    Ok(Event::Close(Some(code), reason))
}
