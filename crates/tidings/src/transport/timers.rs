//! Deadlines: one wheel a shard instead of a timer a connection.
//!
//! A connection stands in the wheel once, at its earliest deadline. Deadlines that move later,
//! as heartbeats do all the time, are not touched: the entry fires, finds that it is early, and
//! is put where it belongs now.

use std::{
    collections::BTreeMap,
    sync::Weak,
    time::{Duration, Instant},
};

use super::connection::Connection;

/// How exactly deadlines are kept.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// Connections by the tick of their earliest deadline.
#[derive(Debug)]
pub(crate) struct Wheel {
    origin: Instant,
    slots: BTreeMap<u64, Vec<Weak<Connection>>>,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            slots: BTreeMap::new(),
        }
    }

    /// The tick in which `at` has certainly passed.
    pub(crate) fn tick(&self, at: Instant) -> u64 {
        let elapsed = at.saturating_duration_since(self.origin);
        u64::try_from(elapsed.as_millis() / TICK.as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1)
    }

    pub(crate) fn insert(&mut self, tick: u64, connection: Weak<Connection>) {
        self.slots.entry(tick).or_default().push(connection);
    }

    /// Takes out everything whose tick has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<(u64, Vec<Weak<Connection>>)> {
        let tick = self.tick(now);
        let mut due = Vec::new();
        while let Some(entry) = self.slots.first_entry() {
            if *entry.key() >= tick {
                break;
            }
            due.push(entry.remove_entry());
        }
        due
    }
}

/// The deadlines of one connection.
#[derive(Debug)]
pub(crate) struct Timers {
    /// The tick of the one entry in the wheel that counts; any other is a leftover.
    pub(crate) scheduled: u64,
    pub(crate) heartbeat: Heartbeat,
    /// A unit that the peer began has to be complete by then.
    pub(crate) partial: Option<Instant>,
    /// The peer has to have introduced itself by then.
    pub(crate) introduction: Option<Instant>,
    /// A closing connection is cut then, whatever the peer does.
    pub(crate) cut: Option<Instant>,
}

impl Timers {
    pub(crate) fn new(first_ping: Instant) -> Self {
        Self {
            scheduled: u64::MAX,
            heartbeat: Heartbeat::Idle {
                ping_at: first_ping,
            },
            partial: None,
            introduction: None,
            cut: None,
        }
    }

    /// The earliest of them.
    pub(crate) fn next(&self) -> Instant {
        let heartbeat = match self.heartbeat {
            Heartbeat::Idle { ping_at } => ping_at,
            Heartbeat::Pinged { pong_by, .. } => pong_by,
        };
        [self.partial, self.introduction, self.cut]
            .into_iter()
            .flatten()
            .fold(heartbeat, Instant::min)
    }
}

/// Server-to-client heartbeat (Engine.IO 4): a ping after the interval, a pong within the timeout.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Heartbeat {
    Idle {
        ping_at: Instant,
    },
    Pinged {
        pong_by: Instant,
        /// Whether another packet has already bought the peer more time for this ping.
        extended: bool,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_due_early_and_everything_soon(
            deadlines in prop::collection::vec(0u64..5_000, 1..50),
            steps in prop::collection::vec(1u64..700, 1..50),
        ) {
            let mut wheel = Wheel::new();
            let origin = wheel.origin;
            let at = |millis| origin + Duration::from_millis(millis);
            for deadline in &deadlines {
                wheel.insert(wheel.tick(at(*deadline)), Weak::new());
            }
            let mut now = 0;
            let mut fired = 0;
            for step in steps {
                now += step;
                fired += wheel.take_due(at(now)).iter().map(|(_, due)| due.len()).sum::<usize>();
                let passed = deadlines.iter().filter(|it| **it < now).count();
                let certain =
                    deadlines.iter().filter(|it| at(**it) + 2 * TICK <= at(now)).count();
                prop_assert!(fired <= passed, "{fired} fired, {passed} have passed");
                prop_assert!(fired >= certain, "{fired} fired, {certain} are overdue");
            }
            fired += wheel.take_due(at(10_000)).iter().map(|(_, due)| due.len()).sum::<usize>();
            prop_assert_eq!(fired, deadlines.len());
            prop_assert!(wheel.slots.is_empty());
        }
    }

    #[test]
    fn due_entries_come_in_the_order_of_their_ticks() {
        let mut wheel = Wheel::new();
        for tick in [7, 3, 5, 3] {
            wheel.insert(tick, Weak::new());
        }
        let due = wheel.take_due(wheel.origin + 6 * TICK);
        let ticks: Vec<_> = due.iter().map(|(tick, due)| (*tick, due.len())).collect();
        assert_eq!(ticks, [(3, 2), (5, 1)]);
        assert_eq!(wheel.slots.len(), 1);
    }

    #[test]
    fn a_moment_before_the_wheel_is_its_first_tick() {
        let wheel = Wheel::new();
        assert_eq!(wheel.tick(wheel.origin), 1);
        if let Some(before) = wheel.origin.checked_sub(Duration::from_secs(1)) {
            assert_eq!(wheel.tick(before), 1);
        }
    }

    #[test]
    fn the_earliest_deadline_comes_next() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut timers = Timers::new(at(25));
        assert_eq!(timers.next(), at(25));
        timers.introduction = Some(at(45));
        assert_eq!(timers.next(), at(25));
        timers.partial = Some(at(10));
        assert_eq!(timers.next(), at(10));
        timers.cut = Some(at(5));
        assert_eq!(timers.next(), at(5));
        timers.heartbeat = Heartbeat::Pinged {
            pong_by: at(1),
            extended: false,
        };
        assert_eq!(timers.next(), at(1));
    }
}
