//! The opening handshake, server side (RFC 6455 section 4.2).
//!
//! Only the headers that belong to WebSocket are judged here. Whether the origin is welcome and
//! the path exists is for the server to say. All parsing is linear in the size of the headers.

mod extension;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version, request};
use sha1::{Digest as _, Sha1};

/// What the key is hashed with (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Reads keys. The RFC asks for no more than that they decode to 16 bytes, so the bits beyond
/// these may be anything.
const KEY: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What the server is ready to agree on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Whether permessage-deflate may be used.
    pub deflate: bool,
    /// The subprotocols that the server speaks.
    pub protocols: &'a [&'a str],
}

/// What the handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept_key: String,
    /// Whether permessage-deflate was agreed on, so that messages may come compressed.
    pub deflate: bool,
    /// Whether messages may be sent as [`deflate`](super::deflate) compresses them: not to a
    /// client that asked for a smaller window, to which they go as they are.
    pub compress: bool,
    /// The value of `Sec-WebSocket-Extensions`, if any extension was agreed on.
    pub extensions: Option<&'static str>,
    /// The subprotocol: the first that the client offers and the server speaks.
    pub protocol: Option<String>,
}

/// Why a request cannot become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The method is not `GET`.
    #[error("method of a WebSocket handshake must be GET")]
    Method,
    /// The request is not HTTP/1.1.
    #[error("WebSocket handshake needs HTTP/1.1")]
    HttpVersion,
    /// `Connection` does not list `upgrade`.
    #[error("header Connection must contain upgrade")]
    Connection,
    /// `Upgrade` does not list `websocket`.
    #[error("header Upgrade must contain websocket")]
    Upgrade,
    /// `Sec-WebSocket-Version` is missing.
    #[error("header Sec-WebSocket-Version is missing")]
    MissingVersion,
    /// `Sec-WebSocket-Version` is not 13.
    #[error("header Sec-WebSocket-Version must be 13")]
    Version,
    /// `Sec-WebSocket-Key` is missing, repeated or not 16 bytes in base64.
    #[error("header Sec-WebSocket-Key must be 16 bytes in base64, given once")]
    Key,
}

impl HandshakeError {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Sets the headers that the status asks for: what would have been accepted.
    pub fn apply(&self, headers: &mut HeaderMap) {
        match self {
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            Self::Version => {
                headers.insert(
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static("13"),
                );
                headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {}
        }
    }
}

impl Accepted {
    /// Sets the headers of the response, whose status is 101.
    pub fn apply(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(key) = HeaderValue::from_str(&self.accept_key) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
        }
        if let Some(extensions) = self.extensions {
            let value = HeaderValue::from_static(extensions);
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, value);
        }
        if let Some(protocol) = &self.protocol
            && let Ok(protocol) = HeaderValue::from_str(protocol)
        {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
    }
}

/// Tells whether a request asks to become a WebSocket, well-formed or not.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    lists(headers, &header::CONNECTION, "upgrade") && lists(headers, &header::UPGRADE, "websocket")
}

/// Checks a request and works out the response (RFC 6455 section 4.2.1 and 4.2.2).
///
/// # Errors
///
/// When the request is not a handshake of version 13; [`HandshakeError::status`] and
/// [`HandshakeError::apply`] make the response.
pub fn accept(request: &request::Parts, options: &Options<'_>) -> Result<Accepted, HandshakeError> {
    let headers = &request.headers;
    if request.method != Method::GET {
        return Err(HandshakeError::Method);
    }
    if request.version != Version::HTTP_11 {
        return Err(HandshakeError::HttpVersion);
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(HandshakeError::Connection);
    }
    if !lists(headers, &header::UPGRADE, "websocket") {
        return Err(HandshakeError::Upgrade);
    }
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version
        .ok_or(HandshakeError::MissingVersion)?
        .as_bytes()
        .trim_ascii()
        != b"13"
    {
        return Err(HandshakeError::Version);
    }
    let accept_key = accept_key(headers)?;
    let agreement = if options.deflate {
        extension::agree(headers)
    } else {
        None
    };
    let protocol = items(headers, &header::SEC_WEBSOCKET_PROTOCOL)
        .find_map(|offer| {
            options
                .protocols
                .iter()
                .find(|known| known.as_bytes() == offer)
        })
        .map(|protocol| (*protocol).to_owned());
    Ok(Accepted {
        accept_key,
        deflate: agreement.is_some(),
        compress: agreement.is_some_and(|agreement| agreement.full_window),
        extensions: agreement.map(|agreement| agreement.answer),
        protocol,
    })
}

/// Answers the client's key (RFC 6455 section 4.2.2, step 5.4).
fn accept_key(headers: &HeaderMap) -> Result<String, HandshakeError> {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(HandshakeError::Key);
    };
    let key = key.as_bytes().trim_ascii();
    // The decoded size is known from the encoded one, so a long key costs nothing.
    let mut decoded = [0; 18];
    if key.len() != 24 || KEY.decode_slice(key, &mut decoded) != Ok(16) {
        return Err(HandshakeError::Key);
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    Ok(STANDARD.encode(digest))
}

/// The items of a comma-separated header, over all its lines.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// Tells whether a comma-separated header has `token` among its items, in whatever case.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
}
