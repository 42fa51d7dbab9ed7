//! The model: rooms as sorted maps, and every rule written out once more.

use std::collections::BTreeMap;

use tidings_store::{
    Keep, MarkKind, NotificationQuery, Page, ReceiptRow, Retention, RoomRetention, Store, Time,
};

use super::{Op, Told};
use crate::support::seqs;

pub(super) const ROOMS: usize = 2;
pub(super) const USERS: usize = 3;

#[derive(Debug)]
struct Said {
    id: String,
    sender: usize,
    name: Option<u8>,
    content: Option<&'static str>,
    changed: Option<u64>,
}

#[derive(Debug, Default)]
struct Room {
    last_seq: u64,
    trimmed_seq: u64,
    trimmed_change: u64,
    messages: BTreeMap<u64, Said>,
    /// The ids of all messages that there ever were.
    ids: Vec<String>,
    /// How far users have come: delivered and read.
    marks: BTreeMap<String, (u64, u64)>,
}

#[derive(Debug, Default)]
struct User {
    /// Ids of those that are kept, oldest first, and whether they were read.
    notifications: Vec<(String, bool)>,
    /// The ids of all that there ever were.
    ids: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct World {
    prefix: String,
    rooms: [Room; ROOMS],
    users: [User; USERS],
}

impl World {
    /// An empty one, whose rooms and users have names of their own.
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn room(&self, room: usize) -> String {
        format!("{}r{room}", self.prefix)
    }

    pub(super) fn user(&self, user: usize) -> String {
        format!("{}u{user}", self.prefix)
    }

    /// The id that an operation names, if there was something of that number before the round.
    pub(super) fn id(&self, op: &Op) -> Option<String> {
        match *op {
            Op::Change { room, which, .. } => self.rooms[room].ids.get(which).cloned(),
            Op::Read { user, which } => self.users[user].ids.get(which?).cloned(),
            _ => None,
        }
    }

    /// Does an operation. `new_id` is what the store calls what is new.
    pub(super) fn apply(&mut self, op: &Op, id: Option<&str>, new_id: Option<String>) -> Told {
        match *op {
            Op::Say { room, user, name } => self.say(room, user, name, new_id),
            Op::Change {
                room,
                by,
                moderator,
                delete,
                ..
            } => {
                let room = &mut self.rooms[room];
                let found = room
                    .messages
                    .values_mut()
                    .find(|it| Some(it.id.as_str()) == id && it.content.is_some());
                let Some(said) = found else {
                    return Told::NotFound;
                };
                if said.sender != by && !moderator {
                    return Told::Forbidden;
                }
                room.last_seq += 1;
                said.changed = Some(room.last_seq);
                said.content = (!delete).then_some("edited");
                Told::Amended(room.last_seq)
            }
            Op::Mark {
                room,
                user,
                kind,
                seq,
            } => {
                let user = self.user(user);
                let room = &mut self.rooms[room];
                let seq = seq.min(room.last_seq);
                let (delivered, read) = room.marks.get(&user).copied().unwrap_or_default();
                let after = match kind {
                    MarkKind::Delivered => (delivered.max(seq), read),
                    MarkKind::Read => (delivered.max(seq), read.max(seq)),
                };
                let (before, now) = match kind {
                    MarkKind::Delivered => (delivered, after.0),
                    MarkKind::Read => (read, after.1),
                };
                if now > before {
                    room.marks.insert(user, after);
                }
                Told::Marked(now > before, now)
            }
            Op::Notify { user } => {
                let user = &mut self.users[user];
                let id = new_id.unwrap_or_default();
                user.ids.push(id.clone());
                user.notifications.push((id, false));
                Told::Notified(user.unread())
            }
            Op::Read { user, which } => {
                let user = &mut self.users[user];
                let before = user.unread();
                for (kept, read) in &mut user.notifications {
                    *read |= which.is_none() || Some(kept.as_str()) == id;
                }
                let after = user.unread();
                Told::Read(usize::try_from(before - after).unwrap(), after)
            }
        }
    }

    fn say(
        &mut self,
        number: usize,
        sender: usize,
        name: Option<u8>,
        new_id: Option<String>,
    ) -> Told {
        let all = self.rooms.iter().flat_map(|it| &it.messages);
        let first = all
            .filter(|(_, it)| name.is_some() && (it.sender, it.name) == (sender, name))
            .map(|(seq, it)| (*seq, &it.id))
            .next();
        if let Some((seq, id)) = first {
            assert_eq!(new_id.as_ref(), Some(id), "the id of the first message");
            return Told::Appended(seq, true);
        }
        let room = &mut self.rooms[number];
        room.last_seq += 1;
        let id = new_id.unwrap_or_default();
        room.ids.push(id.clone());
        let said = Said {
            id,
            sender,
            name,
            content: Some("said"),
            changed: None,
        };
        room.messages.insert(room.last_seq, said);
        Told::Appended(room.last_seq, false)
    }

    /// What keeps so many messages of each room here, and so many notifications of anybody.
    pub(super) fn policy(&self, count: u64) -> Retention {
        let keep = Keep {
            max_age: None,
            max_count: Some(count),
        };
        let rule = RoomRetention {
            pattern: format!("{}*", self.prefix),
            keep,
        };
        Retention {
            rooms: vec![rule],
            notifications: keep,
        }
    }

    pub(super) fn trim(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap();
        for room in &mut self.rooms {
            while room.messages.len() > count {
                let (seq, said) = room.messages.pop_first().unwrap();
                room.trimmed_seq = seq;
                room.trimmed_change = room.trimmed_change.max(said.changed.unwrap_or(0));
            }
        }
        for user in &mut self.users {
            let surplus = user.notifications.len().saturating_sub(count);
            user.notifications.drain(..surplus);
        }
    }

    /// Reads everything from the store, and finds it as it is here.
    pub(super) async fn compare(&self, store: &dyn Store) {
        for (number, room) in self.rooms.iter().enumerate() {
            room.compare(store, &self.room(number), &self.prefix).await;
        }
        for (number, user) in self.users.iter().enumerate() {
            for unread_only in [false, true] {
                let query = NotificationQuery {
                    unread_only,
                    before: None,
                    limit: 1_000,
                };
                let found = store
                    .notifications(&self.user(number), query)
                    .await
                    .unwrap();
                assert_eq!(found.unread, user.unread());
                let found = found.notifications.iter();
                let found: Vec<_> = found
                    .map(|it| (it.id.clone(), it.read_at.is_some()))
                    .collect();
                let expected = user.notifications.iter().rev();
                let expected = expected
                    .filter(|(_, read)| !(unread_only && *read))
                    .cloned();
                assert_eq!(found, expected.collect::<Vec<_>>());
            }
        }
    }
}

impl User {
    fn unread(&self) -> u64 {
        self.notifications.iter().filter(|(_, read)| !read).count() as u64
    }
}

impl Room {
    async fn compare(&self, store: &dyn Store, name: &str, prefix: &str) {
        let history = store.history(name, Page::newest(1_000)).await.unwrap();
        assert_eq!(history.last_seq, self.last_seq);
        assert_eq!(history.trimmed_seq, self.trimmed_seq);
        let found = history.messages.iter().map(|it| {
            let sender = it.sender.strip_prefix(prefix).unwrap();
            let name = it.client_message_id.as_ref();
            (
                it.seq,
                it.message_id.as_str(),
                sender.to_owned(),
                name.map(|it| it.parse().unwrap()),
                it.content.as_deref(),
                it.changed.as_ref().map(|it| it.seq),
            )
        });
        let expected = self.messages.iter().map(|(seq, it)| {
            let sender = format!("u{}", it.sender);
            (
                *seq,
                it.id.as_str(),
                sender,
                it.name,
                it.content,
                it.changed,
            )
        });
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());

        for after in 0..=self.last_seq {
            let since = store.since(name, after, 1_000).await.unwrap();
            let said: Vec<u64> = self.messages.range(after + 1..).map(|it| *it.0).collect();
            assert_eq!(seqs(&since.messages), said);
            let changed = self.messages.range(..=after);
            let mut changed: Vec<_> = changed
                .filter_map(|(seq, it)| it.changed.filter(|it| *it > after).map(|it| (it, *seq)))
                .collect();
            changed.sort_unstable();
            let changed: Vec<u64> = changed.into_iter().map(|(_, seq)| seq).collect();
            assert_eq!(seqs(&since.changed), changed);
            let complete = after >= self.trimmed_seq && after >= self.trimmed_change;
            assert_eq!(since.complete, complete);
        }

        let mut receipts = store.receipts(name).await.unwrap();
        receipts.sort_by(|a, b| a.user.cmp(&b.user));
        let expected = self
            .marks
            .iter()
            .map(|(user, (delivered, read))| ReceiptRow {
                user: user.clone(),
                delivered: *delivered,
                read: *read,
                at: Time::EPOCH,
            });
        assert_eq!(receipts, expected.collect::<Vec<_>>());
    }
}
