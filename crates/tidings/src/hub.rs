//! Namespaces at work: sockets, rooms, and what is published to them.
//!
//! A [`Hub`] is one live namespace. Its sockets may be Socket.IO clients or plain WebSockets;
//! here they differ only in the encoding of what they are sent.
//!
//! Locks, in the order in which they may be taken, none ever held across an await or while a
//! handler runs: the recovery log of a hub; the rooms of one shard; the outbox of one connection.

pub(crate) mod ack;
pub(crate) mod batch;
pub(crate) mod broadcast;
pub(crate) mod encoding;
pub(crate) mod live;
pub(crate) mod namespaces;
pub(crate) mod publication;
pub(crate) mod recovery;
pub(crate) mod rooms;
pub(crate) mod selection;
pub(crate) mod socket;

pub use ack::{Ack, AckError, AckRequest};
pub use broadcast::{Broadcast, BroadcastAcks};
pub use live::Hub;
pub use recovery::RecoveryConfig;
pub use selection::Selection;
pub use socket::{EmitError, JoinError, Socket, SocketInfo};
