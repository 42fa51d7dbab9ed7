//! The part of the outbox that one endpoint is at: what waits, what is on its way, and up to where
//! everything has been delivered. Pure.
//!
//! Of events of one topic only those of one batch are on their way at a time, so that they arrive
//! in their order however many batches there are. The cursor passes an event when that and all
//! before it are delivered; so after a crash some are sent again, and none is left out.

use std::collections::{HashSet, VecDeque};

use tidings_store::OutboxEvent;

use super::event::Kinds;
use crate::clock;

/// The events that an endpoint is at.
#[derive(Debug)]
pub(super) struct Window {
    wanted: Kinds,
    /// In the order of their numbers.
    events: VecDeque<Held>,
    /// Everything up to that number is done with.
    passed: u64,
    /// The last number that was loaded.
    last: u64,
    waiting: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    number: u64,
    topic: Box<str>,
    /// As it is sent. Nothing once it was delivered, or if it is not wanted.
    json: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Sent,
    Done,
}

/// Events that go together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Their numbers.
    pub(super) numbers: Vec<u64>,
    /// The body of the request.
    pub(super) body: String,
}

impl Window {
    /// Of an endpoint that wants these kinds, and that has everything up to that number.
    pub(super) fn new(wanted: Kinds, passed: u64) -> Self {
        Self {
            wanted,
            events: VecDeque::new(),
            passed,
            last: passed,
            waiting: 0,
            bytes: 0,
        }
    }

    /// Up to which number everything is done with.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// After which number it goes on.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Events that wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Events that it holds, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.events.len(), self.bytes)
    }

    /// Takes in the events after the last one. Should numbers be missing, the endpoint is told
    /// how many.
    pub(super) fn load(&mut self, events: Vec<OutboxEvent>) {
        for event in events {
            let missing = event.number.saturating_sub(self.last + 1);
            if missing > 0 {
                let number = event.number - 1;
                let (id, at) = (id(number, &event), clock::rfc3339(event.at));
                let json = format!(
                    "{{\"id\":\"{id}\",\"type\":\"dropped\",\"timestamp\":\"{at}\",\
                     \"count\":{missing}}}"
                );
                self.hold(number, "", json);
            }
            let json = if self.wanted.has_word(&event.kind) {
                // What is stored is an object, and not an empty one.
                let fields = event.body.strip_prefix('{').unwrap_or(&event.body);
                format!("{{\"id\":\"{}\",{fields}", id(event.number, &event))
            } else {
                String::new()
            };
            self.hold(event.number, &event.topic, json);
        }
        self.pass();
    }

    fn hold(&mut self, number: u64, topic: &str, json: String) {
        let state = if json.is_empty() {
            State::Done
        } else {
            self.waiting += 1;
            State::Waiting
        };
        self.bytes += json.len();
        self.last = number;
        self.events.push_back(Held {
            number,
            topic: topic.into(),
            json,
            state,
        });
    }

    /// Takes the first events that may go now, at most so many, and at most so many bytes of them
    /// unless one has more by itself.
    pub(super) fn take(&mut self, most: usize, most_bytes: usize) -> Option<Batch> {
        let mut busy: HashSet<&str> = self
            .events
            .iter()
            .filter(|it| it.state == State::Sent)
            .map(|it| &*it.topic)
            .collect();
        let mut numbers = Vec::new();
        let mut body = "{\"events\":[".to_owned();
        let mut taken = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            if event.state != State::Waiting || busy.contains(&*event.topic) {
                continue;
            }
            if !numbers.is_empty() && body.len() + event.json.len() > most_bytes {
                // Later ones of its topic may not overtake it.
                busy.insert(&event.topic);
                continue;
            }
            if !numbers.is_empty() {
                body.push(',');
            }
            body.push_str(&event.json);
            numbers.push(event.number);
            taken.push(index);
            if numbers.len() == most {
                break;
            }
        }
        if numbers.is_empty() {
            return None;
        }
        for index in taken {
            self.events[index].state = State::Sent;
        }
        self.waiting -= numbers.len();
        body.push_str("]}");
        Some(Batch { numbers, body })
    }

    /// These were delivered.
    pub(super) fn delivered(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(event) = self.find(*number) {
                event.state = State::Done;
                let bytes = std::mem::take(&mut event.json).len();
                self.bytes -= bytes;
            }
        }
        self.pass();
    }

    /// These were not delivered, and wait again.
    pub(super) fn failed(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(event) = self.find(*number) {
                event.state = State::Waiting;
                self.waiting += 1;
            }
        }
    }

    /// The event of that number, if it is on its way.
    fn find(&mut self, number: u64) -> Option<&mut Held> {
        let index = self.events.partition_point(|it| it.number < number);
        let event = self.events.get_mut(index)?;
        (event.number == number && event.state == State::Sent).then_some(event)
    }

    fn pass(&mut self) {
        while let Some(event) = self.events.pop_front_if(|it| it.state == State::Done) {
            self.passed = event.number;
        }
    }
}

/// What an event is called: never the same for two, also of stores that were begun anew.
fn id(number: u64, event: &OutboxEvent) -> String {
    format!("{number:x}-{:x}", event.at.as_millis())
}

#[cfg(test)]
mod tests;
