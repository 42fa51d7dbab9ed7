//! What webhooks and the outbox show on the page of metrics.
//!
//! The label `webhook` is the role and the name in the settings: `events/backend`,
//! `commands/order:*`, `authorize`.

use std::fmt;

use super::meters::{BOUNDS, BackendStats, Role, WebhookStats};
use crate::{
    app::App,
    metrics::page::{Page, Source},
};

const LABEL: &str = "webhook";

/// The webhooks of a server.
#[derive(Debug)]
pub(crate) struct Exposed(pub(crate) App);

impl Source for Exposed {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let stats = self.0.store().stats();
        page.gauge(
            "tidings_outbox_events",
            "Events that wait in the store for backends",
            stats.outbox_length,
        )?;
        page.gauge(
            "tidings_outbox_bytes",
            "Bytes of text in those",
            stats.outbox_bytes,
        )?;
        let WebhookStats { backends, unstored } = self.0.webhooks().stats();
        page.counters(
            "tidings_outbox_dropped",
            "Events that backends are not told of, since there was no room for them",
            "where",
            [("outbox", stats.outbox_dropped), ("store_queue", unstored)],
        )?;
        let named: Vec<_> = backends.iter().map(|it| (label(it), it)).collect();
        let of =
            |read: fn(&BackendStats) -> u64| named.iter().map(move |(name, it)| (name, read(it)));
        page.gauges(
            "tidings_webhook_queue",
            "Events that a backend does not have yet",
            LABEL,
            of(|it| it.queued),
        )?;
        page.gauges(
            "tidings_webhook_breaker_open",
            "Whether a backend has failed so often that it gets one request at a time",
            LABEL,
            of(|it| it.open.into()),
        )?;
        for (name, help, read) in [
            (
                "tidings_webhook_succeeded",
                "Requests that were answered well",
                (|it| it.succeeded) as fn(&BackendStats) -> u64,
            ),
            (
                "tidings_webhook_failed",
                "Requests that were not answered, or not well",
                |it| it.failed,
            ),
            (
                "tidings_webhook_refused",
                "Requests that were not made, since too many waited or the backend failed",
                |it| it.refused,
            ),
            (
                "tidings_webhook_events_delivered",
                "Events that a backend has",
                |it| it.delivered,
            ),
            (
                "tidings_webhook_events_retried",
                "Events that were sent in vain and are sent again",
                |it| it.retried,
            ),
        ] {
            page.counters(name, help, LABEL, of(read))?;
        }
        let bounds = BOUNDS.map(|it| std::time::Duration::from_millis(it).as_secs_f64());
        let bounds: Vec<_> = bounds.into_iter().chain([f64::INFINITY]).collect();
        page.histograms(
            "tidings_webhook_seconds",
            "How long backends took to answer",
            LABEL,
            named.iter().map(|(name, it)| {
                let buckets = bounds.iter().copied().zip(it.latency.buckets);
                (name, it.latency.sum, buckets.collect())
            }),
        )
    }
}

fn label(stats: &BackendStats) -> String {
    match stats.role {
        Role::Authorize => stats.role.word().to_owned(),
        role => format!("{}/{}", role.word(), stats.name),
    }
}
