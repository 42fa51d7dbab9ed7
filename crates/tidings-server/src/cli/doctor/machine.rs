//! What the machine allows a process: open files, memory, and the time of day.

use std::{fs, path::Path};

use jiff::{Timestamp, civil::date, tz::TimeZone};
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::config::Config;

/// Files that the server has open beside its connections: the database, logs, the runtime.
const BESIDE: u64 = 100;
/// What an idle connection takes with two rooms (`bench/run.sh idle-memory`), and some room.
const BYTES_OF_A_CONNECTION: u64 = 4 * 1024;
/// Systems that keep the clock right say so here, each in its own place.
const SYNCHRONISED: [&str; 2] = [
    "/run/systemd/timesync/synchronized",
    "/run/chrony/chronyd.pid",
];

pub(super) fn open_files(config: &Config) -> Finding {
    const SUBJECT: &str = "open files";
    let wanted = config.limits.connections as u64 + BESIDE;
    let limit = getrlimit(Resource::Nofile);
    let words =
        |limit: Option<u64>| limit.map_or("as many as one likes".into(), |it| it.to_string());
    let fact = format!("{} for one process", words(limit.current));
    if limit.current.is_none_or(|it| it >= wanted) {
        return Finding::good(SUBJECT, fact);
    }
    let connections = config.limits.connections;
    let advice = if limit.maximum.is_none_or(|it| it >= wanted) {
        format!("limits.connections = {connections} wants {wanted}: ulimit -n {wanted}")
    } else {
        format!(
            "limits.connections = {connections} wants {wanted}, and no more than {} are allowed: \
             set LimitNOFILE={wanted} in the unit, or lower limits.connections",
            words(limit.maximum)
        )
    };
    Finding::doubtful(SUBJECT, fact, advice)
}

pub(super) fn memory(config: &Config) -> Finding {
    const SUBJECT: &str = "memory";
    const MIB: u64 = 1024 * 1024;
    let wanted = config.limits.connections as u64 * BYTES_OF_A_CONNECTION / MIB;
    let available = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text
            .lines()
            .find_map(|it| it.strip_prefix("MemAvailable:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kib / 1024)
    });
    let Some(available) = available else {
        return Finding::doubtful(SUBJECT, "the system does not say", "look yourself");
    };
    let fact = format!(
        "{available} MiB are free; {} idle connections take some {wanted} MiB",
        config.limits.connections
    );
    if available > wanted {
        return Finding::good(SUBJECT, fact);
    }
    Finding::doubtful(
        SUBJECT,
        fact,
        "lower limits.connections, or take a larger machine",
    )
}

pub(super) fn clock() -> Finding {
    const SUBJECT: &str = "clock";
    let now = Timestamp::now();
    let fact = now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    // Whatever says less is a clock that was never set.
    let release = date(2026, 1, 1)
        .to_zoned(TimeZone::UTC)
        .map(|it| it.timestamp());
    if release.is_ok_and(|it| now < it) {
        return Finding::bad(
            SUBJECT,
            fact,
            "set it: by this clock no token would be good",
        );
    }
    if SYNCHRONISED.iter().any(|it| Path::new(it).exists()) {
        return Finding::good(SUBJECT, format!("{fact}, and kept right"));
    }
    let advice = "nothing here says that it is kept right (systemd-timesyncd, chrony), and tokens \
                  expire by it; in a container that is for the host";
    Finding::doubtful(SUBJECT, fact, advice)
}
