//! Connections that went, and whose users may be back within the grace.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::{device::Device, names::RoomId, session::Session};

/// Who was on a connection, and where.
type Departure = (Arc<Session>, Vec<RoomId>);

/// The connections that went lately. There are as many as went within the grace.
#[derive(Debug, Default)]
pub(crate) struct Departures(Mutex<HashMap<Device, Departure>>);

impl Departures {
    /// A connection has gone.
    pub(crate) fn keep(&self, id: Device, session: Arc<Session>, rooms: Vec<RoomId>) {
        self.0.lock().insert(id, (session, rooms));
    }

    /// The grace of a connection has passed.
    pub(crate) fn take(&self, id: &Device) -> Option<Departure> {
        self.0.lock().remove(id)
    }
}
