//! Walking MessagePack without building it.
//!
//! The extensions are those of notepack 2.2, which the MessagePack parser of Socket.IO uses:
//! `d4 00 00` is `undefined`, `d7 00` a date in milliseconds, and any other extension of type 0 an
//! `ArrayBuffer`. Nothing is ever allocated by a declared length.
use super::json::MAX_DEPTH;
use smallvec::SmallVec;
use std::ops::Range;

/// Why bytes are not acceptable MessagePack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("not valid MessagePack")]
    Syntax,
    #[error("nested too deeply")]
    TooDeep,
}

/// One value without what it contains; ranges are byte positions in the whole input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Head {
    Nil,
    Undefined,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Str(Range<usize>),
    Bin(Range<usize>),
    /// Milliseconds since 1970, from either kind of date.
    Date(i64),
    Ext(i8, Range<usize>),
    Array(usize),
    Map(usize),
}

/// Reads the head of the value at `at`, with the whole content of strings and binary, and returns
/// where the next value begins.
pub(crate) fn head(input: &[u8], at: usize) -> Result<(Head, usize), Fault> {
    let marker = *input.get(at).ok_or(Fault::Syntax)?;
    let at = at + 1;
    let sized = |width: usize| -> Result<(usize, usize), Fault> {
        let length = usize::try_from(unsigned(input, at, width)?).map_err(|_| Fault::Syntax)?;
        Ok((length, at + width))
    };
    let whole = |head: Head| Ok((head, at));
    match marker {
        0x00..=0x7f => whole(Head::Unsigned(u64::from(marker))),
        0x80..=0x8f => container(input, usize::from(marker & 0x0f), at, true),
        0x90..=0x9f => container(input, usize::from(marker & 0x0f), at, false),
        0xa0..=0xbf => {
            let content = content(input, at, usize::from(marker & 0x1f))?;
            let end = content.end;
            Ok((Head::Str(content), end))
        }
        0xc0 => whole(Head::Nil),
        0xc1 => Err(Fault::Syntax),
        0xc2 | 0xc3 => whole(Head::Bool(marker == 0xc3)),
        0xc4..=0xc6 => {
            let (length, from) = sized(1 << (marker - 0xc4))?;
            let content = content(input, from, length)?;
            let end = content.end;
            Ok((Head::Bin(content), end))
        }
        0xc7..=0xc9 => {
            let (length, from) = sized(1 << (marker - 0xc7))?;
            extension(input, from, length, false)
        }
        0xca => {
            let bits = u32::try_from(unsigned(input, at, 4)?).map_err(|_| Fault::Syntax)?;
            Ok((Head::Float(f64::from(f32::from_bits(bits))), at + 4))
        }
        0xcb => Ok((Head::Float(f64::from_bits(unsigned(input, at, 8)?)), at + 8)),
        0xcc..=0xcf => {
            let width = 1 << (marker - 0xcc);
            Ok((Head::Unsigned(unsigned(input, at, width)?), at + width))
        }
        0xd0..=0xd3 => {
            let width = 1 << (marker - 0xd0);
            let unused = 64 - 8 * width as u32;
            let number = (unsigned(input, at, width)? << unused).cast_signed() >> unused;
            let head = match u64::try_from(number) {
                Ok(number) => Head::Unsigned(number),
                Err(_) => Head::Signed(number),
            };
            Ok((head, at + width))
        }
        0xd4..=0xd8 => extension(input, at, 1 << (marker - 0xd4), true),
        0xd9..=0xdb => {
            let (length, from) = sized(1 << (marker - 0xd9))?;
            let content = content(input, from, length)?;
            let end = content.end;
            Ok((Head::Str(content), end))
        }
        0xdc | 0xdd => {
            let (length, from) = sized(2 << (marker - 0xdc))?;
            container(input, length, from, false)
        }
        0xde | 0xdf => {
            let (length, from) = sized(2 << (marker - 0xde))?;
            container(input, length, from, true)
        }
        0xe0..=0xff => whole(Head::Signed(i64::from(marker.cast_signed()))),
    }
}

/// Skips the value at `at`, whatever it contains, and returns where the next begins.
pub(crate) fn skip(input: &[u8], at: usize, max_depth: usize) -> Result<usize, Fault> {
    walk(input, at, max_depth, |_| {})
}

/// Skips the value at `at` and shows each head on the way.
pub(crate) fn walk(
    input: &[u8],
    mut at: usize,
    max_depth: usize,
    mut each: impl FnMut(&Head),
) -> Result<usize, Fault> {
    let max_depth = max_depth.min(MAX_DEPTH);
    // How many values each open container still wants.
    let mut open: SmallVec<[usize; 16]> = SmallVec::new();
    loop {
        let (head, next) = self::head(input, at)?;
        at = next;
        each(&head);
        let inside = match head {
            Head::Array(length) => Some(length),
            Head::Map(length) => Some(length.checked_mul(2).ok_or(Fault::Syntax)?),
            _ => None,
        };
        if let Some(values) = inside {
            if open.len() == max_depth {
                return Err(Fault::TooDeep);
            }
            open.push(values);
        }
        while open.last() == Some(&0) {
            open.pop();
            if open.is_empty() {
                return Ok(at);
            }
        }
        match open.last_mut() {
            Some(values) => *values -= 1,
            None => return Ok(at),
        }
    }
}

/// Splits values that stand back to back into their byte ranges; ends at the first fault.
pub(crate) fn items(input: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        at = skip(input, start, MAX_DEPTH).ok()?;
        Some(start..at)
    })
}

/// Whether any of the values that stand back to back is or contains binary data.
pub(crate) fn has_binary(input: &[u8]) -> bool {
    let mut found = false;
    let mut at = 0;
    while !found {
        let each = |head: &Head| found |= matches!(head, Head::Bin(_) | Head::Ext(0, _));
        match walk(input, at, MAX_DEPTH, each) {
            Ok(next) => at = next,
            Err(_) => break,
        }
    }
    found
}

/// Bytes of the binary data in the values that stand back to back.
pub(crate) fn binary_bytes(input: &[u8]) -> usize {
    let mut bytes = 0;
    let mut at = 0;
    loop {
        let each = |head: &Head| {
            if let Head::Bin(data) | Head::Ext(0, data) = head {
                bytes += data.len();
            }
        };
        match walk(input, at, MAX_DEPTH, each) {
            Ok(next) => at = next,
            Err(_) => return bytes,
        }
    }
}

fn unsigned(input: &[u8], at: usize, width: usize) -> Result<u64, Fault> {
    let bytes = input.get(at..at + width).ok_or(Fault::Syntax)?;
    Ok(bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn content(input: &[u8], from: usize, length: usize) -> Result<Range<usize>, Fault> {
    let end = from.checked_add(length).ok_or(Fault::Syntax)?;
    if end <= input.len() {
        Ok(from..end)
    } else {
        Err(Fault::Syntax)
    }
}

/// Refuses at once a container that declares more values than there are bytes left.
fn container(input: &[u8], length: usize, at: usize, map: bool) -> Result<(Head, usize), Fault> {
    let smallest = if map {
        length.saturating_mul(2)
    } else {
        length
    };
    if smallest > input.len() - at {
        return Err(Fault::Syntax);
    }
    Ok((
        if map {
            Head::Map(length)
        } else {
            Head::Array(length)
        },
        at,
    ))
}

fn extension(input: &[u8], at: usize, length: usize, fixed: bool) -> Result<(Head, usize), Fault> {
    let kind = input.get(at).ok_or(Fault::Syntax)?.cast_signed();
    let content = content(input, at + 1, length)?;
    let end = content.end;
    let from = content.start;
    let head = match (kind, length) {
        (0, 1) if fixed => Head::Undefined,
        (0, 8) if fixed => Head::Date(unsigned(input, from, 8)?.cast_signed()),
        (-1, 4) => timestamp(unsigned(input, from, 4)?.cast_signed(), 0),
        (-1, 8) => {
            let packed = unsigned(input, from, 8)?;
            timestamp((packed & ((1 << 34) - 1)).cast_signed(), packed >> 34)
        }
        (-1, 12) => {
            let nanos = unsigned(input, from, 4)?;
            timestamp(unsigned(input, from + 4, 8)?.cast_signed(), nanos)
        }
        _ => Head::Ext(kind, content),
    };
    Ok((head, end))
}

fn timestamp(seconds: i64, nanos: u64) -> Head {
    let millis = i64::try_from(nanos / 1_000_000).unwrap_or(0);
    Head::Date(seconds.saturating_mul(1000).saturating_add(millis))
}
