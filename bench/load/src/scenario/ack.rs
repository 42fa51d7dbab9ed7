//! Acknowledged round trips: what one request with its answer costs the server, alone and when
//! sixteen of a client are outstanding.

use super::{Asked, Bar, Metric, Outcome, Scale, Scenario};
use crate::{
    client::{Client, Incoming, Protocol},
    swarm::Swarm,
    target::Target,
    wire,
};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

const REST: Duration = Duration::from_millis(60);
/// How long the last answers may take before they count as lost.
const DRAIN: Duration = Duration::from_secs(5);
/// The string that is echoed.
const VALUE: usize = 100;

const METRICS: &[Metric] = &[
    Metric {
        name: "cpu_us_per_round_trip",
        title: "CPU µs per round trip",
        digits: 2,
    },
    Metric {
        name: "round_trips_per_cpu_second",
        title: "round trips per CPU s",
        digits: 0,
    },
    Metric {
        name: "round_trips",
        title: "round trips",
        digits: 0,
    },
    Metric {
        name: "p50_us",
        title: "p50, µs",
        digits: 0,
    },
    Metric {
        name: "p99_us",
        title: "p99, µs",
        digits: 0,
    },
];
const TARGETS: &[&str] = &["floor-echo", "tidings", "node-socketio", "socketioxide"];

pub(super) const ONE: Scenario = Scenario {
    name: "ack-1",
    title: "Acknowledged round trips, one outstanding",
    about: "50 clients (quick: 20), each with one acknowledged `echo` of a 100-byte string \
            outstanding. CPU time of the server for one round trip.",
    metrics: METRICS,
    targets: TARGETS,
    baseline: Some("floor-echo"),
    bars: &[Bar {
        metric: "cpu_us_per_round_trip",
        asked: Asked::AtMost(1.2),
        against: Some("floor-echo"),
    }],
    run: |target, scale| run(target, scale, 1),
};

pub(super) const SIXTEEN: Scenario = Scenario {
    name: "ack-16",
    title: "Acknowledged round trips, sixteen outstanding",
    about: "As before with sixteen outstanding per client.",
    metrics: METRICS,
    targets: TARGETS,
    baseline: Some("floor-echo"),
    bars: &[Bar {
        metric: "round_trips_per_cpu_second",
        asked: Asked::AtLeast(3.0),
        against: Some("socketioxide"),
    }],
    run: |target, scale| run(target, scale, 16),
};

/// The askers' side: what each client has asked and not been answered.
struct Asking {
    /// The answer's arguments, which must come back to the byte.
    expected: Vec<u8>,
    value: String,
    outstanding: usize,
    running: bool,
    /// For each client and place among the outstanding: the id asked last, and when, until it is
    /// answered. An id modulo the number of places is its place.
    asked: Vec<Vec<(u32, Option<Instant>)>>,
    unanswered: u64,
    latencies_us: Vec<f64>,
    wrong: u64,
    closed: u64,
}

fn run(target: Target, scale: &Scale, outstanding: usize) -> Result<Outcome> {
    let clients = scale.clients(20, 50);
    let server = target.start()?;
    let mut swarm = Swarm::new(server.port, target.protocol, clients)?;
    swarm.connect_all()?;
    let mut asking = Asking::new(clients, outstanding);
    asking.run(&mut swarm, scale.time(0.7, 2.0).min(Duration::from_secs(2)))?;
    swarm.idle(REST)?;

    let mut clock = server.cpu();
    let before = clock.read()?;
    asking.latencies_us.clear();
    asking.run(&mut swarm, scale.time(1.5, 5.0))?;
    swarm.idle(REST)?;
    let cpu = clock.read()?.since(before)?.as_secs_f64();

    let latencies = &mut asking.latencies_us;
    ensure!(!latencies.is_empty(), "no question was answered");
    latencies.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let trips = latencies.len() as f64;
    Ok(Outcome {
        values: vec![
            cpu * 1e6 / trips,
            trips / cpu,
            trips,
            quantile(0.5),
            quantile(0.99),
        ],
        faults: asking.faults(),
    })
}

impl Asking {
    fn new(clients: usize, outstanding: usize) -> Self {
        let value = "e".repeat(VALUE);
        Self {
            expected: format!(r#"["{value}"]"#).into_bytes(),
            value,
            outstanding,
            running: false,
            asked: vec![(0..outstanding as u32).map(|id| (id, None)).collect(); clients],
            unanswered: 0,
            latencies_us: Vec::new(),
            wrong: 0,
            closed: 0,
        }
    }

    /// Asks for `time`, then waits for the answers that are still to come.
    fn run(&mut self, swarm: &mut Swarm, time: Duration) -> Result<()> {
        self.running = true;
        for client in 0..self.asked.len() {
            for place in 0..self.outstanding {
                let question = self.question(client, place, swarm.client(client).protocol());
                swarm.send(client, &question)?;
            }
        }
        let start = Instant::now();
        while self.running || self.unanswered > 0 {
            swarm.poll(Duration::from_millis(20), &mut |client, incoming| {
                self.receive(client, &incoming);
            })?;
            self.running = start.elapsed() < time;
            if start.elapsed() > time + DRAIN {
                break;
            }
        }
        Ok(())
    }

    /// The next question of a client in that place; its clock starts now.
    fn question(&mut self, client: usize, place: usize, protocol: Protocol) -> Vec<u8> {
        let (id, asked) = &mut self.asked[client][place];
        *id += self.outstanding as u32;
        *asked = Some(Instant::now());
        self.unanswered += 1;
        match protocol {
            Protocol::SocketIo => format!(r#"42{id}["echo","{}"]"#, self.value).into_bytes(),
            // The floor sends back what it gets, so it is asked with the answer.
            Protocol::WebSocket => format!(r#"43{id}["{}"]"#, self.value).into_bytes(),
        }
    }

    fn receive(&mut self, client: &mut Client, incoming: &Incoming<'_>) {
        match incoming {
            Incoming::Ack(id, arguments) => self.answer(client, *id, arguments),
            Incoming::Event([b'4', b'3', ack @ ..]) => {
                let digits = ack.iter().take_while(|byte| byte.is_ascii_digit()).count();
                match wire::number(&ack[..digits]) {
                    Some(id) => self.answer(client, id, &ack[digits..]),
                    None => self.wrong += 1,
                }
            }
            Incoming::Closed(_) => self.closed += 1,
            _ => {}
        }
    }

    fn answer(&mut self, client: &mut Client, id: u32, arguments: &[u8]) {
        let place = id as usize % self.outstanding;
        let (expected_id, asked) = &mut self.asked[client.index][place];
        let (Some(asked), true, true) =
            (asked.take(), *expected_id == id, arguments == self.expected)
        else {
            self.wrong += 1;
            return;
        };
        self.unanswered -= 1;
        self.latencies_us.push(asked.elapsed().as_secs_f64() * 1e6);
        if self.running {
            let question = self.question(client.index, place, client.protocol());
            client.send(&question);
        }
    }

    fn faults(&self) -> Vec<String> {
        let counts = [
            (self.unanswered, "questions were never answered"),
            (self.wrong, "answers were wrong"),
            (self.closed, "connections ended"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}
