//! Checking tokens: who signed them, whether they count now, and whether they are for us.
//!
//! [`Verifier::verify`] computes and waits for nothing. Only a key that has been published since
//! the last look has to be fetched, and [`Verifier::verify_fresh`] is what does that. A verifier is
//! shared by all connections and has no lock on the way of a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, de::IgnoredAny};
use thiserror::Error;

use super::{
    claims::{Claims, Written},
    jwks::KeySet,
    key::Key,
};
use crate::config::AuthConfig;

pub(crate) use super::key::KeyError;

/// Bytes of the longest token that is looked at.
pub(crate) const TOKEN_BYTES: usize = 16 * 1024;

/// Why a token does not count.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TokenError {
    /// It is no JSON Web Token.
    #[error("this is no JSON Web Token of at most {} bytes", TOKEN_BYTES)]
    Malformed,
    /// It was signed with another key, or changed after that.
    #[error("the token was not signed with a key of this server")]
    Signature,
    /// It was signed in a way that the key is not for, or not at all.
    #[error("the token was signed with another algorithm than the one that is expected")]
    Algorithm,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It will count later.
    #[error("the token does not count yet")]
    NotYetValid,
    /// It was made by somebody else.
    #[error("the token is not from the issuer that is expected")]
    Issuer,
    /// It was made for somebody else.
    #[error("the token is not for this server")]
    Audience,
    /// It does not say what it has to say.
    #[error("a claim of the token does not fit: {0}")]
    Claims(String),
    /// It names a key that is not known, or names none where there are several.
    #[error("the token was signed with a key that is not known")]
    UnknownKey,
}

impl TokenError {
    /// The sentence for people.
    pub(crate) fn sentence(&self) -> String {
        let mut sentence = self.to_string();
        // All of ours begin with a letter of ASCII.
        sentence[..1].make_ascii_uppercase();
        sentence.push('.');
        sentence
    }
}

/// What is looked at before a key is chosen.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that whoever does not know them must refuse: we know none.
    crit: Option<IgnoredAny>,
}

/// Checks tokens against the keys and names of the settings.
#[derive(Debug)]
pub(crate) struct Verifier {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: i64,
    needs_expiry: bool,
}

#[derive(Debug)]
enum Keys {
    /// The secret and the one before it, or the public key.
    Fixed(Vec<Key>),
    /// Those that are published.
    Published(KeySet),
}

impl Verifier {
    /// A verifier for these settings, which have been checked. Published keys are not fetched yet,
    /// see [`KeySet::refresh`].
    ///
    /// # Errors
    ///
    /// When there is no key, or it cannot be used.
    pub(crate) fn new(auth: &AuthConfig) -> Result<Self, KeyError> {
        let algorithm = auth.algorithm.unwrap_or(Algorithm::HS256);
        let keys = if let Some(url) = &auth.jwks_url {
            Keys::Published(KeySet::new(url, auth.algorithm)?)
        } else if let Some(key) = &auth.public_key {
            Keys::Fixed(vec![Key::public(key, algorithm)?])
        } else if auth.secret.is_some() {
            let secrets = auth.secret.iter().chain(&auth.previous_secret);
            Keys::Fixed(
                secrets
                    .map(|secret| Key::secret(secret.reveal(), algorithm))
                    .collect(),
            )
        } else {
            return Err(KeyError::None);
        };
        Ok(Self {
            keys,
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            leeway: i64::try_from(auth.leeway.as_secs()).unwrap_or(i64::MAX),
            needs_expiry: true,
        })
    }

    /// Takes tokens that never expire as well, for development.
    pub(crate) fn take_unending(mut self) -> Self {
        self.needs_expiry = false;
        self
    }

    /// What a token says, if it counts at `now`.
    ///
    /// # Errors
    ///
    /// When it does not. [`TokenError::UnknownKey`] may be another matter after a
    /// [`KeySet::refresh`].
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let header = header(token)?;
        let algorithm: Algorithm = header.alg.parse().map_err(|_| TokenError::Algorithm)?;
        let text = match &self.keys {
            Keys::Fixed(keys) => {
                let mut outcome = Err(TokenError::Signature);
                for key in keys {
                    outcome = open(key, algorithm, token);
                    if outcome != Err(TokenError::Signature) {
                        break;
                    }
                }
                outcome?
            }
            Keys::Published(set) => {
                let key = set
                    .find(header.kid.as_deref(), algorithm)
                    .ok_or(TokenError::UnknownKey)?;
                open(&key, algorithm, token)?
            }
        };
        let claims: Written = serde_json::from_str(&text).map_err(|error| {
            let mut sentence = error.to_string();
            // A place in what nobody has in front of him means nothing.
            if let Some(place) = sentence.rfind(" at line ") {
                sentence.truncate(place);
            }
            TokenError::Claims(sentence)
        })?;
        self.check(&claims, now.as_second())?;
        Ok(claims.into())
    }

    /// As [`verify`](Self::verify), but looks for keys that have been published since, if the
    /// token names one that is not known.
    ///
    /// # Errors
    ///
    /// When the token does not count even then.
    pub(crate) async fn verify_fresh(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        match (self.verify(token, now), &self.keys) {
            (Err(TokenError::UnknownKey), Keys::Published(set)) => {
                set.refresh_if_due().await;
                self.verify(token, now)
            }
            (outcome, _) => outcome,
        }
    }

    /// The key set, where keys are published: to be fetched once at the start, and then again from
    /// time to time.
    pub(crate) fn key_set(&self) -> Option<&KeySet> {
        match &self.keys {
            Keys::Published(set) => Some(set),
            Keys::Fixed(_) => None,
        }
    }

    fn check(&self, claims: &Written, now: i64) -> Result<(), TokenError> {
        match claims.exp {
            // RFC 7519, section 4.1.4: on that very second it has expired.
            Some(exp) if now >= exp.saturating_add(self.leeway) => return Err(TokenError::Expired),
            None if self.needs_expiry => {
                return Err(TokenError::Claims("exp is missing".to_owned()));
            }
            _ => {}
        }
        if claims
            .nbf
            .is_some_and(|nbf| nbf > now.saturating_add(self.leeway))
        {
            return Err(TokenError::NotYetValid);
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err(TokenError::Issuer);
        }
        let for_us = match (&claims.aud, &self.audience) {
            (Some(named), Some(audience)) => named.contains(audience),
            (None, Some(_)) => false,
            // RFC 7519, section 4.1.3: whoever is not named must not take it.
            (Some(named), None) => named.is_empty(),
            (None, None) => true,
        };
        if for_us {
            Ok(())
        } else {
            Err(TokenError::Audience)
        }
    }
}

/// Opens a token that says to have been signed in that way.
fn open(key: &Key, algorithm: Algorithm, token: &str) -> Result<String, TokenError> {
    if key.algorithm() != algorithm {
        return Err(TokenError::Algorithm);
    }
    key.open(token).map(|text| Box::<str>::from(text).into())
}

fn header(token: &str) -> Result<Header, TokenError> {
    if token.len() > TOKEN_BYTES {
        return Err(TokenError::Malformed);
    }
    let (header, _) = token.split_once('.').ok_or(TokenError::Malformed)?;
    let json = URL_SAFE_NO_PAD.decode(header);
    let header: Header = json
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or(TokenError::Malformed)?;
    match header.crit {
        Some(_) => Err(TokenError::Malformed),
        None => Ok(header),
    }
}

#[cfg(test)]
mod tests;
