//! All settings as they are in effect, each with where it was made. What is printed is TOML.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Loaded, keys};

impl Loaded {
    /// One line a setting; secrets are masked.
    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        for (key, value) in keys::of(&self.config) {
            let place = self.source(&key);
            let written = match value {
                // TOML has no word for nothing.
                Value::Null => format!("# {key} is not set"),
                value => format!("{key} = {}  # {place}", toml(&value)),
            };
            writeln!(text, "{written}").expect("a String takes everything");
        }
        text
    }
}

/// A value in the notation of TOML.
fn toml(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(elements) => format!("[{}]", list(elements.iter().map(toml).collect())),
        Value::Object(fields) => {
            let set = fields.iter().filter(|(_, value)| !value.is_null());
            let set = set.map(|(name, value)| format!("{name} = {}", toml(value)));
            format!("{{ {} }}", list(set.collect()))
        }
        // The one character that JSON leaves alone in a text and TOML does not.
        scalar => scalar.to_string().replace('\u{7f}', "\\u007f"),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Inputs, load};

    #[test]
    fn what_is_shown_can_be_read_again_and_keeps_secrets() {
        let secret = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";
        let inputs = Inputs {
            set: vec![
                format!("auth.secret={secret}"),
                "rooms.public=lobby, public:*".to_owned(),
                "rooms.retention=[{pattern = \"*\", max_age = \"7d\"}]".to_owned(),
                "limits.command_bytes=32KiB".to_owned(),
            ],
            ..Inputs::default()
        };
        let shown = load(&inputs).unwrap().show();
        assert!(!shown.contains(secret), "{shown}");
        for line in [
            "auth.secret = \"***\"  # --set auth.secret",
            "rooms.public = [\"lobby\", \"public:*\"]  # --set rooms.public",
            "rooms.retention = [{ max_age = \"7d\", pattern = \"*\" }]  # --set rooms.retention",
            "limits.command_bytes = \"32KiB\"  # --set limits.command_bytes",
            "heartbeat.interval = \"25s\"  # default",
            "# auth.issuer is not set",
        ] {
            assert!(shown.lines().any(|it| it == line), "{line}\n{shown}");
        }
        let (_, errors) = ::toml::de::DeTable::parse_recoverable(&shown);
        assert!(errors.is_empty(), "{errors:?}");
    }
}
