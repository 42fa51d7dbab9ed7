//! The WebSocket decoder, encoder and handshake seen from a client.

mod client;
mod compression;
mod differential;
mod handshake;
mod limits;
mod round_trip;
mod strictness;
mod utf8;
