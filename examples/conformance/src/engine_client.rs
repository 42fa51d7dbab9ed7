//! `PROFILE=eio-client`: what the test suite of engine.io-client expects.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::SystemTime,
};

use axum::http::{HeaderMap, HeaderValue, Method, header::SET_COOKIE, request::Parts};
use jiff::Timestamp;
use parking_lot::Mutex;
use tidings::{CloseReason, Connection, EngineHandler, Server};

use crate::settings::Settings;

/// The headers of the POST that each session is being read from, by session.
type Requests = Arc<Mutex<HashMap<String, String>>>;

struct Client {
    requests: Requests,
}

impl EngineHandler for Client {
    fn opened(&self, connection: &Arc<Connection>) {
        connection.send_text("hi");
    }

    fn text(&self, connection: &Arc<Connection>, text: &str) {
        match text {
            "give binary" => connection.send_binary(&[0, 1, 2, 3, 4]),
            "give utf8" => connection.send_text("пойду спать всем спокойной ночи"),
            "sendHeaders" => {
                let headers = self
                    .requests
                    .lock()
                    .get(connection.private_id().reveal())
                    .cloned();
                connection.send_text(&headers.unwrap_or_else(|| own_headers(connection)));
            }
            other => connection.send_text(other),
        }
    }

    fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) {
        connection.send_binary(bytes);
    }

    fn closed(&self, connection: &Arc<Connection>, _: CloseReason) {
        self.requests
            .lock()
            .remove(connection.private_id().reveal());
    }
}

fn own_headers(connection: &Connection) -> String {
    let headers: BTreeMap<_, _> = connection.handshake().headers().collect();
    serde_json::json!(headers).to_string()
}

pub(crate) fn server(settings: &Settings) -> anyhow::Result<Server> {
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let engine = settings
        .engine(500, 20_000)
        .max_payload(settings.max_payload.unwrap_or(100))
        .allow_request(|handshake| async move {
            match handshake.query("deny") {
                Some(_) => Err(String::new()),
                None => Ok(()),
            }
        })
        .on_request(move |parts| remember(&seen, parts))
        .on_headers(|_, handshake, headers| {
            if handshake {
                set_cookies(headers);
            }
        });
    let server = Server::builder()
        .limits(settings.limits())
        .engine("/engine.io/", engine, Client { requests })
        .build()?;
    Ok(server)
}

fn remember(requests: &Requests, parts: &Parts) {
    let sid = parts
        .uri
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("sid="));
    if let Some(sid) = sid
        && parts.method == Method::POST
    {
        let headers: BTreeMap<_, _> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        requests
            .lock()
            .insert(sid.to_owned(), serde_json::json!(headers).to_string());
    }
}

fn set_cookies(headers: &mut HeaderMap) {
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    let now = jiff::fmt::rfc2822::to_string(&now.to_zoned(jiff::tz::TimeZone::UTC))
        .unwrap_or_default()
        .replace("+0000", "GMT");
    let cookies = [
        "1=1; Max-Age=86400".to_owned(),
        "2=2; Path=/; HttpOnly; Secure; SameSite=Strict".to_owned(),
        "3=3; Max-Age=0".to_owned(),
        format!("4=4; Expires={now}"),
    ];
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
}
