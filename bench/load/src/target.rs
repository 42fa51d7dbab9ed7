//! The servers under test: ours, the peers and the floors; how each is started and what it is.

use crate::{client::Protocol, process::Server};
use anyhow::{Context, Result, bail};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// One server that a scenario can drive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// What the table calls it.
    pub(crate) title: &'static str,
    pub(crate) protocol: Protocol,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A subcommand of this program.
    Floor(&'static [&'static str]),
    /// Nothing that is started: the scenario does the work itself.
    Within,
    /// The library, by `examples/conformance`.
    Tidings,
    /// The server itself.
    TidingsServer,
    Node(&'static str),
    Socketioxide,
}

/// Every target, floors first.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "floor-send",
        title: "floor: one `send()` a delivery",
        protocol: Protocol::WebSocket,
        kind: Kind::Floor(&["floor-send"]),
    },
    Target {
        name: "floor-writev",
        title: "floor: one `writev()` a batch",
        protocol: Protocol::WebSocket,
        kind: Kind::Floor(&["floor-send", "--coalesce"]),
    },
    Target {
        name: "floor-echo",
        title: "floor: bare epoll echo",
        protocol: Protocol::WebSocket,
        kind: Kind::Floor(&["floor-echo"]),
    },
    Target {
        name: "floor-insert",
        title: "floor: one `INSERT` a commit, SQLite alone",
        protocol: Protocol::WebSocket,
        kind: Kind::Within,
    },
    Target {
        name: "tidings",
        title: "**Tidings**, Socket.IO",
        protocol: Protocol::SocketIo,
        kind: Kind::Tidings,
    },
    Target {
        name: "tidings-ws",
        title: "**Tidings**, plain WebSocket",
        protocol: Protocol::WebSocket,
        kind: Kind::Tidings,
    },
    Target {
        name: "tidings-server",
        title: "**Tidings**, the server, `/ws`",
        protocol: Protocol::WebSocket,
        kind: Kind::TidingsServer,
    },
    Target {
        name: "node-socketio",
        title: "Node socket.io",
        protocol: Protocol::SocketIo,
        kind: Kind::Node("server.mjs"),
    },
    Target {
        name: "node-ws",
        title: "Node ws, plain WebSocket",
        protocol: Protocol::WebSocket,
        kind: Kind::Node("ws.mjs"),
    },
    Target {
        name: "socketioxide",
        title: "socketioxide",
        protocol: Protocol::SocketIo,
        kind: Kind::Socketioxide,
    },
];

const NODE: &str = "bench/peers/node";
const SOCKETIOXIDE: &str = "bench/peers/socketioxide";

impl Target {
    /// The target of that name.
    pub(crate) fn find(name: &str) -> Result<Self> {
        let known = TARGETS.iter().find(|target| target.name == name);
        known
            .copied()
            .with_context(|| format!("there is no target {name}"))
    }

    /// Why the target cannot run here, or `None` when it can.
    pub(crate) fn missing(self) -> Option<String> {
        let (file, remedy) = match self.kind {
            Kind::Floor(_) | Kind::Within => return None,
            Kind::Tidings => (
                tidings(),
                "build it with `cargo build --release -p conformance` or set BENCH_CONFORMANCE",
            ),
            Kind::TidingsServer => (
                tidings_server(),
                "build it with `cargo build --release -p tidings-server` or set BENCH_TIDINGS",
            ),
            Kind::Node(_) => (
                Path::new(NODE).join("node_modules"),
                "run `npm ci` in bench/peers/node",
            ),
            Kind::Socketioxide => (
                socketioxide(),
                "run `cargo build --release` in bench/peers/socketioxide",
            ),
        };
        (!file.exists()).then(|| format!("{} is not there: {remedy}", file.display()))
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(self) -> Result<Server> {
        Server::start(match self.kind {
            Kind::Floor(arguments) => {
                let mut command = Command::new(env::current_exe()?);
                command.args(arguments);
                command
            }
            Kind::Within => bail!("{} is not a process", self.name),
            Kind::Tidings => Command::new(tidings()),
            Kind::TidingsServer => bail!("{} needs a file to store in", self.name),
            Kind::Node(script) => {
                let mut command = Command::new("node");
                command.arg(Path::new(NODE).join(script));
                command
            }
            Kind::Socketioxide => Command::new(socketioxide()),
        })
    }

    /// Starts our server on that file, without the limits that one address would meet.
    pub(crate) fn start_on(self, store: &Path) -> Result<Server> {
        let mut command = Command::new(tidings_server());
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0"]);
        let store = format!("store.path={}", store.display());
        command.args(["--set", &store]);
        for limit in ["connections_per_ip", "unauthenticated_per_ip"] {
            command.args(["--set", &format!("limits.{limit}=20000")]);
        }
        for whose in ["connection", "user", "ip"] {
            for limit in ["per_second", "burst"] {
                command.args(["--set", &format!("limits.rate.{whose}.{limit}=10000000")]);
            }
        }
        Server::start(command)
    }

    /// Which version runs, for the record.
    pub(crate) fn version(self) -> String {
        match self.kind {
            Kind::Floor(_) => "this crate".into(),
            Kind::Within => format!("SQLite {}", rusqlite::version()),
            Kind::Tidings | Kind::TidingsServer => {
                let commit = output("git", &["rev-parse", "--short", "HEAD"]);
                format!(
                    "{} ({})",
                    env!("CARGO_PKG_VERSION"),
                    commit.unwrap_or("?".into())
                )
            }
            Kind::Node(script) => {
                let package = if script == "ws.mjs" {
                    "ws"
                } else {
                    "socket.io"
                };
                let version = npm_version(package).unwrap_or("?".into());
                let node = output("node", &["--version"]).unwrap_or("?".into());
                format!("{version}, Node {node}")
            }
            Kind::Socketioxide => cargo_version("socketioxide").unwrap_or("?".into()),
        }
    }
}

fn tidings() -> PathBuf {
    env::var_os("BENCH_CONFORMANCE").map_or("target/release/conformance".into(), PathBuf::from)
}

fn tidings_server() -> PathBuf {
    env::var_os("BENCH_TIDINGS").map_or("target/release/tidings".into(), PathBuf::from)
}

fn socketioxide() -> PathBuf {
    let built = || Path::new(SOCKETIOXIDE).join("target/release/tidings-bench-socketioxide");
    env::var_os("SOCKETIOXIDE_BIN").map_or_else(built, PathBuf::from)
}

/// The version that the peer's `package.json` pins.
fn npm_version(package: &str) -> Option<String> {
    let manifest = fs::read(Path::new(NODE).join("package.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    Some(manifest["dependencies"][package].as_str()?.to_owned())
}

/// The version that the peer's lock file holds.
fn cargo_version(package: &str) -> Option<String> {
    let lock = fs::read_to_string(Path::new(SOCKETIOXIDE).join("Cargo.lock")).ok()?;
    let (_, entry) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(entry.split_once('"')?.0.to_owned())
}

/// What a command prints, without the line's end.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
