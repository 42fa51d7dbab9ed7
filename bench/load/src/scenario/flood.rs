//! Publishes to a room in a closed loop, with so many messages outstanding, and counts exactly.
//!
//! A publisher sends its next message when its last one has come back to itself, so that the
//! messages of all publishers spread over the time of a delivery pass and the server's queue is
//! never empty. A second bound, on messages that not every member has received, keeps the slowest
//! member from falling behind without limit; with both bounds at one, the loop is "one message, the
//! next when all have it".

use super::room::{Publishing, Room, Tally};
use crate::{
    client::{Client, Incoming},
    wire::Stamp,
};
use anyhow::Result;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// No delivery for this long means that what is missing will not come.
const STALL: Duration = Duration::from_secs(5);

/// How much is outstanding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) publishers: usize,
    /// How many messages of one publisher have not come back to it.
    pub(crate) window: u32,
    /// How many messages of all publishers have not reached every member.
    pub(crate) incomplete_max: u64,
}

/// The publishers' side of a room, and the count of what came of it.
#[derive(Debug)]
pub(crate) struct Flood {
    publishing: Publishing,
    /// How many clients, from the first on, must get everything; the first of them publish.
    members: usize,
    /// How far apart the publishers sit among the members.
    stride: usize,
    load: Load,
    running: bool,
    /// How many messages each publisher has sent.
    published: Vec<u32>,
    /// Messages that a publisher may send as soon as the second bound allows.
    owed: Vec<u32>,
    /// For each publisher the receipts of its incomplete messages, oldest first.
    receipts: Vec<VecDeque<u32>>,
    complete: u64,
    pub(crate) tally: Tally,
    closed: Vec<String>,
}

impl Flood {
    /// A flood of a room whose first `members` clients must get everything.
    pub(crate) fn new(publishing: Publishing, members: usize, load: Load) -> Self {
        let publishers = load.publishers.min(members);
        Self {
            publishing,
            members,
            stride: members / publishers,
            load,
            running: false,
            published: vec![0; publishers],
            owed: vec![0; publishers],
            receipts: vec![VecDeque::new(); publishers],
            complete: 0,
            tally: Tally::new(members, publishers),
            closed: Vec::new(),
        }
    }

    /// Publishes for `time`, waits until everything has arrived, and returns the deliveries.
    ///
    /// `tick` is called between polls.
    pub(crate) fn run(
        &mut self,
        room: &mut Room,
        time: Duration,
        mut tick: impl FnMut(&mut Room) -> Result<()>,
    ) -> Result<u64> {
        let before = self.tally.delivered;
        let start = Instant::now();
        let mut progress = (before, start);
        self.owed.fill(self.load.window);
        self.running = true;
        while self.running || self.incomplete() > 0 {
            if self.running {
                self.pay(room)?;
            }
            room.swarm
                .poll(Duration::from_millis(20), &mut |client, incoming| {
                    self.receive(client, &incoming);
                })?;
            let now = Instant::now();
            if self.tally.delivered > progress.0 {
                progress = (self.tally.delivered, now);
            } else if now - progress.1 > STALL {
                break;
            }
            if now - start >= time {
                self.running = false;
            }
            tick(room)?;
        }
        self.running = false;
        Ok(self.tally.delivered - before)
    }

    /// Ends the count and returns what was not exact.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.tally.finish(&self.published);
        let mut faults = self.tally.faults();
        faults.append(&mut self.closed);
        faults
    }

    fn incomplete(&self) -> u64 {
        self.published.iter().copied().map(u64::from).sum::<u64>() - self.complete
    }

    /// Sends what publishers may send now that could not be sent from their own turn.
    fn pay(&mut self, room: &mut Room) -> Result<()> {
        for publisher in 0..self.owed.len() {
            while self.owed[publisher] > 0 && self.incomplete() < self.load.incomplete_max {
                self.owed[publisher] -= 1;
                let text = self.next_text(publisher);
                room.swarm.send(publisher * self.stride, &text)?;
            }
        }
        Ok(())
    }

    fn next_text(&mut self, publisher: usize) -> Vec<u8> {
        let sequence = self.published[publisher];
        self.published[publisher] += 1;
        self.receipts[publisher].push_back(0);
        self.publishing.text(Stamp {
            publisher: publisher as u32,
            sequence,
        })
    }

    fn receive(&mut self, client: &mut Client, incoming: &Incoming<'_>) {
        match incoming {
            Incoming::Event(event) if client.index < self.members => {
                let Some(stamp) = Stamp::find(event) else {
                    return;
                };
                let publisher = stamp.publisher as usize;
                if stamp.sequence >= *self.published.get(publisher).unwrap_or(&0) {
                    self.closed
                        .push("a message nobody sent was delivered".into());
                    return;
                }
                self.tally.record(client.index, stamp);
                self.receipt(publisher, stamp.sequence);
                if self.running && client.index == publisher * self.stride {
                    self.answer(client, publisher);
                }
            }
            Incoming::Closed(reason) if client.index < self.members => {
                self.closed
                    .push(format!("client {} was {reason}", client.index));
            }
            _ => {}
        }
    }

    /// Lets a publisher whose message came back send the next one, with its own answer if it may.
    fn answer(&mut self, client: &mut Client, publisher: usize) {
        if self.incomplete() < self.load.incomplete_max {
            let text = self.next_text(publisher);
            client.send(&text);
        } else {
            self.owed[publisher] += 1;
        }
    }

    /// Notes that one more member has a message, and forgets messages that all have.
    fn receipt(&mut self, publisher: usize, sequence: u32) {
        let receipts = &mut self.receipts[publisher];
        let oldest = self.published[publisher] - receipts.len() as u32;
        let place = sequence.checked_sub(oldest).map(|place| place as usize);
        if let Some(count) = place.and_then(|place| receipts.get_mut(place)) {
            *count += 1;
        }
        while receipts
            .front()
            .is_some_and(|count| *count as usize >= self.members)
        {
            receipts.pop_front();
            self.complete += 1;
        }
    }
}
