//! Requests and answers as HTTP: headers, statuses, bounds.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::watch;

use super::{
    Api, MethodName,
    idempotency::{Fingerprint, Name, Turn},
    keys::Holder,
    method::Answered,
    request::Request,
};
use crate::{
    fault::{Code, Fault},
    limits::meters::Limit,
    registry::Failure,
};

const KEY: HeaderName = HeaderName::from_static("x-api-key");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Bytes of the name of a request.
const NAME_BYTES: usize = 255;

/// An answer. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: StatusCode,
    body: Bytes,
    retry_after_ms: Option<u64>,
}

impl Reply {
    fn of(answered: Answered) -> Self {
        match answered {
            Ok(body) => Self {
                status: StatusCode::OK,
                body: String::from(Box::<str>::from(body)).into(),
                retry_after_ms: None,
            },
            Err(fault) => Self::refusal(&fault),
        }
    }

    pub(super) fn refusal(fault: &Fault) -> Self {
        let body = serde_json::to_vec(&Failure::new(fault))
            .expect("a fault is two texts and a number, which all can be written");
        Self {
            status: status(fault.code()),
            body: body.into(),
            retry_after_ms: fault.retry_after_ms(),
        }
    }

    /// Bytes of the body.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether the same request would be answered in the same way at another time.
    pub(super) fn is_lasting(&self) -> bool {
        self.retry_after_ms.is_none() && !self.status.is_server_error()
    }

    #[cfg(test)]
    pub(super) fn ok(body: &str) -> Self {
        Self {
            status: StatusCode::OK,
            body: body.to_owned().into(),
            retry_after_ms: None,
        }
    }

    #[cfg(test)]
    pub(super) fn overloaded() -> Self {
        Self::refusal(&tidings_store::StoreError::Overloaded.into())
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(wait) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, wait.div_ceil(1000).into());
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        response
    }
}

/// The status that says in HTTP what a code says.
fn status(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated | Code::InvalidToken | Code::TokenExpired => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied | Code::NotAMember => StatusCode::FORBIDDEN,
        Code::NotFound | Code::UnknownCommand | Code::UnknownMethod => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited | Code::ConnectionLimit => StatusCode::TOO_MANY_REQUESTS,
        Code::Overloaded | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// What is said while there is no key.
pub(super) fn off() -> Response {
    let sentence = "The HTTP API is off: no key is set. Make one with openssl rand -hex 32, and \
                    put it with a name into [[api.keys]] of the settings.";
    Reply::refusal(&Fault::new(Code::NotFound, sentence)).into_response()
}

/// A request for no method at all.
pub(super) async fn handle_nothing(
    state: State<Api>,
    verb: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    handle(state, Path(String::new()), verb, headers, body).await
}

/// Answers a request that a key lets in.
pub(super) async fn handle(
    State(api): State<Api>,
    Path(method): MethodName,
    verb: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !api.0.app.api().is_on() {
        return off();
    }
    let holder = async { api.0.app.api().holder(key(&headers)) };
    respond(&api, holder, &method, &verb, &headers, body).await
}

/// Answers a request of whoever `holder` says, if it lets anybody in.
pub(super) async fn respond(
    api: &Api,
    holder: impl Future<Output = Result<Arc<Holder>, Fault>>,
    method: &str,
    verb: &Method,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    if verb != Method::POST {
        let fault = Fault::new(Code::BadRequest, "Every method of the API is a POST.");
        let mut reply = Reply::refusal(&fault);
        reply.status = StatusCode::METHOD_NOT_ALLOWED;
        return reply.into_response();
    }
    let patience = api.0.app.config().api.timeout;
    let answer = tokio::time::timeout(patience, answer(api, holder, method, headers, body));
    answer.await.unwrap_or_else(|_| {
        let sentence = format!(
            "This was not done within {} s, and may still be done. Send it again, with the same \
             Idempotency-Key if it had one.",
            patience.as_secs()
        );
        let reply = Reply::refusal(&Fault::new(Code::Unavailable, sentence));
        api.0.app.api().counts.note(method, reply.status);
        reply.into_response()
    })
}

async fn answer(
    api: &Api,
    holder: impl Future<Output = Result<Arc<Holder>, Fault>>,
    method: &str,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let (reply, again) = carry_out(api, holder, method, headers, body)
        .await
        .unwrap_or_else(|fault| (Reply::refusal(&fault), false));
    api.0.app.api().counts.note(method, reply.status);
    let mut response = reply.into_response();
    if again {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Carries a request out, or finds the answer that it had before, which is said beside it.
async fn carry_out(
    api: &Api,
    holder: impl Future<Output = Result<Arc<Holder>, Fault>>,
    method: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Reply, bool), Fault> {
    let Api(inner) = api;
    let gate = inner.app.api();
    let holder = holder.await?;
    let method = inner.methods.find(method)?;
    holder.check_method(method.name, method.scope)?;
    gate.take(&holder, method.cost)
        .inspect_err(|_| inner.app.guard().hit(Limit::RatePerApiKey))?;
    let name = name(headers)?.map(|name| Name::new(&holder.name, name));
    let body = read(api, body).await?;
    let request = Request {
        app: inner.app.clone(),
        hub: inner.hub.clone(),
        server: inner.server.clone(),
        methods: inner.methods.clone(),
        holder,
        name,
    };
    let Some(name) = name else {
        return Ok((Reply::of(method.run(request, body).await), false));
    };
    let fingerprint = Fingerprint::new(method.name, &body);
    match gate.answers.begin(name, fingerprint, Instant::now()) {
        Turn::First(ticket) => {
            // It goes on when its caller does not wait, and has its answer when it is sent again.
            let running = method.run(request, body);
            let carried_out = gate.tasks.spawn(async move {
                let reply = Reply::of(running.await);
                ticket.finish(&reply);
                reply
            });
            let reply = carried_out.await.map_err(Fault::internal)?;
            Ok((reply, false))
        }
        Turn::Again(outcome) => Ok((outcome_of(outcome).await?, true)),
        Turn::Different => Err(Fault::new(
            Code::Conflict,
            "Another request was sent with this Idempotency-Key: its method or its body was \
             different. Take a new key for each request.",
        )),
        Turn::Full => Err(tidings_store::StoreError::Overloaded.into()),
    }
}

async fn outcome_of(mut outcome: watch::Receiver<Option<Reply>>) -> Result<Reply, Fault> {
    let told = outcome.wait_for(Option::is_some).await;
    let reply = told.ok().and_then(|reply| reply.clone());
    reply.ok_or_else(|| {
        let sentence = "The first request with this Idempotency-Key failed. Send it again.";
        Fault::new(Code::Unavailable, sentence)
    })
}

/// The key that a request presents.
fn key(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get(KEY) {
        return key.to_str().ok();
    }
    bearer(headers)
}

/// What a request presents with `Authorization: Bearer`. A password may have letters of any alphabet.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(header::AUTHORIZATION)?.as_bytes();
    let header = std::str::from_utf8(header).ok()?;
    let (scheme, presented) = header.split_once(' ')?;
    let presented = presented.trim();
    scheme.eq_ignore_ascii_case("bearer").then_some(presented)
}

/// The name that a request has been given.
fn name(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let Some(name) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let is_visible = |name: &str| name.bytes().all(|it| it.is_ascii_graphic());
    let fits = |name: &&str| (1..=NAME_BYTES).contains(&name.len()) && is_visible(name);
    let name = name.to_str().ok().filter(fits).ok_or_else(|| {
        let sentence = format!(
            "The Idempotency-Key has to be 1 to {NAME_BYTES} visible characters, such as a UUID."
        );
        Fault::new(Code::BadRequest, sentence)
    })?;
    Ok(Some(name))
}

async fn read(api: &Api, body: Body) -> Result<Bytes, Fault> {
    let app = &api.0.app;
    let most = app.config().api.body_bytes;
    let read = Limited::new(body, most).collect().await;
    let read = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            app.guard().hit(Limit::ApiBodyBytes);
            let sentence = format!(
                "The body has more than {most} bytes. Send less at once; the setting \
                 api.body_bytes is the most."
            );
            return Fault::new(Code::TooLarge, sentence);
        }
        Fault::new(Code::BadRequest, "The body broke off.")
    })?;
    Ok(read.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_in_either_header() {
        for (name, value, found) in [
            ("x-api-key", "k", Some("k")),
            ("authorization", "Bearer k", Some("k")),
            ("authorization", "bearer  k", Some("k")),
            ("authorization", "Basic k", None),
            ("authorization", "k", None),
            ("cookie", "k", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(key(&headers), found, "{name}: {value}");
        }
    }

    #[test]
    fn names_of_requests_are_bounded() {
        let long = "x".repeat(NAME_BYTES + 1);
        for (value, fits) in [
            ("a", true),
            (&long[1..], true),
            (&long, false),
            ("", false),
            ("a b", false),
            ("ü", false),
        ] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("it is a header");
            headers.insert(IDEMPOTENCY_KEY, value);
            assert_eq!(name(&headers).is_ok(), fits);
        }
        assert_eq!(name(&HeaderMap::new()), Ok(None));
    }
}
