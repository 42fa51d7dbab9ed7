//! Telling backends which rooms somebody is in. A room that nobody is in counts as occupied for a
//! grace, so that a page that is loaded again is nothing that anybody hears of.

use std::time::Duration;

use tokio::time::Instant;

use super::Webhooks;
use crate::{app::Due, deadlines::Deadlines, names::RoomId, rooms::Occupancy};

/// Whoever hears of rooms.
#[derive(Debug)]
pub(crate) struct Rooms {
    pub(crate) webhooks: Webhooks,
    pub(crate) due: Deadlines<Due>,
    pub(crate) grace: Duration,
}

impl Occupancy for Rooms {
    fn occupied(&self, room: &RoomId) {
        self.webhooks.occupied(room);
    }

    fn emptied(&self, room: &RoomId) {
        let due = Due::Vacated(room.clone());
        self.due.set(due, Instant::now() + self.grace);
    }

    fn vacated(&self, room: &RoomId) {
        self.webhooks.vacated(room);
    }
}
