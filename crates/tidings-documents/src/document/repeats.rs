//! What is remembered of operations, so that one that is sent again is known.
//!
//! The latest of each author are remembered, and of those that were forgotten the highest
//! version. An operation of an unknown name that was made against a version before that might be
//! one of them, so nobody can say that it is new.

use std::{collections::VecDeque, sync::Arc};

use rustc_hash::FxHashMap;

use crate::Limits;

/// What came of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The version that it was applied to.
    pub(crate) before: u64,
    /// The version of the text with it; the same if nothing was left of it to do.
    pub(crate) version: u64,
}

/// The operations of one author.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    pub(crate) latest: VecDeque<(Arc<str>, Outcome)>,
    /// The highest version of those that were forgotten.
    pub(crate) forgotten: u64,
}

/// The latest operations of the latest authors.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    pub(crate) authors: FxHashMap<Arc<str>, Operations>,
    /// The highest version of any operation of the authors that were forgotten.
    pub(crate) forgotten: u64,
}

impl Repeats {
    /// What came of an operation, if it is remembered.
    pub(crate) fn find(&self, author: &str, id: &str) -> Option<Outcome> {
        let latest = &self.authors.get(author)?.latest;
        // From the back, since it is mostly the last one that is sent again.
        let found = latest.iter().rev().find(|(it, _)| **it == *id);
        found.map(|(_, outcome)| *outcome)
    }

    /// Whether an operation of that author, made against that version, may have been forgotten.
    pub(crate) fn may_have_forgotten(&self, author: &str, base: u64) -> bool {
        let forgotten = self.authors.get(author).map(|it| it.forgotten);
        base < forgotten.unwrap_or(self.forgotten)
    }

    /// Remembers what came of an operation.
    pub(crate) fn remember(
        &mut self,
        author: &Arc<str>,
        id: Arc<str>,
        outcome: Outcome,
        limits: &Limits,
    ) {
        if !self.authors.contains_key(author) {
            if self.authors.len() >= limits.authors {
                self.forget_an_author();
            }
            // Whether this author was forgotten before, nobody remembers.
            let operations = Operations {
                latest: VecDeque::new(),
                forgotten: self.forgotten,
            };
            self.authors.insert(Arc::clone(author), operations);
        }
        if let Some(operations) = self.authors.get_mut(author) {
            operations.latest.push_back((id, outcome));
            if operations.latest.len() > limits.operations_per_author
                && let Some((_, oldest)) = operations.latest.pop_front()
            {
                operations.forgotten = operations.forgotten.max(oldest.version);
            }
        }
    }

    /// Forgets whoever has not done anything for longest.
    fn forget_an_author(&mut self) {
        let last = |it: &Operations| it.latest.back().map_or(it.forgotten, |last| last.1.version);
        let idle = self.authors.iter().min_by_key(|(_, it)| last(it));
        let Some(author) = idle.map(|(author, _)| Arc::clone(author)) else {
            return;
        };
        if let Some(operations) = self.authors.remove(&author) {
            self.forgotten = self.forgotten.max(last(&operations));
        }
    }

    /// Bytes that it takes, roughly.
    pub(crate) fn memory_bytes(&self) -> usize {
        let operation = size_of::<(Arc<str>, Outcome)>() + 32;
        let latest: usize = self.authors.values().map(|it| it.latest.len()).sum();
        latest * operation + self.authors.len() * (size_of::<Operations>() + 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_forgotten_is_not_taken_for_new() {
        let limits = Limits {
            authors: 2,
            operations_per_author: 2,
            ..Limits::default()
        };
        let mut repeats = Repeats::default();
        let mut version = 0;
        let mut remember = |repeats: &mut Repeats, author: &str, id: &str| {
            let before = version;
            version += 1;
            repeats.remember(
                &author.into(),
                id.into(),
                Outcome { before, version },
                &limits,
            );
        };
        for id in ["1", "2", "3"] {
            remember(&mut repeats, "ann", id);
        }
        let outcome = |version| {
            Some(Outcome {
                before: version - 1,
                version,
            })
        };
        assert_eq!(repeats.find("ann", "1"), None);
        assert_eq!(repeats.find("ann", "2"), outcome(2));
        assert_eq!(repeats.find("bob", "2"), None);
        assert!(repeats.may_have_forgotten("ann", 0));
        assert!(!repeats.may_have_forgotten("ann", 1));
        assert!(!repeats.may_have_forgotten("bob", 0));
        remember(&mut repeats, "bob", "1");
        remember(&mut repeats, "cem", "1");
        assert_eq!(repeats.find("ann", "3"), None, "two authors are remembered");
        assert!(repeats.may_have_forgotten("ann", 2));
        assert!(repeats.may_have_forgotten("dan", 2));
        assert!(!repeats.may_have_forgotten("dan", 3));
        assert!(!repeats.may_have_forgotten("bob", 2));
    }
}
