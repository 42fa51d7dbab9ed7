//! Secrets that somebody can guess.

use jsonwebtoken::Algorithm;

/// How to come by a good one.
pub(super) const ADVICE: &str = "make one with: openssl rand -hex 32";

/// Different characters that a secret has at least. One of 32 random hexadecimal digits has fewer
/// than that once in ten million times.
const DIFFERENT: usize = 8;

/// What stands in examples, and in secrets that were typed and not drawn.
const TYPED: [&str; 10] = [
    "secret",
    "password",
    "passwort",
    "changeme",
    "change-me",
    "change_me",
    "example",
    "tidings",
    "your-256-bit",
    "123456789",
];

/// What is wrong with a secret for that algorithm, if anything is.
pub(super) fn of(secret: &str, algorithm: Algorithm) -> Option<String> {
    // RFC 7518, section 3.2: a key of the size of the hash at least.
    let least = match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    };
    if secret.len() < least {
        let bytes = secret.len();
        return Some(format!(
            "has {bytes} bytes and {algorithm:?} needs {least} at least"
        ));
    }
    let mut different: Vec<_> = secret.bytes().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < DIFFERENT || repeats(secret.as_bytes()) {
        return Some("repeats itself, so it can be guessed".to_owned());
    }
    let lower = secret.to_lowercase();
    if TYPED.iter().any(|word| lower.contains(word)) {
        return Some("looks like an example, so it can be guessed".to_owned());
    }
    None
}

/// Whether a text is a shorter one written twice or more.
fn repeats(text: &[u8]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_secrets_are_told_from_random_ones() {
        for (secret, weak) in [
            ("5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6", false),
            ("q8Zr+TnVw3LkYpXc0/BmHsJd5UeGf7Ai", false),
            ("5f2b7c1d9e8a4b6035d1c7e9f0a2b4c", true),
            ("short", true),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true),
            ("0123012301230123012301230123012301230123", true),
            ("8d7f6a5b4c3e2d1f8d7f6a5b4c3e2d1f", true),
            ("change-me-5f2b7c1d9e8a4b6035d1c7e9", true),
            ("MySuperSecretKey-5f2b7c1d9e8a4b60", true),
        ] {
            assert_eq!(of(secret, Algorithm::HS256).is_some(), weak, "{secret}");
        }
    }

    #[test]
    fn a_longer_hash_needs_a_longer_secret() {
        let secret = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6d8";
        assert_eq!(of(secret, Algorithm::HS256), None);
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            assert!(of(secret, algorithm).is_some_and(|it| it.contains("34 bytes")));
        }
    }
}
