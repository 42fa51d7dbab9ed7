//! The bytes on the wire, as little of them as the benches need: WebSocket frames of both
//! directions, the upgrade with a fixed key, and the stamp that makes every message countable.
//!
//! This is not a codec: fragmented messages are refused, because no server under test sends any.

use anyhow::{Result, bail};
use memchr::memmem;

/// The key of every upgrade, so that the answer of a right server is known beforehand.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The `Sec-WebSocket-Accept` that belongs to [`KEY`], from RFC 6455, section 1.3.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The mask of every client frame. A constant is enough: what it protects from, proxies, is absent.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

/// The head of one whole frame at the start of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) opcode: Opcode,
    pub(crate) mask: Option<[u8; 4]>,
    /// Where the payload starts.
    pub(crate) start: usize,
    /// Where the frame ends.
    pub(crate) end: usize,
}

/// Reads the head of the frame at the start of `bytes`, or `None` until the whole frame is there.
///
/// # Errors
/// A fragment, a reserved bit or an unknown opcode, none of which a server under test sends.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let (0x80, Some(opcode)) = (first & 0xf0, Opcode::from_bits(first & 0x0f)) else {
        bail!("a frame that starts with {first:#04x}, which the load generator does not read");
    };
    let (length, length_bytes) = match second & 0x7f {
        126 => match rest {
            [a, b, ..] => (usize::from(u16::from_be_bytes([*a, *b])), 2),
            _ => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes).try_into()?, 8),
            None => return Ok(None),
        },
        short => (usize::from(short), 0),
    };
    let mut start = 2 + length_bytes;
    let mut mask = None;
    if second & 0x80 != 0 {
        mask = bytes
            .get(start..)
            .and_then(|rest| rest.first_chunk::<4>())
            .copied();
        start += 4;
    }
    let end = start + length;
    Ok((bytes.len() >= end).then_some(Head {
        opcode,
        mask,
        start,
        end,
    }))
}

/// Appends one masked frame, as clients send it.
pub(crate) fn push_masked(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    push_head(out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[start..], MASK);
}

/// Appends one frame without a mask, as servers send it.
pub(crate) fn push_bare(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    push_head(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Applies or removes a mask in place.
pub(crate) fn mask(payload: &mut [u8], key: [u8; 4]) {
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        for (byte, key) in word.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key) {
        *byte ^= key;
    }
}

fn push_head(out: &mut Vec<u8>, opcode: Opcode, length: usize, mask_bit: u8) {
    out.push(0x80 | opcode.bits());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.push(mask_bit | short),
        (_, Ok(medium)) => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// What makes a message countable: who published it, and its number among theirs.
///
/// On the wire it is the head of the content, `pppp-ssssssss`, followed by padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) publisher: u32,
    pub(crate) sequence: u32,
}

impl Stamp {
    const LENGTH: usize = 13;

    /// The stamp as content of `length` bytes.
    pub(crate) fn content(self, length: usize) -> String {
        let mut content = format!("{:04}-{:08}", self.publisher, self.sequence);
        content.extend(std::iter::repeat_n(
            '.',
            length.saturating_sub(Self::LENGTH),
        ));
        content
    }

    /// Finds the stamp in a delivered message: after `"content":"` in an event, at the start of a
    /// plain text.
    pub(crate) fn find(message: &[u8]) -> Option<Self> {
        let start = match message.first()? {
            b'[' => memmem::find(message, CONTENT)? + CONTENT.len(),
            _ => 0,
        };
        let stamp = message.get(start..start + Self::LENGTH)?;
        let publisher = number(&stamp[..4])?;
        let sequence = number(&stamp[5..])?;
        Some(Self {
            publisher,
            sequence,
        })
    }
}

const CONTENT: &[u8] = br#""content":""#;

/// Reads a decimal number, or `None` when there is anything else or it is too large.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_come_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            push_masked(&mut bytes, Opcode::Text, &payload);
            assert!(
                head(&bytes[..bytes.len() - 1])
                    .expect("a whole head")
                    .is_none()
            );
            let head = head(&bytes).expect("a right frame").expect("a whole frame");
            assert_eq!((head.opcode, head.end), (Opcode::Text, bytes.len()));
            mask(&mut bytes[head.start..], head.mask.expect("a mask"));
            assert_eq!(bytes[head.start..], payload);
        }
    }

    #[test]
    fn stamps_are_found_in_events_and_texts() {
        let stamp = Stamp {
            publisher: 7,
            sequence: 123_456,
        };
        let content = stamp.content(40);
        assert_eq!(content.len(), 40);
        let event = format!(r#"["chat:message",{{"roomId":"r","content":"{content}"}}]"#);
        assert_eq!(Stamp::find(event.as_bytes()), Some(stamp));
        assert_eq!(Stamp::find(content.as_bytes()), Some(stamp));
        assert_eq!(Stamp::find(b"[\"other\"]"), None);
    }
}
