//! The keys that an identity provider publishes (RFC 7517), fetched from one fixed address.
//!
//! Readers take the present keys and wait for nothing. They are exchanged as a whole when a fetch
//! has brought a new set; one that fails changes nothing. Nobody can cause more than one fetch in
//! [`COOL_DOWN`], however many unknown keys his tokens name.

mod fetch;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http::Uri;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use self::fetch::Fetcher;
use super::key::{Key, KeyError};
use crate::limits::address::is_loopback;

pub(crate) use self::fetch::FetchError;

/// Time from one look for new keys to the next one that somebody can cause.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// Time from one look for new keys to the next one without a cause, so that a key that was
/// withdrawn does not count for ever.
const ROUTINE: Duration = Duration::from_secs(10 * 60);
/// Keys of a set; what is beyond is not looked at.
const KEYS: usize = 64;
/// Bytes of the modulus of the shortest RSA key that is safe.
const RSA_BYTES: usize = 256;

/// The keys that are published at one address. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct KeySet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fetcher: Fetcher,
    /// The one algorithm that is taken, if there is only one.
    only: Option<Algorithm>,
    keys: ArcSwap<Vec<Published>>,
    /// When the last fetch began. Held while one is under way, so that all who want it wait for
    /// the same one: a lock of tasks, which blocks no thread.
    fetched: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug, Clone)]
struct Published {
    id: Option<String>,
    key: Key,
}

impl KeySet {
    /// The set at an address. It is empty until it is [fetched](Self::refresh).
    ///
    /// # Errors
    ///
    /// When the address is none that keys can be had from safely.
    pub(super) fn new(url: &str, only: Option<Algorithm>) -> Result<Self, KeyError> {
        Ok(Self(Arc::new(Inner {
            fetcher: Fetcher::new(check_url(url).map_err(KeyError::Url)?)
                .map_err(KeyError::Roots)?,
            only,
            keys: ArcSwap::default(),
            fetched: tokio::sync::Mutex::default(),
        })))
    }

    /// The key of that id for that algorithm. A token that names no key is served only where
    /// there is no choice.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Key> {
        let keys = self.0.keys.load();
        let mut fitting = keys.iter().filter(|it| match id {
            Some(id) => it.id.as_deref() == Some(id),
            None => it.key.algorithm() == algorithm,
        });
        let found = fitting.next()?;
        if id.is_none() && fitting.next().is_some() {
            return None;
        }
        Some(found.key.clone())
    }

    /// Fetches the keys now.
    ///
    /// # Errors
    ///
    /// When they cannot be had. The keys that there were before stay.
    ///
    /// # Cancel safety
    ///
    /// The fetch goes on when nobody waits for it any more.
    pub(crate) async fn refresh(&self) -> Result<(), FetchError> {
        self.refresh_after(Duration::ZERO).await
    }

    /// Fetches the keys, unless that was tried a moment ago. A failure is logged.
    pub(crate) async fn refresh_if_due(&self) {
        self.log(self.refresh_after(COOL_DOWN).await);
    }

    /// Keeps the keys up to date, for ever.
    pub(crate) async fn keep(&self) {
        loop {
            tokio::time::sleep(ROUTINE).await;
            self.log(self.refresh_after(COOL_DOWN).await);
        }
    }

    fn log(&self, outcome: Result<(), FetchError>) {
        if let Err(error) = outcome {
            let url = self.0.fetcher.url();
            tracing::warn!(%url, %error, "cannot fetch the keys of tokens; the known ones stay");
        }
    }

    async fn refresh_after(&self, pause: Duration) -> Result<(), FetchError> {
        let inner = self.0.clone();
        // As a task of its own: whoever asked may be gone before the answer is here, and the next
        // one would have to wait until it may be asked for again.
        let fetch = tokio::spawn(async move { inner.fetch(pause).await });
        fetch.await.unwrap_or(Err(FetchError::Stopped))
    }
}

impl Inner {
    async fn fetch(&self, pause: Duration) -> Result<(), FetchError> {
        let mut fetched = self.fetched.lock().await;
        if fetched.is_some_and(|last| last.elapsed() < pause) {
            return Ok(());
        }
        *fetched = Some(Instant::now());
        let keys = read(&self.fetcher.fetch().await?, self.only)?;
        self.keys.store(Arc::new(keys));
        Ok(())
    }
}

/// Reads a set. Keys that are for something else, or that are not understood, are passed over.
fn read(json: &[u8], only: Option<Algorithm>) -> Result<Vec<Published>, FetchError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }

    let set: Set = serde_json::from_slice(json).map_err(|_| FetchError::NoSet)?;
    let keys: Vec<_> = set
        .keys
        .into_iter()
        .take(KEYS)
        .filter_map(|key| key_of(&serde_json::from_value(key).ok()?, only))
        .collect();
    if keys.is_empty() {
        return Err(FetchError::NoKeys);
    }
    Ok(keys)
}

fn key_of(jwk: &Jwk, only: Option<Algorithm>) -> Option<Published> {
    let common = &jwk.common;
    let signs = match &common.public_key_use {
        None => true,
        Some(purpose) => *purpose == PublicKeyUse::Signature,
    };
    let verifies = match &common.key_operations {
        None => true,
        Some(operations) => operations.contains(&KeyOperations::Verify),
    };
    if !signs || !verifies {
        return None;
    }
    let said = match common.key_algorithm {
        None => None,
        Some(algorithm) => Some(signature(algorithm)?),
    };
    // What the key is for if it does not say so itself: by its kind, never a secret.
    let family = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(_) => AlgorithmFamily::Ec,
        AlgorithmParameters::OctetKeyPair(_) => AlgorithmFamily::Ed,
        _ => return None,
    };
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Algorithm::ES256,
            EllipticCurve::P384 => Algorithm::ES384,
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        AlgorithmParameters::RSA(_) => said
            .or(only.filter(|it| it.family() == family))
            .unwrap_or(Algorithm::RS256),
        _ => return None,
    };
    let fits = said.is_none_or(|said| said == algorithm)
        && only.is_none_or(|only| only == algorithm)
        && algorithm.family() == family;
    if !fits {
        return None;
    }
    let decoding = DecodingKey::from_jwk(jwk).ok()?;
    if let jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n, .. } = decoding.kind()
        && n.len() < RSA_BYTES
    {
        return None;
    }
    Some(Published {
        id: common.key_id.clone(),
        key: Key::new(decoding, algorithm),
    })
}

/// The signature algorithm that a key names, if it is one that two different keys belong to.
fn signature(named: KeyAlgorithm) -> Option<Algorithm> {
    let algorithm: Algorithm = named.to_string().parse().ok()?;
    (algorithm.family() != AlgorithmFamily::Hmac).then_some(algorithm)
}

/// Keys come over a line on which nobody can exchange them.
///
/// # Errors
///
/// With advice.
pub(crate) fn check_url(url: &str) -> Result<Uri, String> {
    let advice = || format!("{url} is no URL; write https://…");
    let uri: Uri = url.parse().map_err(|_| advice())?;
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || bare.parse().is_ok_and(is_loopback);
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if loopback => Ok(uri),
        Some("http") => Err(
            "over http anybody on the way could put in keys of his own; use \
                             https (http is for this machine only)"
                .to_owned(),
        ),
        _ => Err(advice()),
    }
}

#[cfg(test)]
mod tests;
