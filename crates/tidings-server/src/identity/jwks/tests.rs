use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::EncodingKey;
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::{
    config::AuthConfig,
    identity::{
        mint::{MintRequest, PrivateKey, mint},
        patterns::Patterns,
        verifier::{TokenError, Verifier},
    },
};

const PRIVATE: [(Algorithm, &str); 4] = [
    (
        Algorithm::RS256,
        include_str!("../../../tests/keys/rsa.pem"),
    ),
    (
        Algorithm::ES256,
        include_str!("../../../tests/keys/p256.pem"),
    ),
    (
        Algorithm::ES384,
        include_str!("../../../tests/keys/p384.pem"),
    ),
    (Algorithm::EdDSA, include_str!("../../../tests/keys/ed.pem")),
];

/// The public half of one of the keys, as it is published.
fn jwk(algorithm: Algorithm, id: &str) -> Value {
    let (_, pem) = PRIVATE.iter().find(|it| it.0 == algorithm).unwrap();
    let key = match algorithm.family() {
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(pem.as_bytes()),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(pem.as_bytes()),
        _ => EncodingKey::from_ed_pem(pem.as_bytes()),
    };
    let mut jwk = Jwk::from_encoding_key(&key.unwrap(), algorithm).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    serde_json::to_value(jwk).unwrap()
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn token(algorithm: Algorithm, id: Option<&str>) -> String {
    let (_, pem) = PRIVATE.iter().find(|it| it.0 == algorithm).unwrap();
    let auth = AuthConfig {
        algorithm: Some(algorithm),
        issuer: Some("us".to_owned()),
        ..AuthConfig::default()
    };
    let request = MintRequest {
        sub: "u1".into(),
        name: None,
        expires_in: Duration::from_secs(60),
        rooms: Patterns::default(),
        publish: None,
        info: None,
        admin: false,
    };
    let pem = pem.as_bytes();
    mint(
        &auth,
        &request,
        Some(PrivateKey { pem, id }),
        Timestamp::now(),
    )
    .unwrap()
}

/// Somebody who publishes keys, one answer a connection, until the test ends.
struct Publisher {
    address: SocketAddr,
    /// What follows `HTTP/1.1 `.
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    fn new(document: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let publisher = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        publisher.publish(document);
        let (answer, asked) = (publisher.answer.clone(), publisher.asked.clone());
        thread::spawn(move || {
            for line in listener.incoming() {
                let mut line = line.unwrap();
                let _ = line.read(&mut [0; 4096]);
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = answer.lock().clone();
                let _ = write!(line, "HTTP/1.1 {answer}");
            }
        });
        publisher
    }

    fn answer(&self, answer: String) {
        *self.answer.lock() = answer;
    }

    fn publish(&self, document: &str) {
        let length = document.len();
        self.answer(format!(
            "200 OK\r\nContent-Length: {length}\r\n\r\n{document}"
        ));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn verifier(&self, algorithm: Option<Algorithm>) -> Verifier {
        let auth = AuthConfig {
            jwks_url: Some(format!("http://{}/jwks", self.address)),
            issuer: Some("us".to_owned()),
            algorithm,
            ..AuthConfig::default()
        };
        Verifier::new(&auth).unwrap()
    }
}

#[tokio::test]
async fn tokens_are_checked_with_the_keys_that_are_published() {
    let ids = ["r", "e", "f", "d"];
    let keys: Vec<_> = PRIVATE
        .iter()
        .zip(ids)
        .map(|((algorithm, _), id)| jwk(*algorithm, id))
        .collect();
    let publisher = Publisher::new(&set(&keys));
    let verifier = publisher.verifier(None);
    let now = Timestamp::now();
    let (first, id) = (PRIVATE[0].0, Some(ids[0]));
    assert_eq!(
        verifier.verify(&token(first, id), now),
        Err(TokenError::UnknownKey)
    );
    verifier.key_set().unwrap().refresh().await.unwrap();
    for ((algorithm, _), id) in PRIVATE.iter().zip(ids) {
        assert!(
            verifier.verify(&token(*algorithm, Some(id)), now).is_ok(),
            "{id}"
        );
        // There is one for each algorithm, so it need not be named.
        assert!(
            verifier.verify(&token(*algorithm, None), now).is_ok(),
            "{id}"
        );
    }
    // A key is not used as another one.
    let named_wrongly = token(Algorithm::ES256, Some("r"));
    assert_eq!(
        verifier.verify(&named_wrongly, now),
        Err(TokenError::Algorithm)
    );

    let narrow = publisher.verifier(Some(Algorithm::ES256));
    narrow.key_set().unwrap().refresh().await.unwrap();
    assert!(
        narrow
            .verify(&token(Algorithm::ES256, Some("e")), now)
            .is_ok()
    );
    let other = narrow.verify(&token(Algorithm::EdDSA, Some("d")), now);
    assert_eq!(other, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_not_more_often() {
    let publisher = Publisher::new(&set(&[jwk(Algorithm::ES256, "old")]));
    let verifier = publisher.verifier(None);
    let now = Timestamp::now();
    // Many want it at once, and one fetch serves them all.
    let wanted = token(Algorithm::ES256, Some("old"));
    let all = (0..8).map(|_| verifier.verify_fresh(&wanted, now));
    for outcome in futures_util::future::join_all(all).await {
        assert!(outcome.is_ok());
    }
    assert_eq!(publisher.asked(), 1);

    // The next look has to wait, whoever asks.
    publisher.publish(&set(&[jwk(Algorithm::EdDSA, "new")]));
    let new = token(Algorithm::EdDSA, Some("new"));
    for _ in 0..3 {
        assert_eq!(
            verifier.verify_fresh(&new, now).await,
            Err(TokenError::UnknownKey)
        );
    }
    assert_eq!(publisher.asked(), 1);
    verifier.key_set().unwrap().refresh().await.unwrap();
    assert!(verifier.verify(&new, now).is_ok());
    assert_eq!(verifier.verify(&wanted, now), Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_fetch_that_fails_changes_nothing() {
    let publisher = Publisher::new(&set(&[jwk(Algorithm::ES256, "a")]));
    let verifier = publisher.verifier(None);
    let keys = verifier.key_set().unwrap();
    keys.refresh().await.unwrap();
    let long = "x".repeat(300 * 1024);
    for (answer, told) in [
        (
            "500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "status 500",
        ),
        (
            "302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "status 302",
        ),
        (
            "200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            "no JSON Web Key Set",
        ),
        (
            "200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}".to_owned(),
            "no public key",
        ),
        (
            format!("200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len()),
            "more than 256 KiB",
        ),
        (
            "200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "cannot be read",
        ),
        (String::new(), "cannot reach it"),
    ] {
        publisher.answer(answer);
        let error = keys.refresh().await.unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    let known = verifier.verify(&token(Algorithm::ES256, Some("a")), Timestamp::now());
    assert!(known.is_ok());
}

#[test]
fn only_public_keys_for_signatures_are_taken() {
    let with = |base: Value, field: &str, value: Value| {
        let mut key = base;
        key[field] = value;
        key
    };
    let es = || jwk(Algorithm::ES256, "a");
    let rsa = || jwk(Algorithm::RS256, "a");
    let without = |base: Value, field: &str| {
        let mut key = base;
        key.as_object_mut().unwrap().remove(field);
        key
    };
    let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
    for (key, taken) in [
        (es(), Some(Algorithm::ES256)),
        (without(es(), "alg"), Some(Algorithm::ES256)),
        (without(rsa(), "alg"), Some(Algorithm::RS256)),
        (with(rsa(), "alg", "PS384".into()), Some(Algorithm::PS384)),
        (with(es(), "use", "sig".into()), Some(Algorithm::ES256)),
        (
            with(es(), "key_ops", json!(["verify"])),
            Some(Algorithm::ES256),
        ),
        (with(es(), "use", "enc".into()), None),
        (with(es(), "key_ops", json!(["encrypt"])), None),
        (with(es(), "alg", "ES384".into()), None),
        (with(es(), "alg", "HS256".into()), None),
        (with(rsa(), "alg", "HS256".into()), None),
        (with(rsa(), "alg", "RSA-OAEP".into()), None),
        (with(rsa(), "n", short.into()), None),
        (with(es(), "crv", "P-521".into()), None),
        (
            json!({"kty": "oct", "k": "c2VjcmV0c2VjcmV0", "alg": "HS256", "kid": "a"}),
            None,
        ),
        (
            json!({"kty": "oct", "k": "c2VjcmV0c2VjcmV0", "kid": "a"}),
            None,
        ),
        (json!({"kty": "new", "kid": "a"}), None),
        (json!("nonsense"), None),
    ] {
        let ed = jwk(Algorithm::EdDSA, "other");
        let read = read(set(&[key.clone(), ed]).as_bytes(), None).unwrap();
        let algorithms: Vec<_> = read.iter().map(|it| it.key.algorithm()).collect();
        let expected: Vec<_> = taken.into_iter().chain([Algorithm::EdDSA]).collect();
        assert_eq!(algorithms, expected, "{key}");
    }
    let many = vec![es(); 100];
    assert_eq!(read(set(&many).as_bytes(), None).unwrap().len(), KEYS);
}
