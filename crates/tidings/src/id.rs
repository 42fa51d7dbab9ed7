//! Identifiers: 20 characters of the URL-safe base64 alphabet, 120 random bits.
//!
//! Twenty characters exactly, since Node peers tell private rooms and engine sessions by that
//! length. The engine's id and the socket's id are drawn apart: whoever has the first can poll
//! the session, while the second is shown to everybody.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

const LEN: usize = 20;

fn random() -> [u8; LEN] {
    let mut entropy = [0u8; 15];
    getrandom::fill(&mut entropy).expect("the operating system gives random bytes");
    let mut text = [0u8; LEN];
    URL_SAFE_NO_PAD
        .encode_slice(entropy, &mut text)
        .expect("15 bytes are 20 base64 characters");
    text
}

fn parse(text: &str) -> Option<[u8; LEN]> {
    let bytes: [u8; LEN] = text.as_bytes().try_into().ok()?;
    bytes
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        .then_some(bytes)
}

/// The public id of one socket: one client in one namespace.
///
/// It is also the name of a room that holds that socket alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId([u8; LEN]);

impl SocketId {
    pub(crate) fn random() -> Self {
        Self(random())
    }

    /// Reads an id back from its text; `None` unless it is 20 characters of the alphabet.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text).map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for SocketId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A private id: an Engine.IO session, or the key to recover a Socket.IO session.
///
/// Whoever holds it may act as the client, so it is masked in debug output and has no `Display`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PrivateId([u8; LEN]);

impl PrivateId {
    pub(crate) fn random() -> Self {
        Self(random())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        parse(text).map(Self)
    }

    /// The id as text, for the client it belongs to and nobody else.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for PrivateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.reveal();
        write!(f, "{}…", text.get(..4).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twenty_characters_and_read_back() {
        let id = SocketId::random();
        assert_eq!(id.as_str().len(), 20);
        assert_eq!(SocketId::parse(id.as_str()), Some(id));
        assert_eq!(SocketId::parse("too-short"), None);
        assert_eq!(SocketId::parse("abcdefghij/lmnopqrst"), None);
    }

    #[test]
    fn a_private_id_is_masked_when_printed() {
        let id = PrivateId::random();
        assert!(!format!("{id:?}").contains(id.reveal()));
    }
}
