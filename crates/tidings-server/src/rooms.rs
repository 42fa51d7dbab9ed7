//! The rooms that somebody is in: who, with which devices; and what is published while somebody is
//! about to join.
//!
//! Pure state: it knows connections as devices and sends nothing itself. A user with several devices
//! is one member, who comes with the first device and goes with the last. A room that nobody is in
//! takes no memory.
//!
//! **Joining.** Somebody who joins is told what was said up to some message, and hears everything
//! after it. What is read from the store is as of some moment before the moment of joining, so a
//! room keeps what is published while somebody is joining ([`Opening`]), and that fills the space
//! between the two.
//!
//! **Locks.** The rooms are in parts, each under a lock of its own. `tell` and `with` closures run
//! under the lock of the room's part, so that what is sent in them keeps the order in which rooms
//! change; they may send, and must not come back here.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use smallvec::SmallVec;

use crate::{
    device::Device,
    identity::Identity,
    message::ChatMessage,
    names::{RoomId, UserId, Username},
};

const PARTS: usize = 16;
/// Messages that are kept for somebody who is joining; who needs more starts again.
const TAIL_MAX: usize = 1_024;

/// The rooms that somebody is in.
#[derive(Debug)]
pub(crate) struct Rooms {
    parts: [Mutex<HashMap<RoomId, Room>>; PARTS],
    hasher: RandomState,
    occupancy: Option<Box<dyn Occupancy>>,
}

/// Hears whether anybody is in a room. It is called under the lock of the room's part, as `tell`
/// closures are, and has to have [`Rooms::settle`] called when a room has been empty for long.
pub(crate) trait Occupancy: fmt::Debug + Send + Sync {
    /// Somebody is in a room that counted as vacant.
    fn occupied(&self, room: &RoomId);

    /// Nobody is in a room any more, which counts as occupied until that has lasted.
    fn emptied(&self, room: &RoomId);

    /// Nobody has come back: the room counts as vacant.
    fn vacated(&self, room: &RoomId);
}

/// One room, as seen by its members.
#[derive(Debug, Default)]
pub(crate) struct Room {
    members: BTreeMap<UserId, Member>,
    /// How many are about to join.
    joining: usize,
    /// What was published since the first of those began.
    tail: Vec<Happening>,
    /// Messages that the tail had no room for.
    tail_overflowed: bool,
    /// Nobody is here, and whoever hears of that has not heard yet.
    vacating: bool,
}

/// A user in a room.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) username: Username,
    pub(crate) info: Option<Arc<Value>>,
    pub(crate) devices: SmallVec<[Device; 1]>,
}

/// A room that somebody is in.
#[derive(Debug)]
pub(crate) struct Occupied {
    pub(crate) room_id: RoomId,
    pub(crate) members: usize,
    pub(crate) devices: usize,
}

/// Something that took a number of the room's sequence.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    /// Its number.
    pub(crate) seq: u64,
    /// The message, as it is now.
    pub(crate) message: Arc<ChatMessage>,
    /// Whether it is new; otherwise it was edited or deleted.
    pub(crate) new: bool,
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

impl Default for Rooms {
    fn default() -> Self {
        Self {
            parts: Default::default(),
            hasher: RandomState::new(),
            occupancy: None,
        }
    }
}

impl Rooms {
    /// Rooms of which somebody hears whether anybody is in them.
    pub(crate) fn watched_by(occupancy: impl Occupancy + 'static) -> Self {
        Self {
            occupancy: Some(Box::new(occupancy)),
            ..Self::default()
        }
    }

    fn part(&self, room: &RoomId) -> MutexGuard<'_, HashMap<RoomId, Room>> {
        let hash = self.hasher.hash_one(room.as_str());
        self.parts[(hash % PARTS as u64) as usize].lock()
    }

    /// Begins to join a room: what is published there from now on is kept until the opening is
    /// used or dropped.
    pub(crate) fn open(self: &Arc<Self>, room_id: &RoomId) -> Opening {
        self.part(room_id)
            .entry(room_id.clone())
            .or_default()
            .joining += 1;
        Opening {
            rooms: Arc::clone(self),
            room_id: room_id.clone(),
        }
    }

    /// Something was published in a room. Whoever publishes calls this first.
    pub(crate) fn publish(&self, room_id: &RoomId, happening: &Happening) {
        if let Some(room) = self.part(room_id).get_mut(room_id)
            && room.joining > 0
        {
            if room.tail.len() < TAIL_MAX {
                room.tail.push(happening.clone());
            } else {
                room.tail_overflowed = true;
            }
        }
    }

    /// A user enters a room with a device, without being told what was said: a session that was
    /// recovered. `tell` hears what the others have to hear.
    pub(crate) fn enter(
        &self,
        room_id: &RoomId,
        device: Device,
        identity: &Identity,
        info: Option<&Arc<Value>>,
        tell: impl FnOnce(Entrance),
    ) {
        let mut part = self.part(room_id);
        let room = part.entry(room_id.clone()).or_default();
        self.come(room_id, room);
        tell(room.enter(device, identity, info));
    }

    /// Somebody is about to be in a room.
    fn come(&self, room_id: &RoomId, room: &mut Room) {
        if let Some(occupancy) = &self.occupancy
            && room.members.is_empty()
            && !std::mem::take(&mut room.vacating)
        {
            occupancy.occupied(room_id);
        }
    }

    /// A room has been empty for long. One that somebody has come back into stays as it is.
    pub(crate) fn settle(&self, room_id: &RoomId) {
        let mut part = self.part(room_id);
        let Some(room) = part.get_mut(room_id) else {
            return;
        };
        if let Some(occupancy) = &self.occupancy
            && std::mem::take(&mut room.vacating)
        {
            occupancy.vacated(room_id);
        }
        if room.is_idle() {
            part.remove(room_id);
        }
    }

    /// A device leaves a room. `tell` hears of the user, if that was the last device in it.
    pub(crate) fn leave(
        &self,
        room_id: &RoomId,
        device: Device,
        user: &UserId,
        tell: impl FnOnce(Identity),
    ) {
        let mut part = self.part(room_id);
        let Some(room) = part.get_mut(room_id) else {
            return;
        };
        let left = room.leave(device, user);
        if let Some(left) = left {
            tell(left);
            if let Some(occupancy) = &self.occupancy
                && room.members.is_empty()
            {
                room.vacating = true;
                occupancy.emptied(room_id);
            }
        }
        if room.is_idle() {
            part.remove(room_id);
        }
    }

    /// Looks at a room, if somebody is in it.
    pub(crate) fn with<T>(&self, room_id: &RoomId, look: impl FnOnce(&Room) -> T) -> Option<T> {
        self.part(room_id).get(room_id).map(look)
    }

    /// Whether a user is in a room with any device.
    pub(crate) fn holds(&self, room_id: &RoomId, user: &UserId) -> bool {
        self.with(room_id, |room| room.members.contains_key(user))
            .unwrap_or(false)
    }

    /// A user who is in a room is called or shown differently. `tell` hears of another name.
    pub(crate) fn show(
        &self,
        room_id: &RoomId,
        identity: &Identity,
        info: Option<&Arc<Value>>,
        tell: impl FnOnce(),
    ) {
        let mut part = self.part(room_id);
        let room = part.get_mut(room_id);
        if let Some(member) = room.and_then(|it| it.members.get_mut(&identity.user_id)) {
            let renamed = member.username != identity.username;
            member.username = identity.username.clone();
            member.info = info.cloned();
            if renamed {
                tell();
            }
        }
    }

    /// The first rooms, by name, that somebody is in and that are wanted; and whether there are
    /// more of them.
    pub(crate) fn first(
        &self,
        limit: usize,
        is_wanted: impl Fn(&RoomId) -> bool,
    ) -> (Vec<Occupied>, bool) {
        let mut found = BTreeMap::new();
        let mut more = false;
        for part in &self.parts {
            for (room_id, room) in &*part.lock() {
                if room.members.is_empty() || !is_wanted(room_id) {
                    continue;
                }
                let occupied = Occupied {
                    room_id: room_id.clone(),
                    members: room.members.len(),
                    devices: room.members.values().map(|it| it.devices.len()).sum(),
                };
                found.insert(room_id.clone(), occupied);
                if found.len() > limit {
                    found.pop_last();
                    more = true;
                }
            }
        }
        (found.into_values().collect(), more)
    }

    /// How many rooms have somebody in them.
    pub(crate) fn occupied(&self) -> usize {
        let occupied = |part: &Mutex<HashMap<RoomId, Room>>| {
            let part = part.lock();
            part.values().filter(|it| !it.members.is_empty()).count()
        };
        self.parts.iter().map(occupied).sum()
    }
}

impl Room {
    /// The members, in the order of their ids.
    pub(crate) fn members(&self) -> &BTreeMap<UserId, Member> {
        &self.members
    }

    fn enter(
        &mut self,
        device: Device,
        identity: &Identity,
        info: Option<&Arc<Value>>,
    ) -> Entrance {
        let Identity { user_id, username } = identity;
        let mut entrance = Entrance::New;
        let member = self
            .members
            .entry(user_id.clone())
            .and_modify(|member| {
                entrance = if member.username == *username {
                    Entrance::Known
                } else {
                    Entrance::Renamed
                };
            })
            .or_insert_with(|| Member {
                username: username.clone(),
                info: None,
                devices: SmallVec::new(),
            });
        member.username = username.clone();
        member.info = info.cloned();
        if !member.devices.contains(&device) {
            member.devices.push(device);
        }
        entrance
    }

    fn leave(&mut self, device: Device, user: &UserId) -> Option<Identity> {
        let member = self.members.get_mut(user)?;
        member.devices.retain(|it| *it != device);
        if !member.devices.is_empty() {
            return None;
        }
        let (user_id, Member { username, .. }) = self.members.remove_entry(user)?;
        Some(Identity { user_id, username })
    }

    fn is_idle(&self) -> bool {
        self.members.is_empty() && self.joining == 0 && !self.vacating
    }
}

/// Somebody is about to join a room.
#[derive(Debug)]
pub(crate) struct Opening {
    rooms: Arc<Rooms>,
    room_id: RoomId,
}

/// More was published than was kept, so that there would be a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overtaken;

impl Opening {
    /// Enters the room. Nothing else can happen to it while `welcome` runs, which is given what
    /// was published since the opening and after that number, and the room with its new member in
    /// it. Whoever calls this makes sure that nothing is published in the room meanwhile.
    ///
    /// # Errors
    ///
    /// When what was published since the opening is not known. The user has not entered then.
    pub(crate) fn enter<T>(
        self,
        after: u64,
        device: Device,
        identity: &Identity,
        info: Option<&Arc<Value>>,
        welcome: impl FnOnce(&Room, &[Happening], Entrance) -> T,
    ) -> Result<T, Overtaken> {
        let mut part = self.rooms.part(&self.room_id);
        let room = part.entry(self.room_id.clone()).or_default();
        if room.tail_overflowed {
            return Err(Overtaken);
        }
        self.rooms.come(&self.room_id, room);
        let entrance = room.enter(device, identity, info);
        let since = room.tail.partition_point(|it| it.seq <= after);
        Ok(welcome(room, &room.tail[since..], entrance))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut part = self.rooms.part(&self.room_id);
        if let Some(room) = part.get_mut(&self.room_id) {
            room.joining -= 1;
            if room.joining == 0 {
                room.tail = Vec::new();
                room.tail_overflowed = false;
            }
            if room.is_idle() {
                part.remove(&self.room_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(letter: char) -> Device {
        Device {
            socket: tidings::SocketId::parse(&letter.to_string().repeat(20)).unwrap(),
            number: 1,
        }
    }

    fn identity(id: &str, name: &str) -> Identity {
        Identity {
            user_id: id.into(),
            username: name.into(),
        }
    }

    fn happening(seq: u64) -> Happening {
        Happening {
            seq,
            message: Arc::new(ChatMessage {
                message_id: seq.to_string().into(),
                seq,
                room_id: "lobby".into(),
                sender_id: "ana".into(),
                sender_name: "Ana".into(),
                content: Some("hello".into()),
                timestamp: String::new(),
                client_message_id: None,
                reply_to: None,
                meta: None,
                change_seq: None,
                changed_at: None,
                changed_by: None,
                deleted: false,
            }),
            new: true,
        }
    }

    fn enter(rooms: &Rooms, device: Device, identity: &Identity) -> Entrance {
        let mut told = Entrance::Known;
        rooms.enter(&"lobby".into(), device, identity, None, |it| told = it);
        told
    }

    #[test]
    fn whoever_watches_hears_of_a_room_when_it_is_occupied_and_when_it_stays_empty() {
        #[derive(Debug, Default, Clone)]
        struct Heard(Arc<Mutex<String>>);

        impl Occupancy for Heard {
            fn occupied(&self, _: &RoomId) {
                self.0.lock().push('+');
            }
            fn emptied(&self, _: &RoomId) {
                self.0.lock().push('?');
            }
            fn vacated(&self, _: &RoomId) {
                self.0.lock().push('-');
            }
        }

        // Who enters (a, b), leaves (A, B), is about to join and gives up (o), and that time has
        // passed (.).
        for (steps, expected) in [
            ("abAB.", "+?-"),
            ("aA", "+?"),
            ("aAa.", "+?"),
            ("aAbB.", "+??-"),
            ("aA..b", "+?-+"),
            ("o.", ""),
            ("aAo.", "+?-"),
            ("AB.", ""),
        ] {
            let heard = Heard::default();
            let rooms = Arc::new(Rooms::watched_by(heard.clone()));
            let lobby = "lobby".into();
            for step in steps.chars() {
                let user = step.to_lowercase().to_string();
                match step {
                    'o' => drop(rooms.open(&lobby)),
                    '.' => rooms.settle(&lobby),
                    'a' | 'b' => {
                        enter(&rooms, device(step), &identity(&user, "Name"));
                    }
                    _ => {
                        let device = device(step.to_ascii_lowercase());
                        rooms.leave(&lobby, device, &user.as_str().into(), |_| {});
                    }
                }
            }
            assert_eq!(*heard.0.lock(), expected, "{steps}");
            if expected.ends_with('-') {
                assert!(rooms.parts.iter().all(|part| part.lock().is_empty()));
            }
        }
    }

    #[test]
    fn a_user_with_two_devices_comes_and_goes_once() {
        let rooms = Rooms::default();
        let (lobby, ana) = ("lobby".into(), identity("ana", "Ana"));
        assert_eq!(enter(&rooms, device('a'), &ana), Entrance::New);
        assert_eq!(enter(&rooms, device('b'), &ana), Entrance::Known);
        assert_eq!(
            enter(&rooms, device('b'), &identity("ana", "安娜")),
            Entrance::Renamed
        );
        assert_eq!(rooms.occupied(), 1);
        let mut left = Vec::new();
        for letter in ['a', 'x', 'b', 'b'] {
            rooms.leave(&lobby, device(letter), &"ana".into(), |it| left.push(it));
        }
        assert_eq!(left, [identity("ana", "安娜")]);
        assert!(rooms.parts.iter().all(|part| part.lock().is_empty()));
    }

    #[test]
    fn occupied_rooms_are_listed_by_name_and_page() {
        let rooms = Rooms::default();
        for (name, letter, user) in [
            ("b", 'a', "ana"),
            ("b", 'b', "ana"),
            ("a", 'a', "ana"),
            ("b", 'c', "bo"),
        ] {
            rooms.enter(
                &name.into(),
                device(letter),
                &identity(user, user),
                None,
                |_| {},
            );
        }
        let list = |limit, after: &str| {
            let (found, more) = rooms.first(limit, |it| it.as_str() > after);
            let found = found
                .iter()
                .map(|it| (it.room_id.to_string(), it.members, it.devices));
            (found.collect::<Vec<_>>(), more)
        };
        let (a, b) = (("a".to_owned(), 1, 1), ("b".to_owned(), 2, 3));
        assert_eq!(list(9, ""), (vec![a.clone(), b.clone()], false));
        assert_eq!(list(1, ""), (vec![a], true));
        assert_eq!(list(1, "a"), (vec![b], false));
        assert_eq!(list(0, ""), (vec![], true));
        assert_eq!(list(9, "b"), (vec![], false));
    }

    #[test]
    fn who_is_shown_differently_is_told_by_name_only() {
        let rooms = Rooms::default();
        let lobby = "lobby".into();
        enter(&rooms, device('a'), &identity("ana", "Ana"));
        let told = std::cell::Cell::new(0);
        for (user, name) in [("ana", "Ana"), ("ana", "安娜"), ("bo", "Bo")] {
            rooms.show(&lobby, &identity(user, name), None, || {
                told.set(told.get() + 1)
            });
        }
        assert_eq!(told.get(), 1);
        let name = rooms.with(&lobby, |room| room.members()["ana"].username.to_string());
        assert_eq!(name.as_deref(), Some("安娜"));
    }

    /// Opens the room, publishes, and enters it as somebody who has read up to that number.
    fn joined(published: impl Iterator<Item = u64>, read: u64) -> Result<Vec<u64>, Overtaken> {
        let rooms = Arc::new(Rooms::default());
        let lobby = "lobby".into();
        rooms.publish(&lobby, &happening(1));
        let opening = rooms.open(&lobby);
        for seq in published {
            rooms.publish(&lobby, &happening(seq));
        }
        let ana = identity("ana", "Ana");
        let heard = opening.enter(read, device('a'), &ana, None, |room, since, entrance| {
            assert_eq!((room.members().len(), entrance), (1, Entrance::New));
            since.iter().map(|it| it.seq).collect()
        });
        let idle = rooms.with(&lobby, |room| room.tail.is_empty() && room.joining == 0);
        assert_eq!(idle, heard.is_ok().then_some(true), "nothing stays behind");
        heard
    }

    #[test]
    fn whoever_joins_is_told_what_was_published_since_it_was_read() {
        assert_eq!(joined(std::iter::empty(), 1), Ok(vec![]));
        assert_eq!(joined(2..5, 1), Ok(vec![2, 3, 4]));
        assert_eq!(joined(2..5, 3), Ok(vec![4]));
        assert_eq!(joined(2..5, 9), Ok(vec![]));
        assert_eq!(joined(2..5000, 3), Err(Overtaken));
    }
}
