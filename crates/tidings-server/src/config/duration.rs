//! Durations as people write them: `30s`, `5m`, `1h 30m`, `7d`. A bare number is refused, since
//! nobody can tell its unit by looking at it.

use std::time::Duration;

use jiff::{SpanRelativeTo, fmt::friendly::SpanParser};
use serde::{Deserialize, Deserializer, Serializer, de};

static PARSER: SpanParser = SpanParser::new();

const ADVICE: &str = "write a duration such as 500ms, 30s, 5m, 2h or 7d";

/// Reads a duration; a day has 24 hours.
///
/// # Errors
///
/// With advice, when the text is none, or it is negative.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    PARSER
        .parse_span(text)
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .and_then(Duration::try_from)
        .map_err(|_| ADVICE.to_owned())
}

/// Writes a duration in the greatest unit that it is a multiple of.
pub(crate) fn format(duration: Duration) -> String {
    const UNITS: [(u128, &str); 6] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    let nanoseconds = duration.as_nanos();
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    UNITS
        .iter()
        .find(|(unit, _)| nanoseconds.is_multiple_of(*unit))
        .map_or_else(
            || format!("{nanoseconds}ns"),
            |(unit, name)| format!("{}{name}", nanoseconds / unit),
        )
}

pub(super) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer).map_err(|_| de::Error::custom(ADVICE))?;
    parse(&text).map_err(de::Error::custom)
}

/// The same where there may be none.
pub(super) mod optional {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("30s", Some(30.0)),
            ("5m", Some(300.0)),
            ("1h 30m", Some(5400.0)),
            ("7d", Some(604_800.0)),
            ("2 weeks", Some(1_209_600.0)),
            ("250ms", Some(0.25)),
            ("0s", Some(0.0)),
            ("30", None),
            ("-30s", None),
            ("30s ago", None),
            ("1 month", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999s", None),
        ] {
            let read = parse(text).ok().map(|it| it.as_secs_f64());
            assert_eq!(read, seconds, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(milliseconds in 0..10_000_000_000_u64) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
