//! The durable log behind Tidings: what was said in a room, who has read it, what a user is to be
//! told, and who belongs where.
//!
//! One trait, [`Store`], says what a store does; [`SqliteStore`] does it in one file. Nothing here
//! knows of a connection: a server calls [`Store::append`] and publishes when it is told that the
//! message is on disk, in the order in which it is told.
//!
//! * A room has **one clock**. Every message takes its next sequence number, and so does every
//!   edit and every deletion. There are no gaps, and no number is given twice, not even when the
//!   message that had it has been trimmed away.
//! * **Writes are queued and never wait**: the queue takes a write or refuses it at once. What is
//!   queued is committed together, and the outcomes are handed out one after the other.
//! * **Programs outside** are told by way of an outbox: an [`Announcer`] has an event put into it in
//!   the transaction of a write, and it stays until everybody who reads the outbox has it.
//! * **Reads** are futures, and see everything whose outcome has been handed out.
//! * **Documents** are records that follow each other, and a snapshot in the place of the older
//!   ones. What is in them, only their writer knows.
//!
//! ```
//! use std::sync::Arc;
//! use tidings_store::{NewMessage, Page, SqliteOptions, SqliteStore, Store, Time};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqliteStore::in_memory(SqliteOptions::default())?;
//! let (tell, told) = tokio::sync::oneshot::channel();
//! store.append(
//!     NewMessage {
//!         sender_name: "Ana".into(),
//!         client_message_id: Some("7".into()),
//!         ..NewMessage::new("lobby", "ana", "Hello", Time::now())
//!     },
//!     Box::new(move |outcome| drop(tell.send(outcome))),
//! )?;
//! assert_eq!(told.await??.seq, 1);
//!
//! let history = store.history("lobby", Page::newest(50)).await?;
//! assert_eq!(history.messages[0].content.as_deref(), Some("Hello"));
//! store.close().await?;
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

pub mod limits;

mod document;
mod error;
mod history;
mod id;
mod message;
mod notification;
mod outbox;
mod receipt;
mod retention;
mod sqlite;
mod stats;
mod store;
mod time;
mod user;

pub use self::{
    document::{Compaction, DocumentRecord, DocumentRow, DocumentVersion, StoredDocument},
    error::StoreError,
    history::{History, Page, Since},
    message::{Amended, Amendment, AmendmentKind, Appended, Change, Message, NewMessage},
    notification::{
        NewNotification, Notification, NotificationQuery, Notifications, NotificationsRead,
        Notified, ReadIds,
    },
    outbox::{Announcer, OutboxEntry, OutboxEvent},
    receipt::{Mark, MarkKind, Marked, ReceiptRow},
    retention::{Keep, Retention, RoomRetention, Trimmed},
    sqlite::{OpenError, SqliteOptions, SqliteStore, SyncMode},
    stats::StoreStats,
    store::{Done, Pending, Store},
    time::Time,
    user::{MemberRoom, UserRow},
};
