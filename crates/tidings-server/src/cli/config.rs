//! `tidings config`: what the settings can be, whether they are right, and what they are.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Settings, print};
use crate::config::{self, DEFAULT_TOML};

/// Look at the settings.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a file with every setting at its default and a word about each.
    Default,
    /// Say what is wrong with the settings; nothing and exit status 0 when nothing is.
    Check {
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the settings that are in effect, and where each was made.
    Show {
        #[command(flatten)]
        settings: Settings,
    },
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> ExitCode {
    let (settings, show) = match &options.action {
        Action::Default => {
            print(DEFAULT_TOML);
            return ExitCode::SUCCESS;
        }
        Action::Check { settings } => (settings, false),
        Action::Show { settings } => (settings, true),
    };
    match config::load(&settings.inputs()) {
        Ok(loaded) => {
            if show {
                print(&loaded.show());
            }
            ExitCode::SUCCESS
        }
        Err(problems) => super::refuse(&problems),
    }
}
