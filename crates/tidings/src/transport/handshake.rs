//! The request that opened a connection, kept small.

use std::{borrow::Cow, net::SocketAddr, time::SystemTime};

use http::{HeaderMap, request::Parts};
use serde_json::value::RawValue;

/// The request that opened a connection: its address, URL, query, headers and time.
///
/// The headers are kept as one text and searched when asked for, since a server holds one of
/// these for every connection and looks into few of them.
#[derive(Debug, Clone)]
pub struct Handshake {
    url: Box<str>,
    headers: Box<str>,
    address: SocketAddr,
    issued: SystemTime,
    secure: bool,
}

impl Handshake {
    pub(crate) fn new(parts: &Parts, address: SocketAddr, secure: bool) -> Self {
        Self {
            url: parts
                .uri
                .path_and_query()
                .map_or("/", |it| it.as_str())
                .into(),
            headers: flatten(&parts.headers).into_boxed_str(),
            address,
            issued: SystemTime::now(),
            secure,
        }
    }

    /// The path and query of the request.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the peer: of the proxy, when there is one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// When the request arrived.
    pub fn issued(&self) -> SystemTime {
        self.issued
    }

    /// Whether it came over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the page that opened the connection comes from another origin, as far as the
    /// presence of an `Origin` header tells.
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All headers, names in lower case, in the order of arrival.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .split_terminator('\n')
            .filter_map(|line| line.split_once(':'))
    }

    /// The last query parameter of that name, decoded.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query_pairs()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value)
            .last()
    }

    /// What a client without a packet to authenticate by has sent instead, as `{"token": …}`: the
    /// query parameter `token`, or else the bearer token of the `Authorization` header.
    pub(crate) fn auth(&self) -> Option<Box<RawValue>> {
        let bearer = || {
            let (scheme, token) = self.header("authorization")?.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| Cow::Borrowed(token.trim()))
        };
        let token = self.query("token").or_else(bearer)?;
        serde_json::value::to_raw_value(&serde_json::json!({ "token": token })).ok()
    }

    /// All query parameters, decoded, in the order of the URL.
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes())
    }
}

fn flatten(headers: &HeaderMap) -> String {
    let size = headers
        .iter()
        .map(|(key, value)| key.as_str().len() + value.len() + 2)
        .sum();
    let mut text = String::with_capacity(size);
    for (key, value) in headers {
        text.push_str(key.as_str());
        text.push(':');
        text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_query_are_found_again() {
        let (parts, ()) = http::Request::builder()
            .uri("/socket.io/?EIO=4&token=a%20b&token=c")
            .header("X-Thing", "1:2")
            .header("Origin", "http://a.example")
            .body(())
            .unwrap()
            .into_parts();
        let handshake = Handshake::new(&parts, SocketAddr::from(([127, 0, 0, 1], 9)), false);
        assert_eq!(handshake.header("x-thing"), Some("1:2"));
        assert_eq!(handshake.query("token").as_deref(), Some("c"));
        assert_eq!(handshake.query("missing"), None);
        assert!(handshake.is_cross_domain());
    }

    #[test]
    fn the_token_is_that_of_the_query_or_else_of_the_header() {
        for (uri, header, expected) in [
            ("/?token=a", "Bearer b", Some(r#"{"token":"a"}"#)),
            ("/?token=", "Bearer b", Some(r#"{"token":""}"#)),
            ("/", "bearer  b", Some(r#"{"token":"b"}"#)),
            ("/", "Basic b", None),
            ("/", "Bearer", None),
        ] {
            let request = http::Request::builder().uri(uri);
            let request = request.header("Authorization", header).body(()).unwrap();
            let (parts, ()) = request.into_parts();
            let handshake = Handshake::new(&parts, SocketAddr::from(([127, 0, 0, 1], 9)), false);
            let auth = handshake.auth();
            assert_eq!(
                auth.as_deref().map(RawValue::get),
                expected,
                "{uri} {header}"
            );
        }
    }
}
