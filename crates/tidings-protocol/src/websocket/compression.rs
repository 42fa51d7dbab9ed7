//! The payloads of permessage-deflate without context takeover ([RFC 7692 section 7.2]).
//!
//! Since no context outlives a message, a thread needs one compressor and one decompressor for
//! all its connections, and a compressed payload can be shared by all its receivers.
//!
//! [RFC 7692 section 7.2]: https://www.rfc-editor.org/rfc/rfc7692#section-7.2

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Error, Limits};

/// What ends a flushed deflate stream, which is left out on the wire (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The size up to which a message is inflated whatever its ratio.
const RATIO_FLOOR: usize = 16 * 1024;

/// The most deflate streams in one message: a peer may end one with a final block and begin
/// another (RFC 7692 section 7.2.3.4), but each beginning costs more than its bytes.
const MAX_STREAMS: usize = 16;

const MALFORMED: Error = Error::payload("compressed message is not valid deflate");

thread_local! {
    static COMPRESS: RefCell<Compress> =
        RefCell::new(Compress::new(Compression::default(), false));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Compresses a message for a peer that has agreed to permessage-deflate.
///
/// The result goes into a frame whose header has `compressed` set. It depends on nothing but the
/// payload and can be sent to any number of peers. `None` means that it would not be smaller and
/// the payload should go as it is.
pub fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; payload.len() + TAIL.len()];
    let length = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        compress
            .compress(payload, &mut out, FlushCompress::Sync)
            .ok()?;
        usize::try_from(compress.total_out()).ok()
    })?;
    // A buffer that is full may lack the end of the stream, and would not be smaller anyway.
    if length == out.len() {
        return None;
    }
    out.truncate(length);
    let length = out.strip_suffix(&TAIL)?.len();
    out.truncate(length);
    out.shrink_to_fit();
    Some(out)
}

/// The most bytes that a compressed message may have on the wire.
///
/// A message of the greatest size that does not compress grows by five bytes for each stored
/// block, and compressors make blocks of 16 KiB or more.
pub(super) fn max_wire(limits: &Limits) -> usize {
    limits
        .max_message
        .saturating_add(limits.max_message / 1024)
        .saturating_add(64)
}

/// The most bytes that a message of `wire` bytes may inflate to.
fn max_inflated(wire: usize, limits: &Limits) -> usize {
    if limits.max_inflate_ratio == u32::MAX {
        return limits.max_message;
    }
    let ratio = usize::try_from(limits.max_inflate_ratio).unwrap_or(usize::MAX);
    wire.saturating_mul(ratio)
        .max(RATIO_FLOOR)
        .min(limits.max_message)
}

/// Inflates the payload of a message, stopping at the first byte beyond the limits.
pub(super) fn inflate(payload: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    let limit = max_inflated(payload.len(), limits);
    DECOMPRESS.with_borrow_mut(|decompress| {
        let mut out = Vec::with_capacity(payload.len().saturating_mul(3).min(limit));
        let mut rest = payload;
        for stream in 0.. {
            if stream == MAX_STREAMS {
                return Err(MALFORMED);
            }
            decompress.reset(false);
            let ended = inflate_some(decompress, &mut rest, &mut out, limit)?;
            if !ended {
                inflate_some(decompress, &mut &TAIL[..], &mut out, limit)?;
            }
            if rest.is_empty() {
                break;
            }
        }
        Ok(out)
    })
}

/// Inflates `input` until it is used up or the stream ends, and tells whether it was the latter.
fn inflate_some(
    decompress: &mut Decompress,
    input: &mut &[u8],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<bool, Error> {
    loop {
        if out.len() == out.capacity() {
            // One byte more than allowed is enough to see that there are more.
            let room = limit.saturating_add(1).saturating_sub(out.len());
            out.reserve_exact(out.len().max(256).min(room));
        }
        let (consumed, produced) = (decompress.total_in(), out.len());
        let status = decompress
            .decompress_vec(input, out, FlushDecompress::None)
            .map_err(|_| MALFORMED)?;
        let consumed = usize::try_from(decompress.total_in() - consumed).unwrap_or(usize::MAX);
        *input = input.get(consumed..).unwrap_or_default();
        if out.len() > limit {
            return Err(Error::too_big("message is too big when inflated"));
        }
        if status == Status::StreamEnd {
            return Ok(true);
        }
        if out.len() < out.capacity() {
            if input.is_empty() {
                return Ok(false);
            }
            if consumed == 0 && out.len() == produced {
                return Err(MALFORMED);
            }
        }
    }
}
