//! The MessagePack encoding: one map per packet, in one binary message.
//!
//! Binary data stands in place, so there are no attachments and no types 5 and 6. Keys come in any
//! order, and clients add keys of their own, such as `options`.
use super::{Error, Limits, Packet, RESERVED};
use crate::args::{Args, Head, head, msgpack_to_raw, raw_to_msgpack, skip};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// Decodes one packet.
pub(super) fn decode<'a>(message: &'a [u8], limits: &Limits) -> Result<Packet<'a>, Error> {
    let fields = Fields::read(message, limits.max_depth)?;
    let namespace = match fields.namespace {
        Some(Head::Str(range)) => String::from_utf8_lossy(&message[range]),
        _ => return Err(Error::InvalidPayload),
    };
    let kind = integer(&fields.kind).ok_or(Error::UnknownType)?;
    let id = match &fields.id {
        None => None,
        // A negative id is as unknown as one that is too large.
        id => Some(integer(id).ok_or(Error::InvalidPayload)?).and_then(|id| u64::try_from(id).ok()),
    };
    match (kind, fields.data) {
        (0, None) => Ok(Packet::Connect {
            namespace,
            auth: None,
        }),
        (0, Some((Head::Map(_), range))) => {
            let auth = msgpack_to_raw(&message[range]).map_err(|_| Error::InvalidPayload)?;
            Ok(Packet::Connect {
                namespace,
                auth: Some(auth),
            })
        }
        (1, None) => Ok(Packet::Disconnect { namespace }),
        (2, Some((Head::Array(count), range))) => event(message, namespace, id, count, range),
        (3, Some((Head::Array(count), range))) => {
            let (_, items) = head(message, range.start)?;
            let args = args(&message[items..range.end], count);
            Ok(Packet::Ack {
                namespace,
                id,
                args,
            })
        }
        (0..=3, _) => Err(Error::InvalidPayload),
        _ => Err(Error::UnknownType),
    }
}

fn event<'a>(
    message: &'a [u8],
    namespace: Cow<'a, str>,
    id: Option<u64>,
    count: usize,
    range: Range<usize>,
) -> Result<Packet<'a>, Error> {
    let (_, at) = head(message, range.start)?;
    if count == 0 {
        return Err(Error::InvalidPayload);
    }
    let (name, at) = head(message, at)?;
    let name = match name {
        Head::Str(range) => String::from_utf8_lossy(&message[range]),
        Head::Unsigned(_) | Head::Signed(_) | Head::Float(_) => {
            return Ok(Packet::Nothing { namespace });
        }
        _ => return Err(Error::InvalidPayload),
    };
    if RESERVED.contains(&&*name) {
        return Err(Error::ReservedName);
    }
    let args = args(&message[at..range.end], count - 1);
    Ok(Packet::Event {
        namespace,
        id,
        name,
        args,
    })
}

fn args(items: &[u8], count: usize) -> Args {
    if count == 0 {
        Args::new()
    } else {
        Args::from_msgpack(Bytes::copy_from_slice(items), count)
    }
}

/// The entries of a packet that mean something; `undefined` counts as absent.
#[derive(Default)]
struct Fields {
    kind: Option<Head>,
    namespace: Option<Head>,
    id: Option<Head>,
    data: Option<(Head, Range<usize>)>,
}

impl Fields {
    /// Reads the map that must fill the whole message; the last of equal keys wins.
    fn read(message: &[u8], max_depth: usize) -> Result<Self, Error> {
        let (Head::Map(length), mut at) = head(message, 0)? else {
            return Err(Error::InvalidPayload);
        };
        let mut fields = Self::default();
        for _ in 0..length {
            let (key, from) = head(message, at)?;
            // A key that is no string cannot be one of ours, and may be a container.
            let from = if let Head::Str(_) = key {
                from
            } else {
                skip(message, at, max_depth)?
            };
            let (value, _) = head(message, from)?;
            at = skip(message, from, max_depth)?;
            let value = (value != Head::Undefined).then_some(value);
            let Head::Str(key) = key else {
                continue;
            };
            match &message[key] {
                b"type" => fields.kind = value,
                b"nsp" => fields.namespace = value,
                b"id" => fields.id = value,
                b"data" => fields.data = value.map(|value| (value, from..at)),
                _ => {}
            }
        }
        if at == message.len() {
            Ok(fields)
        } else {
            Err(Error::InvalidPayload)
        }
    }
}

/// Reads an integer, which JavaScript may also have written as a float.
fn integer(head: &Option<Head>) -> Option<i128> {
    match head {
        Some(Head::Unsigned(number)) => Some(i128::from(*number)),
        Some(Head::Signed(number)) => Some(i128::from(*number)),
        Some(Head::Float(number)) if number.fract() == 0.0 => Some(*number as i128),
        _ => None,
    }
}

/// Appends an event; `items` holds `count` arguments back to back.
pub fn encode_event(
    out: &mut Vec<u8>,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    items: &[u8],
    count: usize,
) {
    out.reserve(namespace.len() + name.len() + items.len() + 48);
    map(out, if id.is_some() { 4 } else { 3 });
    kind(out, 2);
    string(out, "data");
    array(out, count + 1);
    string(out, name);
    out.extend_from_slice(items);
    if let Some(id) = id {
        string(out, "id");
        number(out, id);
    }
    end(out, namespace);
}

/// Appends an acknowledgement; `items` holds `count` arguments back to back.
pub fn encode_ack(out: &mut Vec<u8>, namespace: &str, id: u64, items: &[u8], count: usize) {
    out.reserve(namespace.len() + items.len() + 48);
    map(out, 4);
    string(out, "id");
    number(out, id);
    kind(out, 3);
    string(out, "data");
    array(out, count);
    out.extend_from_slice(items);
    end(out, namespace);
}

/// Appends the answer to a client that has joined, with the id for recovery if there is one.
pub fn encode_connect(out: &mut Vec<u8>, namespace: &str, sid: &str, pid: Option<&str>) {
    map(out, 3);
    kind(out, 0);
    string(out, "data");
    map(out, if pid.is_some() { 2 } else { 1 });
    string(out, "sid");
    string(out, sid);
    if let Some(pid) = pid {
        string(out, "pid");
        string(out, pid);
    }
    end(out, namespace);
}

/// Appends the notice that the server removed the client from a namespace.
pub fn encode_disconnect(out: &mut Vec<u8>, namespace: &str) {
    map(out, 2);
    kind(out, 1);
    end(out, namespace);
}

/// Appends the refusal to let a client join; data that nests too deeply is left out.
pub fn encode_connect_error(
    out: &mut Vec<u8>,
    namespace: &str,
    message: &str,
    data: Option<&RawValue>,
) {
    let data = data.and_then(|data| raw_to_msgpack(data).ok());
    map(out, 3);
    kind(out, 4);
    string(out, "data");
    map(out, if data.is_some() { 2 } else { 1 });
    string(out, "message");
    string(out, message);
    if let Some(data) = data {
        string(out, "data");
        out.extend_from_slice(&data);
    }
    end(out, namespace);
}

fn kind(out: &mut Vec<u8>, kind: u64) {
    string(out, "type");
    number(out, kind);
}

fn end(out: &mut Vec<u8>, namespace: &str) {
    string(out, "nsp");
    string(out, namespace);
}

fn map(out: &mut Vec<u8>, entries: u32) {
    rmp::encode::write_map_len(out, entries).expect("a Vec accepts every write");
}

fn array(out: &mut Vec<u8>, items: usize) {
    let items = u32::try_from(items).expect("there are fewer than four thousand million arguments");
    rmp::encode::write_array_len(out, items).expect("a Vec accepts every write");
}

fn string(out: &mut Vec<u8>, text: &str) {
    rmp::encode::write_str(out, text).expect("a Vec accepts every write");
}

fn number(out: &mut Vec<u8>, number: u64) {
    rmp::encode::write_uint(out, number).expect("a Vec accepts every write");
}
