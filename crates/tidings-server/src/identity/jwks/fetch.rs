//! Fetching a small document over HTTP, within bounds of size and time, following nobody elsewhere.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use thiserror::Error;

use crate::outgoing::{self, Outgoing, Schemes};

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
    outgoing: Outgoing,
    url: Uri,
}

impl Fetcher {
    /// # Errors
    ///
    /// When there are no root certificates to tell servers by.
    pub(super) fn new(url: Uri) -> io::Result<Self> {
        let schemes = if url.scheme_str() == Some("https") {
            Schemes::HttpsOnly
        } else {
            Schemes::HttpOnly
        };
        // Minutes lie between two fetches, so no connection is kept.
        let outgoing = Outgoing::new(schemes, 0)?;
        Ok(Self { outgoing, url })
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
        let request = Request::get(self.url.clone())
            .body(Full::default())
            .map_err(|error| FetchError::Unreachable(error.to_string()))?;
        let answer = self.outgoing.send(request).await;
        let answer = answer.map_err(FetchError::Unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        outgoing::read(answer, BYTES).await.ok_or(FetchError::Body)
    }
}
