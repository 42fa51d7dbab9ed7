//! The bytes that Yjs clients and servers send each other, as pure functions over them.
//!
//! [`codec`] reads and writes what everything is made of: numbers of variable length, and bytes
//! and texts with their length before them, as the JavaScript library `lib0` has them.
//! [`protocol`] has the messages of `y-protocols` in the frames of `y-websocket`.

pub mod codec;
pub mod protocol;
