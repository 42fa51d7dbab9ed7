//! Frame headers as a client sends them (RFC 6455 section 5.2).

use super::{Error, Opcode};

/// The longest header: two bytes, a 64-bit length and a mask.
pub(super) const MAX_HEADER: usize = 14;

/// The longest payload of a control frame (RFC 6455 section 5.5).
pub(super) const MAX_CONTROL: usize = 125;

/// A client's frame header, checked as far as that needs no memory of earlier frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    /// Whether this is the last frame of its message.
    pub(super) fin: bool,
    /// Whether this frame begins a compressed message: RSV1 of RFC 7692 section 6.
    pub(super) compressed: bool,
    /// The masking key.
    pub(super) key: [u8; 4],
    /// The length of the payload, at most `i64::MAX`.
    pub(super) length: u64,
}

impl Header {
    /// Reads the header at the start of `bytes` and tells how long it is; `None` when it is cut
    /// short.
    ///
    /// Each byte is judged as soon as it is there, so that a wrong header fails at the same byte
    /// however the network cut it.
    pub(super) fn parse(bytes: &[u8], deflate: bool) -> Result<Option<(Self, usize)>, Error> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let opcode = Opcode::from_bits(first & 0x0F)
            .ok_or(Error::protocol("frame has a reserved opcode"))?;
        let fin = first & 0x80 != 0;
        let compressed = first & 0x40 != 0;
        if first & 0x30 != 0 || compressed && !deflate {
            return Err(Error::protocol("frame has a reserved bit set"));
        }
        if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(Error::protocol(
                "only the first frame of a message may be compressed",
            ));
        }
        if opcode.is_control() && !fin {
            return Err(Error::protocol("control frame is fragmented"));
        }

        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            return Err(Error::protocol("frame of a client is not masked"));
        }
        let short = second & 0x7F;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL {
            return Err(Error::protocol("control frame is longer than 125 bytes"));
        }
        let Some((length, at)) = Self::length(short, &bytes[2..])? else {
            return Ok(None);
        };
        let Some(&key) = bytes[2 + at..].first_chunk() else {
            return Ok(None);
        };
        Ok(Some((
            Self {
                opcode,
                fin,
                compressed,
                key,
                length,
            },
            2 + at + key.len(),
        )))
    }

    /// Reads the length and tells how many of the `extended` bytes it took.
    fn length(short: u8, extended: &[u8]) -> Result<Option<(u64, usize)>, Error> {
        match short {
            126 => {
                let Some(&bytes) = extended.first_chunk::<2>() else {
                    return Ok(None);
                };
                let length = u64::from(u16::from_be_bytes(bytes));
                if length < 126 {
                    return Err(Error::protocol("frame length is not in its shortest form"));
                }
                Ok(Some((length, bytes.len())))
            }
            127 => {
                let Some(&bytes) = extended.first_chunk::<8>() else {
                    return Ok(None);
                };
                let length = u64::from_be_bytes(bytes);
                if length >> 63 != 0 {
                    return Err(Error::protocol("frame length has its highest bit set"));
                }
                if length <= u64::from(u16::MAX) {
                    return Err(Error::protocol("frame length is not in its shortest form"));
                }
                Ok(Some((length, bytes.len())))
            }
            short => Ok(Some((u64::from(short), 0))),
        }
    }
}
