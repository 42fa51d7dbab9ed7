//! `tidings serve`: putting the server together, saying what it is, and ending it well.

mod build;
mod certificate;
mod drain;
mod introduce;
mod listeners;
mod log;
mod reload;
mod signals;

use std::{io, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use thiserror::Error;
use tidings::{BuildError, Hub, Server, Tls};
use tidings_store::{OpenError, Store, StoreError};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use self::{
    certificate::{CertificateError, Files},
    listeners::Doors,
    log::{Log, LogError},
    signals::{Asked, Signals},
};
use crate::{
    app::App,
    cli::Serve,
    commands,
    config::{self, Loaded, Problems, ShutdownConfig, listen::Place},
    guard::Guard,
    identity::{jwks::FetchError, verifier::KeyError},
    routes,
    webhooks::{Webhooks, WebhooksError},
};

/// The name under which sessions are stored while the server is down.
const SESSIONS: &str = "recovery";

/// Time for backends to be told what happened last.
const FLUSH_LASTS: Duration = Duration::from_secs(5);

/// Why the server did not start, or did not go on.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The settings are at fault.
    #[error("{0}")]
    Settings(#[from] Problems),
    /// Tokens cannot be checked.
    #[error("cannot check tokens: {0}")]
    Key(#[from] KeyError),
    /// The keys that tokens are checked with are out of reach.
    #[error("cannot fetch the keys that tokens are checked with: {0}")]
    Keys(#[from] FetchError),
    /// What is to last cannot be kept.
    #[error("cannot use the store {}: {error}", path.display())]
    Open { path: PathBuf, error: OpenError },
    /// What was kept could not be read, or written at the end.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// Backends can be neither told nor asked.
    #[error("cannot set up webhooks: {0}")]
    Webhooks(#[from] WebhooksError),
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {place}: {error}{}", advice(.error))]
    Listen { place: Place, error: io::Error },
    /// What is to be logged is not to be understood.
    #[error("cannot log: {0}")]
    Log(#[from] LogError),
    /// The certificate cannot be presented.
    #[error("cannot speak TLS: {0}")]
    Certificate(#[from] CertificateError),
    /// The library refuses what we ask of it.
    #[error("cannot set the server up: {0}")]
    Build(#[from] BuildError),
    /// Without signals, nobody could end the server well.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The listener failed.
    #[error("the server broke off: {0}")]
    Serve(io::Error),
    /// Nobody would see to deadlines, and to what else has its time.
    #[error("the server ended, since what it does at its times broke off{}", panicked(.0))]
    House(Option<JoinError>),
}

/// What to do about an address that cannot be listened on.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; choose another one with --listen",
        _ => "",
    }
}

fn panicked(error: &Option<JoinError>) -> &'static str {
    match error {
        Some(error) if error.is_panic() => ": there is a mistake in it, and the log says where",
        _ => "",
    }
}

impl Failure {
    /// 2 when the settings are at fault, 1 when the machine is.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::Key(_) | Self::Certificate(_) | Self::Log(_) => {
                ExitCode::from(2)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the server until it is told to end.
///
/// # Errors
///
/// When the settings are refused, or the server cannot run.
pub(crate) async fn run(options: &Serve) -> Result<(), Failure> {
    let dev = options.settings.dev;
    let Loaded { config, file, .. } = config::load(&options.settings.inputs())?;
    let log = Log::begin(&config.log)?;
    let mut signals = Signals::new().map_err(Failure::Signals)?;
    let draws_key = dev && config.api.keys.is_empty();
    let config = if dev { build::loosened(config) } else { config };
    let certificate = config.tls.files().map(|(cert, key)| Files {
        cert: cert.clone(),
        key: key.clone(),
    });
    let tls = match &certificate {
        Some(files) => Some(Tls::new(files.load()?)),
        None => None,
    };
    let store = build::open_store(&config)?;
    let verifier = build::verifier(&config, dev).await?;
    let guard = Guard::new(&config);
    let webhooks = Webhooks::new(&config.webhooks, Arc::clone(&store)).await?;
    let app = App::new(config, dev, Arc::clone(&store), verifier, guard, webhooks);
    let sessions = store.take_snapshot(SESSIONS).await?;
    let (server, hub) = build::server(&app, sessions)?;
    let config = Arc::clone(&app.config());
    let public = listeners::bind(&config.listen).await?;
    let internal = match &config.internal.listen {
        Some(listen) => listeners::bind(listen).await?,
        None => Vec::new(),
    };
    app.webhooks().started();
    let drawn = config.api.keys.first().filter(|_| draws_key);
    let drawn = drawn.map(|it| &it.key);
    introduce::introduce(&app, file.as_deref(), drawn, &public, &internal);

    let mut house = tokio::spawn(app.clone().keep_house(server.clone(), hub.clone()));
    let renewal = certificate
        .zip(tls.clone())
        .map(|(files, tls)| tokio::spawn(files.renew(tls)));
    // Tasks of their own: whoever polls has to be let in until the very end.
    let mut serving = JoinSet::new();
    let doors = Doors::Public(routes::public(&app, &server, &hub), tls);
    listeners::serve(&server, public, &doors, &mut serving);
    let doors = Doors::Internal(routes::internal(&app, &server, &hub));
    listeners::serve(&server, internal, &doors, &mut serving);
    let served = loop {
        tokio::select! {
            Some(ended) = serving.join_next() => {
                break ended.map_err(io::Error::from).flatten().map_err(Failure::Serve);
            }
            failure = broken(&mut house) => break Err(failure),
            asked = signals.next() => match asked {
                Asked::Reload => reload::reload(&app, &options.settings.inputs(), &log),
                Asked::End => break Ok(()),
            },
        }
    };
    if let Some(renewal) = renewal {
        renewal.abort();
    }
    say_goodbye(&app, &server, &hub, &mut signals).await;
    house.abort();
    let kept = keep(&app, &server, &*store).await;
    // What came first is what the others may have come of.
    served.and(kept)
}

/// Waits for the end of what goes on as long as the server does, which is a failure.
async fn broken(house: &mut JoinHandle<()>) -> Failure {
    Failure::House(house.await.err())
}

/// Lets all clients go, finishes what they have asked for, and has backends told of that. It takes as
/// long as the settings allow, and no longer than until somebody asks a second time.
async fn say_goodbye(app: &App, server: &Server, hub: &Hub, signals: &mut Signals) {
    let ShutdownConfig { drain, timeout } = app.config().shutdown;
    let back_in = drain + Duration::from_secs(2);
    app.guard().begin_draining(back_in);
    let goodbye = async {
        drain::drain(hub, drain).await;
        server.close().await;
        app.api().finish().await;
        // What it does not reach waits in the store.
        let flush = app.webhooks().flush();
        let _ = tokio::time::timeout(FLUSH_LASTS, flush).await;
    };
    tokio::select! {
        ended = tokio::time::timeout(timeout, goodbye) => {
            if ended.is_err() {
                tracing::warn!(?timeout, "not everybody was gone in time (shutdown.timeout)");
            }
        }
        () = signals.end() => tracing::warn!("told a second time to end, and ends at once"),
    }
}

/// Stores what clients shall find when they are back.
async fn keep(app: &App, server: &Server, store: &dyn Store) -> Result<(), Failure> {
    for (user_id, username) in app.presence().users() {
        commands::see(app, &user_id, &username);
    }
    app.documents().close().await;
    store
        .put_snapshot(SESSIONS, server.recovery_snapshot())
        .await?;
    store.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_house_that_nobody_keeps_is_a_failure() {
        let mut house = tokio::spawn(async { panic!("a mistake") });
        let failure = broken(&mut house).await;
        assert!(failure.to_string().contains("mistake"), "{failure}");
        assert_eq!(failure.exit_code(), ExitCode::FAILURE);
        let mut house = tokio::spawn(async {});
        let failure = broken(&mut house).await;
        assert!(matches!(failure, Failure::House(None)), "{failure}");
    }
}
