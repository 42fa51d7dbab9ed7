//! `/metrics` for Prometheus, and a few numbers as JSON at `/metrics/websocket`.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use subtle::ConstantTimeEq as _;
use tidings::{Hub, Server};

use super::exposition::{self, CONTENT_TYPE, Exposition};
use crate::{app::App, config::auth::Secret, limits::meters::Limit};

/// Who may read the page of Prometheus.
#[derive(Debug, Clone)]
pub(crate) enum Readers {
    /// Whoever can reach it.
    Everybody,
    /// Whoever has the token of the settings; without one, everybody in development and otherwise
    /// nobody. For all others there is no such page.
    Holders(App),
}

impl Readers {
    fn admit(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Everybody => true,
            Self::Holders(app) => match &app.config().metrics.token {
                Some(token) => presents(headers, token),
                None => app.is_dev(),
            },
        }
    }
}

/// Whether a request presents that token.
fn presents(headers: &HeaderMap, token: &Secret) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok()?.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .is_some_and(|(_, presented)| {
            let (presented, token) = (presented.trim().as_bytes(), token.reveal());
            presented.ct_eq(token.as_bytes()).into()
        })
}

/// Both pages.
pub(crate) fn router(app: &App, server: &Server, hub: &Hub, readers: Readers) -> Router {
    let exposition = exposition::of(app, server, hub);
    let numbers = Numbers {
        server: server.clone(),
        hub: hub.clone(),
        app: app.clone(),
    };
    Router::new()
        .route("/metrics", get(metrics).with_state((exposition, readers)))
        .route("/metrics/websocket", get(websocket).with_state(numbers))
}

async fn metrics(
    State((exposition, readers)): State<(Exposition, Readers)>,
    headers: HeaderMap,
) -> Response {
    if !readers.admit(&headers) {
        return crate::pages::not_found(&headers);
    }
    // It asks every connection, and the file system.
    let written = tokio::task::spawn_blocking(move || exposition.write()).await;
    match written {
        Ok(Ok(page)) => answer(CONTENT_TYPE, page),
        Ok(Err(_)) | Err(_) => {
            tracing::error!("cannot write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Clone)]
struct Numbers {
    server: Server,
    hub: Hub,
    app: App,
}

/// How busy the server is, in a few numbers.
async fn websocket(State(Numbers { server, hub, app }): State<Numbers>) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Now {
        active_connections: usize,
        connected_sockets: usize,
        rooms: usize,
        users: usize,
        /// How often each limit has refused somebody since the start.
        refused: BTreeMap<&'static str, u64>,
    }
    let overloaded = (Limit::StoreQueue.word(), app.store().stats().overloaded);
    let refused = app
        .guard()
        .refusals()
        .map(|(limit, count)| (limit.word(), count));
    let now = Now {
        active_connections: server.connections(),
        connected_sockets: hub.len(),
        rooms: app.rooms().occupied(),
        users: app.presence().len(),
        refused: refused.chain([overloaded]).collect(),
    };
    match serde_json::to_string(&now) {
        Ok(text) => answer("application/json", text),
        Err(error) => {
            tracing::error!(%error, "cannot write the numbers");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn answer(content_type: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_token_reads() {
        let token = Secret::from("0123456789abcdef");
        for (presented, admitted) in [
            (Some("Bearer 0123456789abcdef"), true),
            (Some("bearer  0123456789abcdef"), true),
            (Some("Bearer 0123456789abcdeX"), false),
            (Some("Bearer 0123456789abcdef0"), false),
            (Some("Bearer"), false),
            (Some("Basic 0123456789abcdef"), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(presented) = presented {
                headers.insert(header::AUTHORIZATION, presented.parse().unwrap());
            }
            assert_eq!(presents(&headers, &token), admitted, "{presented:?}");
        }
    }
}
