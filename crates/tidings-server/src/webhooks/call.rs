//! One signed request to a backend, and its answer, within bounds of time and size.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Full;
use jiff::Timestamp;
use thiserror::Error;

use super::signature::{self, Signer};
use crate::outgoing::{self, Outgoing};

const AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));

/// Why a backend did not do what it was asked.
#[derive(Debug, Clone, Error)]
pub(super) enum CallError {
    /// It has not answered in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Nobody answers there, or not who should.
    #[error("cannot reach it: {0}")]
    Unreachable(String),
    /// It says that it did not.
    #[error("the answer has status {0}, which should be 2xx; redirects are not followed")]
    Status(StatusCode),
    /// Its answer broke off, or is too long.
    #[error("the answer cannot be read, or has more than {} KiB", .0 / 1024)]
    Body(usize),
    /// Its answer is something else.
    #[error("the answer is not what it should be: {0}")]
    Answer(String),
}

/// Reads the address of a backend.
///
/// # Errors
///
/// The sentence that says what to write.
pub(crate) fn read_url(url: &str) -> Result<Uri, String> {
    let advice = || "it is no URL of a server; write https://… or http://…".to_owned();
    let uri: Uri = url.parse().map_err(|_| advice())?;
    let authority = uri.authority().ok_or_else(advice)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
        return Err(advice());
    }
    if authority.as_str().contains('@') {
        let sentence = "it has a password in it, which would be shown in logs; requests are \
                        signed, so remove it";
        return Err(sentence.to_owned());
    }
    Ok(uri)
}

/// A backend, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) outgoing: Outgoing,
    pub(super) url: Uri,
    pub(super) signer: Signer,
    /// How long an answer may take, from the first byte sent to the last one received.
    pub(super) timeout: Duration,
}

impl Receiver {
    /// Sends a JSON text, and gives the answer of at most so many bytes.
    ///
    /// # Errors
    ///
    /// When there is none, or none that says yes.
    pub(super) async fn ask(&self, body: String, most: usize) -> Result<Bytes, CallError> {
        self.call(body, most).await?.ok_or(CallError::Body(most))
    }

    /// Sends a JSON text, whose answer does not matter beyond its status.
    ///
    /// # Errors
    ///
    /// When it does not say yes.
    pub(super) async fn tell(&self, body: String) -> Result<(), CallError> {
        // Read all the same, so that the connection can be used again.
        self.call(body, 64 * 1024).await.map(drop)
    }

    async fn call(&self, body: String, most: usize) -> Result<Option<Bytes>, CallError> {
        let whole = async {
            let answer = self.outgoing.send(self.request(body)?).await;
            let answer = answer.map_err(CallError::Unreachable)?;
            if !answer.status().is_success() {
                return Err(CallError::Status(answer.status()));
            }
            Ok(outgoing::read(answer, most).await)
        };
        let within = tokio::time::timeout(self.timeout, whole).await;
        within.unwrap_or(Err(CallError::Timeout(self.timeout)))
    }

    fn request(&self, body: String) -> Result<Request<Full<Bytes>>, CallError> {
        let signature = self
            .signer
            .sign(Timestamp::now().as_second(), body.as_bytes());
        let json = HeaderValue::from_static("application/json");
        Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, json)
            .header(header::USER_AGENT, HeaderValue::from_static(AGENT))
            .header(signature::HEADER, signature)
            .body(Full::from(body))
            .map_err(|error| CallError::Unreachable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_servers_are_taken() {
        for (url, good) in [
            ("https://backend.test/hook?a=b", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]/x", true),
            ("ftp://backend.test/", false),
            ("backend.test/hook", false),
            ("/hook", false),
            ("https://", false),
            ("https://ana:word@backend.test/", false),
            ("", false),
        ] {
            assert_eq!(read_url(url).is_ok(), good, "{url}");
        }
    }
}
