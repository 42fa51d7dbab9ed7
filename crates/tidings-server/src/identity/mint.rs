//! Making tokens, as a backend would: for trying things out, and for tests.

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, AlgorithmFamily, EncodingKey, Header};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::patterns::Patterns;
use crate::{
    config::AuthConfig,
    names::{UserId, Username},
};

/// What a token is to say.
#[derive(Debug, Clone)]
pub(crate) struct MintRequest {
    /// Who.
    pub(crate) sub: UserId,
    /// What he is called.
    pub(crate) name: Option<Username>,
    /// For how long.
    pub(crate) expires_in: Duration,
    /// The rooms that he may enter.
    pub(crate) rooms: Patterns,
    /// The rooms that he may send to, if they are not all of those.
    pub(crate) publish: Option<Patterns>,
    /// What the others are shown of him.
    pub(crate) info: Option<Value>,
    /// Whether he is a moderator.
    pub(crate) admin: bool,
}

/// What a token is signed with, where that is not the secret of the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrivateKey<'a> {
    /// The key, in PEM (PKCS #8).
    pub(crate) pem: &'a [u8],
    /// Under which id its public half is published.
    pub(crate) id: Option<&'a str>,
}

/// Why there is no token.
#[derive(Debug, Error)]
pub(crate) enum MintError {
    /// There is nothing to sign it with.
    #[error("there is no auth.secret to sign with; set it, or name a key with --private-key")]
    NoSecret,
    /// A key without an algorithm may be used in several ways.
    #[error(
        "--private-key needs auth.algorithm to be one of RS256, PS256, ES256, ES384, EdDSA; \
         add for instance --set auth.algorithm=ES256"
    )]
    Algorithm,
    /// The key is of another kind.
    #[error("the private key is none in PEM that {0:?} can use (-----BEGIN PRIVATE KEY-----)")]
    Unfit(Algorithm),
    /// It would be valid for no time, or longer than there are dates.
    #[error("a token cannot expire at once, nor after the year 9999; use a longer or shorter time")]
    Expiry,
    /// The signature failed.
    #[error("the token cannot be signed: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// The claims, as they are written.
#[derive(Debug, Serialize)]
struct Minted<'a> {
    sub: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Username>,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    rooms: &'a Patterns,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<&'a Patterns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    admin: bool,
}

/// Makes a token that a server with these settings takes.
///
/// # Errors
///
/// When there is nothing to sign it with.
pub(crate) fn mint(
    auth: &AuthConfig,
    request: &MintRequest,
    key: Option<PrivateKey<'_>>,
    now: Timestamp,
) -> Result<String, MintError> {
    let (header, encoding) = match key {
        Some(key) => signer(auth, key)?,
        None => {
            let algorithm = auth.algorithm.unwrap_or(Algorithm::HS256);
            let secret = auth.secret.as_ref().ok_or(MintError::NoSecret)?;
            let encoding = EncodingKey::from_secret(secret.reveal().as_bytes());
            (Header::new(algorithm), encoding)
        }
    };
    let expiry = now
        .checked_add(request.expires_in)
        .map_err(|_| MintError::Expiry)?;
    if expiry.as_second() <= now.as_second() {
        return Err(MintError::Expiry);
    }
    let claims = Minted {
        sub: &request.sub,
        name: request.name.as_ref(),
        iat: now.as_second(),
        exp: expiry.as_second(),
        iss: auth.issuer.as_deref(),
        aud: auth.audience.as_deref(),
        rooms: &request.rooms,
        publish: request.publish.as_ref(),
        info: request.info.as_ref(),
        admin: request.admin,
    };
    jsonwebtoken::encode(&header, &claims, &encoding).map_err(MintError::Sign)
}

fn signer(auth: &AuthConfig, key: PrivateKey<'_>) -> Result<(Header, EncodingKey), MintError> {
    let algorithm = auth.algorithm.ok_or(MintError::Algorithm)?;
    let encoding = match algorithm.family() {
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(key.pem),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(key.pem),
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(key.pem),
        AlgorithmFamily::Hmac => return Err(MintError::Algorithm),
    };
    let mut header = Header::new(algorithm);
    header.kid = key.id.map(str::to_owned);
    Ok((header, encoding.map_err(|_| MintError::Unfit(algorithm))?))
}
