//! The writes: a file for each, which says what is asked and how it is written.

mod amend;
mod append;
mod barrier;
mod documents;
mod mark;
mod notify;
mod outbox;
mod probe;
mod read_notifications;
mod seen;
mod set_member;
mod snapshot;
mod trim;

pub(super) use self::{
    barrier::Barrier,
    documents::DeleteDocument,
    outbox::{Announce, Pass, STEP, SetReaders, Settle},
    probe::Probe,
    read_notifications::ReadNotifications,
    seen::Seen,
    set_member::SetMember,
    snapshot::{PutSnapshot, TakeSnapshot},
    trim::{Cut, TrimNotifications, TrimRooms},
};
