//! What is wrong with the settings, each in one line: where it stands, and what to change.

use std::{fmt, path::PathBuf};

/// Where a setting was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nowhere: it is the default.
    Default,
    /// In a line of a file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// By a variable of the environment.
    Variable(String),
    /// By a flag of the command line, without its value.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where it stands; filled in by whoever knows the layers.
    pub(crate) place: Option<Source>,
    /// The settings that it is about, the one to change first.
    pub(crate) keys: Vec<String>,
    /// What is wrong and what to change.
    pub(crate) sentence: String,
}

impl Problem {
    /// A problem with some settings. The sentence names them.
    pub(crate) fn with(keys: &[&str], sentence: impl Into<String>) -> Self {
        Self {
            place: None,
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            sentence: sentence.into(),
        }
    }

    /// A problem at a place.
    pub(super) fn at(place: Source, key: &str, sentence: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            ..Self::with(&[key], sentence)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place.as_ref().filter(|it| **it != Source::Default) {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.sentence)
    }
}

/// All that is wrong: never empty, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
