//! One message in the bytes of one encoding, made once and shared by all its recipients.
//!
//! Server frames are unmasked, so the complete WebSocket frames, header included, serve every
//! connection. Polling takes the same payloads out of the same bytes.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use smallvec::SmallVec;
use tidings_protocol::websocket::{self, Opcode};

use crate::hub::recovery::Offset;

/// The longest header of an unmasked frame (RFC 6455 section 5.2).
const HEADER_MAX: usize = 10;
/// Enough for the common message, so that it is allocated once.
const CAPACITY: usize = 192;
/// Messages shorter than this are not worth compressing.
const DEFLATE_THRESHOLD: u32 = 1024;

/// An encoded message: one WebSocket frame, or several that must stay together.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Room for the longest header, of which the frames use the end, and the frames.
    buffer: Vec<u8>,
    start: usize,
    parts: SmallVec<[Part; 1]>,
    compress: bool,
    deflated: OnceLock<Option<Vec<u8>>>,
    /// The place that a client which received this message has reached.
    mark: Option<Offset>,
    /// What it is about, when it is no message yet but an item of one.
    subject: Option<Arc<str>>,
}

#[derive(Debug, Clone)]
struct Part {
    opcode: Opcode,
    payload: Range<usize>,
}

impl Frame {
    /// A text message whose payload `build` appends to the buffer that it is given.
    pub(crate) fn text(build: impl FnOnce(&mut Vec<u8>)) -> Self {
        Self::build(Opcode::Text, build, &[])
    }

    /// A text message followed at once by binary messages, as Socket.IO sends attachments.
    pub(crate) fn with_attachments(
        build: impl FnOnce(&mut Vec<u8>),
        attachments: &[Bytes],
    ) -> Self {
        Self::build(Opcode::Text, build, attachments)
    }

    /// A binary message.
    pub(crate) fn binary(build: impl FnOnce(&mut Vec<u8>)) -> Self {
        Self::build(Opcode::Binary, build, &[])
    }

    /// A control frame, or any other whose payload is at hand.
    pub(crate) fn raw(opcode: Opcode, payload: &[u8]) -> Self {
        Self::build(opcode, |out| out.extend_from_slice(payload), &[])
    }

    fn build(opcode: Opcode, build: impl FnOnce(&mut Vec<u8>), attachments: &[Bytes]) -> Self {
        // The payload is written behind room for the longest header; the header that its length
        // calls for then goes right before it.
        let mut buffer = Vec::with_capacity(CAPACITY);
        buffer.resize(HEADER_MAX, 0);
        build(&mut buffer);
        let header = websocket::frame_header(opcode, true, false, buffer.len() - HEADER_MAX);
        let start = HEADER_MAX - header.as_slice().len();
        buffer[start..HEADER_MAX].copy_from_slice(header.as_slice());
        let mut parts = SmallVec::new();
        parts.push(Part {
            opcode,
            payload: HEADER_MAX..buffer.len(),
        });
        for attachment in attachments {
            let header = websocket::frame_header(Opcode::Binary, true, false, attachment.len());
            buffer.extend_from_slice(header.as_slice());
            let from = buffer.len();
            buffer.extend_from_slice(attachment);
            parts.push(Part {
                opcode: Opcode::Binary,
                payload: from..buffer.len(),
            });
        }
        Self {
            buffer,
            start,
            parts,
            compress: true,
            deflated: OnceLock::new(),
            mark: None,
            subject: None,
        }
    }

    /// Notes the place that a client which received this message has reached.
    pub(crate) fn marked(mut self, mark: Option<Offset>) -> Self {
        self.mark = mark;
        self
    }

    pub(crate) fn mark(&self) -> Option<Offset> {
        self.mark
    }

    /// Makes this an item, of which several about the same subject become one message; see
    /// [`gathering`](super::gathering).
    pub(crate) fn item_about(mut self, subject: Arc<str>) -> Self {
        self.subject = Some(subject);
        self
    }

    /// What it is about, when it is an item.
    pub(crate) fn subject(&self) -> Option<&Arc<str>> {
        self.subject.as_ref()
    }

    /// The kind of the first message.
    pub(crate) fn opcode(&self) -> Option<Opcode> {
        self.parts.first().map(|part| part.opcode)
    }

    /// The payload of the first message, with no header: all that there is of an event in a
    /// response of HTTP.
    pub(crate) fn payload(&self) -> &[u8] {
        self.parts
            .first()
            .map_or(&[], |part| &self.buffer[part.payload.clone()])
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// This message and another, to be written as one.
    pub(crate) fn followed_by(mut self, other: &Frame) -> Self {
        let offset = self.buffer.len();
        self.buffer.extend_from_slice(other.bytes());
        self.parts.extend(other.parts.iter().map(|part| Part {
            opcode: part.opcode,
            payload: part.payload.start - other.start + offset
                ..part.payload.end - other.start + offset,
        }));
        self
    }

    /// Leaves this message out of any compression.
    pub(crate) fn uncompressed(mut self) -> Self {
        self.compress = false;
        self
    }

    /// Whether a polling answer that holds this message may be compressed.
    pub(crate) fn may_compress(&self) -> bool {
        self.compress
    }

    /// Complete WebSocket frames; this is also what the outbox counts.
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// The WebSocket frames for one connection.
    pub(crate) fn websocket(&self, encoding: WireEncoding) -> &[u8] {
        if encoding.deflate
            && self.compress
            && self.len() >= encoding.deflate_threshold as usize
            && let Some(deflated) = self.deflated.get_or_init(|| self.deflate())
        {
            return deflated;
        }
        self.bytes()
    }

    fn deflate(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(self.len() / 2);
        let mut smaller = false;
        for part in &self.parts {
            let payload = &self.buffer[part.payload.clone()];
            match websocket::deflate(payload) {
                Some(deflated) => {
                    smaller = true;
                    let header = websocket::frame_header(part.opcode, true, true, deflated.len());
                    out.extend_from_slice(header.as_slice());
                    out.extend_from_slice(&deflated);
                }
                None => websocket::encode_frame(&mut out, part.opcode, payload),
            }
        }
        smaller.then_some(out)
    }

    /// Appends this message to an Engine.IO polling payload.
    pub(crate) fn append_polling(&self, out: &mut Vec<u8>) {
        for part in &self.parts {
            if !out.is_empty() {
                out.push(0x1e);
            }
            self.append_as_text(part, out);
        }
    }

    /// This message for a client that cannot take binary frames (`b64` in the query).
    pub(crate) fn as_base64_text(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() * 4 / 3 + 16);
        let mut payload = Vec::new();
        for part in &self.parts {
            payload.clear();
            self.append_as_text(part, &mut payload);
            let opcode = match part.opcode {
                Opcode::Binary => Opcode::Text,
                other => other,
            };
            websocket::encode_frame(&mut out, opcode, &payload);
        }
        out
    }

    fn append_as_text(&self, part: &Part, out: &mut Vec<u8>) {
        let payload = &self.buffer[part.payload.clone()];
        match part.opcode {
            Opcode::Binary => {
                out.push(b'b');
                let mut text = String::new();
                STANDARD.encode_string(payload, &mut text);
                out.extend_from_slice(text.as_bytes());
            }
            _ => out.extend_from_slice(payload),
        }
    }
}

/// What one connection negotiated about the bytes of its frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireEncoding {
    pub(crate) deflate: bool,
    /// Bytes from which on a message is compressed; narrow, since every connection has it.
    pub(crate) deflate_threshold: u32,
    pub(crate) base64: bool,
}

impl WireEncoding {
    /// A threshold as configured; none compresses nothing.
    pub(crate) fn threshold(configured: Option<usize>) -> u32 {
        configured.map_or(u32::MAX, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX))
    }
}

impl Default for WireEncoding {
    fn default() -> Self {
        Self {
            deflate: false,
            deflate_threshold: DEFLATE_THRESHOLD,
            base64: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_frame_is_its_header_and_payload() {
        let frame = Frame::text(|out| out.extend_from_slice(b"42[\"hi\"]"));
        assert_eq!(
            &frame.websocket(WireEncoding::default()),
            b"\x81\x0842[\"hi\"]"
        );
        let mut payload = Vec::new();
        frame.append_polling(&mut payload);
        assert_eq!(payload, b"42[\"hi\"]");
    }

    #[test]
    fn attachments_follow_their_header_without_a_gap() {
        let frame = Frame::with_attachments(
            |out| out.extend_from_slice(b"451-"),
            &[Bytes::from_static(&[1, 2, 3])],
        );
        assert_eq!(
            &frame.websocket(WireEncoding::default()),
            b"\x81\x04451-\x82\x03\x01\x02\x03"
        );
        let mut payload = b"2".to_vec();
        frame.append_polling(&mut payload);
        assert_eq!(payload, b"2\x1e451-\x1ebAQID");
        assert_eq!(&frame.as_base64_text()[..], b"\x81\x04451-\x81\x05bAQID");
    }

    #[test]
    fn long_frames_are_compressed_once_and_only_when_that_helps() {
        let encoding = WireEncoding {
            deflate: true,
            ..WireEncoding::default()
        };
        let frame = Frame::text(|out| out.resize(out.len() + 4000, b'a'));
        let first = frame.websocket(encoding).as_ptr();
        assert_eq!(first, frame.websocket(encoding).as_ptr());
        assert!(frame.websocket(encoding).len() < 200);
        assert_eq!(frame.websocket(encoding)[0], 0b1100_0001);
        let plain = Frame::text(|out| out.resize(out.len() + 4000, b'a')).uncompressed();
        assert!(plain.websocket(encoding).len() > 4000);
    }
}
