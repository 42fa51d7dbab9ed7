//! `/healthz`, which says that the process runs, and `/readyz`, which says whether it should be sent
//! clients.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use serde::Serialize;

use crate::app::App;

/// How long the store may take to answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// Both pages.
pub(crate) fn router(app: &App) -> Router {
    let alive = || async { ([(header::CACHE_CONTROL, "no-store")], "ok") };
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready).with_state(app.clone()))
}

/// What is wrong, for whoever looks into why no client is sent here.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<&'static str>,
}

async fn ready(State(app): State<App>) -> Response {
    let reasons = obstacles(&app).await;
    let status = match reasons[..] {
        [] => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let readiness = Readiness {
        ready: reasons.is_empty(),
        reasons,
    };
    let Ok(body) = serde_json::to_string(&readiness) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "application/json"),
    ];
    (status, headers, body).into_response()
}

/// Why the server should not be sent clients now.
async fn obstacles(app: &App) -> Vec<&'static str> {
    let mut obstacles = Vec::new();
    if app.guard().is_draining() {
        obstacles.push("the server is shutting down");
    }
    match tokio::time::timeout(STORE_TIMEOUT, app.store().check()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store does not do what it should");
            obstacles.push("the store fails");
        }
        Err(_) => obstacles.push("the store does not answer"),
    }
    obstacles
}
