//! Sizes in bytes as people write them: `64KiB`, `1MiB`, `1MB`, or a bare number of bytes.

use serde::{Deserialize, Deserializer, Serializer, de};

const ADVICE: &str = "write a size such as 64KiB, 1MiB or 1MB";

/// The units, the greatest first.
const UNITS: [(&str, usize); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// Reads a size.
///
/// # Errors
///
/// With advice, when the text is none, or more bytes than can be counted.
pub(crate) fn parse(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" => Some(1),
        name => UNITS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, bytes)| *bytes),
    };
    number
        .parse()
        .ok()
        .zip(unit)
        .and_then(|(number, unit): (usize, usize)| number.checked_mul(unit))
        .ok_or_else(|| ADVICE.to_owned())
}

/// Writes a size in the greatest unit that it is a multiple of.
pub(crate) fn format(bytes: usize) -> String {
    match UNITS.iter().find(|(_, unit)| bytes.is_multiple_of(*unit)) {
        Some((name, unit)) if bytes > 0 => format!("{}{name}", bytes / unit),
        _ => format!("{bytes}B"),
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
pub(super) fn serialize<S: Serializer>(bytes: &usize, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*bytes))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Bytes(usize),
        Text(String),
    }

    match Written::deserialize(deserializer) {
        Ok(Written::Bytes(bytes)) => Ok(bytes),
        Ok(Written::Text(text)) => parse(&text).map_err(de::Error::custom),
        Err(_) => Err(de::Error::custom(ADVICE)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("64KiB", Some(65_536)),
            ("64 kib", Some(65_536)),
            ("1MB", Some(1_000_000)),
            ("1MiB", Some(1_048_576)),
            ("12", Some(12)),
            ("12B", Some(12)),
            ("0", Some(0)),
            ("1.5MiB", None),
            ("-1", None),
            ("MiB", None),
            ("", None),
            ("1TiBs", None),
            ("99999999999999999999", None),
            ("18446744073709551615KiB", None),
        ] {
            assert_eq!(parse(text).ok(), bytes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes: usize) {
            prop_assert_eq!(parse(&format(bytes)), Ok(bytes));
        }
    }
}
