//! Who is in which room, with which devices, and what was said there lately.
//!
//! Pure state: it knows sockets by their ids and sends nothing. A user with several devices is one
//! member, who comes with the first device and goes with the last. A room that everybody has left
//! is remembered, for its messages, until the server knows [`MAX`] rooms; then the one that has
//! been empty for longest gives way.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Serialize;
use tidings::SocketId;

use crate::{
    history::{History, Message},
    identity::Identity,
    names::{RoomId, UserId, Username},
};

/// Rooms that are known at once, empty ones among them.
pub(crate) const MAX: usize = 1_000;

/// Every room that the server knows.
#[derive(Debug)]
pub(crate) struct Rooms {
    rooms: HashMap<RoomId, Room>,
    /// The rooms of each device, by which it leaves them all when it goes.
    devices: HashMap<SocketId, Device>,
    /// The empty rooms, longest empty first.
    vacant: BTreeMap<u64, RoomId>,
    /// Counts up, to order what became empty.
    clock: u64,
    max: usize,
    history_max: usize,
}

#[derive(Debug, Default)]
struct Room {
    members: BTreeMap<UserId, Member>,
    history: History,
    /// Its place among the empty rooms, if it is empty.
    vacant_since: Option<u64>,
}

#[derive(Debug)]
struct Member {
    username: Username,
    devices: Vec<SocketId>,
}

#[derive(Debug)]
struct Device {
    user_id: UserId,
    rooms: Vec<RoomId>,
}

/// What the others have to hear of an entrance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// The user was not here before.
    New,
    /// The user was here under another name.
    Renamed,
    /// Nothing.
    Known,
}

/// The server knows as many rooms as it may, and somebody is in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoomLeft;

impl Rooms {
    /// No rooms; `max` may be known, each with `history_max` messages.
    pub(crate) fn new(max: usize, history_max: usize) -> Self {
        Self {
            rooms: HashMap::new(),
            devices: HashMap::new(),
            vacant: BTreeMap::new(),
            clock: 0,
            max,
            history_max,
        }
    }

    /// A user enters a room with a device. Entering twice changes nothing but the name.
    ///
    /// # Errors
    ///
    /// When the room is new and there is no room for it.
    pub(crate) fn enter(
        &mut self,
        room_id: &RoomId,
        device: SocketId,
        identity: &Identity,
    ) -> Result<Entrance, NoRoomLeft> {
        if !self.rooms.contains_key(room_id) {
            self.make_room()?;
        }
        let room = self.rooms.entry(room_id.clone()).or_default();
        if let Some(since) = room.vacant_since.take() {
            self.vacant.remove(&since);
        }
        let Identity { user_id, username } = identity;
        let mut entrance = Entrance::New;
        let member = room
            .members
            .entry(user_id.clone())
            .and_modify(|member| {
                let same = member.username == *username;
                entrance = if same {
                    Entrance::Known
                } else {
                    Entrance::Renamed
                };
                member.username = username.clone();
            })
            .or_insert_with(|| Member {
                username: username.clone(),
                devices: Vec::new(),
            });
        if !member.devices.contains(&device) {
            member.devices.push(device);
            self.devices
                .entry(device)
                .or_insert_with(|| Device {
                    user_id: user_id.clone(),
                    rooms: Vec::new(),
                })
                .rooms
                .push(room_id.clone());
        }
        Ok(entrance)
    }

    /// A device leaves a room. The user, if that was the last device in it.
    pub(crate) fn leave(&mut self, room_id: &RoomId, device: SocketId) -> Option<Identity> {
        let left = self.devices.get_mut(&device)?;
        left.rooms.retain(|it| it != room_id);
        let user_id = left.user_id.clone();
        if left.rooms.is_empty() {
            self.devices.remove(&device);
        }
        self.vacate(room_id, device, &user_id)
    }

    /// A device goes. The rooms that its user has left with it.
    pub(crate) fn leave_all(&mut self, device: SocketId) -> Vec<(RoomId, Identity)> {
        let Some(Device { user_id, rooms }) = self.devices.remove(&device) else {
            return Vec::new();
        };
        let left = |room_id| {
            let identity = self.vacate(&room_id, device, &user_id)?;
            Some((room_id, identity))
        };
        rooms.into_iter().filter_map(left).collect()
    }

    fn vacate(&mut self, room_id: &RoomId, device: SocketId, user: &UserId) -> Option<Identity> {
        let room = self.rooms.get_mut(room_id)?;
        let member = room.members.get_mut(user)?;
        member.devices.retain(|it| *it != device);
        if !member.devices.is_empty() {
            return None;
        }
        let (user_id, Member { username, .. }) = room.members.remove_entry(user)?;
        if room.members.is_empty() {
            self.clock += 1;
            room.vacant_since = Some(self.clock);
            self.vacant.insert(self.clock, room_id.clone());
        }
        Some(Identity { user_id, username })
    }

    fn make_room(&mut self) -> Result<(), NoRoomLeft> {
        while self.rooms.len() >= self.max {
            let (_, longest) = self.vacant.pop_first().ok_or(NoRoomLeft)?;
            self.rooms.remove(&longest);
        }
        Ok(())
    }

    /// Whether that device is in the room.
    pub(crate) fn holds(&self, room_id: &RoomId, device: SocketId) -> bool {
        self.devices
            .get(&device)
            .is_some_and(|it| it.rooms.contains(room_id))
    }

    /// The members of a room, each once.
    pub(crate) fn members(&self, room_id: &RoomId) -> Vec<MemberInfo> {
        let members = self
            .rooms
            .get(room_id)
            .into_iter()
            .flat_map(|room| &room.members);
        members
            .map(|(user_id, member)| MemberInfo {
                user_id: user_id.clone(),
                username: member.username.clone(),
                devices: member.devices.len(),
            })
            .collect()
    }

    /// Adds a message to what is remembered of its room.
    pub(crate) fn remember(&mut self, message: &Arc<Message>) {
        if let Some(room) = self.rooms.get_mut(&message.room_id) {
            room.history.push(Arc::clone(message), self.history_max);
        }
    }

    /// What was said lately in a room, oldest first.
    pub(crate) fn recent(&self, room_id: &RoomId) -> Vec<Arc<Message>> {
        self.rooms
            .get(room_id)
            .map(|room| room.history.messages())
            .unwrap_or_default()
    }

    /// How many rooms have somebody in them.
    pub(crate) fn occupied(&self) -> usize {
        self.rooms.len() - self.vacant.len()
    }
}

/// A member of a room, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberInfo {
    pub(crate) user_id: UserId,
    pub(crate) username: Username,
    pub(crate) devices: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(letter: char) -> SocketId {
        SocketId::parse(&letter.to_string().repeat(20)).unwrap()
    }

    fn identity(id: &str, name: &str) -> Identity {
        Identity {
            user_id: id.into(),
            username: name.into(),
        }
    }

    #[test]
    fn a_user_with_two_devices_comes_and_goes_once() {
        let mut rooms = Rooms::new(10, 10);
        let (lobby, ana) = ("lobby".into(), identity("ana", "Ana"));
        assert_eq!(rooms.enter(&lobby, device('a'), &ana), Ok(Entrance::New));
        assert_eq!(rooms.enter(&lobby, device('a'), &ana), Ok(Entrance::Known));
        assert_eq!(rooms.enter(&lobby, device('b'), &ana), Ok(Entrance::Known));
        assert_eq!(rooms.members(&lobby).len(), 1);
        assert_eq!(rooms.members(&lobby)[0].devices, 2);

        assert_eq!(rooms.leave(&lobby, device('a')), None);
        assert!(!rooms.holds(&lobby, device('a')));
        assert_eq!(
            rooms.leave(&lobby, device('a')),
            None,
            "it had left already"
        );
        assert_eq!(rooms.leave_all(device('b')), [(lobby.clone(), ana)]);
        assert_eq!(rooms.leave_all(device('b')), []);
        assert_eq!((rooms.occupied(), rooms.members(&lobby).len()), (0, 0));
        assert!(rooms.devices.is_empty());
    }

    #[test]
    fn a_new_name_is_noticed() {
        let mut rooms = Rooms::new(10, 10);
        let lobby = "lobby".into();
        rooms
            .enter(&lobby, device('a'), &identity("ana", "Ana"))
            .unwrap();
        let renamed = identity("ana", "Ana F.");
        assert_eq!(
            rooms.enter(&lobby, device('b'), &renamed),
            Ok(Entrance::Renamed)
        );
        rooms.leave(&lobby, device('a'));
        assert_eq!(rooms.leave(&lobby, device('b')), Some(renamed));
    }

    #[test]
    fn the_room_that_was_empty_longest_gives_way() {
        let mut rooms = Rooms::new(2, 10);
        let ana = identity("ana", "Ana");
        let known = |rooms: &Rooms| {
            let mut names: Vec<_> = rooms.rooms.keys().map(ToString::to_string).collect();
            names.sort_unstable();
            names.concat()
        };
        rooms.enter(&"a".into(), device('a'), &ana).unwrap();
        rooms.enter(&"b".into(), device('a'), &ana).unwrap();
        assert_eq!(rooms.enter(&"c".into(), device('a'), &ana), Err(NoRoomLeft));
        rooms.leave(&"b".into(), device('a'));
        rooms.leave(&"a".into(), device('a'));
        assert_eq!(known(&rooms), "ab", "an empty room is remembered");
        // Entered again, so no longer the one that was empty for longest.
        rooms.enter(&"b".into(), device('a'), &ana).unwrap();
        rooms.enter(&"c".into(), device('a'), &ana).unwrap();
        assert_eq!(known(&rooms), "bc");
        assert_eq!(rooms.occupied(), 2);
    }
}
