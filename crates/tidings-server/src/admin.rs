//! `/admin`: a page for whoever operates the server, and what it asks.
//!
//! The page is static files, which anybody may load who reaches them. All that it shows and does goes
//! through `POST /admin/api/<method>`, which runs the methods of the HTTP API for whoever
//! [`entry`] lets in. There are no cookies, so no other page can act in somebody's name.

mod entry;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, State},
    response::Response,
    routing::any,
};
use http::{HeaderMap, Method};
use rust_embed::RustEmbed;
use tidings::{Hub, Peer, Server};

use crate::{api::Api, app::App, pages};

/// The page with what is its own.
#[derive(RustEmbed)]
#[folder = "../../web/admin/"]
struct Page;

/// The page, its files and its requests. The files lie as they do in the folder `web`, so that they
/// find each other in both places.
pub(crate) fn router(app: App, hub: Hub, server: Server) -> Router {
    Router::new()
        .route("/admin", any(index))
        .route("/admin/", any(index))
        .route("/admin/web/{*path}", any(file))
        .route("/admin/api/{*method}", any(request))
        .with_state(Api::new(app, hub, server))
}

async fn index(method: Method, headers: HeaderMap) -> Response {
    let file = Page::get("index.html");
    pages::file_at("index.html", file, &method, &headers)
}

async fn file(Path(path): Path<String>, method: Method, headers: HeaderMap) -> Response {
    let file = match path.split_once('/') {
        Some(("admin", rest)) => Page::get(rest),
        Some(("demo", rest)) => pages::file_of_demo(rest),
        _ => None,
    };
    pages::file_at(&path, file, &method, &headers)
}

async fn request(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(peer): Extension<Peer>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let holder = entry::admit(api.app(), peer, &headers);
    api.respond(holder, &name, &method, &headers, body).await
}
