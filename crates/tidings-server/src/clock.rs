//! The time of day, as it is stored and as it goes over the wire.

use jiff::Timestamp;
use tidings_store::Time;

/// The time now.
pub(crate) fn now() -> Time {
    Time::from_millis(Timestamp::now().as_millisecond())
}

/// RFC 3339, UTC, with milliseconds.
pub(crate) fn rfc3339(time: Time) -> String {
    let time = Timestamp::from_millisecond(time.as_millis()).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_always_written() {
        for (time, written) in [
            (1_785_585_600_000, "2026-08-01T12:00:00.000Z"),
            (1_785_585_600_120, "2026-08-01T12:00:00.120Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(Time::from_millis(time)), written);
        }
    }
}
