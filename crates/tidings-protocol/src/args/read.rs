//! Reading arguments as the types of a handler.
//!
//! JSON without attachments goes straight through `serde_json`. Where that refuses what a browser
//! would accept (lone surrogates, `1E400`, equal keys, `1.0` for an integer), and for everything
//! else, the argument becomes a dynamic value first.
use super::dynamic::Dynamic;
use super::{Args, DecodeError, Items, MAX_DEPTH, as_str, json, known, msgpack, value};
use serde::de::value::UnitDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::Error;
use std::ops::Range;

impl Args {
    /// Reads one argument; a missing one reads as nothing where the type allows it.
    ///
    /// # Errors
    ///
    /// When the argument does not fit the type, or is missing.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, DecodeError> {
        if index >= self.count {
            let nothing = UnitDeserializer::<Error>::new();
            return T::deserialize(nothing).map_err(|_| DecodeError::Missing(index));
        }
        match &self.items {
            Items::Json { text, attachments } => {
                let text = as_str(text);
                let range = json::items(text.as_bytes()).nth(index);
                let raw = &text[range.ok_or(DecodeError::Malformed)?];
                let dynamic = || value::from_json(raw, known(attachments));
                if attachments.is_some() {
                    return Ok(T::deserialize(Dynamic(dynamic()?))?);
                }
                serde_json::from_str(raw).or_else(|error| {
                    T::deserialize(Dynamic(dynamic()?)).map_err(|_| DecodeError::from(error))
                })
            }
            Items::MessagePack(items) => {
                let range = msgpack::items(items)
                    .nth(index)
                    .ok_or(DecodeError::Malformed)?;
                let (value, _) = value::from_msgpack(items, range.start, MAX_DEPTH)?;
                Ok(T::deserialize(Dynamic(value))?)
            }
        }
    }

    /// Reads the whole list as a tuple or sequence. As with a function in JavaScript, a tuple takes
    /// missing arguments as nothing and leaves out those that are too many.
    ///
    /// # Errors
    ///
    /// When the arguments do not fit the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let straight = match &self.items {
            Items::Json {
                text,
                attachments: None,
            } => {
                let text = as_str(text);
                let ranges = json::items(text.as_bytes());
                match T::deserialize(List {
                    items: Straight { text, ranges },
                }) {
                    Ok(value) => return Ok(value),
                    Err(error) => Some(error),
                }
            }
            _ => None,
        };
        let values = self.to_values()?.into_iter();
        T::deserialize(List {
            items: Dynamics(values),
        })
        .map_err(|error| DecodeError::from(straight.unwrap_or(error)))
    }
}

/// The arguments one after the other, in either way of reading them.
trait Next<'de> {
    /// Reads the next argument, or returns the seed if there is none.
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Result<S::Value, S>, Error>;
}

struct Straight<'de, I> {
    text: &'de str,
    ranges: I,
}

impl<'de, I: Iterator<Item = Range<usize>>> Next<'de> for Straight<'de, I> {
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Result<S::Value, S>, Error> {
        let Some(range) = self.ranges.next() else {
            return Ok(Err(seed));
        };
        let text: &'de str = &self.text[range];
        seed.deserialize(&mut serde_json::Deserializer::from_str(text))
            .map(Ok)
    }
}

struct Dynamics(std::vec::IntoIter<rmpv::Value>);

impl<'de> Next<'de> for Dynamics {
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Result<S::Value, S>, Error> {
        match self.0.next() {
            Some(value) => seed.deserialize(Dynamic(value)).map(Ok),
            None => Ok(Err(seed)),
        }
    }
}

struct List<N> {
    items: N,
}

impl<'de, N: Next<'de>> Deserializer<'de> for List<N> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements {
            items: self.items,
            wanted: None,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements {
            items: self.items,
            wanted: Some(length),
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct seq map struct enum identifier ignored_any
    }
}

struct Elements<N> {
    items: N,
    /// How many elements a tuple still takes; sequences take what there is.
    wanted: Option<usize>,
}

impl<'de, N: Next<'de>> SeqAccess<'de> for Elements<N> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if let Some(wanted) = &mut self.wanted {
            let Some(left) = wanted.checked_sub(1) else {
                return Ok(None);
            };
            *wanted = left;
        }
        match (self.items.next(seed)?, self.wanted) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(seed), Some(_)) => seed.deserialize(UnitDeserializer::new()).map(Some),
            (Err(_), None) => Ok(None),
        }
    }
}
