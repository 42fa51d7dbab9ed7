//! JSON Web Tokens, each key pinned to its algorithm.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::{Auth, ConnectRefused, Namespace, Socket};

#[derive(Deserialize)]
pub(crate) struct Credentials {
    /// Whatever the client sent; only a string can be a token.
    #[serde(default)]
    token: Value,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

/// A key and the one algorithm that it verifies.
#[derive(Clone)]
pub(crate) struct Key {
    key: Arc<DecodingKey>,
    validation: Arc<Validation>,
}

impl Key {
    pub(crate) fn new(key: DecodingKey, algorithm: Algorithm) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        validation.required_spec_claims.clear();
        validation.validate_aud = false;
        Self {
            key: Arc::new(key),
            validation: Arc::new(validation),
        }
    }

    fn subject(&self, token: &str) -> Option<String> {
        let token = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?;
        Some(token.claims.sub)
    }
}

/// Lets those in whose token the key verifies; nobody when there is no key.
pub(crate) fn require(namespace: Namespace, key: Option<Key>) -> Namespace {
    namespace.middleware(move |socket: Socket, Auth(auth): Auth<Credentials>| {
        let key = key.clone();
        async move {
            let refused = || ConnectRefused::new("unauthorized").with_data(&json!({ "code": 401 }));
            let subject = key
                .zip(auth.token.as_str())
                .and_then(|(key, token)| key.subject(token))
                .ok_or_else(refused)?;
            socket
                .set_data(&json!({ "sub": subject }))
                .map_err(|_| refused())
        }
    })
}
