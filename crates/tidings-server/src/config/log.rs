//! The settings of the log.

use serde::{Deserialize, Serialize};

/// The log, which goes to standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// What is written: a level, or levels by part of the program.
    pub(crate) level: String,
    /// In which form.
    pub(crate) format: Format,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: Format::default(),
        }
    }
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// An object in JSON.
    Json,
}
