//! Who may enter which room, and send there.
//!
//! A room is open to a user when any of these says so: it is a private conversation of theirs, the
//! token names it, the configuration makes it public, the store has the user as its member, or the
//! backend says so that is asked when none of those do.
//! Nothing is open because nobody forbade it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tidings_store::Store;

use crate::{
    config::RoomsConfig,
    fault::{Code, Fault},
    identity::patterns::Patterns,
    names::{RoomId, UserId},
    private,
    session::Session,
    webhooks::{
        Webhooks,
        authorize::{Action, Verdict as Said},
    },
};

/// The rules of a server.
#[derive(Debug)]
pub(crate) struct Access {
    /// The rooms that are open to everybody who has signed in.
    public: ArcSwap<Patterns>,
    /// Whether all rooms are: in development.
    everything: bool,
    /// Bytes that the name of a room may have.
    name_bytes: usize,
    store: Arc<dyn Store>,
    webhooks: Webhooks,
}

/// What is known without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
    /// The store has to be asked whether the user is a member.
    Ask,
}

impl Access {
    /// Rules by which the public rooms are open to everybody, or every room is.
    pub(crate) fn new(
        rooms: &RoomsConfig,
        everything: bool,
        store: Arc<dyn Store>,
        webhooks: Webhooks,
    ) -> Self {
        Self {
            public: ArcSwap::from_pointee(rooms.public.clone()),
            everything,
            name_bytes: rooms.name_bytes,
            store,
            webhooks,
        }
    }

    /// Opens other rooms to everybody from now on. Whoever is inside stays.
    pub(crate) fn reload(&self, rooms: &RoomsConfig) {
        self.public.store(Arc::new(rooms.public.clone()));
    }

    fn verdict(&self, session: &Session, room: &RoomId) -> Verdict {
        // The administrators' claim does not open what two people say to each other.
        if private::is_private(room) {
            return if private::is_party(room, session.user_id()) {
                Verdict::Yes
            } else {
                Verdict::No
            };
        }
        let name = room.as_str();
        if self.everything || self.public.load().matches(name) || session.rooms.matches(name) {
            Verdict::Yes
        } else {
            Verdict::Ask
        }
    }

    /// Whether a room may have that name here.
    ///
    /// # Errors
    ///
    /// When it is longer than the settings allow.
    pub(crate) fn check_name(&self, room: &RoomId) -> Result<(), Fault> {
        if room.as_str().len() <= self.name_bytes {
            return Ok(());
        }
        Err(Fault::new(
            Code::BadRequest,
            format!("roomId is longer than {} bytes.", self.name_bytes),
        ))
    }

    /// Whether the user may enter the room without being its member.
    pub(crate) fn admits(&self, session: &Session, room: &RoomId) -> bool {
        self.verdict(session, room) == Verdict::Yes
    }

    /// Whether the user may enter the room: join it, and read what was said there.
    ///
    /// # Errors
    ///
    /// When the user may not, or when the store cannot be asked.
    pub(crate) async fn enter(&self, session: &Session, room: &RoomId) -> Result<(), Fault> {
        self.check_name(room)?;
        if self.is_open_to(session, room).await? {
            return Ok(());
        }
        let denied = format!(
            "{} may not enter room {room}. The token has to name it in the claim rooms, or the \
             user has to be made a member.",
            session.user_id()
        );
        self.ask(Action::Join, session, room, denied).await
    }

    /// Whether the user may send to the room. Who is inside with this connection was let in
    /// already.
    ///
    /// # Errors
    ///
    /// As [`enter`](Self::enter).
    pub(crate) async fn send(
        &self,
        session: &Session,
        room: &RoomId,
        inside: bool,
    ) -> Result<(), Fault> {
        self.check_name(room)?;
        if !private::is_private(room) && !session.may_send(room) {
            let denied = format!(
                "{} may not send to room {room}: the token's claim publish does not name it.",
                session.user_id()
            );
            return self.ask(Action::Publish, session, room, denied).await;
        }
        if inside || self.is_open_to(session, room).await? {
            return Ok(());
        }
        let denied = format!(
            "{} may not send to room {room}. The token has to name it in the claim rooms, or the \
             user has to be made a member.",
            session.user_id()
        );
        self.ask(Action::Publish, session, room, denied).await
    }

    /// Whether we ourselves know that the user may enter.
    async fn is_open_to(&self, session: &Session, room: &RoomId) -> Result<bool, Fault> {
        match self.verdict(session, room) {
            Verdict::Yes => Ok(true),
            Verdict::No => Ok(false),
            Verdict::Ask => self.is_member(room, session.user_id()).await,
        }
    }

    /// Asks the backend for what nothing else allows. `denied` is said when nobody is asked, or
    /// gives no reason. What two people say to each other is not for it to open.
    async fn ask(
        &self,
        action: Action,
        session: &Session,
        room: &RoomId,
        denied: String,
    ) -> Result<(), Fault> {
        let said = match self.webhooks.authorizer() {
            Some(authorizer) if !private::is_private(room) => {
                authorizer.ask(action, &session.identity, room).await?
            }
            _ => Said::Denied(None),
        };
        match said {
            Said::Allowed => Ok(()),
            Said::Denied(reason) => {
                let sentence = reason.map_or(denied, |it| it.to_string());
                Err(Fault::new(Code::PermissionDenied, sentence))
            }
        }
    }

    async fn is_member(&self, room: &RoomId, user: &UserId) -> Result<bool, Fault> {
        Ok(self.store.is_member(room.as_str(), user.as_str()).await?)
    }
}
