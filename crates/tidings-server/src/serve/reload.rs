//! Reading the settings again while the server runs. Either all that can change does, or nothing.

use super::{build, log::Log};
use crate::{
    app::App,
    config::{self, Config, Inputs, reload::Reloaded},
    identity::verifier::Verifier,
};

/// Takes over what has changed, and logs what has not been taken over and why.
pub(super) fn reload(app: &App, inputs: &Inputs, log: &Log) {
    let new = match config::load(inputs) {
        Ok(loaded) => loaded.config,
        Err(problems) => {
            for problem in &problems.0 {
                tracing::error!("{problem}");
            }
            return tracing::error!("the settings are as they were, since the new ones are wrong");
        }
    };
    let old = app.config();
    let new = if app.is_dev() {
        still_loose(new, &old)
    } else {
        new
    };
    let Reloaded {
        config,
        postponed,
        reads_tokens_anew,
    } = old.reloaded(&new);
    drop(old);
    let problems = config.check(app.is_dev());
    if !problems.is_empty() {
        for problem in &problems {
            tracing::error!("{problem}");
        }
        return tracing::error!(
            "the settings are as they were, since the new ones do not go with those that need a \
             restart"
        );
    }
    let verifier = match reads_tokens_anew.then(|| verifier(&config, app.is_dev())) {
        Some(Err(error)) => {
            return tracing::error!(%error, "the settings are as they were: tokens could not be checked");
        }
        Some(Ok(verifier)) => Some(verifier),
        None => None,
    };
    if let Err(error) = log.reload(&config.log) {
        return tracing::error!(%error, "the settings are as they were");
    }
    app.reload(config, verifier);
    tracing::info!("the settings were read again");
    if !postponed.is_empty() {
        tracing::warn!(
            "these settings have changed and need a restart: {}",
            postponed.join(", ")
        );
    }
}

fn verifier(config: &Config, dev: bool) -> Result<Verifier, crate::identity::verifier::KeyError> {
    let verifier = Verifier::new(&config.auth)?;
    Ok(if dev {
        verifier.take_unending()
    } else {
        verifier
    })
}

/// What development loosens, with the keys that were drawn when the server started.
fn still_loose(mut new: Config, old: &Config) -> Config {
    if !new.auth.has_key() {
        new.auth.secret = old.auth.secret.clone();
    }
    if new.api.keys.is_empty() {
        new.api.keys = old.api.keys.clone();
    }
    build::loosened(new)
}
