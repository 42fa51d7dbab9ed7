//! The time of day, as it goes over the wire.

use jiff::Timestamp;

/// The time now: RFC 3339, UTC, with milliseconds.
pub(crate) fn now() -> String {
    rfc3339(Timestamp::now())
}

fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_always_written() {
        for (time, written) in [
            ("2026-08-01T12:00:00Z", "2026-08-01T12:00:00.000Z"),
            ("2026-08-01T12:00:00.0009Z", "2026-08-01T12:00:00.000Z"),
            ("2026-08-01T14:00:00.12+02:00", "2026-08-01T12:00:00.120Z"),
        ] {
            assert_eq!(rfc3339(time.parse().unwrap()), written);
        }
    }
}
