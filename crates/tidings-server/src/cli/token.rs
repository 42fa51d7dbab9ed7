//! `tidings token`: makes a token and prints it, and nothing else.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Settings, say};
use crate::{
    config::{self, duration},
    identity::{
        mint::{MintRequest, PrivateKey, mint},
        patterns::{Pattern, Patterns},
        verifier::Verifier,
    },
    names::{UserId, Username},
};

/// Make a token, signed with the secret of the settings or with a private key.
///
/// Give it to a client, which presents it when it connects. In production your backend makes
/// tokens, with any library for JSON Web Tokens and the same secret:
///
///   export TIDINGS_AUTH_SECRET=$(openssl rand -hex 32)
///   tidings token --sub ana --name Ana --rooms lobby --rooms 'team:*'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The id of the user.
    #[arg(long, value_name = "ID", value_parser = name::<UserId>)]
    sub: UserId,

    /// What the user is called.
    #[arg(long, value_parser = name::<Username>)]
    name: Option<Username>,

    /// How long it is valid, such as 30m, 1h or 7d.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration::parse)]
    expires: Duration,

    /// A room that the user may enter, or a pattern such as 'team:*'. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    rooms: Vec<Pattern>,

    /// A room that the user may send to, if not to all of those. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    publish: Option<Vec<Pattern>>,

    /// What others are shown of the user, as JSON.
    #[arg(long, value_name = "JSON", value_parser = json)]
    info: Option<Value>,

    /// The user is a moderator.
    #[arg(long)]
    admin: bool,

    /// A private key to sign with, in PEM, for auth.algorithm.
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,

    /// The id under which its public key is published.
    #[arg(long, value_name = "ID", requires = "private_key")]
    key_id: Option<String>,

    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut inputs = options.settings.inputs();
    inputs.key_is_elsewhere = options.private_key.is_some();
    let loaded = match config::load(&inputs) {
        Ok(loaded) => loaded,
        Err(problems) => return super::refuse(&problems),
    };
    match make(options, &loaded.config) {
        Ok(token) => {
            say(format_args!("{token}"));
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("tidings: {sentence}");
            ExitCode::from(2)
        }
    }
}

fn make(options: &Options, config: &config::Config) -> Result<String, String> {
    let auth = &config.auth;
    let pem = match &options.private_key {
        Some(path) => {
            let pem = fs::read(path);
            Some(pem.map_err(|error| format!("cannot read {}: {error}", path.display()))?)
        }
        None => None,
    };
    let key = pem.as_deref().map(|pem| PrivateKey {
        pem,
        id: options.key_id.as_deref(),
    });
    let request = MintRequest {
        sub: options.sub.clone(),
        name: options.name.clone(),
        expires_in: options.expires,
        rooms: options.rooms.clone().into(),
        publish: options.publish.clone().map(Patterns::from),
        info: options.info.clone(),
        admin: options.admin,
    };
    let now = Timestamp::now();
    let token = mint(auth, &request, key, now).map_err(|error| error.to_string())?;
    // Better here than when somebody wonders why he is not let in. Keys that are published
    // cannot be asked without a network.
    if let Ok(verifier) = Verifier::new(auth)
        && verifier.key_set().is_none()
    {
        verifier
            .verify(&token, now)
            .map_err(|error| format!("a server with these settings would refuse it: {error}"))?;
    }
    Ok(token)
}

fn name<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
}
