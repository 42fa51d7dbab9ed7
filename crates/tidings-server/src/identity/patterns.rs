//! Patterns of room names: `lobby` is that room, `team:*` all whose names begin so, `*` all.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

use crate::names::RoomId;

/// A pattern. The star stands at the end only, so that one look at a pattern says what it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// This room.
    Exact(Box<str>),
    /// All rooms whose names begin so; `*` is all rooms.
    Prefix(Box<str>),
}

impl Pattern {
    /// Whether a room is meant.
    pub(crate) fn matches(&self, room: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *room,
            Self::Prefix(prefix) => room.starts_with(&**prefix),
        }
    }

    /// Whether all rooms that the other one means are meant.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(name)) => self.matches(name),
            (Self::Prefix(prefix), Self::Prefix(longer)) => longer.starts_with(&**prefix),
            (Self::Exact(_), Self::Prefix(_)) => false,
        }
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, prefix) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err(format!(
                "{text:?}: a * stands only at the end, as in team:*"
            ));
        }
        if name.len() > RoomId::MAX_BYTES {
            let max = RoomId::MAX_BYTES;
            return Err(format!(
                "a pattern is longer than {max} bytes, as no room's name is"
            ));
        }
        if name.chars().any(char::is_control) || (!prefix && name.trim().is_empty()) {
            return Err(format!(
                "{text:?} is no room's name, nor the beginning of one"
            ));
        }
        Ok(if prefix {
            Self::Prefix(name.into())
        } else {
            Self::Exact(name.into())
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Some patterns, which together mean what any of them means. There are never more than
/// [`MAX`](Self::MAX).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Patterns(Vec<Pattern>);

impl Patterns {
    /// The most that one list may have.
    pub(crate) const MAX: usize = 256;

    /// Every room.
    pub(crate) fn all() -> Self {
        Self(vec![Pattern::Prefix("".into())])
    }

    /// Whether a room is meant by any of them.
    pub(crate) fn matches(&self, room: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(room))
    }

    /// The rooms that are named one by one.
    pub(crate) fn exact(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|pattern| match pattern {
            Pattern::Exact(name) => Some(&**name),
            Pattern::Prefix(_) => None,
        })
    }

    /// Whether there is none, so that no room is meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Pattern>> for Patterns {
    fn from(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Patterns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    "a list of at most {} room names or patterns",
                    Patterns::MAX
                )
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Patterns, A::Error> {
                let mut patterns = Vec::new();
                while let Some(pattern) = list.next_element()? {
                    if patterns.len() == Patterns::MAX {
                        return Err(de::Error::invalid_length(Patterns::MAX + 1, &self));
                    }
                    patterns.push(pattern);
                }
                Ok(Patterns(patterns))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(list: &[&str]) -> Patterns {
        serde_json::from_value(list.into()).unwrap()
    }

    #[test]
    fn rooms_are_matched() {
        for (list, room, matched) in [
            (&["lobby"][..], "lobby", true),
            (&["lobby"], "lobby2", false),
            (&["lobby"], "Lobby", false),
            (&["team:*"], "team:a", true),
            (&["team:*"], "team:", true),
            (&["team:*"], "team", false),
            (&["team:*"], "my-team:a", false),
            (&["a", "b*"], "bc", true),
            (&["*"], "anything", true),
            (&[], "lobby", false),
        ] {
            assert_eq!(patterns(list).matches(room), matched, "{list:?} {room}");
        }
        assert!(Patterns::all().matches("x"));
        assert!(patterns(&[]).is_empty());
    }

    #[test]
    fn what_is_unclear_is_refused() {
        let long = "x".repeat(256);
        for text in [
            "",
            " ",
            "a*b",
            "**",
            "a\nb",
            "\n*",
            &long,
            &format!("{long}*"),
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
        assert!("x".repeat(255).parse::<Pattern>().is_ok());
        let many = |count| serde_json::from_value::<Patterns>(vec!["a"; count].into());
        assert!(many(256).is_ok());
        assert!(many(257).unwrap_err().to_string().contains("at most 256"));
        assert!(serde_json::from_str::<Patterns>("\"*\"").is_err());
    }

    proptest! {
        #[test]
        fn what_is_covered_matches_nothing_more(
            a in "[ab]{0,3}[*]?", b in "[ab]{0,3}[*]?", room in "[ab]{1,5}",
        ) {
            if let (Ok(a), Ok(b)) = (a.parse::<Pattern>(), b.parse::<Pattern>()) {
                prop_assert_eq!(a.to_string().parse::<Pattern>(), Ok(a.clone()));
                if a.covers(&b) && b.matches(&room) {
                    prop_assert!(a.matches(&room));
                }
            }
        }
    }
}
