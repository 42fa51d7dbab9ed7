//! One room of 1,000 members: what a delivery costs the server when messages come one at a time,
//! and when its queue is never empty.

use super::{
    Asked, Bar, Metric, Outcome, Scale, Scenario,
    flood::{Flood, Load},
    room::{PAYLOAD, Room},
};
use crate::target::Target;
use anyhow::Result;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// At rest, every thread of the server sleeps and its clock is exact.
const REST: Duration = Duration::from_millis(60);

const ONE_AT_A_TIME: Load = Load {
    publishers: 1,
    window: 1,
    incomplete_max: 1,
};
/// One message outstanding for each of many publishers: with more, a server that handles the events
/// of one client side by side delivers them out of order. The bound on incomplete ones keeps every
/// peer's queue for one connection, of 128 packets at the least, from dropping any.
const NEVER_EMPTY: Load = Load {
    publishers: 64,
    window: 1,
    incomplete_max: 112,
};

pub(super) const LOW: Scenario = Scenario {
    name: "fanout-low",
    title: "Fan-out, one message at a time",
    about: "One room of 1,000 members (quick: 200); the next message is sent when every member \
            has the last. Texts of 128 bytes. CPU time of the server for one delivery.",
    metrics: &[
        Metric {
            name: "cpu_us_per_delivery",
            title: "CPU µs per delivery",
            digits: 2,
        },
        Metric {
            name: "deliveries",
            title: "deliveries",
            digits: 0,
        },
        Metric {
            name: "messages_per_second",
            title: "messages/s",
            digits: 0,
        },
    ],
    targets: &[
        "floor-send",
        "tidings",
        "tidings-ws",
        "node-socketio",
        "node-ws",
        "socketioxide",
    ],
    baseline: Some("floor-send"),
    bars: &[Bar {
        metric: "cpu_us_per_delivery",
        asked: Asked::AtMost(1.15),
        against: Some("floor-send"),
    }],
    run: low,
};

pub(super) const SATURATED: Scenario = Scenario {
    name: "fanout-saturated",
    title: "Fan-out, the queue never empty",
    about: "One room of 1,000 members (quick: 200), 64 of which publish with one message \
            outstanding each, the next when it came back to its sender. Texts of 128 bytes. \
            Deliveries for one second of the server's CPU time.",
    metrics: &[
        Metric {
            name: "deliveries_per_cpu_second",
            title: "deliveries per CPU s",
            digits: 0,
        },
        Metric {
            name: "cpu_us_per_delivery",
            title: "CPU µs per delivery",
            digits: 3,
        },
        Metric {
            name: "deliveries",
            title: "deliveries",
            digits: 0,
        },
        Metric {
            name: "deliveries_per_second",
            title: "deliveries/s",
            digits: 0,
        },
    ],
    targets: &[
        "floor-send",
        "floor-writev",
        "tidings",
        "tidings-ws",
        "node-socketio",
        "node-ws",
        "socketioxide",
    ],
    baseline: Some("floor-send"),
    bars: &[
        Bar {
            metric: "deliveries_per_cpu_second",
            asked: Asked::AtLeast(4.0),
            against: Some("floor-send"),
        },
        Bar {
            metric: "deliveries_per_cpu_second",
            asked: Asked::AtLeast(5.0),
            against: Some("node-socketio"),
        },
        Bar {
            metric: "deliveries_per_cpu_second",
            asked: Asked::AtLeast(5.0),
            against: Some("socketioxide"),
        },
    ],
    run: saturated,
};

fn low(target: Target, scale: &Scale) -> Result<Outcome> {
    let members = scale.clients(200, 1_000);
    let run = measure(target, scale, members, ONE_AT_A_TIME)?;
    let messages = run.deliveries / members as f64 / run.wall;
    Ok(Outcome {
        values: vec![run.cpu * 1e6 / run.deliveries, run.deliveries, messages],
        ..run.into()
    })
}

fn saturated(target: Target, scale: &Scale) -> Result<Outcome> {
    let run = measure(target, scale, scale.clients(200, 1_000), NEVER_EMPTY)?;
    let values = vec![
        run.deliveries / run.cpu,
        run.cpu * 1e6 / run.deliveries,
        run.deliveries,
        run.deliveries / run.wall,
    ];
    Ok(Outcome {
        values,
        ..run.into()
    })
}

/// What a measured flood came to.
struct Run {
    deliveries: f64,
    /// CPU seconds of the server.
    cpu: f64,
    /// Seconds on the clock.
    wall: f64,
    faults: Vec<String>,
}

impl From<Run> for Outcome {
    fn from(run: Run) -> Self {
        Self {
            values: Vec::new(),
            faults: run.faults,
        }
    }
}

fn measure(target: Target, scale: &Scale, members: usize, load: Load) -> Result<Run> {
    let mut room = Room::open(target, members, PAYLOAD)?;
    let mut flood = Flood::new(room.publishing, members, load);
    // Compilers and allocators that learn from the load have learnt before the clock starts.
    flood.run(
        &mut room,
        scale.time(0.7, 2.0).min(Duration::from_secs(2)),
        |_| Ok(()),
    )?;
    room.swarm.idle(REST)?;

    let mut clock = room.server.cpu();
    let before = clock.read()?;
    let start = Instant::now();
    let end = Cell::new(start);
    let deliveries = flood.run(&mut room, scale.time(1.5, 5.0), |_| {
        end.set(Instant::now());
        Ok(())
    })?;
    room.swarm.idle(REST)?;
    let cpu = clock.read()?.since(before)?;
    let wall = end.get() - start;
    Ok(Run {
        deliveries: deliveries as f64,
        cpu: cpu.as_secs_f64(),
        wall: wall.as_secs_f64(),
        faults: flood.finish(),
    })
}
