//! Frames as a server sends them: never masked (RFC 6455 section 5.1).

use super::Opcode;
use super::header::MAX_CONTROL;
use crate::close::CloseCode;

/// The header of a frame, to be sent before its payload.
///
/// It is apart from the payload so that one shared payload can go to many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    bytes: [u8; 10],
    length: u8,
}

impl FrameHeader {
    /// The two, four or ten bytes of the header.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Makes the header of a frame whose payload has `len` bytes (RFC 6455 section 5.2).
///
/// `compressed` sets RSV1, which belongs on the first frame of a message that [`deflate`] made.
///
/// [`deflate`]: super::deflate
pub fn frame_header(opcode: Opcode, fin: bool, compressed: bool, len: usize) -> FrameHeader {
    let mut bytes = [0; 10];
    bytes[0] = u8::from(fin) << 7 | u8::from(compressed) << 6 | opcode as u8;
    let length = if len < 126 {
        bytes[1] = len as u8;
        2
    } else if let Ok(len) = u16::try_from(len) {
        bytes[1] = 126;
        bytes[2..4].copy_from_slice(&len.to_be_bytes());
        4
    } else {
        bytes[1] = 127;
        bytes[2..].copy_from_slice(&(len as u64).to_be_bytes());
        10
    };
    FrameHeader { bytes, length }
}

/// Appends a complete frame to `out`: a message in one piece, or a control frame.
///
/// A control frame's payload must not be longer than 125 bytes; the payload of a received ping
/// never is.
pub fn encode_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    debug_assert!(!opcode.is_control() || payload.len() <= MAX_CONTROL);
    out.extend_from_slice(frame_header(opcode, true, false, payload.len()).as_slice());
    out.extend_from_slice(payload);
}

/// Appends a close frame to `out` (RFC 6455 section 5.5.1).
///
/// The reason is cut to the 123 bytes that fit, between two characters. Without a code there can
/// be no reason, and it is left out.
pub fn encode_close(out: &mut Vec<u8>, code: Option<CloseCode>, reason: &str) {
    let Some(code) = code else {
        return encode_frame(out, Opcode::Close, &[]);
    };
    let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL - 2)];
    let header = frame_header(Opcode::Close, true, false, 2 + reason.len());
    out.extend_from_slice(header.as_slice());
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{encode_close, encode_frame, frame_header};
    use crate::close::CloseCode;
    use crate::websocket::Opcode;

    #[test]
    fn lengths_take_their_shortest_form() {
        let check = |len, expected: &[u8]| {
            assert_eq!(
                frame_header(Opcode::Binary, true, false, len).as_slice(),
                expected
            );
        };
        check(0, &[0x82, 0]);
        check(125, &[0x82, 125]);
        check(126, &[0x82, 126, 0, 126]);
        check(65535, &[0x82, 126, 0xFF, 0xFF]);
        check(65536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn flags_have_their_bits() {
        assert_eq!(
            frame_header(Opcode::Text, false, true, 1).as_slice(),
            [0x41, 1]
        );
        assert_eq!(
            frame_header(Opcode::Continuation, true, false, 1).as_slice(),
            [0x80, 1]
        );
    }

    #[test]
    fn frames_follow_what_is_there() {
        let mut out = vec![7];
        encode_frame(&mut out, Opcode::Pong, b"hi");
        assert_eq!(out, [7, 0x8A, 2, b'h', b'i']);
    }

    #[test]
    fn close_reasons_are_cut_between_characters() {
        let check = |code, reason: &str, expected: &[u8]| {
            let mut out = Vec::new();
            encode_close(&mut out, code, reason);
            assert_eq!(out, expected);
        };
        check(None, "ignored", &[0x88, 0]);
        check(
            Some(CloseCode::NORMAL),
            "bye",
            &[0x88, 5, 0x03, 0xE8, b'b', b'y', b'e'],
        );
        let mut expected = vec![0x88, 124, 0x03, 0xE8];
        expected.extend_from_slice("é".repeat(61).as_bytes());
        check(Some(CloseCode::NORMAL), &"é".repeat(80), &expected);
    }
}
