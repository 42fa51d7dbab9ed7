//! One field of an object argument, taken out as it came.
use super::value::{self, key_name};
use super::{Args, DecodeError, Items, MAX_DEPTH, as_str, json, known, msgpack, placeholder};
use std::borrow::Cow;
use std::ops::Range;

impl Args {
    /// The value of one field of an argument that is an object, with the attachments that belong
    /// to it, as the only argument of a list. The value is not parsed. Of fields with equal keys
    /// it is the last, as in JavaScript.
    ///
    /// `None` when there is no such argument or field, and when the argument is no object.
    ///
    /// # Errors
    ///
    /// When the argument nests more deeply than [`MAX_DEPTH`].
    pub fn pluck(&self, index: usize, key: &str) -> Result<Option<Args>, DecodeError> {
        match &self.items {
            Items::Json { text, attachments } => {
                let Some(range) = json::items(text).nth(index) else {
                    return Ok(None);
                };
                let bytes = text.slice(range);
                let text = as_str(&bytes);
                let Some(field) = json_field(text, key)? else {
                    return Ok(None);
                };
                let attachments = known(attachments);
                if attachments.is_empty() {
                    return Ok(Some(Self::from_json(bytes.slice(field), Vec::new(), 1)));
                }
                // What stands for binary data is no object.
                if let [whole] = &*placeholder::find(text)
                    && whole.range == (0..text.len())
                {
                    return Ok(None);
                }
                let (text, kept) = placeholder::renumber(&text[field], attachments);
                Ok(Some(Self::from_json(text.into(), kept, 1)))
            }
            Items::MessagePack(items) => {
                let Some(range) = msgpack::items(items).nth(index) else {
                    return Ok(None);
                };
                let field = msgpack_field(items, range.start, key)?;
                Ok(field.map(|field| Self::from_msgpack(items.slice(field), 1)))
            }
        }
    }
}

fn json_field(text: &str, key: &str) -> Result<Option<Range<usize>>, DecodeError> {
    if !text.starts_with('{') {
        return Ok(None);
    }
    let mut found = None;
    json::entries(text.as_bytes(), MAX_DEPTH, |name, value| {
        if json::unescape(&text[name]) == key {
            found = Some(value);
        }
    })?;
    Ok(found)
}

fn msgpack_field(input: &[u8], at: usize, key: &str) -> Result<Option<Range<usize>>, DecodeError> {
    let (msgpack::Head::Map(length), mut at) = msgpack::head(input, at)? else {
        return Ok(None);
    };
    let mut found = None;
    for _ in 0..length {
        let (head, after) = msgpack::head(input, at)?;
        let (name, start) = match head {
            msgpack::Head::Str(range) => (String::from_utf8_lossy(&input[range]), after),
            _ => {
                let (name, after) = value::from_msgpack(input, at, MAX_DEPTH)?;
                let name = key_name(name).as_str().unwrap_or_default().to_owned();
                (Cow::Owned(name), after)
            }
        };
        at = msgpack::skip(input, start, MAX_DEPTH)?;
        // What is undefined is not there, as when the whole argument is read.
        let absent = matches!(msgpack::head(input, start)?.0, msgpack::Head::Undefined);
        if name == key && !absent {
            found = Some(start..at);
        }
    }
    Ok(found)
}
