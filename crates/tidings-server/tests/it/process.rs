//! The server as a process of its own.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use tempfile::TempDir;

/// The binary with these arguments, not started yet.
pub(crate) fn tidings(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command
        .args(args)
        .stdin(Stdio::null())
        .env_remove("RUST_LOG");
    command
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    tidings(args).output().expect("the binary runs")
}

/// Runs the binary to its end in a folder.
pub(crate) fn run_in(home: &Path, args: &[&str]) -> Output {
    let mut command = tidings(args);
    command.current_dir(home).output().expect("the binary runs")
}

/// A running server. It ends with this value, and has no time for a last word then.
pub(crate) struct Server {
    child: Child,
    /// Where it stores what it is told, if that is gone with this value.
    _home: Option<TempDir>,
    /// What it has said up to and including where it listens.
    pub(crate) introduction: String,
    pub(crate) address: String,
}

impl Server {
    /// A development server whose users are offline soon after they have gone.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let home = TempDir::new().expect("there is room for temporary files");
        let flags = [&["--dev", "--set", "presence.grace=100ms"], flags].concat();
        let mut server = Self::start_in(home.path(), &flags);
        server._home = Some(home);
        server
    }

    /// A server that finds what another one has left in that folder, with these flags.
    pub(crate) fn start_in(home: &Path, flags: &[&str]) -> Self {
        let flags = [&["--listen", "127.0.0.1:0"], flags].concat();
        Self::start_at(home, &flags)
    }

    /// The same, listening where the flags say.
    pub(crate) fn start_at(home: &Path, flags: &[&str]) -> Self {
        let mut child = tidings(&["serve"])
            .args(flags)
            .current_dir(home)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut introduction = String::new();
        let address = loop {
            let mut line = String::new();
            let bytes = output.read_line(&mut line).expect("its output is text");
            assert_ne!(bytes, 0, "the server ended: {introduction}");
            introduction.push_str(&line);
            if let Some(place) = line.trim().strip_prefix("listening on ") {
                let address = place.rsplit("://").next().unwrap_or(place);
                break address.to_owned();
            }
        };
        // It would be ended by nobody reading on.
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Self {
            child,
            _home: None,
            introduction,
            address,
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it is our child")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
