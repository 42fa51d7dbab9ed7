//! Letting clients go, so that they come back neither all at once nor never.
//!
//! Clients are told in batches, each client when to come back, and are closed a little later: who
//! is between two polls hears of it, and who has sent something is answered. Those who know
//! nothing of `server:draining` see a lost connection, and come back by their own rules.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tidings::{Connection, Hub, Socket};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    events::{Draining, Event as _},
    registry::log_unsent,
};

/// The time from one batch to the next.
const TICK: Duration = Duration::from_millis(100);
/// Clients in a batch at least. With so many that need longer, batches are larger.
const LEAST: usize = 50;
/// Time from being told to being closed.
pub(super) const GOODBYE_LASTS: Duration = Duration::from_millis(500);
/// When the first may come back: somebody else may have to begin to listen first.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Tells all clients to come back and closes their connections, over that time at most.
pub(super) async fn drain(hub: &Hub, over: Duration) {
    let mut clients = hub.everyone().local_sockets();
    fastrand::shuffle(&mut clients);
    let batch = batch_of(clients.len(), over);
    let spread = spread(clients.len(), batch);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = VecDeque::new();
    let mut batches = clients.chunks(batch);
    loop {
        ticks.tick().await;
        close_due(&mut told);
        match batches.next() {
            Some(batch) => told.push_back((Instant::now(), tell(batch, spread))),
            None if told.is_empty() => return,
            None => {}
        }
    }
}

/// How many have to go at once, so that all have in time.
fn batch_of(clients: usize, over: Duration) -> usize {
    let ticks = (over.as_millis() / TICK.as_millis()).max(1);
    let ticks = usize::try_from(ticks).unwrap_or(usize::MAX);
    clients.div_ceil(ticks).max(LEAST)
}

/// Over how long they come back, beyond the first: about as long as they take to go.
fn spread(clients: usize, batch: usize) -> Duration {
    let batches = u32::try_from(clients / batch).unwrap_or(u32::MAX);
    (TICK * 10).max(TICK.saturating_mul(batches))
}

fn tell(clients: &[Socket], spread: Duration) -> Vec<Arc<Connection>> {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let tell = |socket: &Socket| {
        let later = fastrand::u64(0..=milliseconds(spread));
        let goodbye = Draining {
            reconnect_after_ms: milliseconds(RECONNECT_AFTER) + later,
        };
        log_unsent(socket.emit(Draining::NAME, &goodbye));
        Arc::clone(socket.connection())
    };
    clients.iter().map(tell).collect()
}

/// Closes those who have been told long enough ago.
fn close_due(told: &mut VecDeque<(Instant, Vec<Arc<Connection>>)>) {
    while let Some((when, _)) = told.front()
        && when.elapsed() >= GOODBYE_LASTS
        && let Some((_, connections)) = told.pop_front()
    {
        for connection in connections {
            connection.shut_down();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_take_as_long_as_they_may_and_few_are_gone_at_once() {
        let second = Duration::from_secs(1);
        for (clients, over, batch) in [
            (0, second, LEAST),
            (10, 10 * second, LEAST),
            (10_000, 10 * second, 100),
            (10_001, 10 * second, 101),
            (10_000, Duration::ZERO, 10_000),
        ] {
            assert_eq!(batch_of(clients, over), batch, "{clients} in {over:?}");
        }
        assert_eq!(spread(10, LEAST), second);
        assert_eq!(spread(10_000, 100), 10 * second);
    }
}
