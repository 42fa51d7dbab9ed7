//! Fetching a small document over HTTP, within bounds of size and time, following nobody elsewhere.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use thiserror::Error;

/// Time for a fetch from beginning to end.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of the document.
const BYTES: usize = 256 * 1024;

/// Why a key set cannot be had.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// Nobody answers there, or not who should.
    #[error("cannot reach it: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// The answer is not the document.
    #[error("the answer has status {0}, which should be 200; redirects are not followed")]
    Status(StatusCode),
    /// The document broke off, or is too long.
    #[error("the answer cannot be read, or has more than {} KiB", BYTES / 1024)]
    Body,
    /// It is something else.
    #[error("the answer is no JSON Web Key Set")]
    NoSet,
    /// There is nothing in it that tokens can be checked with.
    #[error("the key set has no public key for an algorithm that is taken")]
    NoKeys,
    /// The server is ending.
    #[error("it was stopped")]
    Stopped,
}

/// Fetches one document, as often as wanted.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    url: Uri,
}

impl Fetcher {
    /// # Errors
    ///
    /// When there are no root certificates to tell servers by.
    pub(super) fn new(url: Uri) -> io::Result<Self> {
        let builder = HttpsConnectorBuilder::new();
        let connector = if url.scheme_str() == Some("https") {
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            builder
                .with_provider_and_native_roots(provider)?
                .https_only()
        } else {
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            let config = rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .map_err(io::Error::other)?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            builder.with_tls_config(config).https_or_http()
        };
        let client = Client::builder(TokioExecutor::new())
            // Minutes lie between two fetches.
            .pool_max_idle_per_host(0)
            .build(connector.enable_http1().build());
        Ok(Self { client, url })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// Fetches it.
    ///
    /// # Errors
    ///
    /// When it cannot be had within the bounds.
    pub(super) async fn fetch(&self) -> Result<Bytes, FetchError> {
        tokio::time::timeout(TIMEOUT, self.fetch_whole())
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    async fn fetch_whole(&self) -> Result<Bytes, FetchError> {
        let response = self
            .client
            .get(self.url.clone())
            .await
            .map_err(|error| FetchError::Unreachable(chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        Limited::new(response.into_body(), BYTES)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .map_err(|_| FetchError::Body)
    }
}

/// An error with its causes, of which the last one says what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
