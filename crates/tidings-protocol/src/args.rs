//! The arguments of an event or acknowledgement, kept as they came.
//!
//! A server mostly passes on what it received, so arguments stay in the encoding of their sender:
//! JSON text with its attachments, or MessagePack. They are parsed only when a handler asks for a
//! value, and converted only when a receiver speaks the other encoding. Cloning is cheap.
mod date;
mod json;
mod msgpack;
mod placeholder;
mod value;

use bytes::{BufMut, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::de::value::UnitDeserializer;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use value::Binary;

pub(crate) use json::{Fault as JsonFault, entries, skip_space, unescape, walk, walk_all};
pub(crate) use msgpack::{Fault as MsgpackFault, Head, head, skip};
pub(crate) use placeholder::find_checked;
pub(crate) use value::write_string as write_json_string;

/// The deepest nesting that values may have, whatever a decoder is told to allow.
pub const MAX_DEPTH: usize = json::MAX_DEPTH;

/// The arguments of an event or acknowledgement.
#[derive(Clone, Debug, Default)]
pub struct Args {
    items: Items,
    count: usize,
}

#[derive(Clone, Debug)]
enum Items {
    Json {
        /// Valid JSON values joined by commas, without brackets.
        text: Bytes,
        /// What the placeholders in the text stand for.
        attachments: Option<Arc<Vec<Bytes>>>,
    },
    /// Valid values back to back.
    MessagePack(Bytes),
}

impl Default for Items {
    fn default() -> Self {
        Self::Json {
            text: Bytes::new(),
            attachments: None,
        }
    }
}

/// Why a value cannot become an argument.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value has no form in JSON, or its own serialisation failed.
    #[error("the value cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The arguments that it should join cannot be converted.
    #[error(transparent)]
    Convert(#[from] DecodeError),
    /// An ordinary object with `"_placeholder": true` would be taken for one of the attachments.
    #[error("an object looks like a placeholder and stands next to binary data")]
    Placeholder,
}

/// Why an argument cannot be read as the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are fewer arguments, and the type has no value for nothing.
    #[error("argument {0} is missing")]
    Missing(usize),
    /// The JSON value does not fit the type.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The value does not fit the type.
    #[error("{0}")]
    Value(#[from] rmpv::ext::Error),
    /// The bytes are not valid in their encoding.
    #[error("malformed argument")]
    Malformed,
    /// The value nests more deeply than [`MAX_DEPTH`].
    #[error("argument is nested too deeply")]
    TooDeep,
}

impl From<json::Fault> for DecodeError {
    fn from(fault: json::Fault) -> Self {
        match fault {
            json::Fault::Syntax => Self::Malformed,
            json::Fault::TooDeep => Self::TooDeep,
        }
    }
}

impl From<msgpack::Fault> for DecodeError {
    fn from(fault: msgpack::Fault) -> Self {
        match fault {
            msgpack::Fault::Syntax => Self::Malformed,
            msgpack::Fault::TooDeep => Self::TooDeep,
        }
    }
}

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// One argument.
    ///
    /// # Errors
    ///
    /// As [`Args::push`].
    pub fn one<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let mut args = Self::new();
        args.push(value)?;
        Ok(args)
    }

    /// Takes items joined by commas, which the caller has checked.
    pub(crate) fn from_json(text: Bytes, attachments: Vec<Bytes>, count: usize) -> Self {
        let attachments = (!attachments.is_empty()).then(|| Arc::new(attachments));
        Self {
            items: Items::Json { text, attachments },
            count,
        }
    }

    /// Takes values back to back, which the caller has checked.
    pub(crate) fn from_msgpack(items: Bytes, count: usize) -> Self {
        Self {
            items: Items::MessagePack(items),
            count,
        }
    }

    /// Appends one argument; byte strings inside it become attachments.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON, or when it holds binary data together with an
    /// object that looks like a placeholder. The arguments are unchanged then.
    pub fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let mut formatter = Attach {
            attachments: Vec::new(),
        };
        let mut out = BytesMut::new().writer();
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, &mut formatter);
        value.serialize(&mut serializer)?;
        let text = out.into_inner().freeze();
        if !formatter.attachments.is_empty() {
            let found = placeholder::find(as_str(&text)).len();
            if found != formatter.attachments.len() {
                return Err(EncodeError::Placeholder);
            }
        }
        self.extend(&Self::from_json(text, formatter.attachments, 1))
    }

    /// Appends the arguments of another list, converted to the encoding of this one.
    ///
    /// # Errors
    ///
    /// When the other list cannot be converted, or when an ordinary object of one list would become
    /// a placeholder for the attachments of the other. The arguments are unchanged then.
    pub fn extend(&mut self, other: &Args) -> Result<(), EncodeError> {
        if self.is_empty() {
            *self = other.clone();
            return Ok(());
        }
        if other.is_empty() {
            return Ok(());
        }
        match &mut self.items {
            Items::MessagePack(items) => append(items, b"", &other.to_msgpack()?),
            Items::Json { text, attachments } => {
                let (more, added) = other.to_json()?;
                let known = attachments.as_ref().map_or(0, |known| known.len());
                let forged = (known == 0 && !added.is_empty() && has_placeholder(as_str(text)))
                    || (known > 0 && added.is_empty() && has_placeholder(&more));
                if forged {
                    return Err(EncodeError::Placeholder);
                }
                if known > 0 && !added.is_empty() {
                    let more = placeholder::rewrite(&more, |out, num| {
                        placeholder::write(out, known + num.unwrap_or(0));
                    });
                    append(text, b",", &more);
                } else {
                    append(text, b",", more.as_bytes());
                }
                if !added.is_empty() {
                    let all = attachments.get_or_insert_default();
                    Arc::make_mut(all).extend_from_slice(&added);
                }
            }
        }
        self.count += other.count;
        Ok(())
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether any argument is or contains binary data.
    pub fn has_binary(&self) -> bool {
        match &self.items {
            Items::Json { attachments, .. } => attachments.is_some(),
            Items::MessagePack(items) => msgpack::has_binary(items),
        }
    }

    /// Reads one argument; a missing one reads as nothing where the type allows it.
    ///
    /// # Errors
    ///
    /// When the argument does not fit the type, or is missing.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, DecodeError> {
        match &self.items {
            _ if index >= self.count => {
                let nothing = UnitDeserializer::<serde_json::Error>::new();
                T::deserialize(nothing).map_err(|_| DecodeError::Missing(index))
            }
            Items::Json {
                text,
                attachments: None,
            } => {
                let text = as_str(text);
                let range = json::items(text.as_bytes()).nth(index);
                let raw = &text[range.ok_or(DecodeError::Malformed)?];
                serde_json::from_str(raw).or_else(|error| {
                    let value = value::from_json(raw, &[])?;
                    rmpv::ext::from_value(value).map_err(|_| DecodeError::Json(error))
                })
            }
            _ => {
                let value = self.value(index)?;
                Ok(rmpv::ext::from_value(value)?)
            }
        }
    }

    /// Reads the whole list as a tuple or sequence.
    ///
    /// # Errors
    ///
    /// When the arguments do not fit the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        Ok(rmpv::ext::from_value(rmpv::Value::Array(
            self.to_values()?,
        ))?)
    }

    /// The raw text of the first argument, if this is JSON without attachments.
    pub fn first_json(&self) -> Option<&str> {
        match &self.items {
            Items::Json {
                text,
                attachments: None,
            } => {
                let text = as_str(text);
                Some(&text[json::items(text.as_bytes()).next()?])
            }
            _ => None,
        }
    }

    /// Reads all arguments as dynamic values; binary data is [`rmpv::Value::Binary`], dates are
    /// strings, and `undefined` is nil in arrays and absent from maps.
    ///
    /// # Errors
    ///
    /// When an argument nests more deeply than [`MAX_DEPTH`].
    pub fn to_values(&self) -> Result<Vec<rmpv::Value>, DecodeError> {
        match &self.items {
            Items::Json { text, attachments } => {
                let text = as_str(text);
                let attachments = attachments.as_deref().map_or(&[][..], Vec::as_slice);
                json::items(text.as_bytes())
                    .map(|range| value::from_json(&text[range], attachments))
                    .collect()
            }
            Items::MessagePack(items) => {
                let mut values = Vec::new();
                let mut at = 0;
                while at < items.len() {
                    let (value, next) = value::from_msgpack(items, at, MAX_DEPTH)?;
                    values.push(value);
                    at = next;
                }
                Ok(values)
            }
        }
    }

    /// The arguments as JSON text, joined by commas, and the attachments of its placeholders.
    ///
    /// In arguments that come from MessagePack and hold binary data, an ordinary object that looks
    /// like a placeholder loses its `_placeholder` entry, as receivers would stumble over it.
    ///
    /// # Errors
    ///
    /// When an argument nests more deeply than [`MAX_DEPTH`].
    pub fn to_json(&self) -> Result<(Cow<'_, str>, Cow<'_, [Bytes]>), DecodeError> {
        if let Items::Json { text, attachments } = &self.items {
            let attachments = attachments.as_deref().map_or(&[][..], Vec::as_slice);
            return Ok((Cow::Borrowed(as_str(text)), Cow::Borrowed(attachments)));
        }
        let mut attachments = Vec::new();
        let mut binary = if self.has_binary() {
            Binary::Attach(&mut attachments)
        } else {
            Binary::Base64
        };
        let text = self.print(&mut binary)?;
        Ok((Cow::Owned(text), Cow::Owned(attachments)))
    }

    /// The arguments as JSON text, joined by commas, with binary data as strings of base64.
    ///
    /// # Errors
    ///
    /// When an argument nests more deeply than [`MAX_DEPTH`].
    pub fn to_json_base64(&self) -> Result<Cow<'_, str>, DecodeError> {
        match &self.items {
            Items::Json {
                text,
                attachments: None,
            } => Ok(Cow::Borrowed(as_str(text))),
            _ => Ok(Cow::Owned(self.print(&mut Binary::Base64)?)),
        }
    }

    /// The arguments as MessagePack, back to back.
    ///
    /// # Errors
    ///
    /// When an argument nests more deeply than [`MAX_DEPTH`].
    pub fn to_msgpack(&self) -> Result<Cow<'_, [u8]>, DecodeError> {
        if let Items::MessagePack(items) = &self.items {
            return Ok(Cow::Borrowed(items));
        }
        let mut out = Vec::new();
        for value in self.to_values()? {
            value::write_msgpack(&mut out, &value);
        }
        Ok(Cow::Owned(out))
    }

    /// The first argument, and all after it.
    pub fn split_first(&self) -> Option<(Args, Args)> {
        (!self.is_empty()).then(|| (self.slice(..1), self.slice(1..)))
    }

    /// All arguments but the last.
    pub fn without_last(&self) -> Args {
        self.slice(..self.count.saturating_sub(1))
    }

    /// Some of the arguments with the attachments that belong to them; what lies beyond the end is
    /// left out.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Args {
        let from = match range.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(to) => *to,
            Bound::Unbounded => self.count,
        };
        let to = to.min(self.count);
        if from >= to {
            return Self::new();
        }
        let count = to - from;
        if count == self.count {
            return self.clone();
        }
        let (Items::Json { text: bytes, .. } | Items::MessagePack(bytes)) = &self.items;
        let part = |ranges: &mut dyn Iterator<Item = std::ops::Range<usize>>| {
            let start = ranges.nth(from).map_or(0..0, |range| range);
            let end = if count > 1 {
                ranges.nth(count - 2)
            } else {
                None
            };
            bytes.slice(start.start..end.map_or(start.end, |range| range.end))
        };
        match &self.items {
            Items::MessagePack(items) => {
                Self::from_msgpack(part(&mut msgpack::items(items)), count)
            }
            Items::Json {
                text,
                attachments: None,
            } => Self::from_json(part(&mut json::items(text)), Vec::new(), count),
            Items::Json {
                text,
                attachments: Some(attachments),
            } => {
                let part = part(&mut json::items(text));
                let (text, kept) = placeholder::renumber(as_str(&part), attachments);
                Self::from_json(text.into(), kept, count)
            }
        }
    }

    fn value(&self, index: usize) -> Result<rmpv::Value, DecodeError> {
        match &self.items {
            Items::Json { text, attachments } => {
                let text = as_str(text);
                let attachments = attachments.as_deref().map_or(&[][..], Vec::as_slice);
                let range = json::items(text.as_bytes()).nth(index);
                value::from_json(&text[range.ok_or(DecodeError::Malformed)?], attachments)
            }
            Items::MessagePack(items) => {
                let range = msgpack::items(items)
                    .nth(index)
                    .ok_or(DecodeError::Malformed)?;
                Ok(value::from_msgpack(items, range.start, MAX_DEPTH)?.0)
            }
        }
    }

    fn print(&self, binary: &mut Binary<'_>) -> Result<String, DecodeError> {
        let mut out = Vec::new();
        for (index, value) in self.to_values()?.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            value::write_json(&mut out, value, binary);
        }
        String::from_utf8(out).map_err(|_| DecodeError::Malformed)
    }
}

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.to_values().map_err(serde::ser::Error::custom)?;
        serializer.collect_seq(values)
    }
}

/// Builds [`Args`](crate::args::Args) from values, each taken by reference.
///
/// The result is a `Result`, as a value may fail to serialise.
#[macro_export]
macro_rules! args {
    () => {
        ::core::result::Result::<_, $crate::args::EncodeError>::Ok($crate::args::Args::new())
    };
    ($($value:expr),+ $(,)?) => {{
        let mut args = $crate::args::Args::new();
        let mut result = ::core::result::Result::<(), $crate::args::EncodeError>::Ok(());
        $(
            if result.is_ok() {
                result = args.push(&$value);
            }
        )+
        result.map(|()| args)
    }};
}

/// Collects byte strings and writes placeholders in their stead.
struct Attach {
    attachments: Vec<Bytes>,
}

impl serde_json::ser::Formatter for &mut Attach {
    fn write_byte_array<W>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut text = Vec::new();
        placeholder::write(&mut text, self.attachments.len());
        self.attachments.push(Bytes::copy_from_slice(value));
        writer.write_all(&text)
    }
}

/// Counts checked items joined by commas.
pub(crate) fn count_items(items: &str) -> usize {
    json::items(items.as_bytes()).count()
}

/// Prints one MessagePack value as JSON text, with binary data as strings of base64.
pub(crate) fn msgpack_to_raw(input: &[u8]) -> Result<Box<RawValue>, DecodeError> {
    let (value, _) = value::from_msgpack(input, 0, MAX_DEPTH)?;
    let mut out = Vec::new();
    value::write_json(&mut out, &value, &mut Binary::Base64);
    let text = String::from_utf8(out).map_err(|_| DecodeError::Malformed)?;
    Ok(RawValue::from_string(text)?)
}

/// Writes JSON text as one MessagePack value.
pub(crate) fn raw_to_msgpack(raw: &RawValue) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    value::write_msgpack(&mut out, &value::from_json(raw.get(), &[])?);
    Ok(out)
}

fn has_placeholder(text: &str) -> bool {
    !placeholder::find(text).is_empty()
}

/// Appends to bytes that may be shared, in place when they are not.
fn append(bytes: &mut Bytes, separator: &[u8], more: &[u8]) {
    let mut grown = match std::mem::take(bytes).try_into_mut() {
        Ok(own) => own,
        Err(shared) => BytesMut::from(&shared[..]),
    };
    grown.extend_from_slice(separator);
    grown.extend_from_slice(more);
    *bytes = grown.freeze();
}

fn as_str(text: &[u8]) -> &str {
    simdutf8::basic::from_utf8(text).expect("the text was UTF-8 when it was taken")
}
