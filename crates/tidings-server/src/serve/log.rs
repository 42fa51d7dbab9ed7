//! The log: what is written to it, in which form. The variable `RUST_LOG` goes before the settings.

use std::{
    fmt,
    io::{self, IsTerminal as _},
};

use thiserror::Error;
use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::config::log::{Format, LogConfig};

const VARIABLE: &str = "RUST_LOG";

/// Why there is no log.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    /// A level is none.
    #[error("log.level or {VARIABLE}: {0}; write it as info, or as info,tidings=debug")]
    Level(#[from] tracing_subscriber::filter::ParseError),
}

/// The log of the process, whose level can be changed.
pub(super) struct Log {
    level: reload::Handle<EnvFilter, Registry>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

impl Log {
    /// Begins to write.
    ///
    /// # Errors
    ///
    /// When the level is none.
    pub(super) fn begin(config: &LogConfig) -> Result<Self, LogError> {
        let (filter, level) = reload::Layer::new(filter(config)?);
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            // Colours are for people; whatever else reads this wants the text.
            .with_ansi(config.format == Format::Text && io::stderr().is_terminal());
        let registry = tracing_subscriber::registry().with(filter);
        match config.format {
            Format::Text => registry.with(lines).init(),
            Format::Json => registry.with(lines.json().flatten_event(true)).init(),
        }
        Ok(Self { level })
    }

    /// Writes what these settings say from now on, in the form that it had.
    ///
    /// # Errors
    ///
    /// When the level is none.
    pub(super) fn reload(&self, config: &LogConfig) -> Result<(), LogError> {
        // It is gone only when the process is.
        let _ = self.level.reload(filter(config)?);
        Ok(())
    }
}

fn filter(config: &LogConfig) -> Result<EnvFilter, LogError> {
    let of_variable = std::env::var(VARIABLE).ok().filter(|it| !it.is_empty());
    let level = of_variable.as_deref().unwrap_or(&config.level);
    Ok(EnvFilter::try_new(level)?)
}
