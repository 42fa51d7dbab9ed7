//! Reading data such that a mistake in it is reported with its place.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_path_to_error::{Deserializer as Tracked, Track};

/// A value whose errors begin with the field that does not fit, unless they name it anyway.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut track = Track::new();
        T::deserialize(Tracked::new(deserializer, &mut track))
            .map(Self)
            .map_err(|error| {
                let path = track.path().to_string();
                let error = error.to_string();
                // A place in the JSON text means nothing to whoever sent a value.
                let error = error.split(" at line ").next().unwrap_or_default();
                let field = path.rsplit('.').next().unwrap_or_default();
                D::Error::custom(if error.contains(field) {
                    error.to_owned()
                } else {
                    format!("{path}: {error}")
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "what matters is how it fails")]
    struct Data {
        name: String,
        list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "what matters is how it fails")]
    struct Inner {
        size: u8,
    }

    #[test]
    fn the_field_that_does_not_fit_is_named() {
        for (json, said) in [
            (
                r#"{"name": 5}"#,
                "name: invalid type: integer `5`, expected a string",
            ),
            (r#"{"name": ""}"#, "missing field `list`"),
            (
                r#"{"name": "", "list": [{"size": 1}, {"size": 256}]}"#,
                "list[1].size: invalid value: integer `256`, expected u8",
            ),
        ] {
            let error = serde_json::from_str::<Located<Data>>(json)
                .unwrap_err()
                .to_string();
            assert_eq!(error.split(" at line ").next(), Some(said), "{json}");
        }
        let fits = serde_json::from_str::<Located<Data>>(r#"{"name": "", "list": []}"#);
        assert!(fits.is_ok());
    }
}
