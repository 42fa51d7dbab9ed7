//! A server with one room that every client has joined, and the exact count of what it delivers.

use crate::{client::Protocol, process::Server, swarm::Swarm, target::Target, wire::Stamp};
use anyhow::{Context, Result};

pub(crate) const ROOM: &str = "bench";
/// The text of a delivery, in bytes, unless the scenario says otherwise.
pub(crate) const PAYLOAD: usize = 128;
/// What an event adds to its content: names, room and a sender id of 20 bytes.
const EVENT: usize = 84;

/// A running server and its connected clients.
pub(crate) struct Room {
    pub(crate) server: Server,
    pub(crate) swarm: Swarm,
    pub(crate) publishing: Publishing,
}

/// How a message is put, so that every target delivers texts of the same size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publishing {
    protocol: Protocol,
    payload: usize,
}

impl Room {
    /// Starts the target, connects `clients` and joins them all to [`ROOM`].
    pub(crate) fn open(target: Target, clients: usize, payload: usize) -> Result<Self> {
        let server = target.start()?;
        let mut swarm = Swarm::new(server.port, target.protocol, clients)?;
        swarm.connect_all().context("set-up")?;
        swarm.join_all(|_| vec![ROOM.to_owned()])?;
        let publishing = Publishing {
            protocol: target.protocol,
            payload,
        };
        Ok(Self {
            server,
            swarm,
            publishing,
        })
    }
}

impl Publishing {
    /// What a client sends so that the room gets a message with this stamp.
    pub(crate) fn text(self, stamp: Stamp) -> Vec<u8> {
        match self.protocol {
            Protocol::WebSocket => stamp.content(self.payload).into_bytes(),
            Protocol::SocketIo => {
                let content = stamp.content(self.payload.saturating_sub(EVENT));
                format!(r#"42["chat:send",{{"roomId":"{ROOM}","content":"{content}"}}]"#)
                    .into_bytes()
            }
        }
    }
}

/// Counts deliveries: each client must get each publisher's messages once and in order.
#[derive(Debug)]
pub(crate) struct Tally {
    publishers: usize,
    /// What each client has seen of each publisher.
    seen: Vec<Seen>,
    pub(crate) delivered: u64,
    lost: u64,
    repeated: u64,
    reordered: u64,
}

/// What one client has seen of one publisher.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The number after the highest that came.
    next: u32,
    /// How many below that did not come.
    missing: u32,
    /// Which of the 64 numbers below `next` came, the highest in the lowest bit.
    recent: u64,
}

impl Tally {
    pub(crate) fn new(clients: usize, publishers: usize) -> Self {
        Self {
            publishers,
            seen: vec![Seen::default(); clients * publishers],
            delivered: 0,
            lost: 0,
            repeated: 0,
            reordered: 0,
        }
    }

    /// Counts one delivery.
    pub(crate) fn record(&mut self, client: usize, stamp: Stamp) {
        let seen = &mut self.seen[client * self.publishers + stamp.publisher as usize];
        self.delivered += 1;
        if stamp.sequence >= seen.next {
            let skipped = stamp.sequence - seen.next;
            seen.recent = seen.recent.checked_shl(skipped + 1).unwrap_or(0) | 1;
            seen.missing += skipped;
            seen.next = stamp.sequence + 1;
            return;
        }
        // What is older than the record counts as repeated: no window is that large.
        let bit = 1_u64
            .checked_shl(seen.next - 1 - stamp.sequence)
            .unwrap_or(0);
        if bit == 0 || seen.recent & bit != 0 {
            self.repeated += 1;
        } else {
            seen.recent |= bit;
            seen.missing -= 1;
            self.reordered += 1;
        }
    }

    /// Counts as lost what the clients still miss when all is over.
    pub(crate) fn finish(&mut self, published: &[u32]) {
        for of_client in self.seen.chunks(self.publishers) {
            for (seen, published) in of_client.iter().zip(published) {
                self.lost += u64::from(published.saturating_sub(seen.next) + seen.missing);
            }
        }
    }

    /// What was not exact, in words.
    pub(crate) fn faults(&self) -> Vec<String> {
        let counts = [
            (self.lost, "lost"),
            (self.repeated, "repeated"),
            (self.reordered, "out of order"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts
            .map(|(count, what)| format!("{count} deliveries {what}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_ends_repetitions_and_disorder_are_counted() {
        let mut tally = Tally::new(2, 1);
        // The first client misses the end; the second misses the start and one in the middle, gets
        // one twice and one late.
        let deliveries = [(0, 0), (0, 1), (1, 1), (1, 1), (1, 4), (1, 2)];
        for (client, sequence) in deliveries {
            tally.record(
                client,
                Stamp {
                    publisher: 0,
                    sequence,
                },
            );
        }
        tally.finish(&[5]);
        assert_eq!(tally.delivered, 6);
        assert_eq!((tally.lost, tally.repeated, tally.reordered), (5, 1, 1));
    }
}
