//! Where the server listens: addresses with ports, and Unix sockets.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::address::is_loopback;

const UNIX: &str = "unix:";

/// One or several places to listen at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listen(Vec<Place>);

/// A place to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// An address and port; port 0 takes any free one.
    Address(SocketAddr),
    /// The path of a Unix socket.
    Path(PathBuf),
}

impl Listen {
    /// All of them; one at least.
    pub(crate) fn places(&self) -> &[Place] {
        &self.0
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self(vec![Place::Address(address)])
    }
}

impl Place {
    /// The address and port, if it is one.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Path(_) => None,
        }
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Address(address) => is_loopback(address.ip()),
            Self::Path(_) => true,
        }
    }
}

impl FromStr for Place {
    type Err = String;

    /// Reads `ADDR:PORT`, where `localhost` stands for 127.0.0.1, or `unix:PATH`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(UNIX).filter(|it| !it.is_empty()) {
            return Ok(Self::Path(path.into()));
        }
        if let Some(port) = text.strip_prefix("localhost:")
            && let Ok(port) = port.parse()
        {
            return Ok(Self::Address((Ipv4Addr::LOCALHOST, port).into()));
        }
        text.parse().map(Self::Address).map_err(|_| {
            "write it as 127.0.0.1:3000, [::1]:3000 or unix:/run/tidings.sock".to_owned()
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Path(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, place) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{place}")?;
        }
        Ok(())
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => serializer.collect_str(one),
            many => serializer.collect_seq(many.iter().map(Place::to_string)),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Places;

        impl<'de> de::Visitor<'de> for Places {
            type Value = Listen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a list of addresses")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Listen, E> {
                read(text.split(','))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Listen, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    texts.push(text);
                }
                read(texts.iter().map(String::as_str))
            }
        }

        deserializer.deserialize_any(Places)
    }
}

fn read<'a, E: de::Error>(texts: impl Iterator<Item = &'a str>) -> Result<Listen, E> {
    let places: Result<Vec<_>, _> = texts.map(|text| text.trim().parse()).collect();
    let places = places.map_err(E::custom)?;
    if places.is_empty() {
        return Err(E::custom("there has to be one address at least"));
    }
    Ok(Listen(places))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn places_are_read_and_written() {
        for (text, read) in [
            (json!("127.0.0.1:80"), Some("127.0.0.1:80")),
            (json!("localhost:0"), Some("127.0.0.1:0")),
            (json!("[::1]:9"), Some("[::1]:9")),
            (json!("unix:/run/t.sock"), Some("unix:/run/t.sock")),
            (json!("[::1]:9, unix:t"), Some("[::1]:9, unix:t")),
            (
                json!(["localhost:1", "[::1]:1"]),
                Some("127.0.0.1:1, [::1]:1"),
            ),
            (json!("3000"), None),
            (json!("localhost"), None),
            (json!("127.0.0.1:70000"), None),
            (json!("unix:"), None),
            (json!(""), None),
            (json!([]), None),
        ] {
            let listen = serde_json::from_value::<Listen>(text.clone()).ok();
            let written = listen.as_ref().map(Listen::to_string);
            assert_eq!(written.as_deref(), read, "{text}");
            if let Some(listen) = listen {
                let again: Value = serde_json::to_value(&listen).unwrap();
                assert_eq!(serde_json::from_value::<Listen>(again).unwrap(), listen);
            }
        }
    }
}
