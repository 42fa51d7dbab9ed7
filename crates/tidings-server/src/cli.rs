//! The command line.

pub(crate) mod config;
pub(crate) mod token;

use std::{
    fmt,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::config::{Inputs, Problems};

/// Messages of a room that somebody who joins is given, unless the command line says otherwise.
const ROOM_HISTORY: u16 = 50;
/// The most that `--room-history` may ask for: all of them go into one answer.
const ROOM_HISTORY_MAX: i64 = 500;

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
    Token(token::Options),
    Config(config::Options),
    /// Print the version.
    Version,
}

/// How to run the server.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Try it out on this machine: guests under any name, every room open, nothing stored.
    #[arg(long)]
    pub(crate) dev: bool,

    /// The address and port to listen on; port 0 takes any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:3000", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// How many recent messages of a room are kept in memory for those who join later.
    #[arg(
        long,
        value_name = "N",
        default_value_t = ROOM_HISTORY,
        value_parser = clap::value_parser!(u16).range(0..=ROOM_HISTORY_MAX),
    )]
    pub(crate) room_history: u16,
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

    /// Settings for development: no key is needed, and only this machine is listened to.
    #[arg(long)]
    dev: bool,

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

/// Reads `ADDR:PORT`, where `localhost` stands for 127.0.0.1.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:")
        && let Ok(port) = port.parse()
    {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse()
        .map_err(|_| "write it as 127.0.0.1:3000 or [::1]:3000".to_owned())
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

    fn serve(args: &[&str]) -> Result<Serve, String> {
        let all = ["tidings", "serve"].iter().chain(args);
        match Cli::try_parse_from(all)
            .map_err(|error| error.to_string())?
            .command
        {
            Command::Serve(options) => Ok(options),
            _ => Err("not serve".into()),
        }
    }

    #[test]
    fn the_definition_holds_together() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn addresses_are_read() {
        for (text, read) in [
            ("127.0.0.1:80", Some("127.0.0.1:80")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("[::1]:9", Some("[::1]:9")),
            ("3000", None),
            ("localhost", None),
            ("127.0.0.1:70000", None),
        ] {
            let got = serve(&["--listen", text])
                .ok()
                .map(|it| it.listen.to_string());
            assert_eq!(got.as_deref(), read, "{text}");
        }
    }

    #[test]
    fn the_history_is_bounded() {
        assert_eq!(serve(&[]).unwrap().room_history, 50);
        assert_eq!(serve(&["--room-history", "0"]).unwrap().room_history, 0);
        assert!(serve(&["--room-history", "501"]).is_err());
    }
}
