//! A dashboard: the same numbers by polling, long-polling, Server-Sent Events and WebSocket, side
//! by side on one page, which counts what each of them costs and how old its numbers are.
//!
//! The numbers are published once. Whoever polls asks for the last of them; all others are in one
//! namespace, whatever carries them.

use std::time::Duration;

use anyhow::Context;
use axum::{Json, Router, response::Html, routing};
use jiff::Timestamp;
use serde::Serialize;
use tidings::{Hub, Namespace, Server, StreamConfig, WebSocketConfig};
use tokio::{net::TcpListener, sync::watch, time::MissedTickBehavior};

/// What a panel shows.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Numbers {
    tick: u64,
    /// Milliseconds since 1970, by which a page on the same machine knows how old they are.
    sent_at: i64,
    connections: usize,
    /// Messages that were sent since the start.
    deliveries: u64,
}

async fn publish(server: Server, hub: Hub, last: watch::Sender<Numbers>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for tick in 1.. {
        ticks.tick().await;
        let numbers = Numbers {
            tick,
            sent_at: Timestamp::now().as_millisecond(),
            connections: server.connections(),
            deliveries: server.stats().deliveries.get(),
        };
        last.send_replace(numbers.clone());
        if let Err(error) = hub.everyone().emit("numbers", &numbers) {
            eprintln!("the numbers were not sent: {error}");
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = Server::builder()
        .namespace("/", Namespace::new())
        .long_poll("/poll", StreamConfig::new(), "/")
        .event_stream("/sse", StreamConfig::new(), "/")
        .envelope("/ws", WebSocketConfig::new(), "/")
        .build()?;

    let every = std::env::var("TICK_MS").unwrap_or_else(|_| "1000".to_owned());
    let every = Duration::from_millis(every.parse()?);
    let hub = server.hub("/").context("the namespace is there")?;
    let (last, numbers) = watch::channel(Numbers::default());
    tokio::spawn(publish(server.clone(), hub, last, every));
    let last = async move || Json(numbers.borrow().clone());
    let pages = Router::new()
        .route(
            "/",
            routing::get(async || Html(include_str!("dashboard.html"))),
        )
        .route("/numbers", routing::get(last));

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(server.serve_with(listener, pages).await?)
}
