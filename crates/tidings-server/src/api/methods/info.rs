//! `info`: what there is of the server.

use schemars::JsonSchema;
use serde::Serialize;

use super::Nothing;
use crate::{api::request::Request, fault::Fault};

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
    uptime_seconds: u64,
    /// Connections, whether anybody has signed in on them or not.
    connections: usize,
    /// Users who are online, and those who are invisible.
    users: usize,
    /// Rooms that somebody is in.
    rooms: usize,
}

/// Says what there is.
pub(super) async fn info(request: Request, _: Nothing) -> Result<Info, Fault> {
    let app = &request.app;
    let node = Node {
        node_id: app.node_id().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.uptime().as_secs(),
        connections: request.server.connections(),
        users: app.presence().len(),
        rooms: app.rooms().occupied(),
    };
    Ok(Info { nodes: vec![node] })
}
