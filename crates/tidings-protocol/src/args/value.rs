//! The dynamic view of arguments: building values from either encoding, and printing them.
use super::json::{self, Visitor};
use super::msgpack::{self, Head};
use super::{DecodeError, date, placeholder};
use bytes::Bytes;
use rmpv::{Utf8String, Value};
use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::ops::Range;

/// Builds one value from JSON text, with placeholders replaced when there are attachments.
pub(crate) fn from_json(text: &str, attachments: &[Bytes]) -> Result<Value, DecodeError> {
    let mut builder = Builder {
        text,
        attachments,
        levels: Vec::new(),
        done: Value::Nil,
    };
    json::walk_all(text.as_bytes(), json::MAX_DEPTH, &mut builder)?;
    Ok(builder.done)
}

enum Level {
    Array(Vec<Value>),
    Object(Vec<(Value, Value)>),
}

struct Builder<'a> {
    text: &'a str,
    attachments: &'a [Bytes],
    levels: Vec<Level>,
    done: Value,
}

impl Builder<'_> {
    fn value(&mut self, value: Value) {
        match self.levels.last_mut() {
            Some(Level::Array(items)) => items.push(value),
            Some(Level::Object(entries)) => {
                if let Some(entry) = entries.last_mut() {
                    entry.1 = value;
                }
            }
            None => self.done = value,
        }
    }
}

impl Visitor for Builder<'_> {
    fn open(&mut self, _at: usize, object: bool) {
        self.levels.push(if object {
            Level::Object(Vec::new())
        } else {
            Level::Array(Vec::new())
        });
    }

    fn key(&mut self, raw: Range<usize>) {
        let key = json::unescape(&self.text[raw]);
        if let Some(Level::Object(entries)) = self.levels.last_mut() {
            entries.push((Value::from(&*key), Value::Nil));
        }
    }

    fn scalar(&mut self, raw: Range<usize>) {
        let text = self.text;
        let raw = &text[raw];
        let value = match raw.as_bytes().first() {
            Some(b'"') => Value::from(&*json::unescape(raw)),
            Some(b't') => Value::Boolean(true),
            Some(b'f') => Value::Boolean(false),
            Some(b'n') => Value::Nil,
            _ => number(raw),
        };
        self.value(value);
    }

    fn close(&mut self, _end: usize) {
        let value = match self.levels.pop() {
            Some(Level::Array(items)) => Value::Array(items),
            Some(Level::Object(entries)) => {
                let entries = last_wins(entries);
                match attachment(&entries, self.attachments) {
                    Some(bytes) => Value::Binary(bytes.to_vec()),
                    None => Value::Map(entries),
                }
            }
            None => return,
        };
        self.value(value);
    }
}

/// Reads a number as JavaScript would, except that integers of 64 bits stay exact.
fn number(raw: &str) -> Value {
    if let Ok(number) = raw.parse::<u64>() {
        return Value::from(number);
    }
    match raw.parse::<i64>() {
        Ok(0) => Value::F64(-0.0),
        Ok(number) => Value::from(number),
        Err(_) => Value::F64(raw.parse().unwrap_or(f64::NAN)),
    }
}

/// Keeps the last of entries with equal keys, at the place of the first.
fn last_wins(entries: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let name = |entry: &(Value, Value)| entry.0.as_str().unwrap_or_default().to_owned();
    let distinct = if entries.len() <= 8 {
        let mut rest = &entries[..];
        std::iter::from_fn(|| {
            let (first, after) = rest.split_first()?;
            rest = after;
            Some(after.iter().all(|(key, _)| *key != first.0))
        })
        .all(|distinct| distinct)
    } else {
        let mut seen = HashSet::with_capacity(entries.len());
        entries
            .iter()
            .all(|(key, _)| seen.insert(key.as_str().unwrap_or_default()))
    };
    if distinct {
        return entries;
    }
    let mut places: HashMap<String, usize> = HashMap::with_capacity(entries.len());
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let place = *places.entry(name(&entry)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(known) => known.1 = entry.1,
            None => kept.push(entry),
        }
    }
    kept
}

fn attachment<'a>(entries: &[(Value, Value)], attachments: &'a [Bytes]) -> Option<&'a Bytes> {
    if attachments.is_empty() {
        return None;
    }
    let entry = |name: &str| entries.iter().find(|(key, _)| key.as_str() == Some(name));
    if entry("_placeholder")?.1 != Value::Boolean(true) {
        return None;
    }
    let num = &entry("num")?.1;
    let num = match num.as_f64() {
        Some(float) if float >= 0.0 && float.fract() == 0.0 => float as usize,
        _ => return None,
    };
    attachments.get(num)
}

/// Builds the value at the start of MessagePack bytes and returns where the next begins.
pub(crate) fn from_msgpack(
    input: &[u8],
    at: usize,
    depth: usize,
) -> Result<(Value, usize), DecodeError> {
    let (head, mut at) = msgpack::head(input, at)?;
    let below = || depth.checked_sub(1).ok_or(DecodeError::TooDeep);
    let value = match head {
        Head::Nil | Head::Undefined => Value::Nil,
        Head::Bool(value) => Value::Boolean(value),
        Head::Unsigned(value) => Value::from(value),
        Head::Signed(value) => Value::from(value),
        Head::Float(value) => Value::F64(value),
        Head::Str(range) => Value::from(&*String::from_utf8_lossy(&input[range])),
        Head::Bin(range) | Head::Ext(0, range) => Value::Binary(input[range].to_vec()),
        Head::Date(millis) => match date::iso(millis) {
            Some(text) => Value::from(text),
            None => Value::Nil,
        },
        Head::Ext(kind, range) => Value::Ext(kind, input[range].to_vec()),
        Head::Array(length) => {
            let below = below()?;
            let mut items = Vec::new();
            for _ in 0..length {
                let (item, next) = from_msgpack(input, at, below)?;
                items.push(item);
                at = next;
            }
            Value::Array(items)
        }
        Head::Map(length) => {
            let below = below()?;
            let mut entries = Vec::new();
            for _ in 0..length {
                let (key, next) = from_msgpack(input, at, below)?;
                let absent = matches!(msgpack::head(input, next)?.0, Head::Undefined);
                let (value, next) = from_msgpack(input, next, below)?;
                at = next;
                if !absent {
                    entries.push((key_name(key), value));
                }
            }
            Value::Map(last_wins(entries))
        }
    };
    Ok((value, at))
}

/// The name that a key gets in JavaScript, where every key is a string.
pub(crate) fn key_name(key: Value) -> Value {
    match key {
        Value::String(_) => key,
        Value::Binary(bytes) => Value::from(&*String::from_utf8_lossy(&bytes)),
        // Printed as text, keys within keys would double in length with every level.
        Value::Array(_) | Value::Map(_) | Value::Ext(..) => Value::from("[object Object]"),
        other => Value::from(other.to_string()),
    }
}

/// How binary data is written where the format has no place for it.
pub(crate) enum Binary<'a> {
    /// As placeholders, the bytes being collected.
    Attach(&'a mut Vec<Bytes>),
    /// As strings of standard base64.
    Base64,
}

/// Appends a value as JSON text.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &Value, binary: &mut Binary<'_>) {
    match value {
        Value::Nil | Value::Ext(..) => out.extend_from_slice(b"null"),
        Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Integer(number) => write!(out, "{number}").expect("a Vec accepts every write"),
        Value::F32(number) => write_float(out, f64::from(*number)),
        Value::F64(number) => write_float(out, *number),
        Value::String(text) => write_string(out, &lossy(text)),
        Value::Binary(bytes) => write_binary(out, bytes, binary),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_json(out, item, binary);
            }
            out.push(b']');
        }
        Value::Map(entries) => {
            out.push(b'{');
            let mut first = true;
            for (key, value) in entries {
                // Next to real attachments, what looks like a placeholder would be taken for one.
                let forged = matches!(binary, Binary::Attach(_))
                    && key.as_str() == Some("_placeholder")
                    && *value == Value::Boolean(true);
                if forged {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                match key {
                    Value::String(text) => write_string(out, &lossy(text)),
                    other => write_string(out, &other.to_string()),
                }
                out.push(b':');
                write_json(out, value, binary);
            }
            out.push(b'}');
        }
    }
}

/// Appends a string as JSON text, with its quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string always fits into a Vec as JSON");
}

fn write_float(out: &mut Vec<u8>, number: f64) {
    // serde_json writes null for what is not finite.
    serde_json::to_writer(out, &number).expect("a number always fits into a Vec as JSON");
}

fn write_binary(out: &mut Vec<u8>, bytes: &[u8], binary: &mut Binary<'_>) {
    match binary {
        Binary::Attach(attachments) => {
            placeholder::write(out, attachments.len());
            attachments.push(Bytes::copy_from_slice(bytes));
        }
        Binary::Base64 => {
            out.push(b'"');
            crate::engine::push_base64(out, bytes);
            out.push(b'"');
        }
    }
}

fn lossy(text: &Utf8String) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text.as_bytes())
}

/// Appends a value as MessagePack.
pub(crate) fn write_msgpack(out: &mut Vec<u8>, value: &Value) {
    rmpv::encode::write_value(out, value).expect("a Vec accepts every write");
}
