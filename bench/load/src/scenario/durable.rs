//! Durable messages: how many a second are acknowledged once they are on disk, and how long each
//! sender waits for that.
//!
//! Beside ours stands SQLite alone with an `INSERT` and a commit for each message, which is what a
//! server does that does not commit in groups: the disk decides how many commits a second there
//! are, and the difference to ours is what grouping gives.

use super::{Asked, Bar, Metric, Outcome, Scale, Scenario};
use crate::{
    client::{Client, Incoming},
    swarm::Swarm,
    target::Target,
    wire,
};
use anyhow::{Result, ensure};
use memchr::memmem;
use rusqlite::{Connection, params};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const REST: Duration = Duration::from_millis(60);
/// How long the last answers may take before they count as lost.
const DRAIN: Duration = Duration::from_secs(10);
/// Bytes of content of a message.
const CONTENT: usize = 128;

const METRICS: &[Metric] = &[
    Metric {
        name: "messages_per_second",
        title: "messages/s",
        digits: 0,
    },
    Metric {
        name: "p50_ms",
        title: "p50, ms",
        digits: 1,
    },
    Metric {
        name: "p99_ms",
        title: "p99, ms",
        digits: 1,
    },
    Metric {
        name: "max_ms",
        title: "max, ms",
        digits: 1,
    },
    Metric {
        name: "cpu_us_per_message",
        title: "CPU µs per message",
        digits: 1,
    },
    Metric {
        name: "messages",
        title: "messages",
        digits: 0,
    },
];
const TARGETS: &[&str] = &["floor-insert", "tidings-server"];
const BARS: &[Bar] = &[
    Bar {
        metric: "messages_per_second",
        asked: Asked::AtLeast(20_000.0),
        against: None,
    },
    Bar {
        metric: "p99_ms",
        asked: Asked::AtMost(50.0),
        against: None,
    },
];

pub(super) const ROOMS: Scenario = Scenario {
    name: "durable",
    title: "Durable messages, many rooms",
    about: "100 senders over `/ws` (quick: 20) into 20 rooms that nobody has joined, each with \
            eight `chat:send` of 128 bytes outstanding; SQLite with full sync. A message counts \
            when its acknowledgement is there.",
    metrics: METRICS,
    targets: TARGETS,
    baseline: Some("floor-insert"),
    bars: BARS,
    run: |target, scale| run(target, scale, 20, 8),
};

pub(super) const ONE_ROOM: Scenario = Scenario {
    name: "durable-one-room",
    title: "Durable messages, one room",
    about: "As before, all of them into one room.",
    metrics: METRICS,
    targets: TARGETS,
    baseline: Some("floor-insert"),
    bars: BARS,
    run: |target, scale| run(target, scale, 1, 8),
};

pub(super) const ONE_OUTSTANDING: Scenario = Scenario {
    name: "durable-1",
    title: "Durable messages, one outstanding",
    about: "As the first, each sender with one message outstanding: the disk decides.",
    metrics: METRICS,
    targets: TARGETS,
    baseline: Some("floor-insert"),
    bars: &[],
    run: |target, scale| run(target, scale, 20, 1),
};

fn run(target: Target, scale: &Scale, rooms: usize, outstanding: usize) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bench.db");
    if target.name == "floor-insert" {
        return one_insert_a_commit(&file, scale.time(1.5, 5.0), rooms);
    }
    let clients = scale.clients(20, 100);
    let server = target.start_on(&file)?;
    let mut swarm = Swarm::new(server.port, target.protocol, clients)?;
    swarm.connect_all()?;
    sign_in(&mut swarm, clients)?;
    let mut sending = Sending::new(clients, rooms, outstanding);
    sending.run(&mut swarm, scale.time(0.7, 2.0).min(Duration::from_secs(2)))?;
    swarm.idle(REST)?;

    let mut clock = server.cpu();
    let before = clock.read()?;
    sending.latencies_ms.clear();
    let took = sending.run(&mut swarm, scale.time(1.5, 5.0))?;
    swarm.idle(REST)?;
    let cpu = clock.read()?.since(before)?;
    drop(server);
    sending.compare_with(&file)?;

    let faults = sending.faults();
    let cpu_us = cpu.as_secs_f64() * 1e6 / sending.latencies_ms.len() as f64;
    outcome(sending.latencies_ms, took, cpu_us, faults)
}

/// What it would be without a queue: each message is a transaction.
fn one_insert_a_commit(file: &Path, time: Duration, rooms: usize) -> Result<Outcome> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE messages (room INTEGER, seq INTEGER, sender TEXT, content TEXT, at INTEGER,
           PRIMARY KEY (room, seq)) STRICT, WITHOUT ROWID;",
    )?;
    let mut insert = connection.prepare("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let content = "x".repeat(CONTENT);
    let mut latencies_ms = Vec::new();
    let began = Instant::now();
    while began.elapsed() < time {
        let sent = Instant::now();
        let (room, seq) = (latencies_ms.len() % rooms, latencies_ms.len() / rooms);
        insert.execute(params![room, seq, "ana", content, 1_785_585_600_000_i64])?;
        latencies_ms.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    outcome(latencies_ms, began.elapsed(), f64::NAN, Vec::new())
}

fn outcome(
    mut latencies_ms: Vec<f64>,
    took: Duration,
    cpu_us: f64,
    faults: Vec<String>,
) -> Result<Outcome> {
    ensure!(!latencies_ms.is_empty(), "no message was acknowledged");
    latencies_ms.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| latencies_ms[((latencies_ms.len() - 1) as f64 * share) as usize];
    let messages = latencies_ms.len() as f64;
    Ok(Outcome {
        values: vec![
            messages / took.as_secs_f64(),
            quantile(0.5),
            quantile(0.99),
            quantile(1.0),
            cpu_us,
            messages,
        ],
        faults,
    })
}

/// Signs in every client, each as a user of its own.
pub(super) fn sign_in(swarm: &mut Swarm, clients: usize) -> Result<()> {
    for index in 0..clients {
        let auth = format!(r#"{{"type":"auth","data":{{"id":"sender-{index}"}},"id":0}}"#);
        swarm.send(index, auth.as_bytes())?;
    }
    let signed_in = std::cell::Cell::new(0);
    let all = swarm.poll_until(DRAIN, || signed_in.get() == clients, &mut |_, incoming| {
        if let Incoming::Event(text) = incoming
            && let Some((0, _)) = acknowledgement(text)
        {
            signed_in.set(signed_in.get() + 1);
        }
    })?;
    ensure!(all, "only {} of {clients} signed in", signed_in.get());
    Ok(())
}

/// The id of an acknowledgement, and what follows it.
pub(super) fn acknowledgement(text: &[u8]) -> Option<(u32, &[u8])> {
    let text = text.strip_prefix(br#"{"type":"ack","id":"#)?;
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some((wire::number(&text[..digits])?, &text[digits..]))
}

/// The senders' side: what each has sent and not seen acknowledged.
struct Sending {
    content: String,
    rooms: usize,
    outstanding: usize,
    running: bool,
    /// For each client and place among the outstanding: the id sent last, and when, until it is
    /// acknowledged. An id modulo the number of places is its place.
    sent: Vec<Vec<(u32, Option<Instant>)>>,
    unacknowledged: u64,
    latencies_ms: Vec<f64>,
    /// For each room, which numbers of its sequence were acknowledged.
    sequences: Vec<Vec<bool>>,
    repeated: u64,
    wrong: u64,
    closed: u64,
    not_stored: u64,
}

impl Sending {
    fn new(clients: usize, rooms: usize, outstanding: usize) -> Self {
        Self {
            content: "x".repeat(CONTENT),
            rooms,
            outstanding,
            running: false,
            sent: vec![(0..outstanding as u32).map(|id| (id, None)).collect(); clients],
            unacknowledged: 0,
            latencies_ms: Vec::new(),
            sequences: vec![Vec::new(); rooms],
            repeated: 0,
            wrong: 0,
            closed: 0,
            not_stored: 0,
        }
    }

    /// Sends for `time`, then waits for the answers that are still to come. Says how long it took
    /// until the last of them was there.
    fn run(&mut self, swarm: &mut Swarm, time: Duration) -> Result<Duration> {
        self.running = true;
        for client in 0..self.sent.len() {
            for place in 0..self.outstanding {
                let message = self.message(client, place);
                swarm.send(client, message.as_bytes())?;
            }
        }
        let start = Instant::now();
        while self.running || self.unacknowledged > 0 {
            swarm.poll(Duration::from_millis(20), &mut |client, incoming| {
                self.receive(client, &incoming);
            })?;
            self.running = start.elapsed() < time;
            if start.elapsed() > time + DRAIN {
                break;
            }
        }
        Ok(start.elapsed())
    }

    /// The next message of a client in that place; its clock starts now.
    fn message(&mut self, client: usize, place: usize) -> String {
        let (id, sent) = &mut self.sent[client][place];
        *id += self.outstanding as u32;
        *sent = Some(Instant::now());
        self.unacknowledged += 1;
        let (room, content) = (client % self.rooms, &self.content);
        format!(
            r#"{{"type":"chat:send","data":{{"roomId":"room-{room}","content":"{content}","clientMessageId":"{id}"}},"id":{id}}}"#
        )
    }

    fn receive(&mut self, client: &mut Client, incoming: &Incoming<'_>) {
        match incoming {
            Incoming::Event(text) => {
                if let Some((id, answer)) = acknowledgement(text) {
                    self.acknowledge(client, id, answer);
                }
            }
            Incoming::Closed(_) => self.closed += 1,
            _ => {}
        }
    }

    fn acknowledge(&mut self, client: &mut Client, id: u32, answer: &[u8]) {
        let place = id as usize % self.outstanding;
        let (expected, sent) = &mut self.sent[client.index][place];
        let (Some(sent), true, Some(seq)) = (sent.take(), *expected == id, stored(answer)) else {
            self.wrong += 1;
            return;
        };
        self.unacknowledged -= 1;
        self.latencies_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        let sequence = &mut self.sequences[client.index % self.rooms];
        sequence.resize(sequence.len().max(seq), false);
        self.repeated += u64::from(std::mem::replace(&mut sequence[seq - 1], true));
        if self.running {
            let message = self.message(client.index, place);
            client.send(message.as_bytes());
        }
    }

    /// Counts what was acknowledged and is not in the file.
    fn compare_with(&mut self, file: &Path) -> Result<()> {
        let stored: u64 =
            Connection::open(file)?
                .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
        let acknowledged = self.sequences.iter().flatten().filter(|it| **it).count();
        self.not_stored = (acknowledged as u64).saturating_sub(stored);
        Ok(())
    }

    fn faults(&self) -> Vec<String> {
        let gaps = self.sequences.iter().flatten().filter(|it| !**it).count();
        let counts = [
            (self.unacknowledged, "messages were never acknowledged"),
            (self.wrong, "answers were wrong"),
            (self.repeated, "numbers were given twice"),
            (gaps as u64, "numbers were given to nobody"),
            (self.not_stored, "acknowledged messages are not in the file"),
            (self.closed, "connections ended"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

/// The number that a stored message was given; nothing when it was refused, or stored before.
fn stored(answer: &[u8]) -> Option<usize> {
    memmem::find(answer, br#""success":true"#)?;
    memmem::find(answer, br#""duplicate":false"#)?;
    let at = memmem::find(answer, SEQ)? + SEQ.len();
    let digits = answer[at..].iter().take_while(|it| it.is_ascii_digit());
    let seq = wire::number(&answer[at..at + digits.count()])?;
    (seq > 0).then_some(seq as usize)
}

const SEQ: &[u8] = br#""seq":"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_storing_counts() {
        let answer = |fields: &str| format!(r#"{{"type":"ack","id":17,"data":{{{fields}}}}}"#);
        for (fields, expected) in [
            (r#""success":true,"seq":42,"duplicate":false"#, Some(42)),
            (r#""success":true,"seq":42,"duplicate":true"#, None),
            (r#""success":false,"error":"no","code":"overloaded""#, None),
            (r#""success":true,"seq":0,"duplicate":false"#, None),
        ] {
            let text = answer(fields);
            let (id, rest) = acknowledgement(text.as_bytes()).expect("it is one");
            assert_eq!((id, stored(rest)), (17, expected), "{fields}");
        }
        assert!(acknowledgement(br#"{"type":"welcome","data":{}}"#).is_none());
    }
}
