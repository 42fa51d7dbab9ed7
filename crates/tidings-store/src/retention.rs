//! How long things are kept.

use std::time::Duration;

/// How long messages and notifications are kept.
///
/// The default keeps everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retention {
    /// Rules for rooms. The first whose pattern matches the name of a room is the one that
    /// counts; a room that none matches keeps everything.
    pub rooms: Vec<RoomRetention>,
    /// For the notifications of each user.
    pub notifications: Keep,
}

impl Retention {
    /// How long a room keeps its messages.
    #[must_use]
    pub fn of_room(&self, name: &str) -> Keep {
        self.rooms
            .iter()
            .find(|it| it.matches(name))
            .map_or(Keep::default(), |it| it.keep)
    }
}

/// How long some rooms keep their messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRetention {
    /// The name of a room, or the beginning of names and an asterisk: `team:*`, or `*` for all.
    pub pattern: String,
    /// How long they keep them.
    pub keep: Keep,
}

impl RoomRetention {
    fn matches(&self, name: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.pattern,
        }
    }
}

/// What is kept of a list: whatever neither bound removes. Only whole beginnings of a list are
/// removed, so that what is left has no holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// How old the oldest may become.
    pub max_age: Option<Duration>,
    /// How many there may be, tombstones included.
    pub max_count: Option<u64>,
}

impl Keep {
    /// Whether nothing is ever removed.
    #[must_use]
    pub const fn everything(self) -> bool {
        self.max_age.is_none() && self.max_count.is_none()
    }
}

/// What trimming removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Messages.
    pub messages: u64,
    /// Notifications.
    pub notifications: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(max_count: u64) -> Keep {
        Keep {
            max_age: None,
            max_count: Some(max_count),
        }
    }

    #[test]
    fn the_first_pattern_that_matches_counts() {
        let rule = |pattern: &str, max_count| RoomRetention {
            pattern: pattern.into(),
            keep: keep(max_count),
        };
        let retention = Retention {
            rooms: vec![rule("team:red", 1), rule("team:*", 2), rule("a*b", 3)],
            notifications: Keep::default(),
        };
        for (room, kept) in [
            ("team:red", keep(1)),
            ("team:redder", keep(2)),
            ("team:", keep(2)),
            ("team", Keep::default()),
            ("a*b", keep(3)),
            ("axb", Keep::default()),
        ] {
            assert_eq!(retention.of_room(room), kept, "{room}");
        }
    }
}
