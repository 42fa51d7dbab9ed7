//! Decoding the text part of a packet in the JSON encoding.
//!
//! ```text
//! packet = type [attachments "-"] [namespace ","] [id] [json]
//! ```
use super::{Error, Limits, RESERVED};
use crate::args::{Args, Finder, Visitor, skip_space, unescape, walk_all};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// All of a packet but its attachments.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) namespace: Cow<'a, str>,
    pub(super) id: Option<u64>,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    Connect { auth: Option<Box<RawValue>> },
    Disconnect,
    Event { name: Cow<'a, str>, args: Text },
    Ack { args: Text },
    Nothing,
}

/// Arguments before their attachments have come.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// The items joined by commas.
    text: Bytes,
    count: usize,
    /// Whether there are placeholders; attachments that none of them names are dropped.
    binary: bool,
}

impl Text {
    pub(super) fn finish(self, attachments: Vec<Bytes>) -> Args {
        let attachments = if self.binary { attachments } else { Vec::new() };
        Args::from_json(self.text, attachments, self.count)
    }
}

impl Header<'_> {
    /// Copies what is borrowed from the message, so that the header can wait for attachments.
    pub(super) fn into_owned(self) -> Header<'static> {
        let kind = match self.kind {
            Kind::Connect { auth } => Kind::Connect { auth },
            Kind::Disconnect => Kind::Disconnect,
            Kind::Event { name, args } => Kind::Event {
                name: Cow::Owned(name.into_owned()),
                args,
            },
            Kind::Ack { args } => Kind::Ack { args },
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
    let (list, binary) = list(payload, expected, limits)?;
    let first = &payload[list.first.ok_or(Error::InvalidPayload)?];
    match first.as_bytes().first() {
        Some(b'"') => {}
        Some(b'-' | b'0'..=b'9') => return Ok(Kind::Nothing),
        _ => return Err(Error::InvalidPayload),
    }
    let name = unescape(first);
    if RESERVED.contains(&&*name) {
        return Err(Error::ReservedName);
    }
    let text = match list.second {
        Some(start) => Bytes::copy_from_slice(payload[start..list.end].trim_end().as_bytes()),
        None => Bytes::new(),
    };
    Ok(Kind::Event {
        name,
        args: Text {
            text,
            count: list.count - 1,
            binary,
        },
    })
}

fn ack(payload: &str, expected: usize, limits: &Limits) -> Result<Kind<'static>, Error> {
    if payload.is_empty() {
        return Ok(Kind::Ack {
            args: Text::default(),
        });
    }
    let (list, binary) = list(payload, expected, limits)?;
    let text = match list.first {
        Some(first) => Bytes::copy_from_slice(payload[first.start..list.end].trim_end().as_bytes()),
        None => Bytes::new(),
    };
    Ok(Kind::Ack {
        args: Text {
            text,
            count: list.count,
            binary,
        },
    })
}

/// Checks that a payload is one array whose placeholders all have attachments, and tells whether
/// there are any.
fn list(payload: &str, expected: usize, limits: &Limits) -> Result<(List, bool), Error> {
    let start = skip_space(payload.as_bytes(), 0);
    if payload.as_bytes().get(start) != Some(&b'[') {
        return Err(Error::InvalidPayload);
    }
    let mut list = List::default();
    if expected == 0 {
        walk_all(payload.as_bytes(), limits.max_depth, &mut list)?;
        return Ok((list, false));
    }
    let mut visitors = (list, Finder::new(payload));
    walk_all(payload.as_bytes(), limits.max_depth, &mut visitors)?;
    let (list, finder) = visitors;
    let has_attachment = |num: Option<usize>| num.is_some_and(|num| num < expected);
    if !finder
        .found
        .iter()
        .all(|placeholder| has_attachment(placeholder.num))
    {
        return Err(Error::BadPlaceholder);
    }
    Ok((list, !finder.found.is_empty()))
}

/// Notes where the items of the outermost array stand.
#[derive(Default)]
struct List {
    depth: usize,
    count: usize,
    /// Where the item at hand began.
    start: usize,
    first: Option<Range<usize>>,
    second: Option<usize>,
    /// Where the closing bracket stands.
    end: usize,
}

impl List {
    fn item(&mut self, raw: Range<usize>) {
        self.count += 1;
        match self.count {
            1 => self.first = Some(raw),
            2 => self.second = Some(raw.start),
            _ => {}
        }
    }
}

impl Visitor for List {
    fn open(&mut self, at: usize, _object: bool) {
        if self.depth == 1 {
            self.start = at;
        }
        self.depth += 1;
    }

    fn scalar(&mut self, raw: Range<usize>) {
        if self.depth == 1 {
            self.item(raw);
        }
    }

    fn close(&mut self, end: usize) {
        self.depth -= 1;
        match self.depth {
            0 => self.end = end - 1,
            1 => self.item(self.start..end),
            _ => {}
        }
    }
}
