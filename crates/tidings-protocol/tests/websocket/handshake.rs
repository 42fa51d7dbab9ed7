//! The opening handshake: what is accepted, what is refused and how.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Version, request};
use tidings_protocol::websocket::handshake::{
    Accepted, HandshakeError, Options, accept, is_upgrade,
};

const DEFLATE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The handshake of RFC 6455 section 1.3, with some headers replaced or taken away.
fn request(changes: &[(&str, Option<&str>)]) -> request::Parts {
    let (mut parts, ()) = Request::builder()
        .uri("/chat")
        .header("Host", "server.example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Origin", "http://example.com")
        .header("Sec-WebSocket-Version", "13")
        .body(())
        .expect("a well-formed request")
        .into_parts();
    for (name, _) in changes {
        parts.headers.remove(*name);
    }
    for (name, value) in changes {
        if let Some(value) = value {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            parts
                .headers
                .append(name, HeaderValue::from_str(value).expect("a header value"));
        }
    }
    parts
}

fn check(changes: &[(&str, Option<&str>)], expected: Result<(), HandshakeError>) {
    let result = accept(&request(changes), &Options::default()).map(|_| ());
    assert_eq!(result, expected, "{changes:?}");
}

#[test]
fn the_example_of_the_rfc() {
    let request = request(&[("Sec-WebSocket-Protocol", Some("chat, superchat"))]);
    assert!(is_upgrade(&request.headers));
    let options = Options {
        deflate: true,
        protocols: &["superchat", "chat"],
    };
    let accepted = accept(&request, &options).expect("the RFC is right");
    let expected = Accepted {
        accept_key: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(),
        deflate: false,
        compress: false,
        extensions: None,
        protocol: Some("chat".to_owned()),
    };
    assert_eq!(accepted, expected);

    let mut response = HeaderMap::new();
    accepted.apply(&mut response);
    assert_eq!(response["connection"], "Upgrade");
    assert_eq!(response["upgrade"], "websocket");
    assert_eq!(
        response["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(response["sec-websocket-protocol"], "chat");
    assert!(!response.contains_key("sec-websocket-extensions"));
}

#[test]
fn lists_are_searched_in_any_case() {
    check(&[("Connection", Some("keep-alive, UPGRADE"))], Ok(()));
    check(
        &[
            ("Connection", Some("keep-alive")),
            ("Connection", Some("upgrade")),
        ],
        Ok(()),
    );
    check(&[("Upgrade", Some("h2c ,WebSocket"))], Ok(()));
    check(&[("Sec-WebSocket-Version", Some(" 13 "))], Ok(()));
}

#[test]
fn what_is_missing_or_wrong() {
    check(&[("Connection", None)], Err(HandshakeError::Connection));
    check(
        &[("Connection", Some("close"))],
        Err(HandshakeError::Connection),
    );
    check(
        &[("Connection", Some("upgraded"))],
        Err(HandshakeError::Connection),
    );
    check(&[("Upgrade", None)], Err(HandshakeError::Upgrade));
    check(&[("Upgrade", Some("h2c"))], Err(HandshakeError::Upgrade));
    check(
        &[("Sec-WebSocket-Version", None)],
        Err(HandshakeError::MissingVersion),
    );
    for version in ["8", "0", "14", "13, 8", "013", ""] {
        check(
            &[("Sec-WebSocket-Version", Some(version))],
            Err(HandshakeError::Version),
        );
    }
    check(&[("Sec-WebSocket-Key", None)], Err(HandshakeError::Key));
    let long = "A".repeat(10_000);
    for key in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZTEy",
        "?GhlIHNhbXBsZSBub25jZQ==",
        &long,
    ] {
        check(
            &[("Sec-WebSocket-Key", Some(key))],
            Err(HandshakeError::Key),
        );
    }
    let key = Some("dGhlIHNhbXBsZSBub25jZQ==");
    check(
        &[("Sec-WebSocket-Key", key), ("Sec-WebSocket-Key", key)],
        Err(HandshakeError::Key),
    );
    // Bits beyond the sixteen bytes do not matter.
    check(
        &[("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZR=="))],
        Ok(()),
    );
}

#[test]
fn method_and_version_of_http() {
    let mut post = request(&[]);
    post.method = Method::POST;
    assert_eq!(
        accept(&post, &Options::default()),
        Err(HandshakeError::Method)
    );
    for version in [Version::HTTP_10, Version::HTTP_2] {
        let mut other = request(&[]);
        other.version = version;
        assert_eq!(
            accept(&other, &Options::default()),
            Err(HandshakeError::HttpVersion)
        );
    }
}

#[test]
fn refusals_say_what_would_do() {
    let mut headers = HeaderMap::new();
    HandshakeError::Version.apply(&mut headers);
    assert_eq!(
        HandshakeError::Version.status(),
        StatusCode::UPGRADE_REQUIRED
    );
    assert_eq!(headers["sec-websocket-version"], "13");
    assert_eq!(headers["upgrade"], "websocket");
    let mut headers = HeaderMap::new();
    HandshakeError::Method.apply(&mut headers);
    assert_eq!(
        HandshakeError::Method.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(headers["allow"], "GET");
    assert_eq!(HandshakeError::Key.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn an_ordinary_request_is_no_upgrade() {
    assert!(!is_upgrade(&HeaderMap::new()));
    assert!(!is_upgrade(&request(&[("Upgrade", None)]).headers));
    assert!(!is_upgrade(
        &request(&[("Connection", Some("keep-alive"))]).headers
    ));
}

#[test]
fn subprotocols() {
    let check = |offers: &[&str], expected: Option<&str>| {
        let offers: Vec<_> = offers
            .iter()
            .map(|offer| ("Sec-WebSocket-Protocol", Some(*offer)))
            .collect();
        let options = Options {
            deflate: false,
            protocols: &["v1", "v2"],
        };
        let accepted = accept(&request(&offers), &options).expect("a handshake");
        assert_eq!(accepted.protocol.as_deref(), expected, "{offers:?}");
    };
    check(&[], None);
    check(&["v2,v1"], Some("v2"));
    check(&["x, y", "v1"], Some("v1"));
    check(&["V1"], None);
    check(&[",, ,"], None);
}

#[test]
fn deflate_is_negotiated() {
    let windowed = format!("{DEFLATE}; server_max_window_bits=15");
    let check = |offers: &[&str], expected: Option<&str>| {
        let offers: Vec<_> = offers
            .iter()
            .map(|offer| ("Sec-WebSocket-Extensions", Some(*offer)))
            .collect();
        let request = request(&offers);
        let accepted = accept(
            &request,
            &Options {
                deflate: true,
                protocols: &[],
            },
        );
        let accepted = accepted.expect("a handshake");
        assert_eq!(accepted.extensions, expected, "{offers:?}");
        assert_eq!(accepted.deflate, expected.is_some());
        let full_window = expected.is_some_and(|it| !it.ends_with("bits=10"));
        assert_eq!(accepted.compress, full_window);
        let without = accept(&request, &Options::default()).expect("a handshake");
        assert_eq!((without.extensions, without.deflate), (None, false));
    };
    let yes = Some(DEFLATE);
    check(&[], None);
    check(&["permessage-deflate"], yes);
    check(&["Permessage-Deflate ; client_max_window_bits"], yes);
    check(&["permessage-deflate; client_max_window_bits=15"], yes);
    check(&["permessage-deflate; client_max_window_bits=\"8\""], yes);
    check(
        &["permessage-deflate; client_no_context_takeover; server_no_context_takeover"],
        yes,
    );
    check(
        &["permessage-deflate; server_max_window_bits=15"],
        Some(&windowed),
    );
    check(
        &["permessage-deflate; server_max_window_bits = \"15\""],
        Some(&windowed),
    );

    // A smaller window of ours is agreed to when nothing better is offered.
    let small = format!("{DEFLATE}; server_max_window_bits=10");
    check(
        &["permessage-deflate; server_max_window_bits=10"],
        Some(&small),
    );
    check(
        &["permessage-deflate; server_max_window_bits=10, permessage-deflate"],
        yes,
    );
    check(
        &[
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate",
        ],
        yes,
    );
    check(&["x-webkit-deflate-frame, permessage-deflate"], yes);
    check(
        &["x-other; a=\"b, permessage-deflate, \\\" c\", permessage-deflate"],
        yes,
    );
    check(
        &["x-other; a=\"permessage-deflate, permessage-deflate"],
        None,
    );

    // What the RFC does not know is declined.
    check(&["permessage-deflate; unknown"], None);
    check(&["permessage-deflate; server_no_context_takeover=1"], None);
    check(&["permessage-deflate; server_max_window_bits"], None);
    check(
        &["permessage-deflate; client_max_window_bits; client_max_window_bits"],
        None,
    );
    for bits in ["7", "16", "08", "015", "", "\"", "+9", "1"] {
        check(
            &[&format!(
                "permessage-deflate; client_max_window_bits={bits}"
            )],
            None,
        );
    }
}
