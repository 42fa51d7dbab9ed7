//! Whole numbers as JSON has them, in which 22 and 22.0 are the same, and some languages write the
//! latter.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// The highest number that every language reads without loss.
pub(super) const MAX: u64 = (1 << 53) - 1;

/// Reads a whole number that may not be there.
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    deserializer.deserialize_option(Whole(PhantomData))
}

struct Whole<T>(PhantomData<T>);

impl<'de, T: TryFrom<u64>> Visitor<'de> for Whole<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let too_large = |_| E::invalid_value(Unexpected::Unsigned(value), &"a smaller number");
        T::try_from(value).map(Some).map_err(too_large)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "numbers up to MAX have no loss, and others are not taken"
        )]
        if value.fract() == 0.0 && (0.0..=MAX as f64).contains(&value) {
            return self.visit_u64(value as u64);
        }
        Err(E::invalid_type(Unexpected::Float(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Data {
        #[serde(default, deserialize_with = "super::optional")]
        n: Option<u16>,
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for (json, read) in [
            ("{}", Some(None)),
            (r#"{"n": null}"#, Some(None)),
            (r#"{"n": 7}"#, Some(Some(7))),
            (r#"{"n": 7.0}"#, Some(Some(7))),
            (r#"{"n": 7e1}"#, Some(Some(70))),
            (r#"{"n": 7.5}"#, None),
            (r#"{"n": -7}"#, None),
            (r#"{"n": -7.0}"#, None),
            (r#"{"n": 65536}"#, None),
            (r#"{"n": 1e300}"#, None),
            (r#"{"n": "7"}"#, None),
        ] {
            let found = serde_json::from_str::<Data>(json).ok().map(|it| it.n);
            assert_eq!(found, read, "{json}");
        }
    }
}
