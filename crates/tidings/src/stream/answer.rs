//! What a request is checked for before anything else, and what it is told when something is
//! wrong: `{"success": false, "code": …, "error": …}`.

use std::borrow::Cow;

use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{self, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_MAX_AGE},
    request::Parts,
};
use serde_json::{Map, Value};
use tidings_protocol::{args::Args, envelope::Format};

use crate::{
    admission::Refusal,
    engine::cors::Cors,
    handler::ConnectRefused,
    server::body::{Body, respond},
};

const JSON: &str = "application/json";
const MSGPACK: &str = "application/msgpack";

/// The headers that browsers ask for before they send them.
const ALLOWED_HEADERS: &str = "authorization, content-type, last-event-id, x-tidings-session";
/// For how many seconds browsers need not ask again.
const ALLOWED_FOR: &str = "600";

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    code: Cow<'static, str>,
    error: Cow<'static, str>,
    /// What else the client is told.
    more: Map<String, Value>,
    /// Whether what is left of the request is not read, and the connection ends.
    close: bool,
    /// After how many seconds the client may try again.
    retry_after: Option<u64>,
}

impl Failure {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        error: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            error: error.into(),
            more: Map::new(),
            close: false,
            retry_after: None,
        }
    }

    fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        self
    }

    /// The same, after which the connection is of no use.
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    pub(crate) fn unavailable() -> Self {
        let error = "the server takes no more connections now; try again soon";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error).retry_after(Some(2))
    }

    pub(crate) fn not_admitted(refusal: &Refusal) -> Self {
        let code = match refusal.status() {
            StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
            StatusCode::FORBIDDEN => "permission_denied",
            _ => "unavailable",
        };
        Self::new(refusal.status(), code, refusal.message().to_owned())
            .retry_after(refusal.retry_after_seconds())
    }

    pub(crate) fn unknown_session() -> Self {
        let error = "there is no such session, or it has ended";
        Self::new(StatusCode::NOT_FOUND, "unknown_session", error)
    }

    pub(crate) fn internal() -> Self {
        let error = "something went wrong within the server";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error)
    }

    pub(crate) fn too_many_requests() -> Self {
        let error = "too many commands are being handled; wait for their answers";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", error).retry_after(Some(1))
    }

    pub(crate) fn refused(refused: &ConnectRefused) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: refused.word().to_owned().into(),
            error: refused.message.clone().into(),
            more: refused.fields(),
            close: false,
            retry_after: None,
        }
    }

    /// The response, in the format that its client speaks.
    pub(crate) fn respond(self, format: Format) -> Response<Body> {
        let mut body = Map::new();
        body.insert("code".into(), self.code.into());
        body.insert("error".into(), self.error.into());
        body.extend(self.more);
        body.insert("success".into(), false.into());
        let mut response = match Args::one(&body) {
            Ok(args) => respond_with(format, self.status, &args),
            Err(_) => respond(self.status, JSON, r#"{"success":false}"#),
        };
        let headers = response.headers_mut();
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A response with the first of the arguments as its body; with none it has no content.
pub(crate) fn respond_with(format: Format, status: StatusCode, args: &Args) -> Response<Body> {
    let first = args.slice(..1);
    let body = match format {
        Format::Json => first
            .to_json_base64()
            .map(|it| it.into_owned().into_bytes()),
        Format::MessagePack => first.to_msgpack().map(Cow::into_owned),
    };
    let content_type = match format {
        Format::Json => JSON,
        Format::MessagePack => MSGPACK,
    };
    let mut response = match body {
        Ok(body) => respond(status, content_type, body),
        Err(_) => Failure::internal().respond(Format::Json),
    };
    uncached(&mut response);
    response
}

pub(crate) fn uncached(response: &mut Response<Body>) {
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
}

/// The answer to preflights, to requests by another method, and to those of pages that may not
/// ask; `None` for all others.
pub(crate) fn unasked(
    parts: &Parts,
    method: &Method,
    cors: Option<&Cors>,
) -> Option<Response<Body>> {
    let methods = if *method == Method::POST {
        "POST, OPTIONS"
    } else {
        "GET, OPTIONS"
    };
    if parts.method == Method::OPTIONS
        && let Some(cors) = cors
    {
        let mut response = cors.preflight_of(&parts.headers, methods);
        let headers = response.headers_mut();
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(ALLOWED_HEADERS),
        );
        headers.insert(
            ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static(ALLOWED_FOR),
        );
        return Some(response);
    }
    if parts.method != *method {
        let error = format!("this endpoint takes {method} only");
        let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", error);
        let mut response = failure.closing().respond(Format::Json);
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static(methods));
        return Some(response);
    }
    if cors.is_some_and(|cors| cors.refuses(&parts.headers)) {
        let error = "this origin is not allowed";
        let failure = Failure::new(StatusCode::FORBIDDEN, "origin_not_allowed", error);
        return Some(failure.closing().respond(Format::Json));
    }
    None
}

/// Lets the page that asked read the response.
pub(crate) fn share(
    mut response: Response<Body>,
    parts: &Parts,
    cors: Option<&Cors>,
) -> Response<Body> {
    if let Some(cors) = cors {
        cors.apply(&parts.headers, response.headers_mut());
    }
    response
}
