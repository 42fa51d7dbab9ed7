//! What a scenario is, and the list of them.
//!
//! Every scenario is one row of the bars in `ARCHITECTURE.md`. It runs against one target at a
//! time, in a fresh process of it, and returns its numbers together with whatever was not exact.

mod ack;
mod durable;
mod fanout;
mod flood;
mod history;
mod idle;
mod room;
mod slow;
mod storm;

use crate::target::Target;
use anyhow::Result;
use std::time::Duration;

/// One benchmark: what it measures, against whom, and what is asked of ours.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What a reader of the table must know about the load, in one or two sentences.
    pub(crate) about: &'static str,
    /// What a run returns, in this order; the first is what ratios are made of.
    pub(crate) metrics: &'static [Metric],
    pub(crate) targets: &'static [&'static str],
    /// The target that the others are divided by, within each repetition.
    pub(crate) baseline: Option<&'static str>,
    pub(crate) bars: &'static [Bar],
    pub(crate) run: fn(Target, &Scale) -> Result<Outcome>,
}

impl Scenario {
    /// The target that the bars are for: the server where the scenario has it, else the library.
    pub(crate) fn ours(&self) -> &'static str {
        let server = self.targets.iter().find(|it| **it == "tidings-server");
        server.copied().unwrap_or("tidings")
    }
}

/// One number of a run.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) digits: usize,
}

/// What is asked of ours in one scenario.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) metric: &'static str,
    pub(crate) asked: Asked,
    /// The target that the limit multiplies, or `None` when the limit is absolute.
    pub(crate) against: Option<&'static str>,
}

/// The limit of a bar.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    AtMost(f64),
    AtLeast(f64),
}

/// What one run found.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// In the order of the scenario's metrics; not a number when it never came to it.
    pub(crate) values: Vec<f64>,
    /// What was not exact: losses, repetitions, connections that ended.
    pub(crate) faults: Vec<String>,
}

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) quick: bool,
    /// Overrides the scenario's number of clients.
    pub(crate) clients: Option<usize>,
    /// Overrides the scenario's measured time.
    pub(crate) seconds: Option<f64>,
}

impl Scale {
    fn clients(&self, quick: usize, full: usize) -> usize {
        self.clients
            .unwrap_or(if self.quick { quick } else { full })
    }

    fn time(&self, quick: f64, full: f64) -> Duration {
        let default = if self.quick { quick } else { full };
        Duration::from_secs_f64(self.seconds.unwrap_or(default))
    }
}

/// Every scenario, in the order of the report.
pub(crate) const SCENARIOS: &[Scenario] = &[
    fanout::LOW,
    fanout::SATURATED,
    idle::MEMORY,
    ack::ONE,
    ack::SIXTEEN,
    storm::STORM,
    slow::SLOW,
    durable::ROOMS,
    durable::ONE_ROOM,
    durable::ONE_OUTSTANDING,
    history::HISTORY,
];
