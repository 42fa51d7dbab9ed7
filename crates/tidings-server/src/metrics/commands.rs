//! How often each command was used, with which outcome, and how long it took to be answered.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use super::{
    latency::Latency,
    page::{Page, Source},
};
use crate::{app::App, fault::Code};

/// What all names are counted as that are none of ours: clients choose those.
const UNKNOWN: &str = "unknown";
/// The outcome of what was done.
const OK: &str = "ok";

/// The counters of all commands.
#[derive(Debug)]
pub(crate) struct Commands(Vec<Command>);

#[derive(Debug)]
struct Command {
    name: &'static str,
    ok: AtomicU64,
    faults: [AtomicU64; Code::ALL.len()],
    latency: Latency,
}

impl Commands {
    /// Counters of commands with these names, in the order of the registry.
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let command = |name| Command {
            name,
            ok: AtomicU64::new(0),
            faults: Default::default(),
            latency: Latency::default(),
        };
        Self(names.chain([UNKNOWN]).map(command).collect())
    }

    fn count(&self, command: Option<usize>, fault: Option<Code>, began: Instant) {
        let command = match command {
            Some(index) => self.0.get(index),
            None => self.0.last(),
        };
        let Some(command) = command else {
            return;
        };
        let outcome = match fault {
            Some(code) => &command.faults[code as usize],
            None => &command.ok,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        command.latency.observe(began.elapsed());
    }
}

/// One use of a command, from its arrival to its answer.
#[derive(Debug)]
pub(crate) struct Running {
    app: App,
    command: Option<usize>,
    began: Instant,
}

impl Running {
    /// The command at that place of the registry has arrived; `None` is one that is not there.
    pub(crate) fn begin(app: &App, command: Option<usize>) -> Self {
        Self {
            app: app.clone(),
            command,
            began: Instant::now(),
        }
    }

    /// It is answered: with a fault, or well.
    pub(crate) fn end(&self, fault: Option<Code>) {
        let commands = &self.app.metrics().commands;
        commands.count(self.command, fault, self.began);
    }
}

/// The commands of a server, as a source of numbers.
#[derive(Debug)]
pub(super) struct Exposed(pub(super) App);

impl Source for Exposed {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let commands = &self.0.metrics().commands.0;
        page.counters_of_two(
            "tidings_commands",
            "Commands that were answered, by outcome: ok, or the code of a failure",
            ["command", "outcome"],
            commands.iter().flat_map(|command| {
                let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
                let faults = Code::ALL.iter().zip(&command.faults);
                // What never happened is no series: there would be hundreds of them.
                let faults = faults.map(move |(code, count)| (code.as_str(), read(count)));
                [(OK, read(&command.ok))]
                    .into_iter()
                    .chain(faults.filter(|(_, count)| *count > 0))
                    .map(|(outcome, count)| (command.name, outcome, count))
            }),
        )?;
        let used = commands.iter().map(|it| (it.name, it.latency.read()));
        page.histograms(
            "tidings_command_seconds",
            "Time from the arrival of a command to its answer",
            "command",
            used.filter(|(_, latency)| latency.count() > 0)
                .map(|(name, latency)| (name, latency.sum, latency.buckets)),
        )
    }
}
