//! `info`: what there is of the server, and how busy it is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Nothing;
use crate::{api::request::Request, clock, fault::Fault, limits::meters::Limit, metrics::process};

/// The nodes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Info {
    nodes: Vec<Node>,
}

/// One node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Node {
    /// Another one each time that the node starts.
    node_id: String,
    version: &'static str,
    /// When this was so. Rates are differences of two answers over the time between them.
    timestamp: String,
    uptime_seconds: u64,
    /// Connections, whether anybody has signed in on them or not.
    connections: usize,
    /// The same by transport.
    transports: Transports,
    /// Users who are online, and those who are invisible.
    users: usize,
    /// Rooms that somebody is in.
    rooms: usize,
    /// Messages that were stored since the start.
    messages: u64,
    /// Events that were queued for somebody since the start, once for each recipient.
    deliveries: u64,
    /// Bytes that clients were sent since the start.
    bytes_sent: u64,
    /// Bytes that clients have sent since the start.
    bytes_received: u64,
    /// Bytes that wait to be written to clients.
    queue_bytes: u64,
    /// Bytes of memory that the process has in use, where the system says.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Seconds that processors have spent on it.
    cpu_seconds: f64,
    /// How often each limit has refused somebody since the start.
    refused: BTreeMap<&'static str, u64>,
}

/// Connections by transport.
#[derive(Debug, Serialize, JsonSchema)]
struct Transports {
    socketio: usize,
    ws: usize,
    sse: usize,
    poll: usize,
    rpc: usize,
}

/// Says what there is.
pub(super) async fn info(request: Request, _: Nothing) -> Result<Info, Fault> {
    let (app, server) = (&request.app, &request.server);
    let (stats, transports) = (server.stats(), server.transports());
    // The store counts by itself whom it turns away.
    let overloaded = (Limit::StoreQueue.word(), app.store().stats().overloaded);
    let refusals = app.guard().refusals();
    let refused = refusals.map(|(limit, count)| (limit.word(), count));
    let node = Node {
        node_id: app.node_id().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        timestamp: clock::rfc3339(clock::now()),
        uptime_seconds: app.uptime().as_secs(),
        connections: server.connections(),
        transports: Transports {
            socketio: transports.engine,
            ws: transports.websocket,
            sse: transports.event_stream,
            poll: transports.long_poll,
            rpc: transports.rpc,
        },
        users: app.presence().len(),
        rooms: app.rooms().occupied(),
        messages: app.metrics().messages.get(),
        deliveries: stats.deliveries.get(),
        bytes_sent: stats.bytes_out.get(),
        bytes_received: stats.bytes_in.get(),
        queue_bytes: server.queued().bytes as u64,
        memory_bytes: process::memory(),
        cpu_seconds: process::cpu().as_secs_f64(),
        refused: refused.chain([overloaded]).collect(),
    };
    Ok(Info { nodes: vec![node] })
}
