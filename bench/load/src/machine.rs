//! The machine that a run took place on, so that a number is never read without it.

use crate::target;
use serde::{Deserialize, Serialize};
use std::{fs, thread};

/// What a reader has to know about the machine and the moment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    pub(crate) system: String,
    pub(crate) rust: String,
    /// The load average of a minute when the run began: what else was going on.
    pub(crate) load_before: String,
}

impl Machine {
    /// Describes this machine now; what cannot be found out is a question mark.
    pub(crate) fn describe() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            let value = line[name.len()..].trim_start_matches([' ', '\t', ':', '=']);
            Some(value.trim_matches('"').to_owned())
        };
        let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "?".into());
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let memory = memory.and_then(|kib| kib.trim_end_matches(" kB").parse::<f64>().ok());
        let load = read("/proc/loadavg");
        Self {
            date: jiff::Timestamp::now()
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
            cpu: or_unknown(field(&read("/proc/cpuinfo"), "model name")),
            cores: thread::available_parallelism().map_or(0, usize::from),
            memory_gib: (memory.unwrap_or(0.0) / 1024.0 / 102.4).round() / 10.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            system: or_unknown(field(&read("/etc/os-release"), "PRETTY_NAME")),
            rust: or_unknown(target::output("rustc", &["--version"])),
            load_before: load.split(' ').next().unwrap_or("?").to_owned(),
        }
    }
}
