//! Who is online, with which devices, and what the others think.
//!
//! A user is online while a device is, and for a grace after the last one went, so that a page
//! that is loaded again is nothing that others hear of. Somebody who is invisible is offline for
//! all others. A user who is offline takes no memory; when they were last seen is in the store.
//!
//! Users are in parts, each under a lock of its own. `tell` closures run under the lock of the
//! user's part, so that others hear of changes in their order; they may send, and must not come
//! back here.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use parking_lot::{Mutex, MutexGuard};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tidings_store::Time;

use crate::{
    device::Device,
    identity::Identity,
    names::{UserId, Username},
};

const PARTS: usize = 16;

/// What others see of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Online,
    Away,
    Offline,
}

/// What a user may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Chosen {
    /// At this device.
    Online,
    /// Not at this device; the user is away when that holds for every device.
    Away,
    /// Offline, for all others, whatever the device.
    Invisible,
}

/// A change that others have to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) user_id: UserId,
    pub(crate) username: Username,
    pub(crate) before: Status,
    pub(crate) now: Status,
    /// When the user was last seen, which is now unless they are invisible.
    pub(crate) at: Time,
}

/// What is known of a user who is not offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: Status,
    /// Devices that are connected; none for others while the user is invisible.
    pub(crate) devices: usize,
    /// When the user became invisible.
    pub(crate) hidden_since: Option<Time>,
}

/// The users who are online.
#[derive(Debug)]
pub(crate) struct Presence {
    parts: [Mutex<HashMap<UserId, User>>; PARTS],
    hasher: RandomState,
}

#[derive(Debug)]
struct User {
    username: Username,
    devices: SmallVec<[Present; 2]>,
    hidden_since: Option<Time>,
    /// What others were told last.
    shown: Status,
}

#[derive(Debug)]
struct Present {
    id: Device,
    away: bool,
    /// It has gone, and the grace has not passed yet.
    gone: bool,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            parts: Default::default(),
            hasher: RandomState::new(),
        }
    }
}

impl Presence {
    fn part(&self, user: &UserId) -> MutexGuard<'_, HashMap<UserId, User>> {
        let hash = self.hasher.hash_one(user.as_str());
        self.parts[(hash % PARTS as u64) as usize].lock()
    }

    /// A device of a user is there.
    pub(crate) fn arrive(
        &self,
        user_id: &UserId,
        username: &Username,
        device: Device,
        at: Time,
        tell: impl FnOnce(Change),
    ) {
        let mut part = self.part(user_id);
        let user = part.entry(user_id.clone()).or_insert_with(|| User {
            username: username.clone(),
            devices: SmallVec::new(),
            hidden_since: None,
            shown: Status::Offline,
        });
        user.username = username.clone();
        match user.devices.iter_mut().find(|it| it.id == device) {
            Some(known) => known.gone = false,
            None => user.devices.push(Present {
                id: device,
                away: false,
                gone: false,
            }),
        }
        user.show(user_id, at, tell);
    }

    /// A device has gone, and may be back within the grace.
    pub(crate) fn lose(&self, user_id: &UserId, device: Device) {
        if let Some(user) = self.part(user_id).get_mut(user_id)
            && let Some(device) = user.devices.iter_mut().find(|it| it.id == device)
        {
            device.gone = true;
        }
    }

    /// The grace of a device has passed. One that has come back meanwhile stays. Says whether it
    /// was the last of a user who is offline now, and has been visible.
    pub(crate) fn depart(
        &self,
        user_id: &UserId,
        device: Device,
        at: Time,
        tell: impl FnOnce(Change),
    ) -> bool {
        let mut part = self.part(user_id);
        let Some(user) = part.get_mut(user_id) else {
            return false;
        };
        user.devices.retain(|it| it.id != device || !it.gone);
        user.show(user_id, at, tell);
        if user.devices.is_empty() {
            let visible = user.hidden_since.is_none();
            part.remove(user_id);
            return visible;
        }
        false
    }

    /// A user chooses what others shall see. Says what they see.
    pub(crate) fn choose(
        &self,
        user_id: &UserId,
        device: Device,
        chosen: Chosen,
        at: Time,
        tell: impl FnOnce(Change),
    ) -> Status {
        let mut part = self.part(user_id);
        let Some(user) = part.get_mut(user_id) else {
            return Status::Offline;
        };
        match chosen {
            Chosen::Invisible => user.hidden_since = user.hidden_since.or(Some(at)),
            Chosen::Online | Chosen::Away => {
                user.hidden_since = None;
                if let Some(device) = user.devices.iter_mut().find(|it| it.id == device) {
                    device.away = chosen == Chosen::Away;
                }
            }
        }
        user.show(user_id, at, tell);
        user.shown
    }

    /// A user is called differently from now on.
    pub(crate) fn rename(&self, identity: &Identity) {
        if let Some(user) = self.part(&identity.user_id).get_mut(&identity.user_id) {
            user.username = identity.username.clone();
        }
    }

    /// What others see of a user; nothing of one who is offline.
    pub(crate) fn get(&self, user_id: &UserId) -> Option<Seen> {
        let part = self.part(user_id);
        let user = part.get(user_id)?;
        let devices = match user.shown {
            Status::Offline => 0,
            Status::Online | Status::Away => user.devices.iter().filter(|it| !it.gone).count(),
        };
        Some(Seen {
            status: user.shown,
            devices,
            hidden_since: user.hidden_since,
        })
    }

    /// Whether a device of the user is connected, whatever others may see.
    pub(crate) fn is_reachable(&self, user_id: &UserId) -> bool {
        let part = self.part(user_id);
        part.get(user_id)
            .is_some_and(|user| user.devices.iter().any(|it| !it.gone))
    }

    /// Everybody who has a device here, with the name that they have.
    pub(crate) fn users(&self) -> Vec<(UserId, Username)> {
        let users = |part: &Mutex<HashMap<UserId, User>>| {
            let part = part.lock();
            let users = part.iter().filter(|(_, user)| user.hidden_since.is_none());
            users
                .map(|(id, user)| (id.clone(), user.username.clone()))
                .collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(users).collect()
    }

    /// How many users have a device here.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().len()).sum()
    }
}

impl User {
    fn status(&self) -> Status {
        if self.hidden_since.is_some() || self.devices.is_empty() {
            Status::Offline
        } else if self.devices.iter().all(|it| it.away) {
            Status::Away
        } else {
            Status::Online
        }
    }

    fn show(&mut self, user_id: &UserId, at: Time, tell: impl FnOnce(Change)) {
        let now = self.status();
        let before = std::mem::replace(&mut self.shown, now);
        if before != now {
            tell(Change {
                user_id: user_id.clone(),
                username: self.username.clone(),
                before,
                now,
                at,
            });
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

    /// Runs steps of one user, and gives what others hear: the first letters of the statuses.
    fn heard(steps: &str) -> String {
        let presence = Presence::default();
        let (ana, name) = ("ana".into(), "Ana".into());
        let mut heard = String::new();
        let at = Time::from_millis(0);
        for step in steps.split(' ') {
            let (what, which) = step.split_at(1);
            let device = device(which.chars().next().unwrap());
            let tell = |change: Change| {
                heard += match change.now {
                    Status::Online => "+",
                    Status::Away => "~",
                    Status::Offline => "-",
                };
            };
            match what {
                "a" => presence.arrive(&ana, &name, device, at, tell),
                "l" => presence.lose(&ana, device),
                "d" => drop(presence.depart(&ana, device, at, tell)),
                "o" => drop(presence.choose(&ana, device, Chosen::Online, at, tell)),
                "w" => drop(presence.choose(&ana, device, Chosen::Away, at, tell)),
                "i" => drop(presence.choose(&ana, device, Chosen::Invisible, at, tell)),
                _ => unreachable!("{step}"),
            }
        }
        heard
    }

    #[test]
    fn others_hear_of_the_first_device_and_of_the_last() {
        for (steps, expected) in [
            ("a1", "+"),
            ("a1 a2 l1 d1", "+"),
            ("a1 a2 l1 d1 l2 d2", "+-"),
            // Back within the grace, on the same connection or on another.
            ("a1 l1 a1 d1", "+"),
            ("a1 l1 a2 d1 l2 d2", "+-"),
            ("a1 l1 d1 a1", "+-+"),
            // Away is a user whose every device is.
            ("a1 w1", "+~"),
            ("a1 a2 w1", "+"),
            ("a1 a2 w1 w2 o1", "+~+"),
            ("a1 a2 w1 l2 d2", "+~"),
            // Nobody hears of the invisible.
            ("a1 i1 l1 d1", "+-"),
            ("a1 i1 a2 l1 d1", "+-"),
            ("a1 i1 w1", "+-~"),
            ("d1 l1 w1", ""),
        ] {
            assert_eq!(heard(steps), expected, "{steps}");
        }
    }

    #[test]
    fn who_is_offline_takes_no_memory() {
        let presence = Presence::default();
        let ana = "ana".into();
        let at = Time::from_millis(5);
        presence.arrive(&ana, &"Ana".into(), device('a'), at, |_| {});
        assert_eq!(
            presence.get(&ana),
            Some(Seen {
                status: Status::Online,
                devices: 1,
                hidden_since: None
            })
        );
        presence.lose(&ana, device('a'));
        assert_eq!(presence.get(&ana).map(|it| it.devices), Some(0));
        assert!(!presence.is_reachable(&ana));
        assert!(presence.depart(&ana, device('a'), at, |_| {}));
        assert_eq!((presence.get(&ana), presence.len()), (None, 0));
    }
}
