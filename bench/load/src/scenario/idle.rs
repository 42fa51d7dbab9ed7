//! What ten thousand connections that do nothing keep in the server's memory.

use super::{Asked, Bar, Metric, Outcome, Scale, Scenario};
use crate::{process::Server, swarm::Swarm, target::Target};
use anyhow::Result;
use std::time::Duration;

/// Connections that come and go before the first reading, so that what a server needs once for
/// its first clients is not counted.
const WARM_UP: usize = 200;
/// How many clients share the second room.
const SHARING: usize = 100;

pub(super) const MEMORY: Scenario = Scenario {
    name: "idle-memory",
    title: "Memory of idle connections",
    about: "10,000 idle Socket.IO connections (quick: 2,000), each in a room of its own and one \
            that 100 share. Growth of the server's resident memory over that after 200 \
            connections came and went; the kernel's socket buffers are not in it.",
    metrics: &[
        Metric {
            name: "kib_per_connection",
            title: "KiB per connection",
            digits: 2,
        },
        Metric {
            name: "rss_before_mib",
            title: "RSS before, MiB",
            digits: 1,
        },
        Metric {
            name: "rss_after_mib",
            title: "RSS after, MiB",
            digits: 1,
        },
    ],
    targets: &["tidings", "node-socketio", "socketioxide"],
    baseline: None,
    bars: &[Bar {
        metric: "kib_per_connection",
        asked: Asked::AtMost(4.0),
        against: None,
    }],
    run,
};

fn run(target: Target, scale: &Scale) -> Result<Outcome> {
    let clients = scale.clients(2_000, 10_000);
    let server = target.start()?;
    let warm_up = connect(&server, target, WARM_UP)?;
    drop(warm_up);
    let before = settled_kib(&server, None)?;

    let mut swarm = connect(&server, target, clients)?;
    let after = settled_kib(&server, Some(&mut swarm))?;
    let gone = (0..clients)
        .filter(|index| !swarm.client(*index).is_ready())
        .count();
    let growth = after as f64 - before as f64;
    let values = vec![
        growth / clients as f64,
        before as f64 / 1024.0,
        after as f64 / 1024.0,
    ];
    let mut faults = Vec::new();
    if gone > 0 {
        faults.push(format!("{gone} connections ended while idle"));
    }
    Ok(Outcome { values, faults })
}

fn connect(server: &Server, target: Target, clients: usize) -> Result<Swarm> {
    let mut swarm = Swarm::new(server.port, target.protocol, clients)?;
    swarm.connect_all()?;
    swarm.join_all(|index| {
        vec![
            format!("user:{index}"),
            format!("group:{}", index / SHARING),
        ]
    })?;
    Ok(swarm)
}

/// The least resident memory within three seconds: collectors and allocators give some back.
fn settled_kib(server: &Server, mut swarm: Option<&mut Swarm>) -> Result<u64> {
    let mut least = u64::MAX;
    for _ in 0..15 {
        match &mut swarm {
            Some(swarm) => swarm.idle(Duration::from_millis(200))?,
            None => std::thread::sleep(Duration::from_millis(200)),
        }
        least = least.min(server.rss_kib()?);
    }
    Ok(least)
}
