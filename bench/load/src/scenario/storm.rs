//! A reconnect storm: every client is dropped at once and every one comes back at once, while
//! somebody keeps publishing to the room that they all rejoin.
//!
//! A message counts as lost when a client did not get it although it was published after the client
//! had been told that it is in the room again, or after the first one that it got there.

use super::{
    Asked, Bar, Metric, Outcome, Scale, Scenario,
    room::{Arrival, PAYLOAD, ROOM, Room, Seen},
};
use crate::{
    client::{Client, Incoming},
    swarm,
    target::Target,
    wire::Stamp,
};
use anyhow::Result;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

/// A connection that is not up by then is given up and counts as refused, as the official client's
/// `timeout` has it.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(20);
/// When the storm is over, whoever is not back is missing.
const STORM_LIMIT: Duration = Duration::from_secs(60);
const PUBLISH_EVERY: Duration = Duration::from_millis(200);
/// Messages that are published when all are back.
const AFTERWARDS: u32 = 10;
const DRAIN: Duration = Duration::from_secs(10);
/// The id of the acknowledged join.
const JOIN: u32 = 1;

const ZERO: Asked = Asked::AtMost(0.0);

pub(super) const STORM: Scenario = Scenario {
    name: "storm",
    title: "Reconnect storm",
    about: "10,000 clients of one room (quick: 1,000) lose their connections at once and connect \
            again at once, retrying with back-off from 250 ms when refused; five messages a \
            second are published throughout and ten when all are back.",
    metrics: &[
        Metric {
            name: "missing",
            title: "not back",
            digits: 0,
        },
        Metric {
            name: "refused_once",
            title: "refused once",
            digits: 0,
        },
        Metric {
            name: "refused_twice",
            title: "refused twice",
            digits: 0,
        },
        Metric {
            name: "lost",
            title: "messages lost",
            digits: 0,
        },
        Metric {
            name: "seconds",
            title: "s until all back",
            digits: 2,
        },
        Metric {
            name: "cpu_us_per_client",
            title: "CPU µs per client",
            digits: 0,
        },
        Metric {
            name: "rss_peak_mib",
            title: "RSS peak, MiB",
            digits: 1,
        },
    ],
    targets: &["tidings", "node-socketio", "socketioxide"],
    baseline: None,
    bars: &[
        Bar {
            metric: "missing",
            asked: ZERO,
            against: None,
        },
        Bar {
            metric: "refused_twice",
            asked: ZERO,
            against: None,
        },
        Bar {
            metric: "lost",
            asked: ZERO,
            against: None,
        },
    ],
    run,
};

/// What is known of one client that comes back.
#[derive(Clone, Debug, Default)]
struct Return {
    attempted: Option<Instant>,
    refusals: u32,
    /// Whether it was told that it is in the room again.
    joined: bool,
    /// What it has seen since, from the first message that it got, or the next one that was
    /// published when it was told that it had joined.
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Storm {
    returns: Vec<Return>,
    back: usize,
    published: u32,
    lost: u64,
    repeated: u64,
    reordered: u64,
    /// Clients that lost the connection again after they had come back.
    relapsed: u64,
    retries: BinaryHeap<Reverse<(Instant, usize)>>,
    rss_peak_kib: u64,
}

fn run(target: Target, scale: &Scale) -> Result<Outcome> {
    let clients = scale.clients(1_000, 10_000);
    // The last one is never dropped: it publishes.
    let mut room = Room::open(target, clients + 1, PAYLOAD)?;
    room.swarm.idle(Duration::from_millis(500))?;
    let mut clock = room.server.cpu();
    let before = clock.read()?;

    let start = Instant::now();
    let mut storm = Storm::new(clients);
    (0..clients).for_each(|index| room.swarm.cut(index));
    for index in 0..clients {
        storm.attempt(&mut room, index)?;
    }
    storm.weather(&mut room)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = clock.read()?.since(before)?;

    storm.publish_afterwards(&mut room)?;
    storm.finish();
    let refused = |times: u32| {
        let count = storm
            .returns
            .iter()
            .filter(|client| client.refusals >= times)
            .count();
        count as f64
    };
    let missing = clients - storm.back;
    let values = vec![
        missing as f64,
        refused(1),
        refused(2),
        storm.lost as f64,
        if missing == 0 { seconds } else { f64::NAN },
        cpu.as_secs_f64() * 1e6 / clients as f64,
        storm.rss_peak_kib as f64 / 1024.0,
    ];
    Ok(Outcome {
        values,
        faults: storm.faults(),
    })
}

impl Storm {
    fn new(clients: usize) -> Self {
        Self {
            returns: vec![Return::default(); clients],
            back: 0,
            published: 0,
            lost: 0,
            repeated: 0,
            reordered: 0,
            relapsed: 0,
            retries: BinaryHeap::new(),
            rss_peak_kib: 0,
        }
    }

    fn attempt(&mut self, room: &mut Room, index: usize) -> Result<()> {
        self.returns[index].attempted = Some(Instant::now());
        room.swarm.connect(index)
    }

    /// Brings the clients back, until all are or the limit has passed.
    fn weather(&mut self, room: &mut Room) -> Result<()> {
        let start = Instant::now();
        let mut publish_at = start;
        while self.back < self.returns.len() && start.elapsed() < STORM_LIMIT {
            self.poll(room, Duration::from_millis(10))?;
            let now = Instant::now();
            while self
                .retries
                .peek()
                .is_some_and(|Reverse((at, _))| *at <= now)
            {
                if let Some(Reverse((_, index))) = self.retries.pop() {
                    self.attempt(room, index)?;
                }
            }
            if now >= publish_at {
                publish_at = now + PUBLISH_EVERY;
                self.give_up_on_the_slow(room, now);
                self.publish(room)?;
                self.rss_peak_kib = self.rss_peak_kib.max(room.server.rss_kib()?);
            }
        }
        Ok(())
    }

    fn publish_afterwards(&mut self, room: &mut Room) -> Result<()> {
        for _ in 0..AFTERWARDS {
            self.publish(room)?;
            let pause = Instant::now() + Duration::from_millis(100);
            while Instant::now() < pause {
                self.poll(room, Duration::from_millis(20))?;
            }
        }
        let deadline = Instant::now() + DRAIN;
        let owed = |storm: &Self| {
            let mut clients = storm.returns.iter();
            clients.any(|client| client.lost(storm.published) > 0)
        };
        while owed(self) && Instant::now() < deadline {
            self.poll(room, Duration::from_millis(50))?;
        }
        Ok(())
    }

    fn publish(&mut self, room: &mut Room) -> Result<()> {
        let text = room.publishing.text(Stamp {
            publisher: 0,
            sequence: self.published,
        });
        self.published += 1;
        room.swarm.send(self.returns.len(), &text)
    }

    fn poll(&mut self, room: &mut Room, timeout: Duration) -> Result<()> {
        room.swarm.poll(timeout, &mut |client, incoming| {
            self.receive(client, &incoming)
        })
    }

    fn receive(&mut self, client: &mut Client, incoming: &Incoming<'_>) {
        let Some(known) = self.returns.get_mut(client.index) else {
            return;
        };
        match incoming {
            Incoming::Ready => client.send(&swarm::join(JOIN as usize, ROOM)),
            Incoming::Ack(JOIN, _) if !known.joined => {
                known.joined = true;
                known.seen.get_or_insert(Seen::from(self.published));
                self.back += 1;
            }
            Incoming::Event(event) => {
                let Some(stamp) = Stamp::find(event) else {
                    return;
                };
                let seen = known.seen.get_or_insert(Seen::from(stamp.sequence));
                match seen.record(stamp.sequence) {
                    Arrival::Expected => {}
                    Arrival::Late => self.reordered += 1,
                    Arrival::Repeated => self.repeated += 1,
                }
            }
            Incoming::Closed(_) if known.joined => self.relapsed += 1,
            Incoming::Closed(_) => self.refused(client.index),
            Incoming::Ack(..) => {}
        }
    }

    /// Notes a refusal and plans the next attempt, later each time and not in step with others.
    fn refused(&mut self, index: usize) {
        let known = &mut self.returns[index];
        known.refusals += 1;
        known.seen = None;
        known.attempted = None;
        let backoff = 250 << (known.refusals - 1).min(3);
        // A fixed spread over half to one and a half of the back-off keeps runs comparable.
        let spread = backoff / 2 + (index as u64).wrapping_mul(7_919) % backoff;
        self.retries.push(Reverse((
            Instant::now() + Duration::from_millis(spread),
            index,
        )));
    }

    fn give_up_on_the_slow(&mut self, room: &mut Room, now: Instant) {
        for index in 0..self.returns.len() {
            let known = &self.returns[index];
            let attempted = known.attempted.filter(|_| !known.joined);
            if attempted.is_some_and(|attempted| now - attempted > ATTEMPT_LIMIT) {
                room.swarm.cut(index);
                self.refused(index);
            }
        }
    }

    /// Counts what never came as lost.
    fn finish(&mut self) {
        let lost = self
            .returns
            .iter()
            .map(|client| client.lost(self.published));
        self.lost = lost.sum();
    }

    fn faults(&self) -> Vec<String> {
        let counts = [
            (self.lost, "messages lost"),
            (self.repeated, "messages repeated"),
            (self.reordered, "messages out of order"),
            (self.relapsed, "connections lost again"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

impl Return {
    /// How many messages a client that is back has not got.
    fn lost(&self, published: u32) -> u64 {
        let seen = self.seen.filter(|_| self.joined);
        seen.map_or(0, |seen| seen.lost(published))
    }
}
