//! One use of a method.

use std::sync::Arc;

use serde_json::Value;
use tidings::{Hub, Server};

use super::{idempotency::Name, keys::Holder, method::Methods};
use crate::{
    app::App,
    fault::{Code, Fault},
    names::RoomId,
};

/// One use of a method.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) app: App,
    pub(super) hub: Hub,
    pub(super) server: Server,
    pub(super) methods: Methods,
    /// Whose key it came with.
    pub(super) holder: Arc<Holder>,
    /// What the caller named the request by, so that it can be sent again.
    pub(super) name: Option<Name>,
}

impl Request {
    /// Whether the key is good for a room of that name.
    ///
    /// # Errors
    ///
    /// When it is not, or no room can have the name.
    pub(super) fn check_room(&self, room: &RoomId) -> Result<(), Fault> {
        self.app.access().check_name(room)?;
        if self.holder.is_for(room) {
            return Ok(());
        }
        Err(Fault::new(
            Code::PermissionDenied,
            format!(
                "The key {} is not for room {room}: its setting rooms does not name it.",
                self.holder.name
            ),
        ))
    }

    /// Whether a value is small enough to be stored and passed on: clients may send no more.
    ///
    /// # Errors
    ///
    /// When it is larger.
    pub(super) fn check_stored(&self, field: &str, value: Option<&Value>) -> Result<(), Fault> {
        let most = self.app.config().limits.command_bytes;
        if value.is_none_or(|value| value.to_string().len() <= most) {
            return Ok(());
        }
        let sentence = format!(
            "{field} has more than {most} bytes; the setting limits.command_bytes is the most."
        );
        Err(Fault::new(Code::TooLarge, sentence))
    }
}
