//! The names of all settings: `auth.secret` in a file, `TIDINGS_AUTH_SECRET` in the environment.
//! They are read off the [`Config`] itself, so there is no list that could be forgotten.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Config;

/// What the variables of the environment begin with.
pub(super) const PREFIX: &str = "TIDINGS_";

/// A setting and its default, `null` when it has none.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name, with dots.
    pub(super) name: String,
    /// Its variable.
    pub(super) variable: String,
    /// Its default.
    pub(super) default: Value,
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    of(&Config::default())
        .into_iter()
        .map(|(name, default)| Key {
            variable: format!("{PREFIX}{}", name.replace('.', "_").to_ascii_uppercase()),
            name,
            default,
        })
        .collect()
});

/// All settings, in the order of the alphabet.
#[cfg(test)]
pub(super) fn all() -> &'static [Key] {
    &KEYS
}

/// The setting of that name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The setting that a variable is for.
pub(super) fn by_variable(variable: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.variable == variable)
}

/// Whether a name is that of a section, with settings under it.
pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The defaults, section by section.
pub(super) fn defaults() -> Map<String, Value> {
    tree(&Config::default())
}

/// The settings of a config with their values.
pub(super) fn of(config: &Config) -> Vec<(String, Value)> {
    let mut leaves = Vec::new();
    flatten(String::new(), Value::Object(tree(config)), &mut leaves);
    leaves
}

fn tree(config: &Config) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(tree)) => tree,
        other => unreachable!("settings are texts, numbers and lists of them: {other:?}"),
    }
}

fn flatten(name: String, value: Value, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() {
                    field
                } else {
                    format!("{name}.{field}")
                };
                flatten(name, value, leaves);
            }
        }
        leaf => leaves.push((name, leaf)),
    }
}

/// The setting that somebody may have meant.
pub(super) fn meant(written: &str) -> Option<&'static Key> {
    nearest(written, |key| &key.name)
}

/// The setting whose variable somebody may have meant.
pub(super) fn meant_by_variable(written: &str) -> Option<&'static Key> {
    // What all variables begin with does not make them alike.
    nearest(written.strip_prefix(PREFIX)?, |key| {
        &key.variable[PREFIX.len()..]
    })
}

fn nearest(written: &str, name: impl Fn(&'static Key) -> &'static str) -> Option<&'static Key> {
    /// Below that, two names have nothing to do with each other.
    const ALIKE: f64 = 0.7;
    KEYS.iter()
        .map(|key| {
            (
                strsim::normalized_damerau_levenshtein(written, name(key)),
                key,
            )
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_settings_share_a_variable() {
        let variables: HashSet<_> = all().iter().map(|key| &key.variable).collect();
        assert_eq!(variables.len(), all().len());
        assert!(all().len() > 50);
    }

    #[test]
    fn no_setting_is_a_section_too() {
        for key in all() {
            assert!(!is_section(&key.name), "{}", key.name);
        }
        assert!(is_section("limits.rate"));
        assert!(!is_section("limits.rat"));
    }

    #[test]
    fn settings_are_found_by_name_and_variable() {
        let key = by_variable("TIDINGS_LIMITS_CONNECTIONS_PER_USER").unwrap();
        assert_eq!(key.name, "limits.connections_per_user");
        assert_eq!(key.default, 20);
        assert_eq!(find("auth.secret").unwrap().default, Value::Null);
        assert!(find("auth").is_none());
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        for (written, key) in [
            ("auth.secrt", Some("auth.secret")),
            ("limits.conections", Some("limits.connections")),
            ("auth.secret.previous", None),
            ("colour", None),
        ] {
            assert_eq!(
                meant(written).map(|key| key.name.as_str()),
                key,
                "{written}"
            );
        }
        for (written, key) in [
            ("TIDINGS_AUTH_SECERT", Some("auth.secret")),
            ("TIDINGS_BANANA", None),
            ("SECRET", None),
        ] {
            let meant = meant_by_variable(written).map(|key| key.name.as_str());
            assert_eq!(meant, key, "{written}");
        }
    }
}
