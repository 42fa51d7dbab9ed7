//! `tidings doctor`: whether this machine can do what the settings promise, and what to change.
//!
//! It looks and touches nothing: no database is made or migrated, and what it writes to measure
//! the disk is gone when it ends. Each check is a function that gives what it found.

mod machine;
mod network;
mod store;

use std::{fmt, process::ExitCode};

use clap::Args;

use super::{Settings, say};
use crate::config::{self, Loaded};

/// Check whether this machine can run the server with these settings, and say what to change.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Good,
    /// It will run, and may not do all that is wanted.
    Doubtful,
    /// It will not run.
    Bad,
}

/// What a check found.
#[derive(Debug)]
struct Finding {
    verdict: Verdict,
    subject: &'static str,
    /// What is so, in a few words.
    fact: String,
    /// What to do about it.
    advice: Option<String>,
}

impl Finding {
    fn good(subject: &'static str, fact: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Good,
            subject,
            fact: fact.into(),
            advice: None,
        }
    }

    fn doubtful(subject: &'static str, fact: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Doubtful,
            advice: Some(advice.into()),
            ..Self::good(subject, fact)
        }
    }

    fn bad(subject: &'static str, fact: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Bad,
            ..Self::doubtful(subject, fact, advice)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Doubtful => "look",
            Verdict::Bad => "BAD ",
        };
        write!(f, "{verdict}  {:<12} {}", self.subject, self.fact)?;
        match &self.advice {
            Some(advice) => write!(f, "\n                    {advice}"),
            None => Ok(()),
        }
    }
}

/// Runs the command: 0 when the server can run, 1 when the machine stands against it, 2 when the
/// settings do.
pub(crate) async fn run(options: &Options) -> ExitCode {
    let Loaded { config, file, .. } = match config::load(&options.settings.inputs()) {
        Ok(loaded) => loaded,
        Err(problems) => return super::refuse(&problems),
    };
    let place = file.map_or(
        "the defaults, since there is no tidings.toml here".into(),
        |it| it.to_string_lossy().into_owned(),
    );
    let mut findings = vec![Finding::good("settings", place)];
    findings.extend([
        machine::open_files(&config),
        machine::memory(&config),
        machine::clock(),
        network::backlog(),
    ]);
    findings.extend(network::listen(&config));
    findings.extend(network::keys(&config).await);
    findings.extend(store::look(&config));
    for finding in &findings {
        say(format_args!("{finding}"));
    }
    let worst = findings.iter().map(|it| it.verdict).max();
    if worst == Some(Verdict::Bad) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
