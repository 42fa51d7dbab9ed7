//! Collaborative documents: texts that many people edit at once and that always converge.
//!
//! Two kinds of client edit the same [`Document`]. Editors bound to Yjs send the updates of a
//! CRDT, which need no order. Thin clients know nothing of that: they insert and delete at
//! positions in UTF-16 units, against the version of the text that they see, as
//! [`Operation`]s. Behind both is one replica of the CRDT, `yrs`; in front of it is a small
//! operational transformation, which brings an operation to the present.
//!
//! * A **version** counts the insertions and deletions that the text has seen, whoever made them.
//!   Each of them is a [`Change`], and whoever applies all changes in order has the text.
//! * A client that has **one operation on its way** at a time can send it again after whatever
//!   happened. One that sends several without waiting may do so within one session only, and
//!   begins with the text anew when it comes back.
//! * An operation that is **sent again** is answered with its first result and not applied again.
//!   One of which the document can no longer say whether it was applied is refused.
//! * What a document does is given back as bytes to append to a log ([`Edited::record`]), and a
//!   document is [loaded](Document::load) from a snapshot and the records since.
//!
//! Nothing here reads a clock, makes an id, or knows of a socket or of a database. A document is
//! owned by one task, which serialises whatever is done to it.
//!
//! ```
//! use std::sync::Arc;
//! use tidings_documents::{Document, Edit, Limits, Operation, SessionId};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut document = Document::new(7, Limits::default());
//! let (ann, bob): (Arc<str>, Arc<str>) = ("ann".into(), "bob".into());
//! let edit = |session, author: &Arc<str>, id: &str, operation| Edit {
//!     session: SessionId(session),
//!     author: author.clone(),
//!     operation_id: id.into(),
//!     base: 0,
//!     operation,
//!     at: 0,
//! };
//! document.open(SessionId(1))?;
//! document.open(SessionId(2))?;
//! // Both have seen the empty text only.
//! let hello = Operation::Insert { position: 0, content: "Hello".into() };
//! let world = Operation::Insert { position: 0, content: "world".into() };
//! document.edit(edit(1, &ann, "a1", hello.clone()))?;
//! document.edit(edit(2, &bob, "b1", world))?;
//! assert_eq!(document.text(), "worldHello");
//! // The answer was lost, and Ann sends it again.
//! assert!(document.edit(edit(1, &ann, "a1", hello))?.repeated);
//! assert_eq!(document.version(), 2);
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

mod awareness;
mod document;
mod error;
mod limits;
mod operation;
#[cfg(test)]
mod simulation;
mod transform;
pub mod wire;

pub use self::{
    awareness::{Awareness, AwarenessError, ConnectionId},
    document::{Change, Document, Edit, Edited, SessionId, Updated},
    error::{EditError, LoadError, TooManySessions, UpdateError},
    limits::Limits,
    operation::{Operation, utf16_len},
};
