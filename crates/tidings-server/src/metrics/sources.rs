//! What there is to show of clients, of the store and of the process.

use std::{fmt, sync::Arc};

use tidings::{Hub, Server};
use tidings_store::Store;

use super::{
    page::{Page, Source},
    process,
};
use crate::{app::App, limits::meters::Limit};

/// What clients do, and what is done for them.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) app: App,
    pub(super) server: Server,
    pub(super) hub: Hub,
}

impl Source for Clients {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        self.present(page)?;
        self.sent(page)?;
        self.ended(page)?;
        let refusals = self.app.guard().refusals();
        let hits = refusals.map(|(limit, count)| (limit.word(), count));
        let overloaded = (
            Limit::StoreQueue.word(),
            self.app.store().stats().overloaded,
        );
        page.counters(
            "tidings_limits_hit",
            "How often each limit has refused somebody",
            "limit",
            // The store counts by itself whom it turns away.
            hits.filter(|(limit, _)| *limit != overloaded.0)
                .chain([overloaded]),
        )
    }
}

impl Clients {
    fn present(&self, page: &mut Page<'_>) -> fmt::Result {
        let (stats, transports) = (self.server.stats(), self.server.transports());
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        page.gauges(
            "tidings_connections",
            "Clients that are connected",
            "transport",
            [
                ("socketio", count(transports.engine)),
                ("ws", count(transports.websocket)),
                ("sse", count(transports.event_stream)),
                ("poll", count(transports.long_poll)),
                ("rpc", count(transports.rpc)),
            ],
        )?;
        page.counter(
            "tidings_connections_opened",
            "Connections that were opened",
            stats.connections_opened.get(),
        )?;
        page.counter(
            "tidings_connections_refused",
            "Connections that were refused",
            stats.connections_refused.get(),
        )?;
        page.gauge(
            "tidings_sockets",
            "Clients that have joined",
            self.hub.len(),
        )?;
        page.gauge(
            "tidings_users",
            "Users who are online",
            self.app.presence().len(),
        )?;
        page.gauge(
            "tidings_rooms",
            "Rooms that somebody is in",
            self.app.rooms().occupied(),
        )?;
        page.gauge(
            "tidings_documents",
            "Documents that are in memory",
            self.app.documents().len(),
        )?;
        page.gauge(
            "tidings_documents_memory_bytes",
            "Bytes of memory that these take, roughly",
            self.app.documents().memory_bytes(),
        )
    }

    fn sent(&self, page: &mut Page<'_>) -> fmt::Result {
        let (stats, queued) = (self.server.stats(), self.server.queued());
        page.counter(
            "tidings_messages",
            "Messages of chats that were stored and published",
            self.app.metrics().messages.get(),
        )?;
        page.counter(
            "tidings_deliveries",
            "Events that were queued for somebody, once for each recipient",
            stats.deliveries.get(),
        )?;
        page.counter(
            "tidings_received_bytes",
            "Bytes that clients have sent",
            stats.bytes_in.get(),
        )?;
        page.counter(
            "tidings_sent_bytes",
            "Bytes that clients were sent",
            stats.bytes_out.get(),
        )?;
        page.gauge(
            "tidings_client_outbox_bytes",
            "Bytes that wait to be written to clients",
            queued.bytes,
        )?;
        page.gauge(
            "tidings_client_outbox_largest_bytes",
            "Bytes that wait for the client that has most to read",
            queued.largest,
        )?;
        page.counter(
            "tidings_client_outbox_overflows",
            "Connections that were closed since their client did not read",
            stats.outbox_overflows.get(),
        )?;
        page.counter(
            "tidings_volatile_dropped",
            "Volatile events that clients could not take at once",
            stats.volatile_dropped.get(),
        )
    }

    fn ended(&self, page: &mut Page<'_>) -> fmt::Result {
        let stats = self.server.stats();
        page.counter(
            "tidings_ping_timeouts",
            "Connections that were closed since nobody answered",
            stats.ping_timeouts.get(),
        )?;
        page.counters(
            "tidings_sessions_returned",
            "Sessions that asked to go on after a lost connection",
            "outcome",
            [
                ("recovered", stats.sessions_recovered.get()),
                ("lost", stats.sessions_lost.get()),
            ],
        )?;
        page.counter(
            "tidings_handler_panics",
            "Commands that failed by a mistake in the server",
            stats.handler_panics.get(),
        )
    }
}

/// What the store does.
#[derive(Debug)]
pub(super) struct Stored(pub(super) Arc<dyn Store>);

impl Source for Stored {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let stats = self.0.stats();
        page.gauge(
            "tidings_store_queue_length",
            "Writes that wait for their commit",
            stats.queue_length,
        )?;
        page.gauge(
            "tidings_store_queue_bytes",
            "Bytes of text in those",
            stats.queue_bytes,
        )?;
        page.counter(
            "tidings_store_commits",
            "Transactions that were committed",
            stats.commits,
        )?;
        page.counter(
            "tidings_store_writes",
            "Writes in those transactions",
            stats.writes,
        )?;
        page.counter(
            "tidings_store_commit_seconds",
            "Time spent on transactions",
            stats.commit_time.as_secs_f64(),
        )?;
        page.gauge(
            "tidings_store_largest_batch",
            "The most writes that one transaction had",
            stats.largest_batch,
        )?;
        page.gauge(
            "tidings_store_longest_commit_seconds",
            "The longest that one transaction took",
            stats.longest_commit.as_secs_f64(),
        )?;
        page.counter(
            "tidings_store_failures",
            "Writes that the database failed",
            stats.failures,
        )?;
        page.counter("tidings_store_reads", "Reads that were done", stats.reads)?;
        page.counter(
            "tidings_store_read_seconds",
            "Time spent on reads",
            stats.read_time.as_secs_f64(),
        )
    }
}

/// What the process uses up, and which program it is.
#[derive(Debug)]
pub(super) struct Process;

impl Source for Process {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        page.info(
            "tidings_build",
            "The program",
            &[("version", env!("CARGO_PKG_VERSION"))],
        )?;
        page.counter(
            "process_cpu_seconds",
            "Time that processors have spent",
            process::cpu().as_secs_f64(),
        )?;
        if let Some(bytes) = process::memory() {
            page.gauge(
                "process_resident_memory_bytes",
                "Memory that is in use",
                bytes,
            )?;
        }
        if let Some(open) = process::open_files() {
            page.gauge("process_open_fds", "Files and sockets that are open", open)?;
        }
        if let Some(most) = process::most_files() {
            page.gauge("process_max_fds", "Files and sockets that may be", most)?;
        }
        Ok(())
    }
}
