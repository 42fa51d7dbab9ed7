//! A server under test as a process: started, asked for its port, measured through `/proc`, ended.
//!
//! CPU time is the sum of `/proc/<pid>/task/*/schedstat`: the scheduler's own clock of each thread
//! in nanoseconds. `utime + stime` of `/proc/<pid>/stat` is the same clock cut to ticks of 10 ms,
//! which is a tenth of what a short run costs; it serves as the check that no thread was missed.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

const START_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// A running server; ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server and waits until it says on which port it listens: `READY <port>`, or as our
    /// server says it to people.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command
            .env("PROFILE", "bench")
            .env("PORT", "0")
            .env("HOST", "127.0.0.1");
        command.env("NODE_ENV", "production");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let output = child
            .stdout
            .take()
            .context("a server without standard output")?;
        let mut server = Self { child, port: 0 };
        let (ready, port) = mpsc::channel();
        // The thread also keeps the pipe open and empty until the server ends.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let plain = line.strip_prefix("READY ");
                let listening = || line.trim().strip_prefix("listening on http://127.0.0.1:");
                let port = plain.or_else(listening);
                let port = port.and_then(|port| port.trim().parse().ok());
                if let Some(port) = port {
                    ready.send(port).ok();
                }
            }
        });
        server.port = port
            .recv_timeout(START_LIMIT)
            .with_context(|| format!("{command:?} did not say where it listens"))?;
        Ok(server)
    }

    /// The clock of the server's CPU time.
    pub(crate) fn cpu(&self) -> CpuClock {
        CpuClock {
            pid: self.child.id(),
            threads: HashMap::new(),
        }
    }

    /// Resident memory in KiB.
    pub(crate) fn rss_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmRSS in /proc")?.parse()?)
    }

    /// Whether the server's end of the connection from the client's `port` is still established.
    ///
    /// Read from the kernel's table, because a client that does not read cannot see a goodbye that
    /// waits behind what it has not read.
    pub(crate) fn holds_connection_from(&self, port: u16) -> Result<bool> {
        let local = format!(":{:04X}", self.port);
        let remote = format!(":{port:04X}");
        let tables = fs::read_to_string("/proc/net/tcp")?
            + &fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
        Ok(tables.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let mut next = || fields.next().unwrap_or_default();
            next().ends_with(&local) && next().ends_with(&remote) && next() == "01"
        }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).ok();
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads the CPU time of all threads of a process, also of those that have ended since.
#[derive(Debug)]
pub(crate) struct CpuClock {
    pid: u32,
    threads: HashMap<u64, u64>,
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuReading {
    schedstat: Duration,
    stat: Duration,
}

impl CpuClock {
    /// Reads the clock; exact while the server's threads sleep.
    pub(crate) fn read(&mut self) -> Result<CpuReading> {
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let entry = entry?;
            let thread: u64 = entry.file_name().to_string_lossy().parse()?;
            // A thread may end between the listing and the reading: what it had last counts.
            if let Ok(line) = fs::read_to_string(entry.path().join("schedstat")) {
                let spent = line.split(' ').next().context("an empty schedstat")?;
                self.threads.insert(thread, spent.parse()?);
            }
        }
        Ok(CpuReading {
            schedstat: Duration::from_nanos(self.threads.values().sum()),
            stat: self.stat()?,
        })
    }

    fn stat(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name of the program, in parentheses, may hold spaces; fields are counted behind it.
        let (_, fields) = stat.rsplit_once(')').context("an odd /proc/<pid>/stat")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || -> Result<u64> { Ok(fields.next().unwrap_or_default().parse()?) };
        let ticks = ticks()? + ticks()?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }
}

impl CpuReading {
    /// The CPU time from an earlier reading to this one.
    ///
    /// # Errors
    /// The two clocks differ by more than their rounding: a thread came and went unseen.
    pub(crate) fn since(self, earlier: Self) -> Result<Duration> {
        let spent = self.schedstat.saturating_sub(earlier.schedstat);
        let check = self.stat.saturating_sub(earlier.stat);
        let tolerance = Duration::from_millis(30) + spent / 20;
        if spent.abs_diff(check) > tolerance {
            bail!("schedstat says {spent:?} of CPU time and stat says {check:?}");
        }
        Ok(spent)
    }
}
