use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    identity::{
        mint::{MintRequest, PrivateKey, mint},
        patterns::Patterns,
    },
    names::UserId,
};

const SECRET: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c65f2b7c1d9e8a4b6035d1c7e9f0a2b4c7";
const OTHER: &str = "q8Zr+TnVw3LkYpXc0/BmHsJd5UeGf7Aiq8Zr+TnVw3LkYpXc0/BmHsJd5UeGf7Aj";
const NOW: i64 = 1_800_000_000;

/// A kind of key pair: the algorithm, and both its halves.
const PAIRS: [(Algorithm, &str, &str); 5] = [
    (
        Algorithm::RS256,
        include_str!("../../../tests/keys/rsa.pem"),
        include_str!("../../../tests/keys/rsa.pub.pem"),
    ),
    (
        Algorithm::PS512,
        include_str!("../../../tests/keys/rsa.pem"),
        include_str!("../../../tests/keys/rsa.pub.pem"),
    ),
    (
        Algorithm::ES256,
        include_str!("../../../tests/keys/p256.pem"),
        include_str!("../../../tests/keys/p256.pub.pem"),
    ),
    (
        Algorithm::ES384,
        include_str!("../../../tests/keys/p384.pem"),
        include_str!("../../../tests/keys/p384.pub.pem"),
    ),
    (
        Algorithm::EdDSA,
        include_str!("../../../tests/keys/ed.pem"),
        include_str!("../../../tests/keys/ed.pub.pem"),
    ),
];

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn with_secret(secret: &str) -> AuthConfig {
    AuthConfig {
        secret: Some(secret.into()),
        ..AuthConfig::default()
    }
}

fn with_public(algorithm: Algorithm, pem: &str) -> AuthConfig {
    AuthConfig {
        public_key: Some(pem.to_owned()),
        algorithm: Some(algorithm),
        ..AuthConfig::default()
    }
}

fn verify(auth: &AuthConfig, token: &str) -> Result<Claims, TokenError> {
    Verifier::new(auth).unwrap().verify(token, now())
}

fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn usual() -> Value {
    json!({ "sub": "u1", "exp": NOW + 60 })
}

fn request() -> MintRequest {
    MintRequest {
        sub: "u1".into(),
        name: Some("Ana".into()),
        expires_in: Duration::from_secs(60),
        rooms: serde_json::from_value(json!(["lobby", "team:*"])).unwrap(),
        publish: Some(Patterns::default()),
        info: Some(json!({"color": "red"})),
        admin: true,
    }
}

/// Puts a token together by hand.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = URL_SAFE_NO_PAD.encode(signature);
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[test]
fn what_is_minted_is_taken_and_says_the_same() {
    let mut settings: Vec<_> = PAIRS
        .iter()
        .map(|(algorithm, private, public)| (with_public(*algorithm, public), Some(*private)))
        .collect();
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let mut auth = with_secret(SECRET);
        auth.algorithm = Some(algorithm);
        settings.push((auth, None));
    }
    for (mut auth, private) in settings {
        auth.issuer = Some("https://login.example".to_owned());
        auth.audience = Some("tidings".to_owned());
        let key = private.map(|pem| PrivateKey {
            pem: pem.as_bytes(),
            id: None,
        });
        let token = mint(&auth, &request(), key, now()).unwrap();
        let claims = verify(&auth, &token).unwrap();
        assert_eq!(claims.sub, "u1".into());
        assert_eq!(claims.name, Some("Ana".into()));
        assert_eq!(claims.exp, Some(NOW + 60));
        assert!(claims.rooms.matches("team:x") && !claims.rooms.matches("x"));
        assert_eq!(claims.publish, Some(Patterns::default()));
        assert_eq!(claims.info.as_deref(), Some(&json!({"color": "red"})));
        assert!(claims.admin);
    }
}

#[test]
fn the_secret_can_be_changed_without_a_gap() {
    let old = signed(Algorithm::HS256, SECRET, &usual());
    let new = signed(Algorithm::HS256, OTHER, &usual());
    let mut auth = with_secret(OTHER);
    assert_eq!(verify(&auth, &old), Err(TokenError::Signature));
    auth.previous_secret = Some(SECRET.into());
    assert!(verify(&auth, &old).is_ok());
    assert!(verify(&auth, &new).is_ok());
    let third = signed(Algorithm::HS256, "some other secret of nobody", &usual());
    assert_eq!(verify(&auth, &third), Err(TokenError::Signature));
}

#[test]
fn no_key_is_used_for_another_algorithm() {
    let claims = usual();
    for alg in ["none", "None", "NONE", "HS256x", ""] {
        let token = forged(&json!({"alg": alg, "typ": "JWT"}), &claims, b"");
        for auth in [with_secret(SECRET), with_public(PAIRS[0].0, PAIRS[0].2)] {
            assert_eq!(verify(&auth, &token), Err(TokenError::Algorithm), "{alg}");
        }
    }
    // The public key is known to everybody: a token signed with it as a secret is anybody's.
    for (algorithm, _, public) in PAIRS {
        for secret in [public, public.trim_end()] {
            let token = signed(Algorithm::HS256, secret, &claims);
            let auth = with_public(algorithm, public);
            assert_eq!(verify(&auth, &token), Err(TokenError::Algorithm));
        }
    }
    // Of the same family, and even of the same key.
    let auth = with_public(Algorithm::PS256, PAIRS[0].2);
    let key = EncodingKey::from_rsa_pem(PAIRS[0].1.as_bytes()).unwrap();
    let token = encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap();
    assert_eq!(verify(&auth, &token), Err(TokenError::Algorithm));
    let token = signed(Algorithm::HS512, SECRET, &claims);
    assert_eq!(
        verify(&with_secret(SECRET), &token),
        Err(TokenError::Algorithm)
    );
}

#[test]
fn keys_that_cannot_work_are_told_at_the_start() {
    let of = |algorithm, key: &str| Verifier::new(&with_public(algorithm, key)).unwrap_err();
    let short = include_str!("../../../tests/keys/rsa-short.pub.pem");
    assert!(matches!(of(Algorithm::RS256, short), KeyError::Short));
    assert!(matches!(
        of(Algorithm::RS256, PAIRS[0].1),
        KeyError::Private
    ));
    assert!(matches!(
        of(Algorithm::ES256, PAIRS[3].2),
        KeyError::Unfit(_)
    ));
    assert!(matches!(
        of(Algorithm::ES384, PAIRS[2].2),
        KeyError::Unfit(_)
    ));
    assert!(matches!(
        of(Algorithm::EdDSA, PAIRS[0].2),
        KeyError::Unfit(_)
    ));
    assert!(matches!(
        of(Algorithm::RS256, PAIRS[4].2),
        KeyError::Unfit(_)
    ));
    assert!(matches!(
        of(Algorithm::HS256, PAIRS[0].2),
        KeyError::Unfit(_)
    ));
    assert!(matches!(
        of(Algorithm::RS256, "-----BEGIN PUBLIC KEY-----\nnonsense"),
        KeyError::Unfit(_)
    ));
    let missing = of(Algorithm::RS256, "/nowhere/key.pem").to_string();
    assert!(missing.contains("/nowhere/key.pem"), "{missing}");
    let none = Verifier::new(&AuthConfig::default()).unwrap_err();
    assert!(matches!(none, KeyError::None));
}

#[test]
fn tokens_count_from_their_beginning_to_their_end() {
    let auth = with_secret(SECRET);
    let leeway = i64::try_from(auth.leeway.as_secs()).unwrap();
    for (claims, outcome) in [
        (json!({"exp": NOW + 1}), Ok(())),
        (json!({"exp": NOW - leeway + 1}), Ok(())),
        (json!({"exp": NOW - leeway}), Err(TokenError::Expired)),
        (json!({"exp": 0}), Err(TokenError::Expired)),
        (json!({"exp": NOW + 60, "nbf": NOW + leeway}), Ok(())),
        (
            json!({"exp": NOW + 60, "nbf": NOW + leeway + 1}),
            Err(TokenError::NotYetValid),
        ),
        (
            json!({}),
            Err(TokenError::Claims("exp is missing".to_owned())),
        ),
    ] {
        let mut claims = claims;
        claims["sub"] = "u1".into();
        let token = signed(Algorithm::HS256, SECRET, &claims);
        assert_eq!(verify(&auth, &token).map(drop), outcome, "{claims}");
    }
    let token = signed(Algorithm::HS256, SECRET, &json!({"sub": "u1"}));
    let lenient = Verifier::new(&auth).unwrap().take_unending();
    assert_eq!(lenient.verify(&token, now()).unwrap().exp, None);
}

#[test]
fn tokens_are_taken_from_the_issuer_for_the_audience() {
    let mut both = with_secret(SECRET);
    both.issuer = Some("us".to_owned());
    both.audience = Some("chat".to_owned());
    let neither = with_secret(SECRET);
    for (auth, claims, outcome) in [
        (&both, json!({"iss": "us", "aud": "chat"}), Ok(())),
        (&both, json!({"iss": "us", "aud": ["mail", "chat"]}), Ok(())),
        (
            &both,
            json!({"iss": "us", "aud": ["mail"]}),
            Err(TokenError::Audience),
        ),
        (
            &both,
            json!({"iss": "us", "aud": []}),
            Err(TokenError::Audience),
        ),
        (&both, json!({"iss": "us"}), Err(TokenError::Audience)),
        (
            &both,
            json!({"iss": "them", "aud": "chat"}),
            Err(TokenError::Issuer),
        ),
        (&both, json!({"aud": "chat"}), Err(TokenError::Issuer)),
        (&neither, json!({"iss": "anybody"}), Ok(())),
        (&neither, json!({"aud": []}), Ok(())),
        (&neither, json!({"aud": "mail"}), Err(TokenError::Audience)),
    ] {
        let mut claims = claims;
        claims["sub"] = "u1".into();
        claims["exp"] = (NOW + 60).into();
        let token = signed(Algorithm::HS256, SECRET, &claims);
        assert_eq!(verify(auth, &token).map(drop), outcome, "{claims}");
    }
}

#[test]
fn what_is_no_token_is_told_as_such() {
    let auth = with_secret(SECRET);
    let fine = signed(Algorithm::HS256, SECRET, &usual());
    let (message, _) = fine.rsplit_once('.').unwrap();
    let header = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    for (token, error) in [
        (String::new(), TokenError::Malformed),
        ("a.b".to_owned(), TokenError::Malformed),
        (fine.replace('.', ""), TokenError::Malformed),
        (format!("{fine}.x"), TokenError::Malformed),
        (format!("{message}.!"), TokenError::Malformed),
        (format!("{message}."), TokenError::Signature),
        (format!("{message}.AAAA"), TokenError::Signature),
        (
            format!("{fine}{}", "A".repeat(TOKEN_BYTES)),
            TokenError::Malformed,
        ),
        (forged(&header, &usual(), b"x"), TokenError::Malformed),
        (
            signed(
                Algorithm::HS256,
                SECRET,
                &json!({"sub": 5, "exp": NOW + 60}),
            ),
            TokenError::Claims(format!(
                "invalid type: integer `5`, expected userId to be a string of 1 to {} bytes",
                UserId::MAX_BYTES
            )),
        ),
    ] {
        assert_eq!(verify(&auth, &token), Err(error), "{token:.80}");
    }
    assert_eq!(TokenError::Expired.sentence(), "The token has expired.");
}

proptest! {
    #[test]
    fn nothing_that_somebody_sends_is_taken_or_breaks_anything(token in "[A-Za-z0-9_.=-]{0,200}|.{0,60}") {
        prop_assert!(verify(&with_secret(SECRET), &token).is_err());
    }

    #[test]
    fn a_changed_token_does_not_count(at in 0..10_000_usize, to in "[A-Za-z0-9_-]") {
        let auth = with_secret(SECRET);
        let mut token = mint(&auth, &request(), None, now()).unwrap();
        let at = at % token.len();
        let changed = token.as_bytes()[at] != to.as_bytes()[0] && token.as_bytes()[at] != b'.';
        token.replace_range(at..=at, &to);
        prop_assume!(changed);
        prop_assert!(verify(&auth, &token).is_err());
    }
}
