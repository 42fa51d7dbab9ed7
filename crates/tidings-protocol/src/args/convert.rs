//! Arguments as dynamic values, and in the encoding that they do not have.
use super::value::{self, Binary};
use super::{Args, DecodeError, Items, MAX_DEPTH, as_str, json, known};
use bytes::Bytes;
use rmpv::Value;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

impl Args {
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
    pub fn to_values(&self) -> Result<Vec<Value>, DecodeError> {
        match &self.items {
            Items::Json { text, attachments } => {
                let text = as_str(text);
                json::items(text.as_bytes())
                    .map(|range| value::from_json(&text[range], known(attachments)))
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
            return Ok((
                Cow::Borrowed(as_str(text)),
                Cow::Borrowed(known(attachments)),
            ));
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
