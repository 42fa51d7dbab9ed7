//! How long clients of plain HTTP are connections, and what outlives them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tidings::{Admission, Handshake, Permit, Refusal, StreamConfig};

use super::{
    builder,
    client::{Events, after, ask, command, poll},
    hall,
};
use crate::support::{Running, eventually, soon};

const SESSION: &str = "?session=abcdefghij-KLMNOPQ_9";

/// Counts whom it was asked about; an `Arc` for each who is there.
#[derive(Clone, Default)]
struct Door {
    asked: Arc<AtomicUsize>,
    inside: Arc<()>,
}

impl Admission for Door {
    fn admit(&self, handshake: &Handshake) -> Result<Permit, Refusal> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if handshake.query("refuse").is_some() {
            let refusal = Refusal::too_many_requests("too many of you");
            return Err(refusal.retry_after(Duration::from_secs(7)));
        }
        Ok(Permit::holding(Arc::clone(&self.inside)))
    }
}

impl Door {
    async fn is(&self, asked: usize, inside: usize) {
        eventually(|| Arc::strong_count(&self.inside) == inside + DOORS).await;
        assert_eq!(self.asked.load(Ordering::SeqCst), asked);
    }
}

/// The test's own door, and the server's.
const DOORS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_polls_and_commands_are_admitted_once_for_each_connection() {
    let door = Door::default();
    let server = builder(hall(), StreamConfig::new()).admission(door.clone());
    let running = Running::start(server.build().unwrap()).await;
    let address = running.address;

    let events = Events::open(address, SESSION).await;
    door.is(1, 1).await;
    let echo = json!({ "type": "echo", "data": 1 });
    assert_eq!(command(address, SESSION, echo.clone()).await.status, 200);
    door.is(1, 1).await;
    assert_eq!(command(address, "", echo).await.status, 200);
    door.is(2, 1).await;
    let first = poll(address, "").await;
    door.is(3, 2).await;
    running
        .server
        .hub("/")
        .unwrap()
        .everyone()
        .emit("said", &1)
        .unwrap();
    poll(address, &after(&first)).await;
    door.is(3, 2).await;
    drop(events);
    door.is(3, 1).await;
    // Who is refused by middleware leaves nothing behind.
    assert_eq!(
        ask(address, "GET", "/sse?token=lie", &[], "").await.status,
        401
    );
    door.is(4, 1).await;

    for (method, path) in [("GET", "/sse"), ("GET", "/poll"), ("POST", "/rpc")] {
        let path = format!("{path}?refuse=1");
        let answer = ask(address, method, &path, &[], r#"{"type":"echo"}"#).await;
        assert_eq!(answer.status, 429);
        assert_eq!(answer.header("retry-after"), Some("7"));
        let code = "too_many_requests";
        let told = json!({ "success": false, "code": code, "error": "too many of you" });
        assert_eq!(answer.json(), told);
    }
    door.is(7, 1).await;
    assert_eq!(running.server.stats().connections_refused.get(), 3);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_a_restart_of_the_server() {
    let server = builder(hall(), StreamConfig::new()).build().unwrap();
    let running = Running::start(server.clone()).await;
    let mut events = Events::open(running.address, SESSION).await;
    let before = events.event().await;
    let joined = json!({ "type": "join", "data": "tea" });
    assert_eq!(command(running.address, SESSION, joined).await.status, 200);
    let first = poll(running.address, "").await;
    running.close().await;
    assert!(events.end().await);

    let server = builder(hall(), StreamConfig::new()).recover_from(server.recovery_snapshot());
    let running = Running::start(server.build().unwrap()).await;
    let hub = running.server.hub("/").unwrap();
    hub.to("tea").emit("said", &1).unwrap();
    hub.to("hall").emit("said", &2).unwrap();
    let query = format!("{SESSION}&lastEventId={}", before.id);
    let mut events = Events::open(running.address, &query).await;
    events.expect("said", json!(1)).await;
    events.expect("said", json!(2)).await;
    let welcome = events.event().await;
    assert_eq!(welcome.data["id"], before.data["id"]);
    assert_eq!(welcome.data["recovered"], true);

    let second = poll(running.address, &after(&first)).await;
    assert_eq!(second["recovered"], true);
    assert_eq!(second["events"][0], json!({ "type": "said", "data": 2 }));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_takes_no_more_of_them() {
    let server = builder(hall(), StreamConfig::new()).build().unwrap();
    // Behind another listener, which goes on.
    let app = axum::Router::new().fallback_service(server.service());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut events = Events::open(address, SESSION).await;
    assert_eq!(events.event().await.name, "welcome");
    let waiting = tokio::spawn(async move { poll(address, "").await });
    assert_eq!(soon(waiting).await.unwrap()["events"][0]["type"], "welcome");
    soon(server.close()).await;
    assert!(events.end().await);
    assert_eq!(server.connections(), 0);
    for (method, path) in [("GET", "/sse"), ("GET", "/poll"), ("POST", "/rpc")] {
        let answer = ask(address, method, path, &[], r#"{"type":"echo"}"#).await;
        assert_eq!(answer.status, 503, "{path}");
    }
    serving.abort();
}
