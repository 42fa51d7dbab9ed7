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
        Self {
            rooms: SmallVec::from_iter([id.as_str().into()]),
            except: Names::new(),
        }
    }

    /// Whether a socket in these rooms, its own among them, is meant.
    pub(crate) fn matches<'a>(&self, rooms: impl Iterator<Item = &'a str> + Clone) -> bool {
        let is_in = |names: &Names| {
            rooms
                .clone()
                .any(|room| names.iter().any(|it| **it == *room))
        };
        (self.rooms.is_empty() || is_in(&self.rooms)) && !is_in(&self.except)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_meant_by_any_of_the_rooms_unless_one_excepts_it() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).into()).collect();
        for (rooms, except, of_socket, expected) in [
            (&[][..], &[][..], &["me"][..], true),
            (&[], &["a"], &["me"], true),
            (&[], &["a"], &["me", "a"], false),
            (&["a"], &[], &["me"], false),
            (&["a"], &[], &["me", "a"], true),
            (&["a", "b"], &[], &["me", "b"], true),
            (&["a", "b"], &["c"], &["me", "a", "b", "c"], false),
            (&["a"], &["a"], &["me", "a"], false),
            (&["me"], &[], &["me"], true),
            (&["a"], &["me"], &["me", "a"], false),
            (&["a"], &[], &[], false),
            (&["a"], &[], &["A"], false),
        ] {
            let selection = Selection {
                rooms: names(rooms),
                except: names(except),
            };
            let found = selection.matches(of_socket.iter().copied());
            assert_eq!(found, expected, "{selection:?} {of_socket:?}");
        }
    }

    #[test]
    fn one_socket_alone_is_meant_by_its_id() {
        let (me, other) = (SocketId::random(), SocketId::random());
        let selection = Selection::only(me);
        assert!(selection.matches([me.as_str(), "room"].into_iter()));
        assert!(!selection.matches([other.as_str(), "room"].into_iter()));
    }
}
