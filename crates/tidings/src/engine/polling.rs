//! Long-polling: the handshake, the GET that waits and the POST that sends.

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{self, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
    request::Parts,
};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Limited};
use tidings_protocol::engine;
use tokio::sync::oneshot;

use super::{Endpoint, packets};
use crate::{
    admission::Permit,
    reason::CloseReason,
    server::body::{Body, BoxError, cut, empty, respond},
    transport::{
        connection::{Connection, Goodbye, Opening, Wire},
        frame::WireEncoding,
        handshake::Handshake,
        outbox::{PollAnswer, Polling, Sink},
    },
};

const TEXT: &str = "text/plain; charset=UTF-8";

/// Answers the handshake of a new session.
pub(crate) fn open(
    endpoint: &Arc<Endpoint>,
    parts: &Parts,
    handshake: Handshake,
    permit: Permit,
) -> Response<Body> {
    let connection = Connection::open(
        &endpoint.core,
        Opening {
            wire: Wire::Engine,
            sink: Sink::Polling(Polling::default()),
            encoding: WireEncoding::default(),
            heartbeat: endpoint.heartbeat(),
            handshake,
            permit,
        },
    );
    let config = &endpoint.config;
    let upgrades: &[&str] = if config.allow_upgrades && config.websocket {
        &["websocket"]
    } else {
        &[]
    };
    endpoint.greet(&connection, upgrades);
    let answer = connection
        .with_polling(|outbox, _| outbox.take_payload())
        .unwrap_or(PollAnswer {
            payload: b"1".to_vec(),
            compress: false,
        });
    // What the receiver sends at once goes with the first GET, as in the reference.
    connection.accept(&*endpoint.acceptor);
    connection.flush();
    let mut response = answer_get(endpoint, parts, answer);
    if let Some(cookie) = &config.cookie {
        let value = format!(
            "{}={}; {}",
            cookie.name,
            connection.id().reveal(),
            cookie.attributes
        );
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// Waits for packets, and answers with all of them.
pub(crate) async fn get(
    endpoint: &Arc<Endpoint>,
    parts: &Parts,
    connection: Arc<Connection>,
) -> Response<Body> {
    if connection.is_closed() {
        return answer_get(endpoint, parts, connection.last_words());
    }
    let (sender, receiver) = oneshot::channel();
    let begun = connection.with_polling(|_, polling| match &polling.waiting {
        Some(_) => false,
        None => {
            polling.waiting = Some(sender);
            true
        }
    });
    if begun != Some(true) {
        // The first GET is told that the session is over, the second is refused.
        connection.end(CloseReason::TransportError, Goodbye::Frame(None, ""));
        return empty(StatusCode::BAD_REQUEST);
    }
    // Dropped unfinished, when the client goes away, it ends the session.
    let waiting = Aborted(Some(Arc::clone(&connection)));
    connection.flush();
    let answer = receiver.await;
    waiting.disarm();
    match answer {
        Ok(answer) => answer_get(endpoint, parts, answer),
        // The session was cut, and so is its connection.
        Err(_) => cut(),
    }
}

/// Takes the packets of a body.
pub(crate) async fn post<B>(
    endpoint: &Arc<Endpoint>,
    parts: &Parts,
    body: B,
    connection: Arc<Connection>,
) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    let binary = parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"application/octet-stream"));
    let (posting, mut given_up) = oneshot::channel();
    let begun = connection.with_polling(|_, polling| match polling.posting {
        Some(_) => false,
        None => {
            polling.posting = Some(posting);
            true
        }
    });
    if binary || begun != Some(true) {
        connection.end(CloseReason::TransportError, Goodbye::Frame(None, ""));
        return empty(StatusCode::BAD_REQUEST);
    }
    let reading = Aborted(Some(Arc::clone(&connection)));
    let limit = endpoint.config.max_payload;
    let declared = body.size_hint().lower();
    let collected = if declared > limit as u64 {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        tokio::select! {
            collected = Limited::new(body, limit).collect() => collected.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    StatusCode::PAYLOAD_TOO_LARGE
                } else {
                    StatusCode::BAD_REQUEST
                }
            }),
            _ = &mut given_up => Err(StatusCode::BAD_REQUEST),
        }
    };
    reading.disarm();
    connection.with_polling(|_, polling| polling.posting = None);
    let body = match collected {
        Ok(body) => body.to_bytes(),
        Err(StatusCode::PAYLOAD_TOO_LARGE) => {
            // The session survives; what is left of the body is not read.
            let mut response = empty(StatusCode::PAYLOAD_TOO_LARGE);
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        Err(status) => {
            connection.end(CloseReason::TransportError, Goodbye::Frame(None, ""));
            let mut response = empty(status);
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
    };
    endpoint.core.stats.bytes_in.add(body.len() as u64);
    std::future::poll_fn(|context| connection.poll_admit(context)).await;
    receive(endpoint, &connection, &body);
    let mut response = respond(StatusCode::OK, "text/html", "ok");
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Takes the packets before the first bad one, which ends the session.
fn receive(endpoint: &Endpoint, connection: &Arc<Connection>, body: &[u8]) {
    let corked = connection.cork();
    match std::str::from_utf8(body) {
        Ok(text) => {
            for packet in engine::decode_payload(text, endpoint.core.limits.packets_per_payload) {
                let goes_on = match packet {
                    Ok(packet) => packets::receive(connection, packet),
                    Err(_) => packets::unreadable(connection),
                };
                if !goes_on {
                    break;
                }
            }
        }
        Err(_) => {
            packets::unreadable(connection);
        }
    }
    if corked {
        connection.flush();
    }
}

fn answer_get(endpoint: &Endpoint, parts: &Parts, answer: PollAnswer) -> Response<Body> {
    let PollAnswer { payload, compress } = answer;
    let worth_it = endpoint
        .config
        .http_compression
        .is_some_and(|threshold| compress && payload.len() >= threshold);
    let (encoding, payload) = if worth_it {
        compressed(&parts.headers, payload)
    } else {
        (None, payload)
    };
    endpoint.core.stats.bytes_out.add(payload.len() as u64);
    let mut response = respond(StatusCode::OK, TEXT, payload);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let old_browser = parts.headers.get(header::USER_AGENT).is_some_and(|agent| {
        let agent = String::from_utf8_lossy(agent.as_bytes());
        agent.contains(";MSIE") || agent.contains("Trident/")
    });
    if old_browser {
        headers.insert(
            HeaderName::from_static("x-xss-protection"),
            HeaderValue::from_static("0"),
        );
    }
    response
}

/// The payload as the client prefers it: gzip, deflate or plain.
fn compressed(request: &HeaderMap, payload: Vec<u8>) -> (Option<&'static str>, Vec<u8>) {
    let accepts = |coding: &str| {
        request
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|it| it.to_str().ok())
            .flat_map(|it| it.split(','))
            .any(|it| accepts(it, coding))
    };
    let out = Vec::with_capacity(payload.len() / 2);
    let level = Compression::fast();
    let written = if accepts("gzip") {
        let mut encoder = GzEncoder::new(out, level);
        encoder
            .write_all(&payload)
            .and_then(|()| encoder.finish())
            .map(|it| ("gzip", it))
    } else if accepts("deflate") {
        let mut encoder = ZlibEncoder::new(out, level);
        encoder
            .write_all(&payload)
            .and_then(|()| encoder.finish())
            .map(|it| ("deflate", it))
    } else {
        return (None, payload);
    };
    match written {
        Ok((coding, smaller)) => (Some(coding), smaller),
        Err(_) => (None, payload),
    }
}

/// Whether one item of an `Accept-Encoding` header allows that coding (RFC 9110 section 12.5.3).
fn accepts(item: &str, coding: &str) -> bool {
    let mut parts = item.split(';').map(str::trim);
    let named = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case(coding) || name == "*");
    let refused = parts.any(|it| {
        it.strip_prefix("q=")
            .and_then(|q| q.parse::<f32>().ok())
            .is_some_and(|q| q <= 0.0)
    });
    named && !refused
}

/// Ends the session when a request of it is dropped before it was answered.
struct Aborted(Option<Arc<Connection>>);

impl Aborted {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Aborted {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            connection.end(CloseReason::TransportError, Goodbye::Cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_encoding_is_read_with_its_weights() {
        for (item, expected) in [
            ("gzip", true),
            (" GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("*", true),
            ("*;q=0.0", false),
            ("br", false),
            ("gzipped", false),
        ] {
            assert_eq!(accepts(item, "gzip"), expected, "{item}");
        }
    }
}
