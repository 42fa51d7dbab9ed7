//! The wire formats that Tidings speaks, as pure functions over bytes.
//!
//! Nothing here opens a socket, reads a clock or knows of a runtime: every decoder takes bytes
//! and gives values, every encoder the reverse. That is what lets each of them be read alone,
//! fuzzed and property-tested.
//!
//! | module | format | source |
//! | --- | --- | --- |
//! | [`websocket`] | frames, messages, handshake, permessage-deflate | RFC 6455, RFC 7692 |
//! | [`engine`] | Engine.IO packets and polling payloads | Engine.IO protocol 4 |
//! | [`socket`] | Socket.IO packets, JSON and MessagePack | Socket.IO protocol 5 |
//! | [`envelope`] | the plain `{type, data, id}` envelope of `/ws` | Tidings |
//! | [`event_stream`] | Server-Sent Events | HTML standard section 9.2 |
//! | [`mod@args`] | what an event carries, kept as it came | |
//! | [`close`] | close codes and what they ask of the client | RFC 6455 section 7.4, Tidings |
#![deny(missing_docs)]

pub mod args;
pub mod close;
pub mod engine;
pub mod envelope;
pub mod event_stream;
pub mod socket;
pub mod websocket;
