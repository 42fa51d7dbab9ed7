//! The plain envelope of `/ws`: `{"type":name,"data":…,"id":7}`, as JSON or MessagePack.
//!
//! A client sends commands, the server events and acknowledgements. The `id` is whatever number or
//! string the client chose, and comes back as it was written.
use crate::args::{
    self, Args, DecodeError, Head, JsonFault, MsgpackFault, head, msgpack_to_raw, raw_to_msgpack,
    skip, unescape, walk_all, write_json_string,
};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The encoding of a connection, chosen by its subprotocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text messages.
    #[default]
    Json,
    /// Binary messages.
    MessagePack,
}

/// What a client sends.
#[derive(Debug)]
pub struct Command<'a> {
    /// The `type`.
    pub name: Cow<'a, str>,
    /// One argument, the `data`, or none if there is no `data`.
    pub args: Args,
    /// A JSON number or string to acknowledge with.
    pub id: Option<Box<RawValue>>,
}

/// Why a message is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The message is not valid in its format.
    #[error("malformed message")]
    Malformed,
    /// The message nests more deeply than allowed.
    #[error("message is nested too deeply")]
    TooDeep,
    /// The message is not an object.
    #[error("message is not an object")]
    NotAnObject,
    /// There is no `type`, or it is not a string.
    #[error("`type` must be a string")]
    BadType,
    /// The `id` is neither a number nor a string.
    #[error("`id` must be a number or a string")]
    BadId,
}

impl From<JsonFault> for Error {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Syntax => Self::Malformed,
            JsonFault::TooDeep => Self::TooDeep,
        }
    }
}

impl From<MsgpackFault> for Error {
    fn from(fault: MsgpackFault) -> Self {
        match fault {
            MsgpackFault::Syntax => Self::Malformed,
            MsgpackFault::TooDeep => Self::TooDeep,
        }
    }
}

/// Decodes a text message.
///
/// Unknown keys are ignored, the last of equal keys wins, and a null `id` is none.
///
/// # Errors
///
/// When the text is not an object with a `type`, or nests more deeply than `max_depth`.
pub fn decode_json(text: &str, max_depth: usize) -> Result<Command<'_>, Error> {
    let (mut name, mut data, mut id) = (None, None, None);
    let entries = args::entries(text.as_bytes(), max_depth, |key, value| {
        let value = &text[value];
        match &*unescape(&text[key]) {
            "type" => name = Some(value),
            "data" => data = Some(value),
            "id" => id = Some(value),
            _ => {}
        }
    });
    if let Err(fault) = entries {
        // Tell a client that sent another kind of value what is wrong.
        return match walk_all(text.as_bytes(), max_depth, &mut ()) {
            Ok(()) => Err(Error::NotAnObject),
            Err(_) => Err(fault.into()),
        };
    }
    let name = name
        .filter(|name| name.starts_with('"'))
        .ok_or(Error::BadType)?;
    let args = match data {
        Some(data) => Args::from_json(Bytes::copy_from_slice(data.as_bytes()), Vec::new(), 1),
        None => Args::new(),
    };
    let id = match id {
        None | Some("null") => None,
        // A number that is none in JavaScript could not be echoed in the other format.
        Some(id) if id.starts_with('"') || id.parse().is_ok_and(f64::is_finite) => {
            Some(RawValue::from_string(id.to_owned()).map_err(|_| Error::BadId)?)
        }
        Some(_) => return Err(Error::BadId),
    };
    Ok(Command {
        name: unescape(name),
        args,
        id,
    })
}

/// Decodes a binary message, under the same rules as [`decode_json`].
///
/// # Errors
///
/// When the bytes are not a map with a `type`, or nest more deeply than `max_depth`.
pub fn decode_msgpack(message: &[u8], max_depth: usize) -> Result<Command<'_>, Error> {
    let below = max_depth.checked_sub(1).ok_or(Error::TooDeep)?;
    let (Head::Map(length), mut at) = head(message, 0)? else {
        return Err(Error::NotAnObject);
    };
    let (mut name, mut data, mut id) = (None, None, None);
    for _ in 0..length {
        let (key, _) = head(message, at)?;
        let from = skip(message, at, below)?;
        let (value, _) = head(message, from)?;
        at = skip(message, from, below)?;
        let Head::Str(key) = key else {
            continue;
        };
        let absent = value == Head::Undefined;
        match &message[key] {
            b"type" => name = Some(value),
            b"data" => data = (!absent).then_some(from..at),
            b"id" => id = (!absent && value != Head::Nil).then_some((value, from..at)),
            _ => {}
        }
    }
    if at != message.len() {
        return Err(Error::Malformed);
    }
    let Some(Head::Str(name)) = name else {
        return Err(Error::BadType);
    };
    let args = match data {
        Some(data) => Args::from_msgpack(Bytes::copy_from_slice(&message[data]), 1),
        None => Args::new(),
    };
    let id = match id {
        None => None,
        Some((Head::Float(number), _)) if !number.is_finite() => return Err(Error::BadId),
        Some((Head::Unsigned(_) | Head::Signed(_) | Head::Float(_) | Head::Str(_), range)) => {
            Some(msgpack_to_raw(&message[range]).map_err(|_| Error::BadId)?)
        }
        Some(_) => return Err(Error::BadId),
    };
    Ok(Command {
        name: String::from_utf8_lossy(&message[name]),
        args,
        id,
    })
}

/// Appends an event: no argument leaves `data` out, several become an array.
///
/// JSON has no binary data; it is written as a string of base64.
///
/// # Errors
///
/// When an argument nests too deeply to be converted; nothing is appended then.
pub fn encode_event(
    format: Format,
    out: &mut Vec<u8>,
    name: &str,
    args: &Args,
) -> Result<(), DecodeError> {
    match format {
        Format::Json => {
            let data = args.to_json_base64()?;
            out.extend_from_slice(br#"{"type":"#);
            write_json_string(out, name);
            json_data(out, &data, args.len());
        }
        Format::MessagePack => {
            let data = args.to_msgpack()?;
            map(out, 1 + u32::from(!args.is_empty()));
            string(out, "type");
            string(out, name);
            msgpack_data(out, &data, args.len());
        }
    }
    Ok(())
}

/// Appends the acknowledgement of a command, with arguments as in [`encode_event`].
///
/// # Errors
///
/// When an argument nests too deeply to be converted; nothing is appended then.
pub fn encode_ack(
    format: Format,
    out: &mut Vec<u8>,
    id: &RawValue,
    args: &Args,
) -> Result<(), DecodeError> {
    match format {
        Format::Json => {
            let data = args.to_json_base64()?;
            out.extend_from_slice(br#"{"type":"ack","id":"#);
            out.extend_from_slice(id.get().as_bytes());
            json_data(out, &data, args.len());
        }
        Format::MessagePack => {
            let data = args.to_msgpack()?;
            let id = raw_to_msgpack(id)?;
            map(out, 2 + u32::from(!args.is_empty()));
            string(out, "type");
            string(out, "ack");
            string(out, "id");
            out.extend_from_slice(&id);
            msgpack_data(out, &data, args.len());
        }
    }
    Ok(())
}

/// Appends one event whose data is the list of several, each of them as [`encode_event`] wrote it
/// in the same format.
pub fn encode_events<'a>(
    format: Format,
    out: &mut Vec<u8>,
    name: &str,
    events: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    match format {
        Format::Json => {
            out.extend_from_slice(br#"{"type":"#);
            write_json_string(out, name);
            out.extend_from_slice(br#","data":"#);
            encode_list(format, out, events);
            out.push(b'}');
        }
        Format::MessagePack => {
            map(out, 2);
            string(out, "type");
            string(out, name);
            string(out, "data");
            encode_list(format, out, events);
        }
    }
}

/// Appends the list of several values that are encoded already.
pub fn encode_list<'a>(
    format: Format,
    out: &mut Vec<u8>,
    values: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    match format {
        Format::Json => {
            out.push(b'[');
            for (index, value) in values.enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(value);
            }
            out.push(b']');
        }
        Format::MessagePack => {
            array(out, values.len());
            values.for_each(|value| out.extend_from_slice(value));
        }
    }
}

fn json_data(out: &mut Vec<u8>, data: &str, count: usize) {
    let (open, close) = match count {
        0 => ("", ""),
        1 => (r#","data":"#, ""),
        _ => (r#","data":["#, "]"),
    };
    out.extend_from_slice(open.as_bytes());
    out.extend_from_slice(data.as_bytes());
    out.extend_from_slice(close.as_bytes());
    out.push(b'}');
}

fn msgpack_data(out: &mut Vec<u8>, data: &[u8], count: usize) {
    if count > 0 {
        string(out, "data");
    }
    if count > 1 {
        array(out, count);
    }
    out.extend_from_slice(data);
}

fn array(out: &mut Vec<u8>, items: usize) {
    let items = u32::try_from(items).expect("there are fewer than four thousand million");
    rmp::encode::write_array_len(out, items).expect("a Vec accepts every write");
}

fn map(out: &mut Vec<u8>, entries: u32) {
    rmp::encode::write_map_len(out, entries).expect("a Vec accepts every write");
}

fn string(out: &mut Vec<u8>, text: &str) {
    rmp::encode::write_str(out, text).expect("a Vec accepts every write");
}
