//! The server as a tower service.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::{
    Mount, Server,
    body::{Body, BoxError, respond},
};
use crate::engine;

impl Server {
    fn find(&self, path: &str, upgrade: bool) -> Option<&Mount> {
        let mounts = &self.0.mounts;
        mounts
            .iter()
            .find(|(mounted, _)| mounted == path)
            .map(|(_, mount)| mount)
            .or_else(|| {
                mounts
                    .iter()
                    .map(|(_, mount)| mount)
                    .find(|mount| match mount {
                        Mount::WebSocket(endpoint) => upgrade && endpoint.config.any_path,
                        _ => false,
                    })
            })
    }

    /// Whether the server answers that request itself.
    pub(crate) fn serves<B>(&self, request: &Request<B>) -> bool {
        let upgrade = tidings_protocol::websocket::handshake::is_upgrade(request.headers());
        self.find(request.uri().path(), upgrade).is_some()
    }

    /// Answers a request.
    pub(crate) async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let upgrade = tidings_protocol::websocket::handshake::is_upgrade(request.headers());
        match self.find(request.uri().path(), upgrade).cloned() {
            Some(Mount::Engine(endpoint)) => engine::http::handle(&endpoint, request).await,
            Some(Mount::WebSocket(endpoint)) => {
                let (mut parts, _) = request.into_parts();
                endpoint.handle(&mut parts)
            }
            Some(Mount::EventStream(endpoint)) => endpoint.handle(&request.into_parts().0).await,
            Some(Mount::LongPoll(endpoint)) => endpoint.handle(&request.into_parts().0).await,
            Some(Mount::Rpc(endpoint)) => endpoint.handle(request).await,
            None => respond(StatusCode::NOT_FOUND, "text/plain", "nothing is here"),
        }
    }
}

/// A [`Server`] as a tower service, for axum and other servers built on hyper.
///
/// ```
/// # use tidings::{Namespace, Server, SocketIo};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder()
///     .namespace("/", Namespace::new())
///     .socketio("/socket.io/", SocketIo::new())
///     .build()?;
/// let app: axum::Router = axum::Router::new()
///     .route("/", axum::routing::get(|| async { "hello" }))
///     .route_service("/socket.io/", server.service());
/// # server.close().await;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct TidingsService(Arc<Server>);

impl TidingsService {
    pub(crate) fn new(server: Server) -> Self {
        Self(Arc::new(server))
    }
}

impl<B> Service<Request<B>> for TidingsService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = Arc::clone(&self.0);
        Box::pin(async move { Ok(server.handle(request).await) })
    }
}
