//! Who is behind a connection.
//!
//! An identity is kept with the socket twice: as a value, for the commands that come in on it, and
//! as its data, which a session brings back when it is recovered.

pub(crate) mod claims;
pub(crate) mod jwks;
mod key;
pub(crate) mod mask;
pub(crate) mod mint;
pub(crate) mod patterns;
pub(crate) mod verifier;

use serde::{Deserialize, Serialize};
use tidings::Socket;

use crate::{
    fault::{Code, Fault},
    names::{UserId, Username},
};

/// Somebody, as the others know them. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    pub(crate) user_id: UserId,
    pub(crate) username: Username,
}

impl Identity {
    /// Who has signed in on that socket.
    ///
    /// # Errors
    ///
    /// When nobody has.
    pub(crate) fn of(socket: &Socket) -> Result<Self, Fault> {
        socket.get().ok_or_else(|| {
            let sentence = "Nobody has signed in on this connection. Send the command auth first.";
            Fault::new(Code::Unauthenticated, sentence)
        })
    }

    /// Signs in on a socket. Somebody who has signed in already may change the name, and nothing
    /// else.
    ///
    /// # Errors
    ///
    /// When somebody else has signed in there.
    pub(crate) fn sign_in(self, socket: &Socket) -> Result<(), Fault> {
        if let Some(known) = socket.get::<Self>()
            && known.user_id != self.user_id
        {
            let sentence = format!(
                "This connection belongs to {} already. Open another one to be somebody else.",
                known.user_id
            );
            return Err(Fault::new(Code::AlreadyAuthenticated, sentence));
        }
        socket.set_data(&self).map_err(Fault::internal)?;
        socket.insert(self);
        Ok(())
    }

    /// Signs in whoever had signed in on the session that this socket continues.
    pub(crate) fn recover(socket: &Socket) -> Option<Self> {
        let identity: Self = socket.data::<Option<Self>>().ok()??;
        socket.insert(identity.clone());
        Some(identity)
    }
}
