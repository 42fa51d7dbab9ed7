//! The demo page, and what is said where there is nothing.

use std::fmt::Write as _;

use axum::{
    Router,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::{EmbeddedFile, RustEmbed};

/// The demo page with everything that it loads.
#[derive(RustEmbed)]
#[folder = "../../web/demo/"]
struct Demo;

/// The client that the page speaks through, as the package has it, under `/client/`.
#[derive(RustEmbed)]
#[folder = "../../clients/js/src/"]
#[prefix = "client/"]
struct Client;

/// Nothing but what this server serves is loaded, run or connected to, and nobody frames the page.
/// `'self'` stands for the WebSocket of the same host as well.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

const NOT_FOUND: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Not found · Tidings</title>
<h1>There is nothing here</h1>
<p>The demo is at <a href=\"/\">/</a>. Clients connect to <code>/socket.io/</code> with Socket.IO, \
or to <code>/ws</code> with a plain WebSocket.</p>
</html>
";

const NOT_FOUND_TEXT: &str =
    "There is nothing here. The demo is at /, Socket.IO at /socket.io/, plain WebSocket at /ws.\n";

/// The demo, and what is said of whatever is not there.
pub(crate) fn router() -> Router {
    Router::new().fallback(asset)
}

/// The answer to a request for something that is not there, or not for whoever asks.
pub(crate) fn not_found(request: &HeaderMap) -> Response {
    secured(absent(request))
}

/// A file of the demo or of the client; `/` is `index.html`.
async fn asset(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let file = Demo::get(path).or_else(|| Client::get(path));
    file_at(path, file, &method, &headers)
}

/// A file of the demo, for pages that look like it.
pub(crate) fn file_of_demo(path: &str) -> Option<EmbeddedFile> {
    Demo::get(path)
}

/// The answer to a request for a file of a page.
pub(crate) fn file_at(
    path: &str,
    file: Option<EmbeddedFile>,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    secured(match file {
        None => absent(headers),
        Some(_) if *method != Method::GET && *method != Method::HEAD => (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::ALLOW, "GET, HEAD")],
        )
            .into_response(),
        Some(file) => found(path, file, headers),
    })
}

fn secured(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn found(path: &str, file: EmbeddedFile, request: &HeaderMap) -> Response {
    let tag = entity_tag(&file);
    // A browser asks each time, so that a new version is seen at once, and mostly hears 304.
    let headers = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::ETAG, tag.as_str()),
    ];
    let known = request
        .get(header::IF_NONE_MATCH)
        .is_some_and(|it| it.as_bytes() == tag.as_bytes());
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let body = axum::body::Body::from(file.data.into_owned());
    (headers, [(header::CONTENT_TYPE, content_type(path))], body).into_response()
}

fn absent(request: &HeaderMap) -> Response {
    let accepted = request.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    let (kind, body) = match accepted {
        Some(accepted) if accepted.contains("text/html") => ("text/html; charset=utf-8", NOT_FOUND),
        _ => ("text/plain; charset=utf-8", NOT_FOUND_TEXT),
    };
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, kind)], body).into_response()
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let mut tag = String::from("\"");
    for byte in &file.metadata.sha256_hash()[..16] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &'static str) -> Response {
        asset(Method::GET, Uri::from_static(path), HeaderMap::new()).await
    }

    #[tokio::test]
    async fn every_file_of_the_page_has_its_type() {
        for path in Demo::iter().chain(Client::iter()) {
            assert_ne!(content_type(&path), "application/octet-stream", "{path}");
        }
        let response = get("/").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8"
        );
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    }

    #[tokio::test]
    async fn the_page_loads_the_client_of_the_package() {
        for path in ["/client/index.js", "/client/transports/websocket.js"] {
            let response = get(path).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "text/javascript; charset=utf-8"
            );
        }
    }

    #[tokio::test]
    async fn what_is_known_is_not_sent_again() {
        let tag = get("/app.js").await.headers()[header::ETAG].clone();
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, tag);
        let response = asset(Method::GET, Uri::from_static("/app.js"), headers).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        for path in [
            "/nothing",
            "/../Cargo.toml",
            "/index.html/",
            "/%2e%2e/Cargo.toml",
        ] {
            assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let posted = asset(Method::POST, Uri::from_static("/"), HeaderMap::new()).await;
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
