//! Decoding the text part of a packet in the JSON encoding.
//!
//! ```text
//! packet = type [attachments "-"] [namespace ","] [id] [json]
//! ```
use super::{Error, Limits, RESERVED};
use crate::args::{self, find_checked, skip_space, unescape, walk, walk_all};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// All of a packet but its attachments.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) namespace: Cow<'a, str>,
    pub(super) id: Option<u64>,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    Connect {
        auth: Option<Box<RawValue>>,
    },
    Disconnect,
    Event {
        name: Cow<'a, str>,
        text: Bytes,
        count: usize,
    },
    Ack {
        text: Bytes,
        count: usize,
    },
    Nothing,
}

impl Header<'_> {
    /// Copies what is borrowed from the message, so that the header can wait for attachments.
    pub(super) fn into_owned(self) -> Header<'static> {
        let kind = match self.kind {
            Kind::Connect { auth } => Kind::Connect { auth },
            Kind::Disconnect => Kind::Disconnect,
            Kind::Event { name, text, count } => Kind::Event {
                name: Cow::Owned(name.into_owned()),
                text,
                count,
            },
            Kind::Ack { text, count } => Kind::Ack { text, count },
            Kind::Nothing => Kind::Nothing,
        };
        Header {
            namespace: Cow::Owned(self.namespace.into_owned()),
            id: self.id,
            kind,
        }
    }
}

/// Decodes a text message and tells how many attachments must follow.
pub(super) fn text<'a>(message: &'a str, limits: &Limits) -> Result<(Header<'a>, usize), Error> {
    let kind = *message.as_bytes().first().ok_or(Error::UnknownType)?;
    // CONNECT_ERROR, type 4, comes from servers only.
    if !matches!(kind, b'0'..=b'3' | b'5' | b'6') {
        return Err(Error::UnknownType);
    }
    let mut rest = &message[1..];
    let mut expected = 0;
    if matches!(kind, b'5' | b'6') {
        let (count, after) = rest.split_once('-').ok_or(Error::IllegalAttachments)?;
        expected = attachments(count)?;
        rest = after;
        if expected > limits.max_attachments {
            return Err(Error::TooManyAttachments);
        }
    }
    let mut namespace = "/";
    if rest.starts_with('/') {
        (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    // An empty id and one that overflows are both none.
    let id = rest[..digits].parse().ok();
    let payload = &rest[digits..];
    let kind = match kind {
        b'0' => Kind::Connect {
            auth: auth(payload, limits)?,
        },
        b'1' if payload.is_empty() => Kind::Disconnect,
        b'1' => return Err(Error::InvalidPayload),
        b'2' | b'5' => event(payload, expected, limits)?,
        _ => ack(payload, expected, limits)?,
    };
    Ok((
        Header {
            namespace: Cow::Borrowed(namespace),
            id,
            kind,
        },
        expected,
    ))
}

/// Reads the count of attachments, where JavaScript also takes `01` and `1.0` for 1.
fn attachments(count: &str) -> Result<usize, Error> {
    let (whole, fraction) = count.split_once('.').unwrap_or((count, ""));
    let digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !fraction.bytes().all(|byte| byte == b'0') {
        return Err(Error::IllegalAttachments);
    }
    match whole.parse() {
        Ok(0) => Err(Error::IllegalAttachments),
        Ok(count) => Ok(count),
        Err(_) => Err(Error::TooManyAttachments),
    }
}

fn auth(payload: &str, limits: &Limits) -> Result<Option<Box<RawValue>>, Error> {
    if payload.is_empty() {
        return Ok(None);
    }
    let start = skip_space(payload.as_bytes(), 0);
    if payload.as_bytes().get(start) != Some(&b'{') {
        return Err(Error::InvalidPayload);
    }
    walk_all(payload.as_bytes(), limits.max_depth, &mut ())?;
    let raw = RawValue::from_string(payload[start..].trim_end().to_owned());
    raw.map(Some).map_err(|_| Error::InvalidPayload)
}

/// Checks the payload of an event and takes its name apart from its arguments.
fn event<'a>(payload: &'a str, expected: usize, limits: &Limits) -> Result<Kind<'a>, Error> {
    if payload.is_empty() {
        return Ok(Kind::Nothing);
    }
    let items = array(payload, expected, limits)?;
    let name = walk(items.as_bytes(), 0, 1, &mut ())?;
    let first = items[..name].trim_start();
    let after = skip_space(items.as_bytes(), name);
    let rest = items.get(after + 1..).unwrap_or("").trim_matches(SPACE);
    match first.as_bytes().first() {
        Some(b'"') => {}
        Some(b'-' | b'0'..=b'9') => return Ok(Kind::Nothing),
        _ => return Err(Error::InvalidPayload),
    }
    let name = unescape(first);
    if RESERVED.contains(&&*name) {
        return Err(Error::ReservedName);
    }
    let (text, count) = args(rest);
    Ok(Kind::Event { name, text, count })
}

fn ack(payload: &str, expected: usize, limits: &Limits) -> Result<Kind<'static>, Error> {
    if payload.is_empty() {
        return Ok(Kind::Ack {
            text: Bytes::new(),
            count: 0,
        });
    }
    let (text, count) = args(array(payload, expected, limits)?);
    Ok(Kind::Ack { text, count })
}

/// The white space of JSON.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Checks that a payload is one array whose placeholders all have attachments, and returns what
/// its brackets enclose.
fn array<'a>(payload: &'a str, expected: usize, limits: &Limits) -> Result<&'a str, Error> {
    if expected == 0 {
        walk_all(payload.as_bytes(), limits.max_depth, &mut ())?;
    } else {
        let found = find_checked(payload, limits.max_depth)?;
        if !found
            .iter()
            .all(|placeholder| placeholder.num.is_some_and(|num| num < expected))
        {
            return Err(Error::BadPlaceholder);
        }
    }
    let inside = payload
        .trim_matches(SPACE)
        .strip_prefix('[')
        .ok_or(Error::InvalidPayload)?;
    let inside = inside.strip_suffix(']').ok_or(Error::InvalidPayload)?;
    Ok(inside.trim_matches(SPACE))
}

/// Copies checked items and counts them.
fn args(items: &str) -> (Bytes, usize) {
    let count = args::count_items(items);
    (Bytes::copy_from_slice(items.as_bytes()), count)
}
