//! The room in which the server says how busy it is.

use std::time::Duration;

use tidings::{Hub, Server};
use tokio::time::MissedTickBehavior;

use super::process;
use crate::{
    app::App,
    channel, clock,
    events::{Connections, Event as _, ServerMetrics},
    registry::log_unsent,
};

/// How often it does.
const EVERY: Duration = Duration::from_secs(1);

/// Tells whoever is in the room, for as long as it is polled. While nobody is there it says
/// nothing.
pub(crate) async fn report(app: &App, server: &Server, hub: &Hub) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(room) = app.config().metrics.room.clone() else {
            continue;
        };
        let room = &room;
        let occupied = app.rooms().with(room, |it| !it.members().is_empty());
        if occupied == Some(true) {
            let here = hub.to(channel::of_room(room)).volatile();
            log_unsent(here.emit(ServerMetrics::NAME, &now(app, server)));
        }
    }
}

fn now(app: &App, server: &Server) -> ServerMetrics {
    let (stats, transports) = (server.stats(), server.transports());
    ServerMetrics {
        timestamp: clock::rfc3339(clock::now()),
        connections: Connections {
            socketio: transports.engine,
            ws: transports.websocket,
            sse: transports.event_stream,
            poll: transports.long_poll,
        },
        users: app.presence().len(),
        rooms: app.rooms().occupied(),
        messages: app.metrics().messages.get(),
        deliveries: stats.deliveries.get(),
        bytes_sent: stats.bytes_out.get(),
        bytes_received: stats.bytes_in.get(),
        memory_bytes: process::memory(),
        cpu_seconds: process::cpu().as_secs_f64(),
    }
}
