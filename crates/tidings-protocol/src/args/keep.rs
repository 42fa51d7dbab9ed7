//! Arguments as bytes, to be kept outside of the process and read back by the same version.
//!
//! One byte says the encoding. Behind it stand MessagePack values as they are; or, for JSON, the
//! number of attachments, each with its length in front (32 bits, big-endian), and then the text.
use super::{Args, DecodeError, Items, MAX_DEPTH, json, known, msgpack, placeholder};
use bytes::{Buf, BufMut, Bytes};

const JSON: u8 = 0;
const MESSAGE_PACK: u8 = 1;

impl Args {
    /// The arguments in a form of their own that loses nothing, for [`from_bytes`](Args::from_bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.byte_len() + self.attachment_bytes() + 16);
        match &self.items {
            Items::MessagePack(items) => {
                out.push(MESSAGE_PACK);
                out.extend_from_slice(items);
            }
            Items::Json { text, attachments } => {
                let attachments = known(attachments);
                out.push(JSON);
                put_length(&mut out, attachments.len());
                for attachment in attachments {
                    put_length(&mut out, attachment.len());
                    out.extend_from_slice(attachment);
                }
                out.extend_from_slice(text);
            }
        }
        out
    }

    /// Reads arguments back from [`to_bytes`](Args::to_bytes).
    ///
    /// # Errors
    ///
    /// When the bytes are anything else.
    pub fn from_bytes(mut bytes: Bytes) -> Result<Self, DecodeError> {
        match bytes.try_get_u8().map_err(|_| DecodeError::Malformed)? {
            MESSAGE_PACK => {
                let (mut at, mut count) = (0, 0);
                while at < bytes.len() {
                    at = msgpack::skip(&bytes, at, MAX_DEPTH)?;
                    count += 1;
                }
                Ok(Self::from_msgpack(bytes, count))
            }
            JSON => {
                let number = length(&mut bytes)?;
                // Every attachment takes at least its length.
                if number > bytes.len() / 4 {
                    return Err(DecodeError::Malformed);
                }
                let mut attachments = Vec::with_capacity(number);
                for _ in 0..number {
                    let length = length(&mut bytes)?;
                    if length > bytes.len() {
                        return Err(DecodeError::Malformed);
                    }
                    attachments.push(bytes.split_to(length));
                }
                let text = std::str::from_utf8(&bytes).map_err(|_| DecodeError::Malformed)?;
                let count = count(text)?;
                let fits = |it: &placeholder::Placeholder| it.num.is_some_and(|num| num < number);
                if number > 0 && !placeholder::find(text).iter().all(fits) {
                    return Err(DecodeError::Malformed);
                }
                Ok(Self::from_json(bytes, attachments, count))
            }
            _ => Err(DecodeError::Malformed),
        }
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // A frame of 4 GiB has been refused long before.
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

fn length(bytes: &mut Bytes) -> Result<usize, DecodeError> {
    let length = bytes.try_get_u32().map_err(|_| DecodeError::Malformed)?;
    usize::try_from(length).map_err(|_| DecodeError::Malformed)
}

/// How many values the text holds, joined by commas.
fn count(text: &str) -> Result<usize, DecodeError> {
    let text = text.as_bytes();
    if json::skip_space(text, 0) == text.len() {
        return Ok(0);
    }
    let (mut at, mut count) = (0, 0);
    loop {
        at = json::skip_space(text, json::walk(text, at, MAX_DEPTH, &mut ())?);
        count += 1;
        match text.get(at) {
            None => return Ok(count),
            Some(b',') => at += 1,
            Some(_) => return Err(DecodeError::Malformed),
        }
    }
}
