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
pub(crate) struct Seen {
    /// The first number that counts.
    first: u32,
    /// The number after the highest that came.
    next: u32,
    /// How many from the first to the highest did not come.
    missing: u32,
    /// Which of the 64 numbers below `next` came, the highest in the lowest bit.
    recent: u64,
}

/// How a delivery stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A new one, or one from before the first that counts.
    Expected,
    Late,
    Repeated,
}

impl Seen {
    /// Nothing seen yet of what begins with `first`.
    pub(crate) fn from(first: u32) -> Self {
        Self {
            first,
            next: first,
            ..Self::default()
        }
    }

    pub(crate) fn record(&mut self, sequence: u32) -> Arrival {
        if sequence >= self.next {
            let skipped = sequence - self.next;
            self.recent = self.recent.checked_shl(skipped + 1).unwrap_or(0) | 1;
            self.missing += skipped;
            self.next = sequence + 1;
            return Arrival::Expected;
        }
        if sequence < self.first {
            return Arrival::Expected;
        }
        // What is older than the record counts as repeated: no window is that large.
        let bit = 1_u64.checked_shl(self.next - 1 - sequence).unwrap_or(0);
        if bit == 0 || self.recent & bit != 0 {
            return Arrival::Repeated;
        }
        self.recent |= bit;
        self.missing -= 1;
        Arrival::Late
    }

    /// How many of the `published` have not come.
    pub(crate) fn lost(&self, published: u32) -> u64 {
        u64::from(published.saturating_sub(self.next)) + u64::from(self.missing)
    }
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
        match seen.record(stamp.sequence) {
            Arrival::Expected => {}
            Arrival::Late => self.reordered += 1,
            Arrival::Repeated => self.repeated += 1,
        }
    }

    /// Counts as lost what the clients still miss when all is over.
    pub(crate) fn finish(&mut self, published: &[u32]) {
        for of_client in self.seen.chunks(self.publishers) {
            for (seen, published) in of_client.iter().zip(published) {
                self.lost += seen.lost(*published);
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
