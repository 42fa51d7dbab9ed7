//! Who is in which room: the part of a hub that belongs to one delivery shard.
//!
//! A room is a dense list of members, and a member knows its place in each list, so that joining
//! and leaving cost the same however large a room is. A socket's own room is not stored: its id
//! is found in the index of sockets.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use slab::Slab;
use smallvec::SmallVec;

use super::{encoding::Encoding, selection::Selection, socket::Socket};
use crate::{id::SocketId, transport::connection::Connection};

/// A member's place in a room.
#[derive(Debug, Clone, Copy)]
struct Seat {
    room: u32,
    position: u32,
}

#[derive(Debug)]
struct Member {
    socket: Socket,
    /// The socket's own, at hand for delivery: one step fewer through memory for each recipient.
    connection: Arc<Connection>,
    encoding: Encoding,
    seats: SmallVec<[Seat; 2]>,
}

#[derive(Debug)]
struct Room {
    name: Arc<str>,
    members: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Rooms {
    members: Slab<Member>,
    rooms: Slab<Room>,
    by_name: FxHashMap<Arc<str>, u32>,
    by_id: FxHashMap<SocketId, u32>,
}

/// What joining came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// The socket is not, or no longer, part of the hub.
    Unknown,
    Already,
    /// The socket is in as many rooms as it may be.
    TooMany,
    Yes {
        first: bool,
    },
}

impl Rooms {
    pub(crate) fn insert(&mut self, socket: Socket) {
        let id = socket.id();
        let connection = Arc::clone(socket.connection());
        let encoding = socket.event_encoding();
        let member = Member {
            socket,
            connection,
            encoding,
            seats: SmallVec::new(),
        };
        let slot = self.members.insert(member);
        self.by_id.insert(id, slot as u32);
    }

    /// Takes the socket out of the hub, and gives the rooms that it was in with whether each is
    /// empty now.
    pub(crate) fn remove(&mut self, id: SocketId) -> Option<Vec<(Arc<str>, bool)>> {
        let slot = self.by_id.remove(&id)?;
        let member = self.members.remove(slot as usize);
        Some(member.seats.iter().map(|seat| self.vacate(*seat)).collect())
    }

    pub(crate) fn get(&self, id: SocketId) -> Option<&Socket> {
        let slot = self.by_id.get(&id)?;
        Some(&self.members[*slot as usize].socket)
    }

    pub(crate) fn join(&mut self, id: SocketId, room: &str, limit: usize) -> Joined {
        let Some(&slot) = self.by_id.get(&id) else {
            return Joined::Unknown;
        };
        if room == id.as_str() {
            return Joined::Already;
        }
        let known = self.by_name.get(room).copied();
        let seats = &self.members[slot as usize].seats;
        if known.is_some_and(|known| seats.iter().any(|seat| seat.room == known)) {
            return Joined::Already;
        }
        if seats.len() >= limit {
            return Joined::TooMany;
        }
        let index = known.unwrap_or_else(|| {
            let name: Arc<str> = room.into();
            let index = self.rooms.insert(Room {
                name: Arc::clone(&name),
                members: Vec::new(),
            });
            self.by_name.insert(name, index as u32);
            index as u32
        });
        let members = &mut self.rooms[index as usize].members;
        let seat = Seat {
            room: index,
            position: members.len() as u32,
        };
        members.push(slot);
        self.members[slot as usize].seats.push(seat);
        Joined::Yes {
            first: known.is_none(),
        }
    }

    /// Says whether the room is empty now; `None` when the socket was not in it.
    pub(crate) fn leave(&mut self, id: SocketId, room: &str) -> Option<bool> {
        let slot = *self.by_id.get(&id)? as usize;
        let index = *self.by_name.get(room)?;
        let seats = &mut self.members[slot].seats;
        let place = seats.iter().position(|seat| seat.room == index)?;
        let seat = seats.swap_remove(place);
        Some(self.vacate(seat).1)
    }

    fn vacate(&mut self, seat: Seat) -> (Arc<str>, bool) {
        let room = &mut self.rooms[seat.room as usize];
        room.members.swap_remove(seat.position as usize);
        let name = Arc::clone(&room.name);
        if let Some(&moved) = room.members.get(seat.position as usize) {
            let seats = &mut self.members[moved as usize].seats;
            if let Some(moved) = seats.iter_mut().find(|it| it.room == seat.room) {
                moved.position = seat.position;
            }
        }
        let empty = room.members.is_empty();
        if empty {
            self.rooms.remove(seat.room as usize);
            self.by_name.remove(&name);
        }
        (name, empty)
    }

    /// The rooms of a socket, its own first.
    pub(crate) fn of(&self, id: SocketId) -> Vec<Arc<str>> {
        let Some(&slot) = self.by_id.get(&id) else {
            return Vec::new();
        };
        let seats = self.members[slot as usize].seats.iter();
        std::iter::once(id.as_str().into())
            .chain(seats.map(|seat| Arc::clone(&self.rooms[seat.room as usize].name)))
            .collect()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.by_id.keys().map(SocketId::as_str);
        self.by_name.keys().map(|it| &**it).chain(own)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Calls `f` once for each socket of the selection.
    pub(crate) fn select(&self, selection: &Selection, mut f: impl FnMut(&Socket)) {
        self.select_members(selection, |member| f(&member.socket));
    }

    /// Calls `f` once for the connection of each socket of the selection.
    pub(crate) fn deliver(
        &self,
        selection: &Selection,
        mut f: impl FnMut(&Arc<Connection>, Encoding),
    ) {
        self.select_members(selection, |member| f(&member.connection, member.encoding));
    }

    fn select_members(&self, selection: &Selection, mut f: impl FnMut(&Member)) {
        let mut skip = FxHashSet::default();
        for room in &selection.except {
            skip.extend(self.slots(room));
        }
        let mut visit = |slot: u32| {
            if skip.is_empty() || !skip.contains(&slot) {
                f(&self.members[slot as usize]);
            }
        };
        match selection.rooms.as_slice() {
            [] => self.members.iter().for_each(|(slot, _)| visit(slot as u32)),
            [room] if SocketId::parse(room).is_none() => {
                // The common case, with no set to build: nobody is twice in one room.
                if let Some(&index) = self.by_name.get(&**room) {
                    self.rooms[index as usize]
                        .members
                        .iter()
                        .for_each(|slot| visit(*slot));
                }
            }
            rooms => {
                let mut seen = FxHashSet::default();
                for slot in rooms.iter().flat_map(|room| self.slots(room)) {
                    if seen.insert(slot) {
                        visit(slot);
                    }
                }
            }
        }
    }

    fn slots(&self, room: &str) -> impl Iterator<Item = u32> {
        let own = SocketId::parse(room).and_then(|id| self.by_id.get(&id).copied());
        let index = self.by_name.get(room);
        let members = index.map(|index| self.rooms[*index as usize].members.as_slice());
        members.unwrap_or_default().iter().copied().chain(own)
    }
}

#[cfg(test)]
mod tests;
