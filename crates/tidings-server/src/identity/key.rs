//! A key and the one algorithm that it is for. The algorithm comes from the settings or from
//! where the key was published, never from a token, so a token cannot have a key used otherwise.

use std::{fs, io, path::PathBuf};

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, errors::ErrorKind};
use serde_json::value::RawValue;
use thiserror::Error;

use super::verifier::TokenError;

/// Bytes of the PKCS #1 form of an RSA key with 2048 bits, less what is around the modulus.
const RSA_BYTES: usize = 256;

/// Why a key cannot be used.
#[derive(Debug, Error)]
pub(crate) enum KeyError {
    /// There is none in the settings.
    #[error("there is no key to check tokens with")]
    None,
    /// The file cannot be read.
    #[error("auth.public_key: cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is the half that nobody else should have.
    #[error(
        "auth.public_key is a private key; keep it where tokens are made, and give the server \
         what this prints: openssl pkey -pubout -in KEY.pem"
    )]
    Private,
    /// It is of another kind than the algorithm.
    #[error(
        "auth.public_key is no public key in PEM that {0:?} can use (-----BEGIN PUBLIC KEY-----)"
    )]
    Unfit(Algorithm),
    /// It is too short to be safe.
    #[error(
        "auth.public_key is an RSA key of less than 2048 bits, which is not safe; use a longer"
    )]
    Short,
    /// The address of a key set is wrong.
    #[error("auth.jwks_url: {0}")]
    Url(String),
    /// No server could be told from another.
    #[error("cannot load the root certificates of this machine, which auth.jwks_url needs: {0}")]
    Roots(io::Error),
}

/// A key and its algorithm.
#[derive(Clone)]
pub(super) struct Key {
    decoding: DecodingKey,
    /// Has the algorithm; all else is checked by us, who are given the time.
    validation: Validation,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.algorithm()).finish()
    }
}

impl Key {
    /// A key for an algorithm of its family.
    pub(super) fn new(decoding: DecodingKey, algorithm: Algorithm) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            decoding,
            validation,
        }
    }

    /// A secret.
    pub(super) fn secret(secret: &str, algorithm: Algorithm) -> Self {
        Self::new(DecodingKey::from_secret(secret.as_bytes()), algorithm)
    }

    /// A public key in PEM, or the path of a file with one.
    pub(super) fn public(written: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let pem = if written.contains("-----BEGIN") {
            written.as_bytes().to_vec()
        } else {
            let path = PathBuf::from(written);
            fs::read(&path).map_err(|error| KeyError::Unreadable { path, error })?
        };
        if String::from_utf8_lossy(&pem).contains("PRIVATE KEY") {
            return Err(KeyError::Private);
        }
        let decoding = match algorithm.family() {
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(&pem),
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(&pem),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(&pem),
            AlgorithmFamily::Hmac => return Err(KeyError::Unfit(algorithm)),
        };
        let decoding = decoding.map_err(|_| KeyError::Unfit(algorithm))?;
        let bytes = decoding.try_get_as_bytes().map_or(0, <[u8]>::len);
        match algorithm {
            // Uncompressed points; a point of the other curve would never verify anything.
            Algorithm::ES256 if bytes != 65 => Err(KeyError::Unfit(algorithm)),
            Algorithm::ES384 if bytes != 97 => Err(KeyError::Unfit(algorithm)),
            Algorithm::EdDSA if bytes != 32 => Err(KeyError::Unfit(algorithm)),
            _ if algorithm.family() == AlgorithmFamily::Rsa && bytes < RSA_BYTES => {
                Err(KeyError::Short)
            }
            _ => Ok(Self::new(decoding, algorithm)),
        }
    }

    /// What it is for.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.validation.algorithms[0]
    }

    /// The claims of a token that was signed with this key, as text.
    pub(super) fn open(&self, token: &str) -> Result<Box<RawValue>, TokenError> {
        jsonwebtoken::decode(token, &self.decoding, &self.validation)
            .map(|opened| opened.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
                    TokenError::Algorithm
                }
                ErrorKind::InvalidToken
                | ErrorKind::Base64(_)
                | ErrorKind::Json(_)
                | ErrorKind::Utf8(_) => TokenError::Malformed,
                _ => TokenError::Signature,
            })
    }
}
