//! The listener: accepting connections and reading requests off them.

use std::{convert::Infallible, io};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    time::timeout,
};
use tower_service::Service;

use super::{
    Server,
    accept::{self, Accepted, Listener, UNIX_PEER},
    body::{Body, BoxError},
    core::Core,
    peer::Peer,
    tls::Tls,
};
use crate::transport::streaming::Hangup;

/// What is served besides the pages of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mounted {
    /// Everything that is mounted.
    Served,
    /// Nothing.
    Hidden,
}

impl Server {
    /// Serves the listener until the server is closed.
    ///
    /// # Errors
    ///
    /// When the listener itself fails.
    pub async fn serve(&self, listener: impl Into<Listener>) -> io::Result<()> {
        self.serve_with(listener, self.service()).await
    }

    /// Serves the listener until the server is closed; requests for paths where nothing is
    /// mounted go to `fallback`, such as an axum router.
    ///
    /// ```no_run
    /// # use tidings::{Namespace, Server, SocketIo};
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .namespace("/", Namespace::new())
    ///     .socketio("/socket.io/", SocketIo::new())
    ///     .build()?;
    /// let app = axum::Router::new().route("/health", axum::routing::get(async || "well"));
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// server.serve_with(listener, app).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the listener itself fails.
    pub async fn serve_with<S, B>(
        &self,
        listener: impl Into<Listener>,
        fallback: S,
    ) -> io::Result<()>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.accept_all(listener.into(), fallback, Mounted::Served)
            .await;
        Ok(())
    }

    /// Serves these pages until the server is closed, and nothing that is mounted: for an address
    /// of its own, which clients do not reach.
    ///
    /// # Errors
    ///
    /// When the listener itself fails.
    pub async fn serve_pages<S, B>(&self, listener: impl Into<Listener>, pages: S) -> io::Result<()>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.accept_all(listener.into(), pages, Mounted::Hidden)
            .await;
        Ok(())
    }

    async fn accept_all<S, B>(&self, listener: Listener, pages: S, mounted: Mounted)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Core {
            draining, tasks, ..
        } = &*self.0.core;
        while let Some(accepted) = listener.accept(draining).await {
            let (server, pages) = (self.clone(), pages.clone());
            let peer = |address| Peer {
                address,
                secure: false,
            };
            match accepted {
                Accepted::Tcp(socket, address) => {
                    tasks.spawn(server.connection(socket, peer(address), pages, mounted))
                }
                Accepted::Unix(socket) => {
                    tasks.spawn(server.connection(socket, peer(UNIX_PEER), pages, mounted))
                }
            };
        }
    }

    /// Serves the listener with TLS until the server is closed; requests for paths where nothing
    /// is mounted go to `fallback`. Handshakes have as long as the headers of a request,
    /// [`Limits::header_timeout`](crate::Limits::header_timeout).
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use tidings::{Server, Tls, rustls};
    /// # async fn example(
    /// #     server: Server,
    /// #     read_certificates: fn() -> Arc<rustls::ServerConfig>,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let tls = Tls::new(read_certificates());
    /// let renewal = tls.clone();
    /// tokio::spawn(async move {
    ///     // Whenever there are new certificates:
    ///     renewal.replace(read_certificates());
    /// });
    /// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
    /// server.serve_tls(listener, tls, server.service()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the listener itself fails.
    pub async fn serve_tls<S, B>(
        &self,
        listener: TcpListener,
        tls: Tls,
        fallback: S,
    ) -> io::Result<()>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let accept = || accept::accept(&self.0.core.draining, || listener.accept());
        while let Some((socket, address)) = accept().await {
            let _ = socket.set_nodelay(true);
            let (server, fallback) = (self.clone(), fallback.clone());
            let acceptor = tls.acceptor();
            self.0.core.tasks.spawn(async move {
                let core = &server.0.core;
                let handshake = timeout(core.limits.header_timeout, acceptor.accept(socket));
                let secured = core.draining.run_until_cancelled(handshake).await;
                match secured {
                    Some(Ok(Ok(socket))) => {
                        let peer = Peer {
                            address,
                            secure: true,
                        };
                        // Boxed, since it is handed on when the connection is upgraded.
                        server
                            .connection(Box::new(socket), peer, fallback, Mounted::Served)
                            .await;
                    }
                    Some(Ok(Err(error))) => {
                        tracing::debug!(%error, %address, "the TLS handshake failed");
                    }
                    Some(Err(_)) => {
                        tracing::debug!(%address, "the TLS handshake took too long");
                    }
                    None => {}
                }
            });
        }
        Ok(())
    }

    async fn connection<I, S, B>(self, socket: I, peer: Peer, fallback: S, mounted: Mounted)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let limits = &self.0.core.limits;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_headers(limits.headers)
            .max_buf_size(limits.header_bytes.max(8192));
        let draining = self.0.core.draining.clone();
        let hangup = Hangup::default();
        let cut = hangup.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let server = self.clone();
            let mut fallback = fallback.clone();
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(hangup.clone());
            async move {
                let mut response = if mounted == Mounted::Served && server.serves(&request) {
                    server.handle(request).await
                } else {
                    std::future::poll_fn(|context| fallback.poll_ready(context)).await?;
                    let response = fallback.call(request).await?;
                    response.map(|body| -> Body { body.map_err(Into::into).boxed_unsync() })
                };
                for (name, value) in &server.0.headers {
                    response
                        .headers_mut()
                        .entry(name)
                        .or_insert_with(|| value.clone());
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = cut.hung_up() => return,
            () = draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = cut.hung_up() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, address = %peer.address, "the connection ended");
        }
    }
}
