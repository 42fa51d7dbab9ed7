//! Walking JSON text without building it.
//!
//! One iterative walker checks the grammar of RFC 8259 and tells a visitor what it meets, so that
//! hostile nesting can exhaust neither the stack nor the memory. It never looks at the meaning of
//! a number or an escape: duplicate keys, `1E400` and lone surrogates are valid here, as they are
//! in a browser.
use std::borrow::Cow;
use std::ops::Range;

/// The deepest nesting that any text may have, whatever limit a caller asks for.
///
/// The walker keeps one bit per level in a `u128`, and values built from the text are dropped
/// recursively.
pub(crate) const MAX_DEPTH: usize = 128;

/// Why a text is not acceptable JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("not valid JSON")]
    Syntax,
    #[error("nested too deeply")]
    TooDeep,
}

/// What [`walk`] tells about the text, in order of appearance.
pub(crate) trait Visitor {
    /// An array or, when `object` is true, an object begins at byte `at`.
    fn open(&mut self, _at: usize, _object: bool) {}
    /// A key of the innermost object, with its quotes.
    fn key(&mut self, _raw: Range<usize>) {}
    /// A string, number, boolean or null.
    fn scalar(&mut self, _raw: Range<usize>) {}
    /// The innermost array or object ended before byte `end`.
    fn close(&mut self, _end: usize) {}
}

/// Only checks the grammar.
impl Visitor for () {}

/// Shows the same text to two visitors at once.
impl<A: Visitor, B: Visitor> Visitor for (A, B) {
    fn open(&mut self, at: usize, object: bool) {
        self.0.open(at, object);
        self.1.open(at, object);
    }

    fn key(&mut self, raw: Range<usize>) {
        self.0.key(raw.clone());
        self.1.key(raw);
    }

    fn scalar(&mut self, raw: Range<usize>) {
        self.0.scalar(raw.clone());
        self.1.scalar(raw);
    }

    fn close(&mut self, end: usize) {
        self.0.close(end);
        self.1.close(end);
    }
}

/// Walks over the one value that begins at `at`, after white space, and returns where it ends.
pub(crate) fn walk(
    text: &[u8],
    mut at: usize,
    max_depth: usize,
    visitor: &mut impl Visitor,
) -> Result<usize, Fault> {
    let max_depth = max_depth.min(MAX_DEPTH);
    // The lowest bit is the innermost container; 1 stands for an object.
    let mut kinds = 0u128;
    let mut depth = 0;
    loop {
        at = skip_space(text, at);
        let first = *text.get(at).ok_or(Fault::Syntax)?;
        if first == b'{' || first == b'[' {
            if depth == max_depth {
                return Err(Fault::TooDeep);
            }
            let object = first == b'{';
            visitor.open(at, object);
            depth += 1;
            kinds = kinds << 1 | u128::from(object);
            at = skip_space(text, at + 1);
            if text.get(at) != Some(&(first + 2)) {
                if object {
                    at = key(text, at, visitor)?;
                }
                continue;
            }
        } else {
            let end = scalar_end(text, at)?;
            visitor.scalar(at..end);
            at = end;
        }
        // A value has ended, or an empty container is about to.
        loop {
            if depth == 0 {
                return Ok(at);
            }
            at = skip_space(text, at);
            let object = kinds & 1 == 1;
            match text.get(at) {
                Some(b',') => {
                    at += 1;
                    if object {
                        at = key(text, at, visitor)?;
                    }
                    break;
                }
                Some(b'}') if object => {}
                Some(b']') if !object => {}
                _ => return Err(Fault::Syntax),
            }
            at += 1;
            visitor.close(at);
            depth -= 1;
            kinds >>= 1;
        }
    }
}

/// Walks over a text that must hold one value and nothing else.
pub(crate) fn walk_all(
    text: &[u8],
    max_depth: usize,
    visitor: &mut impl Visitor,
) -> Result<(), Fault> {
    let end = walk(text, 0, max_depth, visitor)?;
    if skip_space(text, end) == text.len() {
        Ok(())
    } else {
        Err(Fault::Syntax)
    }
}

/// Splits items joined by commas into their byte ranges, without surrounding white space.
///
/// The text must have been walked before: the iteration ends at the first fault.
pub(crate) fn items(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = skip_space(text, at);
        let end = walk(text, start, MAX_DEPTH, &mut ()).ok()?;
        at = skip_space(text, end) + 1;
        Some(start..end)
    })
}

/// The entries of an object as the ranges of key and value, found without recursion.
///
/// The text must be one object and nothing else.
pub(crate) fn entries(
    text: &[u8],
    max_depth: usize,
    mut each: impl FnMut(Range<usize>, Range<usize>),
) -> Result<(), Fault> {
    let max_depth = max_depth
        .min(MAX_DEPTH)
        .checked_sub(1)
        .ok_or(Fault::TooDeep)?;
    let mut at = skip_space(text, 0);
    if text.get(at) != Some(&b'{') {
        return Err(Fault::Syntax);
    }
    at = skip_space(text, at + 1);
    if text.get(at) != Some(&b'}') {
        loop {
            let start = skip_space(text, at);
            let value = key(text, start, &mut ())?;
            let end = string_end(text, start)?;
            let from = skip_space(text, value);
            at = walk(text, from, max_depth, &mut ())?;
            each(start..end, from..at);
            at = skip_space(text, at);
            match text.get(at) {
                Some(b',') => at += 1,
                Some(b'}') => break,
                _ => return Err(Fault::Syntax),
            }
        }
    }
    if skip_space(text, at + 1) == text.len() {
        Ok(())
    } else {
        Err(Fault::Syntax)
    }
}

/// The content of a string given with its quotes, each lone surrogate escape read as U+FFFD.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    let body = raw.strip_prefix('"').unwrap_or(raw);
    let body = body.strip_suffix('"').unwrap_or(body);
    if memchr::memchr(b'\\', body.as_bytes()).is_none() {
        return Cow::Borrowed(body);
    }
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(stop) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..stop]);
        let escape = rest.as_bytes().get(stop + 1).copied().unwrap_or(b'\\');
        rest = rest.get(stop + 2..).unwrap_or("");
        out.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, used) = unicode_escape(rest);
                rest = rest.get(used..).unwrap_or("");
                character
            }
            other => char::from(other),
        });
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Reads the digits after `\u` and, for a surrogate pair, the second escape; tells how many bytes
/// that took.
fn unicode_escape(rest: &str) -> (char, usize) {
    let unit = |from: usize| {
        let digits = rest.get(from..from + 4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else {
        return (char::REPLACEMENT_CHARACTER, 0);
    };
    let second = if rest.get(4..6) == Some("\\u") {
        unit(6)
    } else {
        None
    };
    let units = [first, second.unwrap_or(0)];
    let decoded = char::decode_utf16(units).next();
    match decoded {
        Some(Ok(character)) if u32::from(character) > 0xffff => (character, 10),
        Some(Ok(character)) => (character, 4),
        _ => (char::REPLACEMENT_CHARACTER, 4),
    }
}

/// The first byte at or after `at` that is not white space, or the end.
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// Reads a key and its colon and returns where the value may begin.
fn key(text: &[u8], at: usize, visitor: &mut impl Visitor) -> Result<usize, Fault> {
    let start = skip_space(text, at);
    if text.get(start) != Some(&b'"') {
        return Err(Fault::Syntax);
    }
    let end = string_end(text, start)?;
    visitor.key(start..end);
    let colon = skip_space(text, end);
    if text.get(colon) == Some(&b':') {
        Ok(colon + 1)
    } else {
        Err(Fault::Syntax)
    }
}

fn scalar_end(text: &[u8], at: usize) -> Result<usize, Fault> {
    let literal = |word: &[u8]| {
        let end = at + word.len();
        if text.get(at..end) == Some(word) {
            Ok(end)
        } else {
            Err(Fault::Syntax)
        }
    };
    match text.get(at) {
        Some(b'"') => string_end(text, at),
        Some(b't') => literal(b"true"),
        Some(b'f') => literal(b"false"),
        Some(b'n') => literal(b"null"),
        Some(b'-' | b'0'..=b'9') => number_end(text, at),
        _ => Err(Fault::Syntax),
    }
}

/// Where the string that begins with the quote at `at` ends, its closing quote included.
fn string_end(text: &[u8], at: usize) -> Result<usize, Fault> {
    let mut from = at + 1;
    loop {
        let rest = text.get(from..).ok_or(Fault::Syntax)?;
        let stop = memchr::memchr2(b'"', b'\\', rest).ok_or(Fault::Syntax)?;
        if rest[..stop].iter().any(|byte| *byte < 0x20) {
            return Err(Fault::Syntax);
        }
        if rest[stop] == b'"' {
            return Ok(from + stop + 1);
        }
        let long = match rest.get(stop + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = rest.get(stop + 2..stop + 6).ok_or(Fault::Syntax)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Fault::Syntax);
                }
                6
            }
            _ => return Err(Fault::Syntax),
        };
        from += stop + long;
    }
}

fn number_end(text: &[u8], mut at: usize) -> Result<usize, Fault> {
    let digits = |from: usize| {
        let count = text[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            Err(Fault::Syntax)
        } else {
            Ok(from + count)
        }
    };
    if text[at] == b'-' {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') {
        at + 1
    } else {
        digits(at)?
    };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}
