//! Whom a broadcast is for.

use smallvec::SmallVec;

use crate::id::SocketId;

type Names = SmallVec<[Box<str>; 1]>;

/// Whom a broadcast is for: the sockets that are in any of the rooms and in none of the excepted
/// ones. No room at all stands for every socket of the namespace. A socket's id is the name of a
/// room that holds it alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Rooms whose sockets are meant.
    pub rooms: Names,
    /// Rooms whose sockets are left out.
    pub except: Names,
}

impl Selection {
    /// That socket alone.
    pub(crate) fn only(id: SocketId) -> Self {
        Self { rooms: SmallVec::from_iter([id.as_str().into()]), except: Names::new() }
    }

    /// Whether a socket in these rooms, its own among them, is meant.
    pub(crate) fn matches<'a>(&self, rooms: impl Iterator<Item = &'a str> + Clone) -> bool {
        let is_in = |names: &Names| rooms.clone().any(|room| names.iter().any(|it| **it == *room));
        (self.rooms.is_empty() || is_in(&self.rooms)) && !is_in(&self.except)
    }
}
