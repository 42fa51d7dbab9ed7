//! A slow consumer: one member of a flooded room stops reading. The server may neither keep what
//! it cannot deliver without bound, nor let the others wait.

use super::{
    Asked, Bar, Metric, Outcome, Scale, Scenario,
    flood::{Flood, Load},
    room::Room,
};
use crate::{client::Incoming, target::Target};
use anyhow::{Context, Result};
use rustix::net::{SocketAddrV4, getsockname};
use std::time::{Duration, Instant};

/// Larger texts than elsewhere, so that the kernel's own buffers, some MiB, are full soon.
const PAYLOAD: usize = 8 * 1_024;
/// Always so many on their way that the flood never pauses, and few enough that a member which
/// reads is never taken for a slow one.
const LOAD: Load = Load {
    publishers: 16,
    window: 1,
    incomplete_max: 28,
};
const RECEIVE_BUFFER: usize = 16 * 1_024;
/// What the server's memory may grow by, in MiB: its bound for one connection and some for the
/// allocator, far from the hundreds of MiB that the flood amounts to.
const GROWTH_MAX_MIB: f64 = 32.0;

pub(super) const SLOW: Scenario = Scenario {
    name: "slow-consumer",
    title: "Slow consumer",
    about: "A room of 20 members and one more that stops reading, flooded for 30 s (quick: 8 s) \
            with texts of 8 KiB. Growth of the server's resident memory during the flood, and \
            when it let the slow member go; the 20 must get everything exactly.",
    metrics: &[
        Metric {
            name: "rss_growth_mib",
            title: "RSS growth, MiB",
            digits: 1,
        },
        Metric {
            name: "closed_after_s",
            title: "slow member let go after, s",
            digits: 1,
        },
        Metric {
            name: "flooded_mib",
            title: "flooded to each member, MiB",
            digits: 0,
        },
        Metric {
            name: "deliveries",
            title: "deliveries to the others",
            digits: 0,
        },
        Metric {
            name: "slow_received",
            title: "received by the slow member",
            digits: 0,
        },
    ],
    targets: &["tidings", "node-socketio", "socketioxide"],
    baseline: None,
    bars: &[
        Bar {
            metric: "rss_growth_mib",
            asked: Asked::AtMost(GROWTH_MAX_MIB),
            against: None,
        },
        // The time itself is not asked, only that it came while the flood lasted.
        Bar {
            metric: "closed_after_s",
            asked: Asked::AtMost(60.0),
            against: None,
        },
    ],
    run,
};

fn run(target: Target, scale: &Scale) -> Result<Outcome> {
    let members = scale.clients(20, 20);
    let slow = members;
    let mut room = Room::open(target, members + 1, PAYLOAD)?;
    let mut flood = Flood::new(room.publishing, members, LOAD);
    flood.run(&mut room, Duration::from_millis(500), |_| Ok(()))?;

    let port = local_port(&room, slow)?;
    room.swarm.shrink_receive_buffer(slow, RECEIVE_BUFFER)?;
    room.swarm.pause(slow, true)?;
    let before = room.server.rss_kib()?;
    let start = Instant::now();
    let (mut looked, mut peak, mut closed_after) = (start, before, f64::NAN);
    let deliveries = flood.run(&mut room, scale.time(8.0, 30.0), |room| {
        if looked.elapsed() >= Duration::from_millis(100) {
            looked = Instant::now();
            peak = peak.max(room.server.rss_kib()?);
            if closed_after.is_nan() && !room.server.holds_connection_from(port)? {
                closed_after = start.elapsed().as_secs_f64();
            }
        }
        Ok(())
    })?;
    peak = peak.max(room.server.rss_kib()?);

    let received = read_rest(&mut room, slow)?;
    let growth = peak.saturating_sub(before) as f64 / 1024.0;
    let flooded = deliveries as f64 / members as f64 * PAYLOAD as f64 / 1024.0 / 1024.0;
    let values = vec![
        growth,
        closed_after,
        flooded,
        deliveries as f64,
        received as f64,
    ];
    Ok(Outcome {
        values,
        faults: flood.finish(),
    })
}

/// The client's own port of a connection.
fn local_port(room: &Room, index: usize) -> Result<u16> {
    let socket = room
        .swarm
        .client(index)
        .socket
        .as_ref()
        .context("the slow client is gone")?;
    Ok(SocketAddrV4::try_from(getsockname(socket)?)?.port())
}

/// Lets the slow client read again until its connection ends or two seconds pass in silence, and
/// counts what still came.
fn read_rest(room: &mut Room, slow: usize) -> Result<u64> {
    if room.swarm.client(slow).socket.is_none() {
        return Ok(0);
    }
    room.swarm.pause(slow, false)?;
    let (mut received, mut heard, mut closed) = (0, Instant::now(), false);
    while !closed && heard.elapsed() < Duration::from_secs(2) {
        room.swarm
            .poll(Duration::from_millis(100), &mut |client, incoming| {
                if client.index == slow {
                    heard = Instant::now();
                    match incoming {
                        Incoming::Event(_) => received += 1,
                        Incoming::Closed(_) => closed = true,
                        _ => {}
                    }
                }
            })?;
    }
    Ok(received)
}
