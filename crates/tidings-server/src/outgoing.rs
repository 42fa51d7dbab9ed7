//! Requests to other servers, over http and https: small bodies there and back, within bounds,
//! following nobody elsewhere.
//!
//! It keeps connections for the next request to the same server. Time is for the caller to limit.

use std::{error::Error, io, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

/// How long a connection that nobody needs is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Which servers are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schemes {
    /// Those that have a certificate which this machine trusts.
    HttpsOnly,
    /// Those without one, so that this machine need not trust any.
    HttpOnly,
    /// Both.
    Both,
}

/// Speaks to other servers. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Outgoing {
    /// With so many idle connections to each server.
    ///
    /// # Errors
    ///
    /// When there are no root certificates to tell servers by.
    pub(crate) fn new(schemes: Schemes, idle: usize) -> io::Result<Self> {
        let builder = HttpsConnectorBuilder::new();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = match schemes {
            Schemes::HttpsOnly => builder
                .with_provider_and_native_roots(provider)?
                .https_only(),
            Schemes::Both => builder
                .with_provider_and_native_roots(provider)?
                .https_or_http(),
            Schemes::HttpOnly => {
                let config = rustls::ClientConfig::builder_with_provider(provider.into())
                    .with_safe_default_protocol_versions()
                    .map_err(io::Error::other)?
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth();
                builder.with_tls_config(config).https_or_http()
            }
        };
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(idle)
            .build(connector.enable_http1().wrap_connector(http));
        Ok(Self(client))
    }

    /// Sends a request, and gives the answer when its head is there.
    ///
    /// # Errors
    ///
    /// The sentence that says why the server cannot be reached.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        let answer = self.0.request(request).await;
        answer.map_err(|error| chain(&error))
    }
}

/// The body of an answer, if it is whole and has no more bytes than that.
pub(crate) async fn read(answer: Response<Incoming>, most: usize) -> Option<Bytes> {
    let body = Limited::new(answer.into_body(), most).collect().await;
    body.ok().map(http_body_util::Collected::to_bytes)
}

/// An error with its causes, of which the last one says what happened.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
