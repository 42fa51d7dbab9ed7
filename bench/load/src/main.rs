//! The benchmarks of Tidings: one load generator, the floors, and every server side by side.
//!
//! `tidings-bench <scenario>` starts each target in turn, drives it, and keeps what it found in
//! `bench/results`. `bench/README.md` says what is measured and how to read it.

mod client;
mod floor;
mod machine;
mod process;
mod report;
mod scenario;
mod stats;
mod swarm;
mod target;
mod wire;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use floor::Floor;
use machine::Machine;
use report::{Report, Row};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use scenario::{SCENARIOS, Scale, Scenario};
use std::{path::PathBuf, process::ExitCode};
use target::Target;

/// Benchmarks of Tidings beside its peers and the floors that the kernel sets.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs scenarios by name, or `all`.
    #[command(name = "run")]
    Run(RunOptions),
    /// Lists the scenarios.
    List,
    /// The server that answers every text with a bare loop of sends.
    FloorSend {
        /// One writev of all texts that wait, instead of one send each.
        #[arg(long)]
        coalesce: bool,
    },
    /// The server that sends back every frame.
    FloorEcho,
}

#[derive(Debug, clap::Args)]
struct RunOptions {
    /// The scenarios; `all` for every one.
    #[arg(required = true)]
    scenarios: Vec<String>,
    /// Small counts and three repetitions: proves that it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// Repetitions (3 when quick, else 5).
    #[arg(long)]
    repetitions: Option<usize>,
    /// Clients, instead of the scenario's number.
    #[arg(long)]
    clients: Option<usize>,
    /// Measured seconds of each run, instead of the scenario's.
    #[arg(long)]
    seconds: Option<f64>,
    /// Only these targets, separated by commas.
    #[arg(long, value_delimiter = ',')]
    targets: Vec<String>,
    /// Where the results are kept.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
    /// Ends with status 1 when a bar is missed.
    #[arg(long)]
    check: bool,
}

fn main() -> Result<ExitCode> {
    raise_file_limit();
    match Cli::parse().command {
        Command::Run(options) => run(&options),
        Command::List => {
            for scenario in SCENARIOS {
                println!("{:18} {}", scenario.name, scenario.title);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::FloorSend { coalesce } => {
            floor::serve(if coalesce { Floor::Writev } else { Floor::Send })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::FloorEcho => {
            floor::serve(Floor::Echo)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run(options: &RunOptions) -> Result<ExitCode> {
    ensure!(
        PathBuf::from("bench/peers").exists(),
        "run this from the root of the repository: the peers are found from there"
    );
    let mut missed = false;
    for scenario in choose(&options.scenarios)? {
        let report = measure(scenario, options)?;
        report::keep(&report, &options.results, options.quick)?;
        println!("\n{}", report.markdown(scenario));
        missed |= report.verdicts(scenario).iter().any(|verdict| !verdict.met);
    }
    Ok(if missed && options.check {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn choose(names: &[String]) -> Result<Vec<&'static Scenario>> {
    if names.iter().any(|name| name == "all") {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &String| {
        let known = SCENARIOS.iter().find(|scenario| scenario.name == name);
        known.with_context(|| format!("there is no scenario {name}; `list` names them"))
    };
    names.iter().map(find).collect()
}

/// Runs every target once in each repetition, so that what the machine does besides meets all.
fn measure(scenario: &'static Scenario, options: &RunOptions) -> Result<Report> {
    let scale = Scale {
        quick: options.quick,
        clients: options.clients,
        seconds: options.seconds,
    };
    let repetitions = options
        .repetitions
        .unwrap_or(if options.quick { 3 } else { 5 });
    let chosen = |name: &&&str| {
        options.targets.is_empty() || options.targets.iter().any(|target| target == *name)
    };
    let targets: Result<Vec<_>> = scenario
        .targets
        .iter()
        .filter(chosen)
        .map(|name| Target::find(name))
        .collect();
    let targets = targets?;

    let mut report = Report {
        scenario: scenario.name.into(),
        command: command(scenario, options),
        machine: Machine::describe(),
        rows: targets.iter().copied().map(Row::new).collect(),
    };
    for row in &report.rows {
        if let Some(reason) = &row.skipped {
            eprintln!("{}: {} is skipped: {reason}", scenario.name, row.target);
        }
    }
    for repetition in 1..=repetitions {
        for (target, row) in targets.iter().zip(&mut report.rows) {
            if row.skipped.is_some() {
                continue;
            }
            let outcome = (scenario.run)(*target, &scale);
            let outcome = outcome.with_context(|| format!("{} on {}", scenario.name, target.name));
            match outcome {
                Ok(outcome) => {
                    let metric = &scenario.metrics[0];
                    let (value, faults) = (outcome.values[0], outcome.faults.join("; "));
                    eprintln!(
                        "{} {repetition}/{repetitions} {}: {value:.3} {} {faults}",
                        scenario.name, target.name, metric.title
                    );
                    row.add(scenario, outcome);
                }
                // A target that cannot do it is a result, and the others still count.
                Err(error) => {
                    eprintln!("{error:#}");
                    row.fail(repetition, &error);
                }
            }
        }
    }
    Ok(report)
}

/// The command that does this again.
fn command(scenario: &Scenario, options: &RunOptions) -> String {
    let mut command = format!("bench/run.sh {}", scenario.name);
    if options.quick {
        command += " --quick";
    }
    if let Some(repetitions) = options.repetitions {
        command += &format!(" --repetitions {repetitions}");
    }
    if let Some(clients) = options.clients {
        command += &format!(" --clients {clients}");
    }
    if let Some(seconds) = options.seconds {
        command += &format!(" --seconds {seconds}");
    }
    if !options.targets.is_empty() {
        command += &format!(" --targets {}", options.targets.join(","));
    }
    command
}

/// Lets this process and the servers that it starts open as many files as the system allows.
fn raise_file_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Refused means that the limit stays as it is, and a scenario that needs more says so.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}
