//! The command line.

pub(crate) mod backend;
pub(crate) mod chat;
pub(crate) mod config;
pub(crate) mod doctor;
mod link;
mod remote;
pub(crate) mod shell;
pub(crate) mod token;

use std::{fmt, io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::config::{Inputs, Problems};

/// Tidings, the realtime server.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(Serve),
    Chat(chat::Options),
    Token(token::Options),
    Config(config::Options),
    Publish(backend::Publish),
    Send(backend::Send),
    Notify(backend::Notify),
    Disconnect(backend::Disconnect),
    Doctor(doctor::Options),
    Completions(shell::Completions),
    /// Print the manual page: tidings man > /usr/local/share/man/man1/tidings.1
    Man,
    /// Print the protocol reference, as it is in docs/protocol.md.
    #[command(hide = true)]
    Protocol,
    /// Print the reference of the HTTP API, as it is in docs/api.md.
    #[command(hide = true)]
    Api,
    /// Print the version.
    Version,
}

/// How to run the server.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Where the settings come from, for every command that needs them.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The file with the settings; tidings.toml of this folder, if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A setting, such as limits.connections=500. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Try it out on this machine: guests under any name, and every room open.
    #[arg(long)]
    pub(crate) dev: bool,

    /// The address and port to listen on.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
}

impl Settings {
    /// These flags, over the environment of the process.
    pub(crate) fn inputs(&self) -> Inputs {
        Inputs {
            file: self.config.clone(),
            set: self.set.clone(),
            listen: self.listen.clone(),
            dev: self.dev,
            ..Inputs::of_environment()
        }
    }
}

/// Says what is wrong with the settings, a line each, and with which status to end.
pub(crate) fn refuse(problems: &Problems) -> ExitCode {
    for problem in &problems.0 {
        eprintln!("tidings: {problem}");
    }
    ExitCode::from(2)
}

/// Prints a line. Nobody reading it any more is no reason to stop.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a text that ends its last line itself.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
