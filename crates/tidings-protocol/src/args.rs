//! The arguments of an event or acknowledgement, kept as they came.
//!
//! A server mostly passes on what it received, so arguments stay in the encoding of their sender:
//! JSON text with its attachments, or MessagePack. They are parsed only when a handler asks for a
//! value, and converted only when a receiver speaks the other encoding. Cloning is cheap.
mod convert;
mod date;
mod dynamic;
mod error;
mod json;
mod keep;
mod msgpack;
mod placeholder;
mod pluck;
mod read;
mod value;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

pub use error::{DecodeError, EncodeError};

pub(crate) use convert::{msgpack_to_raw, raw_to_msgpack};
pub(crate) use json::{Fault as JsonFault, Visitor, entries, skip_space, unescape, walk_all};
pub(crate) use msgpack::{Fault as MsgpackFault, Head, head, skip};
pub(crate) use placeholder::Finder;
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
    /// When the value cannot be written as JSON or nests more deeply than [`MAX_DEPTH`], or when it
    /// holds binary data together with an object that looks like a placeholder. The arguments are unchanged then.
    pub fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let mut formatter = Attach::default();
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
                let known = known(attachments).len();
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

    /// Bytes of the arguments in the encoding that they are kept in, binary data not counted.
    pub fn byte_len(&self) -> usize {
        match &self.items {
            Items::Json { text, .. } => text.len(),
            Items::MessagePack(items) => items.len() - msgpack::binary_bytes(items),
        }
    }

    /// Bytes of the binary data in the arguments.
    pub fn attachment_bytes(&self) -> usize {
        match &self.items {
            Items::Json { attachments, .. } => known(attachments).iter().map(Bytes::len).sum(),
            Items::MessagePack(items) => msgpack::binary_bytes(items),
        }
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
        let part = |ranges: &mut dyn Iterator<Item = Range<usize>>| {
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

/// Collects byte strings, writes placeholders in their stead, and limits the nesting.
#[derive(Default)]
struct Attach {
    attachments: Vec<Bytes>,
    depth: usize,
}

impl Attach {
    fn open(&mut self) -> io::Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(io::Error::other(json::Fault::TooDeep));
        }
        self.depth += 1;
        Ok(())
    }
}

impl serde_json::ser::Formatter for &mut Attach {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open()?;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open()?;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        json::walk_all(fragment.as_bytes(), MAX_DEPTH - self.depth, &mut ())
            .map_err(io::Error::other)?;
        writer.write_all(fragment.as_bytes())
    }

    fn write_byte_array<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        value: &[u8],
    ) -> io::Result<()> {
        // The object that stands for the bytes is one level more.
        self.open()?;
        self.depth -= 1;
        let mut text = Vec::new();
        placeholder::write(&mut text, self.attachments.len());
        self.attachments.push(Bytes::copy_from_slice(value));
        writer.write_all(&text)
    }
}

/// The attachments as a slice, empty when there are none.
fn known(attachments: &Option<Arc<Vec<Bytes>>>) -> &[Bytes] {
    attachments.as_deref().map_or(&[], Vec::as_slice)
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
