//! The settings of signing in: with which key tokens are checked, and what they must say.

use std::{fmt, sync::Arc, time::Duration};

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::duration;

/// Who may connect. One kind of key at most is configured; which algorithms it is good for does
/// not depend on what a token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthConfig {
    /// The secret that tokens are signed with (HS256, HS384, HS512).
    pub(crate) secret: Option<Secret>,
    /// The secret before that: tokens signed with it are still taken.
    pub(crate) previous_secret: Option<Secret>,
    /// The algorithm of the key. HS256 with a secret when not set; a public key needs it; a key
    /// set is narrowed to it.
    pub(crate) algorithm: Option<Algorithm>,
    /// The public key that tokens are checked with: a path of a PEM file, or the PEM itself.
    pub(crate) public_key: Option<String>,
    /// Where the public keys are published as a JSON Web Key Set.
    pub(crate) jwks_url: Option<String>,
    /// What `iss` has to be.
    pub(crate) issuer: Option<String>,
    /// What `aud` has to contain.
    pub(crate) audience: Option<String>,
    /// How far the clocks of this server and of whoever makes tokens may be apart.
    #[serde(with = "duration")]
    pub(crate) leeway: Duration,
    /// How long a connection may go without signing in.
    #[serde(with = "duration")]
    pub(crate) timeout: Duration,
    /// How long before its token expires a client is told.
    #[serde(with = "duration")]
    pub(crate) expiring_notice: Duration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            secret: None,
            previous_secret: None,
            algorithm: None,
            public_key: None,
            jwks_url: None,
            issuer: None,
            audience: None,
            leeway: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            expiring_notice: Duration::from_secs(30),
        }
    }
}

impl AuthConfig {
    /// Whether there is a key of any kind.
    pub(crate) fn has_key(&self) -> bool {
        self.secret.is_some() || self.public_key.is_some() || self.jwks_url.is_some()
    }
}

/// A text that is never shown: not in a log line, not in an error, not by `config show`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    /// A secret that nobody knows: 256 random bits, in hexadecimal.
    pub(crate) fn random() -> Self {
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy).expect("the operating system gives random bytes");
        let digits = entropy.iter().map(|byte| format!("{byte:02x}"));
        Self(digits.collect::<String>().into())
    }

    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of serde would quote what was there instead, and that may be the secret.
        String::deserialize(deserializer)
            .map(|text| Self(text.into()))
            .map_err(|_| de::Error::custom("it has to be a string, in quotes"))
    }
}
