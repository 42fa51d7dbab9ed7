//! Which paths are served where. This is the only place that decides it.
//!
//! What clients connect to is mounted in the library's server and is not here.

use axum::Router;
use http::HeaderMap;
use tidings::{Hub, Server};

use crate::{
    admin, api,
    app::App,
    health,
    metrics::http::{self as metrics, Readers},
    pages,
};

/// What is served where clients connect. What is served on listeners of its own is not there.
pub(crate) fn public(app: &App, server: &Server, hub: &Hub) -> Router {
    if app.config().internal.listen.is_some() {
        return pages::router();
    }
    let readers = Readers::Holders(app.clone());
    pages::router().merge(operators(app, server, hub, readers))
}

/// What is served on the listeners that clients do not reach.
pub(crate) fn internal(app: &App, server: &Server, hub: &Hub) -> Router {
    let nothing = |headers: HeaderMap| async move { pages::not_found(&headers) };
    operators(app, server, hub, Readers::Everybody).fallback(nothing)
}

/// What is for whoever operates the server, and for backends.
fn operators(app: &App, server: &Server, hub: &Hub, readers: Readers) -> Router {
    let router = health::router(app)
        .merge(metrics::router(app, server, hub, readers))
        .merge(api::router(app.clone(), hub.clone(), server.clone()));
    if app.config().admin.enabled {
        return router.merge(admin::router(app.clone(), hub.clone(), server.clone()));
    }
    router
}
