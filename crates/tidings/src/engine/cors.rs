//! Cross-origin requests, with the semantics of the `cors` package that Node servers use: an
//! origin that is not allowed is still served, only without the header that lets a browser read
//! the answer. [`Cors::strict`] refuses its handshakes as well, which is what protects WebSockets.

use std::{fmt, sync::Arc};

use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS,
        CONTENT_LENGTH, ORIGIN, VARY,
    },
};

use crate::server::body::{Body, empty};

/// Which origins may read answers.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
    strict: bool,
}

#[derive(Clone)]
enum Origins {
    Any,
    Listed(Vec<String>),
    Matching(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::Listed(origins) => origins.fmt(f),
            Self::Matching(_) => f.write_str("Matching"),
        }
    }
}

impl Cors {
    fn new(origins: Origins) -> Self {
        Self {
            origins,
            credentials: false,
            strict: false,
        }
    }

    /// Every origin (`*`).
    pub fn any() -> Self {
        Self::new(Origins::Any)
    }

    /// These origins, each as a browser writes it: `https://app.example.com`.
    pub fn origins(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::new(Origins::Listed(
            origins.into_iter().map(Into::into).collect(),
        ))
    }

    /// The origins for which `matches` says so, each as a browser writes it. Compare whole names:
    /// anybody may own one that begins or ends like yours.
    ///
    /// ```
    /// # use tidings::Cors;
    /// let port_of_this_machine = |origin: &str| {
    ///     origin.strip_prefix("http://localhost:").is_some_and(|port| port.parse::<u16>().is_ok())
    /// };
    /// let cors = Cors::matching(port_of_this_machine).strict();
    /// ```
    pub fn matching(matches: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Origins::Matching(Arc::new(matches)))
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

    fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Listed(list) => list.iter().any(|it| it.as_bytes() == origin.as_bytes()),
            Origins::Matching(matches) => origin.to_str().is_ok_and(|it| matches(it)),
        }
    }

    /// Whether a handshake with these headers is to be refused.
    pub(crate) fn refuses(&self, request: &HeaderMap) -> bool {
        self.strict
            && request
                .get(ORIGIN)
                .is_some_and(|origin| !self.allows(origin))
    }

    pub(crate) fn apply(&self, request: &HeaderMap, response: &mut HeaderMap) {
        match (&self.origins, request.get(ORIGIN)) {
            (Origins::Any, _) => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            (_, origin) => {
                vary(response, ORIGIN);
                if let Some(origin) = origin.filter(|origin| self.allows(origin)) {
                    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
            }
        }
        if self.credentials {
            response.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }

    /// The answer to an OPTIONS request.
    pub(crate) fn preflight(&self, request: &HeaderMap) -> Response<Body> {
        let mut response = self.preflight_of(request, "GET,HEAD,PUT,PATCH,POST,DELETE");
        let headers = response.headers_mut();
        vary(headers, ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        response
    }

    /// The answer to an OPTIONS request of an endpoint that takes these methods and, of the
    /// headers that have to be asked for, none.
    pub(crate) fn preflight_of(
        &self,
        request: &HeaderMap,
        methods: &'static str,
    ) -> Response<Body> {
        let mut response = empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        self.apply(request, headers);
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(methods),
        );
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        response
    }
}

fn vary(headers: &mut HeaderMap, name: HeaderName) {
    let written = if name == ORIGIN {
        "Origin"
    } else {
        "Access-Control-Request-Headers"
    };
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
        let listed = Cors::origins(["https://a.example"]);
        let matching = Cors::matching(|origin| origin == "https://a.example");
        for cors in [listed, matching] {
            check(&cors.credentials().strict());
        }
    }

    fn check(cors: &Cors) {
        for (origin, allowed) in [
            ("https://a.example", true),
            ("https://a.example.evil.example", false),
            ("https://xa.example", false),
            ("http://a.example", false),
            ("null", false),
            ("", false),
        ] {
            let mut response = HeaderMap::new();
            cors.apply(&from(origin), &mut response);
            assert_eq!(
                response.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN),
                allowed,
                "{origin}"
            );
            assert_eq!(cors.refuses(&from(origin)), !allowed, "{origin}");
            assert_eq!(response[VARY], "Origin");
        }
        assert!(!cors.refuses(&HeaderMap::new()));
    }

    #[test]
    fn an_origin_that_is_no_text_matches_nothing() {
        let mut request = HeaderMap::new();
        request.insert(ORIGIN, HeaderValue::from_bytes(b"http://\xff").unwrap());
        assert!(Cors::matching(|_| true).strict().refuses(&request));
        assert!(!Cors::any().strict().refuses(&request));
    }

    #[test]
    fn a_preflight_reflects_the_wanted_headers() {
        let mut request = from("https://b.example");
        request.insert(
            ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_static("x-a"),
        );
        let response = Cors::any().preflight(&request);
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "x-a");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
}
