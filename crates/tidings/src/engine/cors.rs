//! Cross-origin requests, with the semantics of the `cors` package that Node servers use: an
//! origin that is not allowed is still served, only without the header that lets a browser read
//! the answer. [`Cors::strict`] refuses its handshakes as well, which is what protects WebSockets.

use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, ORIGIN, VARY,
    },
};

use crate::server::body::{Body, empty};

/// Which origins may read answers.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: Option<Vec<String>>,
    credentials: bool,
    strict: bool,
}

impl Cors {
    /// Every origin (`*`).
    pub fn any() -> Self {
        Self { origins: None, credentials: false, strict: false }
    }

    /// These origins, each as a browser writes it: `https://app.example.com`.
    pub fn origins(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            origins: Some(origins.into_iter().map(Into::into).collect()),
            credentials: false,
            strict: false,
        }
    }

    /// Lets browsers send cookies along.
    #[must_use]
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// Refuses handshakes from other origins, on polling and on WebSocket. Requests without an
    /// `Origin` header come from programs, not from pages, and pass.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    fn lists(&self, origin: &HeaderValue) -> bool {
        self.origins.as_ref().is_none_or(|list| {
            list.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
        })
    }

    /// Whether a handshake with these headers is to be refused.
    pub(crate) fn refuses(&self, request: &HeaderMap) -> bool {
        self.strict && request.get(ORIGIN).is_some_and(|origin| !self.lists(origin))
    }

    pub(crate) fn apply(&self, request: &HeaderMap, response: &mut HeaderMap) {
        match (&self.origins, request.get(ORIGIN)) {
            (None, _) => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            (Some(_), origin) => {
                vary(response, ORIGIN);
                if let Some(origin) = origin.filter(|origin| self.lists(origin)) {
                    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
            }
        }
        if self.credentials {
            response
                .insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    /// The answer to an OPTIONS request.
    pub(crate) fn preflight(&self, request: &HeaderMap) -> Response<Body> {
        let mut response = empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        self.apply(request, headers);
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"),
        );
        vary(headers, ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        response
    }
}

fn vary(headers: &mut HeaderMap, name: HeaderName) {
    let written = if name == ORIGIN { "Origin" } else { "Access-Control-Request-Headers" };
    let value = match headers.get(VARY).and_then(|it| it.to_str().ok()) {
        Some(before) => format!("{before}, {written}"),
        None => written.to_owned(),
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(VARY, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers
    }

    #[test]
    fn only_the_exact_origin_is_reflected() {
        let cors = Cors::origins(["https://a.example"]).credentials().strict();
        for (origin, allowed) in [
            ("https://a.example", true),
            ("https://a.example.evil.example", false),
            ("https://xa.example", false),
            ("http://a.example", false),
            ("null", false),
        ] {
            let mut response = HeaderMap::new();
            cors.apply(&from(origin), &mut response);
            assert_eq!(response.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{origin}");
            assert_eq!(cors.refuses(&from(origin)), !allowed, "{origin}");
            assert_eq!(response[VARY], "Origin");
        }
        assert!(!cors.refuses(&HeaderMap::new()));
    }

    #[test]
    fn a_preflight_reflects_the_wanted_headers() {
        let mut request = from("https://b.example");
        request.insert(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-a"));
        let response = Cors::any().preflight(&request);
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "x-a");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
}
