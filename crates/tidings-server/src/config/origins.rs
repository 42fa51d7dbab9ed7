//! Which web pages may connect: a browser says where a page comes from in `Origin`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The pages that may connect. With none listed, those of the same host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Origins(Vec<Origin>);

/// Some pages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Origin {
    /// `*`: all.
    Any,
    /// `https://app.example.com`: those of one origin.
    Exact(String),
    /// `https://*.example.com`: those of all hosts below a domain.
    Below {
        /// `https://`.
        scheme: String,
        /// `.example.com`, with the port if there is one.
        domain: String,
    },
}

impl Origins {
    /// Whether a page from `origin` may connect to what it calls `host`. Both are taken as the
    /// headers say them. Whoever sends no `Origin` is no page, and is not asked about here.
    pub(crate) fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        let origin = origin.to_ascii_lowercase();
        if self.0.is_empty() {
            // The default ports are the one thing that browsers leave out of both.
            return origin
                .split_once("://")
                .zip(host)
                .is_some_and(|((_, authority), host)| authority.eq_ignore_ascii_case(host));
        }
        self.0.iter().any(|allowed| match allowed {
            Origin::Any => true,
            Origin::Exact(exact) => *exact == origin,
            Origin::Below { scheme, domain } => origin
                .strip_prefix(scheme)
                .and_then(|rest| rest.strip_suffix(domain))
                .is_some_and(|label| !label.is_empty() && label.bytes().all(is_of_host)),
        })
    }
}

/// Bytes that a part of a host's name is made of.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let text = text.to_ascii_lowercase();
        let advice = || {
            format!(
                "{text} is no origin: write https://app.example.com, https://*.example.com or *, \
                 without a path"
            )
        };
        let (scheme, authority) = text.split_once("://").ok_or_else(advice)?;
        let (wild, host) = match authority.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, authority),
        };
        let of_authority = |byte| is_of_host(byte) || matches!(byte, b':' | b'[' | b']');
        let letters = scheme
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'-');
        if scheme.is_empty() || !letters || host.is_empty() || !host.bytes().all(of_authority) {
            return Err(advice());
        }
        Ok(if wild {
            Self::Below {
                scheme: format!("{scheme}://"),
                domain: format!(".{host}"),
            }
        } else {
            Self::Exact(text)
        })
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("*"),
            Self::Exact(exact) => serializer.serialize_str(exact),
            Self::Below { scheme, domain } => {
                serializer.collect_str(&format_args!("{scheme}*{domain}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(list: &[&str]) -> Origins {
        Origins(list.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn pages_are_let_in_by_where_they_come_from() {
        let app = &["https://app.example.com", "https://*.corp.example:8443"][..];
        for (allowed, origin, host, may) in [
            (
                &[][..],
                "http://chat.example:3000",
                Some("chat.example:3000"),
                true,
            ),
            (&[], "https://Chat.example", Some("chat.EXAMPLE"), true),
            (&[], "http://evil.example", Some("chat.example"), false),
            (&[], "http://chat.example:1", Some("chat.example"), false),
            (&[], "null", Some("null"), false),
            (&[], "http://chat.example", None, false),
            (app, "https://app.example.com", None, true),
            (app, "https://APP.example.com", None, true),
            (app, "http://app.example.com", None, false),
            (app, "https://app.example.com.evil.example", None, false),
            (app, "https://a.b.corp.example:8443", None, true),
            (app, "https://corp.example:8443", None, false),
            (app, "https://evil.example/.corp.example:8443", None, false),
            (app, "https://evilcorp.example:8443", None, false),
            (&["*"], "null", None, true),
        ] {
            assert_eq!(
                origins(allowed).allow(origin, host),
                may,
                "{allowed:?} {origin}"
            );
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "app.example.com",
            "https://",
            "https://a/path",
            "https://a/",
            "https://*.",
            "https://u@a",
            "://a",
            "https://a*b",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
        let read = origins(&["*", "https://a.example:1", "https://*.example"]);
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Origins>(&written).unwrap(), read);
    }
}
