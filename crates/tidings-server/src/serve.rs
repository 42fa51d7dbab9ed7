//! `tidings serve`: putting the server together, saying what it is, and ending it well.

use std::{io, net::SocketAddr, process::ExitCode, time::Duration};

use thiserror::Error;
use tidings::{
    BuildError, Cors, EngineConfig, Hub, Limits, RecoveryConfig, Server, SocketIo, WebSocketConfig,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    app::{App, CHANNEL_BYTES},
    cli::{Serve, say},
    commands, origin, pages,
};

/// Time from an answered ping to the next one.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(25);
/// Time that a client has to answer a ping.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Rooms that one connection may be in.
pub(crate) const ROOMS_PER_CONNECTION: usize = 128;

const NAMESPACE: &str = "/";

/// Why the server did not start, or did not go on.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// What only `--dev` can do yet was asked for without it.
    #[error(
        "there is no sign-in yet, so the server only runs for development: \
         tidings serve --dev"
    )]
    NotDev,
    /// What `--dev` loosens is nothing for a network.
    #[error(
        "--dev lets anybody in, so it listens on this machine only, and {0} is not: \
         use --listen 127.0.0.1:{port}", port = .0.port()
    )]
    DevInPublic(SocketAddr),
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}: {error}{}", advice(.error))]
    Listen {
        address: SocketAddr,
        error: io::Error,
    },
    /// The library refuses what we ask of it.
    #[error("cannot set the server up: {0}")]
    Build(#[from] BuildError),
    /// Without signals, nobody could end the server well.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The listener failed.
    #[error("the server broke off: {0}")]
    Serve(io::Error),
}

/// What to do about an address that cannot be listened on.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; choose another one with --listen",
        _ => "",
    }
}

impl Failure {
    /// 2 when the settings are at fault, 1 when the machine is.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotDev | Self::DevInPublic(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the server until it is told to end.
///
/// # Errors
///
/// When the options are refused, or the server cannot run.
pub(crate) async fn run(options: &Serve) -> Result<(), Failure> {
    check(options)?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    let mut signals = Signals::new().map_err(Failure::Signals)?;
    let app = App::new(options.room_history.into());
    let (server, hub) = build(app.clone())?;
    let listen_failed = |error| Failure::Listen {
        address: options.listen,
        error,
    };
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(listen_failed)?;
    let address = listener.local_addr().map_err(listen_failed)?;
    introduce(options, address);

    let pages = pages::router(server.clone(), hub.clone(), app.clone());
    let expiry = tokio::spawn(commands::expire(app, hub));
    tokio::select! {
        ended = server.serve_with(listener, pages) => ended.map_err(Failure::Serve)?,
        () = signals.next() => {}
    }
    // Whoever asks a second time does not want to wait.
    tokio::select! {
        () = server.close() => {}
        () = signals.next() => {}
    }
    expiry.abort();
    Ok(())
}

fn check(options: &Serve) -> Result<(), Failure> {
    match options {
        Serve { dev: false, .. } => Err(Failure::NotDev),
        Serve { listen, .. } if !listen.ip().is_loopback() => Err(Failure::DevInPublic(*listen)),
        _ => Ok(()),
    }
}

/// The server with both its endpoints, and the namespace that they speak for.
fn build(app: App) -> Result<(Server, Hub), BuildError> {
    let mut limits = Limits::default();
    limits.room_name_bytes = CHANNEL_BYTES;
    limits.rooms_per_socket = ROOMS_PER_CONNECTION;
    let engine = EngineConfig::new()
        .ping_interval(PING_INTERVAL)
        .ping_timeout(PING_TIMEOUT)
        .cors(Cors::matching(origin::is_local_origin));
    let websocket = WebSocketConfig::new()
        .ping_interval(PING_INTERVAL)
        .ping_timeout(PING_TIMEOUT);
    let server = Server::builder()
        .limits(limits)
        .recovery(RecoveryConfig::new())
        .namespace(NAMESPACE, commands::namespace(app))
        .socketio("/socket.io/", SocketIo::new().engine(engine))
        .envelope("/ws", websocket, NAMESPACE)
        .build()?;
    let hub = server
        .hub(NAMESPACE)
        .expect("the namespace was registered just now");
    Ok((server, hub))
}

/// Says where the server is, what it has loosened, and what to try.
fn introduce(options: &Serve, address: SocketAddr) {
    let history = match options.room_history {
        0 => "no messages".to_owned(),
        1 => "the last message".to_owned(),
        many => format!("the last {many} messages"),
    };
    say(format_args!(
        "tidings {version}, for development on this machine only:\n\
         \x20 guests   anybody signs in, under any id and name\n\
         \x20 rooms    every room is open to everybody\n\
         \x20 storage  nothing is stored; {history} of a room are kept in memory\n\
         \x20 pages    pages of localhost may connect, from any port\n\
         listening on http://{address}\n\
         \n\
         try it: open that address in two tabs, or run\n\
         \x20 curl 'http://{address}/socket.io/?EIO=4&transport=polling'",
        version = env!("CARGO_PKG_VERSION"),
    ));
}

/// The signals that ask a server to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_development_on_this_machine_is_let_through() {
        for (dev, listen, fine) in [
            (true, "127.0.0.1:0", true),
            (true, "[::1]:0", true),
            (true, "127.9.9.9:0", true),
            (true, "0.0.0.0:0", false),
            (true, "192.168.0.7:0", false),
            (false, "127.0.0.1:0", false),
        ] {
            let options = Serve {
                dev,
                listen: listen.parse().unwrap(),
                room_history: 50,
            };
            assert_eq!(check(&options).is_ok(), fine, "{dev} {listen}");
        }
    }
}
