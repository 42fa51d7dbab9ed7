//! What a token says of whoever presents it. Claims that are not listed here are not looked at.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::patterns::Patterns;
use crate::names::{UserId, Username};

/// What a valid token says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claims {
    /// Who it is.
    pub(crate) sub: UserId,
    /// What he is called; the id, where the token does not say.
    pub(crate) name: Option<Username>,
    /// When the token expires, in seconds since 1970. Without it, never: only `--dev` takes those.
    pub(crate) exp: Option<i64>,
    /// The rooms that he may enter besides the public ones.
    pub(crate) rooms: Patterns,
    /// The rooms that he may send to; without it, all that he may enter.
    pub(crate) publish: Option<Patterns>,
    /// What the others are shown of him.
    pub(crate) info: Option<Arc<Value>>,
    /// Whether he may do what moderators may.
    pub(crate) admin: bool,
}

/// The claims as they are written, with those that only decide whether the token is valid.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub(super) sub: UserId,
    pub(super) name: Option<Username>,
    #[serde(default, deserialize_with = "numeric_date")]
    pub(super) exp: Option<i64>,
    #[serde(default, deserialize_with = "numeric_date")]
    pub(super) nbf: Option<i64>,
    pub(super) iss: Option<String>,
    pub(super) aud: Option<OneOrMany>,
    #[serde(default)]
    pub(super) rooms: Patterns,
    pub(super) publish: Option<Patterns>,
    pub(super) info: Option<Arc<Value>>,
    #[serde(default)]
    pub(super) admin: bool,
}

impl From<Written> for Claims {
    fn from(written: Written) -> Self {
        Self {
            sub: written.sub,
            name: written.name,
            exp: written.exp,
            rooms: written.rooms,
            publish: written.publish,
            info: written.info,
            admin: written.admin,
        }
    }
}

/// A text or a list of them, as `aud` may be.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn contains(&self, text: &str) -> bool {
        match self {
            Self::One(one) => one == text,
            Self::Many(many) => many.iter().any(|it| it == text),
        }
    }

    /// Whether it names nobody.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Many(many) if many.is_empty())
    }
}

/// Seconds since 1970, which RFC 7519 allows to have a fraction.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    /// The year 9999. Nobody means what is beyond, and arithmetic stays far from its ends.
    const LAST: i64 = 253_402_300_799;

    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a fraction of a second does not matter, and the cast saturates"
    )]
    let seconds = number
        .as_i64()
        .or_else(|| number.as_f64().map(|it| it.floor() as i64));
    match seconds {
        Some(seconds @ 0..=LAST) => Ok(Some(seconds)),
        _ => Err(de::Error::custom("a time is not one of this age")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_read_and_others_left_alone() {
        let token = json!({
            "sub": "u1", "name": "Ana", "exp": 1_800_000_000.9, "nbf": 5, "aud": ["a", "b"],
            "rooms": ["lobby", "team:*"], "publish": [], "info": {"color": "red"}, "jti": 7,
        });
        let written: Written = serde_json::from_value(token).unwrap();
        assert_eq!(written.nbf, Some(5));
        let aud = written.aud.as_ref().unwrap();
        assert!(aud.contains("b") && !aud.contains("c") && !aud.is_empty());
        let claims = Claims::from(written);
        assert_eq!(claims.exp, Some(1_800_000_000));
        assert_eq!(claims.name, Some("Ana".into()));
        assert!(claims.rooms.matches("team:x"));
        assert_eq!(claims.publish, Some(Patterns::default()));
        assert_eq!(claims.info.as_deref(), Some(&json!({"color": "red"})));
        assert!(!claims.admin);
    }

    #[test]
    fn claims_of_the_wrong_form_are_refused() {
        for token in [
            json!({}),
            json!({"sub": ""}),
            json!({"sub": 5}),
            json!({"sub": "x".repeat(129)}),
            json!({"sub": "u1", "name": "a\nb"}),
            json!({"sub": "u1", "exp": "soon"}),
            json!({"sub": "u1", "exp": -1}),
            json!({"sub": "u1", "exp": 1e300}),
            json!({"sub": "u1", "rooms": "*"}),
            json!({"sub": "u1", "rooms": ["a*b"]}),
            json!({"sub": "u1", "admin": "yes"}),
            json!({"sub": "u1", "aud": 7}),
        ] {
            assert!(
                serde_json::from_value::<Written>(token.clone()).is_err(),
                "{token}"
            );
        }
    }
}
