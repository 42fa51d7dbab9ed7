//! The deadlines of a connection: heartbeat, introduction, the rest of what was begun, the cut.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use tidings_protocol::close::CloseCode;

use super::{Connection, Goodbye, HeartbeatConfig, Wire};
use crate::{reason::CloseReason, transport::timers::Heartbeat};

impl Connection {
    pub(super) fn expect_rest(self: &Arc<Self>, partial: bool) {
        if self.hints.partial.load(Ordering::Acquire) == partial {
            return;
        }
        self.hints.partial.store(partial, Ordering::Release);
        let by = partial.then(|| Instant::now() + self.core.limits.attachment_timeout);
        self.timers.lock().partial = by;
        if let Some(by) = by {
            self.shard.schedule(self, by);
        }
    }

    /// The peer has to introduce itself by then; `None` says that it did.
    pub(crate) fn expect_introduction(self: &Arc<Self>, by: Option<Instant>) {
        self.timers.lock().introduction = by;
        if let Some(by) = by {
            self.shard.schedule(self, by);
        }
    }

    /// A packet other than a pong arrived: while a pong is awaited, the first such packet after
    /// each ping shows that the peer lives and renews the timeout.
    pub(super) fn heard(&self) {
        if !self.hints.awaiting_pong.load(Ordering::Acquire) {
            return;
        }
        let mut timers = self.timers.lock();
        if let Heartbeat::Pinged { pong_by, extended } = &mut timers.heartbeat
            && !*extended
        {
            *extended = true;
            *pong_by = Instant::now() + self.heartbeat.timeout;
        }
    }

    /// The peer answered a ping. Pongs that nobody asked for are fine.
    pub(crate) fn pong(&self) {
        self.hints.awaiting_pong.store(false, Ordering::Release);
        self.timers.lock().heartbeat = Heartbeat::Idle {
            ping_at: Instant::now() + self.heartbeat.interval,
        };
    }

    /// When the peer last showed by the heartbeat that it is there: by answering a ping, or at
    /// first by connecting.
    pub fn last_pong(&self) -> Instant {
        let HeartbeatConfig { interval, timeout } = self.heartbeat;
        let asked = match self.timers.lock().heartbeat {
            Heartbeat::Idle { ping_at } => ping_at,
            Heartbeat::Pinged { pong_by, .. } => pong_by.checked_sub(timeout).unwrap_or(pong_by),
        };
        // The next ping is due an interval after the last answer.
        asked.checked_sub(interval).unwrap_or(asked)
    }

    /// Whether `tick` is an earlier entry in the wheel than the one that counts now.
    pub(crate) fn reschedule(&self, tick: u64) -> bool {
        let mut timers = self.timers.lock();
        let earlier = tick < timers.scheduled;
        if earlier {
            timers.scheduled = tick;
        }
        earlier
    }

    /// Does what is due, and says when to come again.
    pub(crate) fn fire(self: &Arc<Self>, tick: u64, now: Instant) -> Option<Instant> {
        let mut timers = self.timers.lock();
        if timers.scheduled != tick {
            return None;
        }
        timers.scheduled = u64::MAX;
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|it| it <= now);
        if passed(timers.cut) {
            drop(timers);
            self.transport_gone(CloseReason::ForcedClose);
            return None;
        }
        if timers.cut.is_some() {
            return timers.cut;
        }
        if passed(timers.partial) || passed(timers.introduction) {
            drop(timers);
            self.end(CloseReason::ForcedClose, Goodbye::Frame(None, ""));
            return self.timers.lock().cut;
        }
        match timers.heartbeat {
            Heartbeat::Idle { ping_at } if ping_at <= now && self.wire == Wire::Poll => {
                drop(timers);
                self.poll_is_due();
                None
            }
            Heartbeat::Idle { ping_at } if ping_at <= now => {
                timers.heartbeat = Heartbeat::Pinged {
                    pong_by: now + self.heartbeat.timeout,
                    extended: false,
                };
                self.hints.awaiting_pong.store(true, Ordering::Release);
                let next = timers.next();
                drop(timers);
                self.send(match self.wire {
                    Wire::Engine => &self.core.frames.engine_ping,
                    Wire::EventStream => &self.core.frames.keep_alive,
                    _ => &self.core.frames.websocket_ping,
                });
                Some(next)
            }
            Heartbeat::Pinged { pong_by, .. } if pong_by <= now => {
                drop(timers);
                self.core.stats.ping_timeouts.add(1);
                let code = (self.wire == Wire::Plain).then_some(CloseCode::NO_PONG);
                self.end(CloseReason::PingTimeout, Goodbye::Frame(code, "no pong"));
                self.timers.lock().cut
            }
            _ => Some(timers.next()),
        }
    }
}
