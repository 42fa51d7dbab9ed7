//! Signing requests, so that their receiver knows who they are from, and when they were sent.
//!
//! `Tidings-Signature: t=1785585600,v1=…`: the time in seconds since 1970, and in hexadecimal the
//! HMAC-SHA256 of that time, a dot, and the body. While a secret is being exchanged there is a
//! `v1` for each of the two.

use std::fmt::{self, Write as _};

use aws_lc_rs::hmac;

use crate::config::auth::Secret;

/// The header that has it.
pub(super) const HEADER: &str = "tidings-signature";

/// Signs for one receiver.
pub(super) struct Signer(Vec<hmac::Key>);

impl Signer {
    pub(super) fn new(secret: &Secret, previous: Option<&Secret>) -> Self {
        let secrets = [Some(secret), previous].into_iter().flatten();
        let key = |it: &Secret| hmac::Key::new(hmac::HMAC_SHA256, it.reveal().as_bytes());
        Self(secrets.map(key).collect())
    }

    /// The value of the header, for a body that is sent at that second.
    pub(super) fn sign(&self, seconds: i64, body: &[u8]) -> String {
        let mut value = format!("t={seconds}");
        for key in &self.0 {
            let mut context = hmac::Context::with_key(key);
            context.update(seconds.to_string().as_bytes());
            context.update(b".");
            context.update(body);
            value.push_str(",v1=");
            for byte in context.sign().as_ref() {
                write!(value, "{byte:02x}").expect("a String takes everything");
            }
        }
        value
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_time_and_the_body_with_each_secret() {
        // From: printf '1785585600.{"events":[]}' | openssl dgst -sha256 -hmac SECRET
        let (first, second) = (
            "a90c574a15737d23624172c03c0df475c25a32b072839b441b9eca4027cb3289",
            "82c85758cb60d070ed84f656430ec4ef4ae1106996843721179f02f10ebad372",
        );
        let (new, old) = (
            Secret::from("5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6"),
            Secret::from("c6b4a2f0e9c7d1356a4b8a9e1d7c2b5f"),
        );
        let body = b"{\"events\":[]}";
        for (signer, expected) in [
            (Signer::new(&new, None), format!("t=1785585600,v1={first}")),
            (
                Signer::new(&new, Some(&old)),
                format!("t=1785585600,v1={first},v1={second}"),
            ),
        ] {
            assert_eq!(signer.sign(1_785_585_600, body), expected);
        }
        let signer = Signer::new(&new, None);
        assert_ne!(
            signer.sign(1_785_585_601, body)[13..],
            signer.sign(1_785_585_600, body)[13..]
        );
    }
}
