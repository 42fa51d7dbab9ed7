//! A thin client's place in the order of changes.
//!
//! A client goes on editing while its operations are on their way. So one that says that it was
//! made against version 5 rests on version 5 *and* on what the same client sent before. What
//! others did after version 5 is therefore kept here as it looks to this client: behind its own
//! operations, one after the other. It is brought up to date only when the client sends
//! something, so a reader costs nothing.

use std::collections::VecDeque;

use super::history::History;
use crate::transform::{Shape, cross, shift};

/// A session of a thin client, by a number of the caller's choice that is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// Its place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    /// The version up to which [`others`](Self::others) is known; 0 until the client has sent
    /// something, which then rests on the version that it names and on nothing else.
    through: u64,
    /// Changes of others that the client may not have seen, with their versions, as they are
    /// behind the operations that it has sent.
    others: VecDeque<(u64, Vec<Shape>)>,
    /// An operation was refused, so that the client shows what the document does not have.
    pub(crate) out_of_step: bool,
}

impl Session {
    /// Brings a shape that was made against `base` behind the changes up to `version`. `None`
    /// when some of them are no longer kept.
    ///
    /// It has to be told by [`reached`](Self::reached) how far the document has come with it.
    pub(crate) fn transform(
        &mut self,
        base: u64,
        shape: Shape,
        version: u64,
        history: &History,
    ) -> Option<Vec<Shape>> {
        let start = self.forward(base);
        if start < version {
            let changes = history.after(start)?;
            let changes = changes.take_while(|it| it.version <= version);
            self.others
                .extend(changes.map(|it| (it.version, vec![it.operation.shape()])));
        }
        let mut shapes = vec![shape];
        for (_, other) in &mut self.others {
            (shapes, *other) = cross(shapes, std::mem::take(other));
        }
        self.others.retain(|(_, shapes)| !shapes.is_empty());
        Some(shapes)
    }

    /// Forgets what the client has seen, and says after which version something is missing.
    fn forward(&mut self, base: u64) -> u64 {
        if base >= self.through {
            self.others.clear();
            return base;
        }
        while self.others.front().is_some_and(|(it, _)| *it <= base) {
            self.others.pop_front();
        }
        self.through
    }

    /// Whether an operation that ended at that version is among those that it rests on.
    pub(crate) fn has_passed(&self, version: u64) -> bool {
        self.through >= version
    }

    /// Its last operation ended at that version.
    pub(crate) fn reached(&mut self, version: u64) {
        self.through = version;
    }

    /// Where a position in the client's text is in the present one.
    pub(crate) fn locate(&self, base: u64, position: usize, history: &History) -> Option<usize> {
        let mut place = position;
        let start = if base >= self.through {
            base
        } else {
            let unseen = self.others.iter().filter(|(version, _)| *version > base);
            for shape in unseen.flat_map(|(_, shapes)| shapes) {
                place = shift(place, *shape);
            }
            self.through
        };
        for change in history.after(start)? {
            place = shift(place, change.operation.shape());
        }
        Some(place)
    }
}
