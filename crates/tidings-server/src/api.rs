//! The HTTP API: what a backend in any language asks of the server, one `POST` a method.
//!
//! A method is written once, as a function from a [`Request`](request::Request) and its typed input
//! to its typed output, and is listed in [`methods`] with what others have to know of it. The
//! routes, `/api/openapi.json` and `docs/api.md` come of that list. What clients can do as well is
//! done by the functions that do it for them, in `commands`.
//!
//! Every request passes the same gates in this order, none of which reads its body: the API is on,
//! it is a `POST`, the key is good, there is such a method and the key is good for it, and the key
//! has not asked too often.

pub(crate) mod exposition;
mod gate;
mod http;
mod idempotency;
mod keys;
mod method;
mod methods;
mod openapi;
mod reference;
mod request;
mod whole;

use std::sync::{Arc, LazyLock};

use ::http::{HeaderMap, Method, StatusCode, header};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use tidings::{Hub, Server};

pub(crate) use self::{
    gate::Gate,
    http::bearer,
    keys::{Holder, are_same},
    method::Scope,
    reference::reference,
};
use crate::{app::App, fault::Fault, registry::shape};

/// The paths of the API. They are the same on whatever listener they are mounted.
pub(crate) fn router(app: App, hub: Hub, server: Server) -> Router {
    let api = Api::new(app, hub, server);
    Router::new()
        .route("/api/openapi.json", get(description))
        .route("/api/{*method}", any(http::handle))
        .route("/api/", any(http::handle_nothing))
        .route("/api", any(http::handle_nothing))
        .with_state(api)
}

/// The names of all methods, for the settings.
pub(crate) fn method_names() -> &'static [(&'static str, Scope)] {
    static NAMES: LazyLock<Vec<(&str, Scope)>> = LazyLock::new(|| {
        let methods = methods::methods();
        methods.iter().map(|it| (it.name, it.scope)).collect()
    });
    &NAMES
}

/// What all requests share. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Api(Arc<Inner>);

impl Api {
    pub(crate) fn new(app: App, hub: Hub, server: Server) -> Self {
        Self(Arc::new(Inner {
            app,
            hub,
            server,
            methods: methods::methods(),
        }))
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    /// Answers a request as if it had come with a key of that holder, or with the fault for which
    /// there is none.
    pub(crate) async fn respond(
        &self,
        holder: impl Future<Output = Result<Arc<Holder>, Fault>>,
        method: &str,
        verb: &Method,
        headers: &HeaderMap,
        body: Body,
    ) -> Response {
        http::respond(self, holder, method, verb, headers, body).await
    }
}

#[derive(Debug)]
struct Inner {
    app: App,
    hub: Hub,
    server: Server,
    methods: method::Methods,
}

/// The description of the API for programs. It says nothing of this server but its version.
async fn description(State(api): State<Api>) -> Response {
    if !api.0.app.api().is_on() {
        return http::off();
    }
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let methods = methods::methods();
        openapi::document(&methods, &mut shape::generator()).to_string()
    });
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (StatusCode::OK, headers, TEXT.as_str()).into_response()
}

/// What the last part of a path names.
type MethodName = Path<String>;
