//! Event streams.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings::{CloseReason, Cors, Limits, Namespace, RecoveryConfig, Server, Socket, StreamConfig};
use tokio::sync::mpsc::unbounded_channel;

use super::{
    builder,
    client::{Events, ask, command},
    hall,
};
use crate::support::{Running, eventually, soon};

const SESSION: &str = "?session=abcdefghij-KLMNOPQ_9";

async fn start() -> Running {
    let server = builder(hall(), StreamConfig::new()).build().unwrap();
    Running::start(server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_says_what_it_is() {
    let running = start().await;
    let mut events = Events::open(running.address, "").await;
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.header("cache-control"), Some("no-store"));
    assert_eq!(events.header("x-accel-buffering"), Some("no"));
    let welcome = events.event().await;
    assert_eq!(welcome.name, "welcome");
    assert_eq!(welcome.data["recovered"], false);
    assert_eq!(welcome.data["session"].as_str().unwrap().len(), 20);
    assert_ne!(welcome.id, "");
    running.close().await;
    assert!(events.end().await, "the stream was cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_back_to_its_session_misses_nothing() {
    let running = start().await;
    let hub = running.server.hub("/").unwrap();
    let mut events = Events::open(running.address, SESSION).await;
    let before = events.event().await;
    let joined = command(
        running.address,
        SESSION,
        json!({ "type": "join", "data": "tea" }),
    )
    .await;
    assert_eq!(
        joined.json(),
        json!({ "id": before.data["id"], "via": "sse" })
    );
    let note = json!({ "type": "note", "data": "sugar" });
    assert_eq!(command(running.address, SESSION, note).await.status, 204);
    hub.to("tea").emit("said", &1).unwrap();
    events.expect("said", json!(1)).await;
    let last_id = events.last_id.clone();
    drop(events);
    eventually(|| hub.is_empty()).await;
    hub.to("tea").emit("said", &2).unwrap();
    hub.to("coffee").emit("said", "not for tea").unwrap();
    hub.everyone().emit("said", &3).unwrap();

    let back = [("last-event-id", &*last_id)];
    let mut events = Events::open_with(running.address, SESSION, &back).await;
    events.expect("said", json!(2)).await;
    events.expect("said", json!(3)).await;
    let mut again = before.data.clone();
    again["recovered"] = json!(true);
    again["data"] = json!("sugar");
    events.expect("welcome", again).await;
    hub.to("tea").emit("said", &4).unwrap();
    events.expect("said", json!(4)).await;
    assert_eq!(running.server.stats().sessions_recovered.get(), 1);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_live_moves_to_the_connection_that_names_it() {
    let running = start().await;
    let hub = running.server.hub("/").unwrap();
    let mut old = Events::open(running.address, SESSION).await;
    let id = old.event().await.data["id"].clone();
    let query = format!("{SESSION}&lastEventId={}", old.last_id);
    let mut new = Events::open(running.address, &query).await;
    assert!(old.end().await, "the older stream was cut");
    let welcome = new.event().await;
    assert_eq!(
        (&welcome.data["id"], &welcome.data["recovered"]),
        (&id, &json!(true))
    );
    assert_eq!(hub.len(), 1);

    // With no place it begins anew, and nothing is replayed.
    let mut newest = Events::open(running.address, SESSION).await;
    assert!(new.end().await);
    let welcome = newest.event().await;
    assert_eq!(welcome.data["recovered"], false);
    assert_ne!(welcome.data["id"], id);
    hub.to("hall").emit("said", &1).unwrap();
    newest.expect("said", json!(1)).await;
    assert_eq!((hub.len(), running.server.connections()), (1, 1));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_without_a_session_is_enough_for_the_rooms_to_begin_with() {
    let running = start().await;
    let hub = running.server.hub("/").unwrap();
    let mut events = Events::open(running.address, "").await;
    let first = events.event().await;
    drop(events);
    eventually(|| hub.is_empty()).await;
    hub.to("hall").emit("said", &1).unwrap();
    hub.to("tea").emit("said", "not for the hall").unwrap();
    hub.everyone().emit("said", &2).unwrap();

    let query = format!("?lastEventId={}", first.id);
    let mut events = Events::open(running.address, &query).await;
    events.expect("said", json!(1)).await;
    events.expect("said", json!(2)).await;
    let welcome = events.event().await;
    assert_eq!(welcome.data["recovered"], true);
    assert_ne!(welcome.data["id"], first.data["id"]);

    // A place that nobody has ever been at is no place, and neither is one of another session.
    for query in [
        "?lastEventId=1-2",
        "?lastEventId=what",
        &format!("{SESSION}&cursor={}", first.id),
    ] {
        let mut events = Events::open(running.address, query).await;
        let welcome = events.event().await;
        assert_eq!(
            (&*welcome.name, &welcome.data["recovered"]),
            ("welcome", &json!(false))
        );
    }
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_recovery_there_are_sessions_and_no_places() {
    let server = Server::builder()
        .namespace("/", hall())
        .event_stream("/sse", StreamConfig::new(), "/")
        .rpc("/rpc", tidings::RpcConfig::new(), "/")
        .build();
    let running = Running::start(server.unwrap()).await;
    let mut events = Events::open(running.address, SESSION).await;
    let welcome = events.event().await;
    assert_eq!(
        (&*welcome.id, &welcome.data["session"]),
        ("", &json!(&SESSION[9..]))
    );
    let said = json!({ "type": "say", "data": ["hall", 1] });
    assert_eq!(command(running.address, SESSION, said).await.status, 204);
    events.expect("said", json!(1)).await;
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_stream_is_a_client_that_went() {
    let (tell, mut told) = unbounded_channel();
    let namespace = Namespace::new().on_disconnect(move |reason: CloseReason| {
        tell.send(reason).unwrap();
        std::future::ready(())
    });
    let server = builder(namespace, StreamConfig::new()).build().unwrap();
    let running = Running::start(server).await;
    drop(Events::open(running.address, "").await);
    assert_eq!(soon(told.recv()).await, Some(CloseReason::TransportClose));
    eventually(|| running.server.connections() == 0).await;
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_disconnected_gets_what_waits_and_the_end() {
    let namespace = Namespace::new().on("leave", async |socket: Socket| {
        socket.emit("bye", &1).unwrap();
        socket.disconnect(true);
    });
    let server = builder(namespace, StreamConfig::new()).build().unwrap();
    let running = Running::start(server).await;
    let hub = running.server.hub("/").unwrap();
    drop(Events::open(running.address, SESSION).await);
    eventually(|| hub.is_empty()).await;
    let mut events = Events::open(running.address, SESSION).await;
    let left = command(running.address, SESSION, json!({ "type": "leave" })).await;
    assert_eq!(left.status, 204);
    events.expect("bye", json!(1)).await;
    assert!(events.end().await);
    // That was somebody's decision: the session is not kept, nor the one before it.
    let query = format!("{SESSION}&lastEventId={}", events.last_id);
    let _back = Events::open(running.address, &query).await;
    assert_eq!(running.server.stats().sessions_recovered.get(), 0);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_closed_and_hurts_nobody() {
    let (tell, mut told) = unbounded_channel();
    let namespace = Namespace::new().on_disconnect(move |reason: CloseReason| {
        tell.send(reason).unwrap();
        std::future::ready(())
    });
    let mut limits = Limits::default();
    // More than a socket may come to buffer, so that what waits never fits into it.
    limits.outbox_bytes = 8 * 1024 * 1024;
    let builder = builder(namespace, StreamConfig::new()).limits(limits);
    let builder = builder.recovery(RecoveryConfig::new());
    let running = Running::start(builder.build().unwrap()).await;
    let hub = running.server.hub("/").unwrap();
    let mut slow = Events::open_narrow(running.address, "").await;
    let mut quick = Events::open(running.address, "").await;
    let text = Value::from("x".repeat(256 * 1024));
    let reason = soon(async {
        loop {
            hub.everyone().emit("much", &text).unwrap();
            quick.expect("much", text.clone()).await;
            if let Ok(reason) = told.try_recv() {
                return reason;
            }
        }
    })
    .await;
    assert_eq!(reason, CloseReason::SlowConsumer);
    assert_eq!(running.server.stats().outbox_overflows.get(), 1);
    assert_eq!(hub.len(), 1);
    // It still does not read. Its connection is cut, and not only given up by a server that waits
    // for everybody for 10 seconds.
    let begun = Instant::now();
    running.close().await;
    assert!(begun.elapsed() < Duration::from_secs(9));
    assert!(!slow.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_stream_is_kept_alive_by_comments() {
    let config = StreamConfig::new().keep_alive(Duration::from_millis(40));
    let running = Running::start(builder(Namespace::new(), config).build().unwrap()).await;
    let mut events = Events::open(running.address, "").await;
    // More of them than it would survive if nobody saw that they were taken.
    events.wait_for_comments(5).await;
    assert_eq!(running.server.stats().ping_timeouts.get(), 0);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_client_is_told_why() {
    let running = start().await;
    for path in ["/sse?token=lie", "/poll?token=lie"] {
        let answer = ask(running.address, "GET", path, &[], "").await;
        assert_eq!(answer.status, 401);
        let expected = json!({
            "success": false,
            "code": "invalid_token",
            "error": "that is not true",
            "hint": "be honest",
        });
        assert_eq!(answer.json(), expected);
    }
    let bearer = [("authorization", "Bearer lie")];
    let answer = ask(running.address, "GET", "/sse", &bearer, "").await;
    assert_eq!(answer.status, 401);
    assert_eq!(running.server.connections(), 0);
    let _events =
        Events::open_with(running.address, "", &[("authorization", "Bearer truth")]).await;
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_the_wrong_kind_are_refused() {
    let running = start().await;
    for (method, path, status) in [
        ("POST", "/sse", 405),
        ("HEAD", "/sse", 405),
        ("OPTIONS", "/sse", 405),
        ("POST", "/poll", 405),
        ("GET", "/rpc", 405),
        ("GET", "/sse?session=short", 400),
        ("GET", "/poll?session=short", 400),
    ] {
        let headers = [("connection", "close")];
        let head_only = method == "HEAD";
        let answer = if head_only {
            crate::support::http(running.address, method, path, "")
                .await
                .0
        } else {
            ask(running.address, method, path, &headers, "")
                .await
                .status
        };
        assert_eq!(answer, status, "{method} {path}");
    }
    assert_eq!(running.server.connections(), 0);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_other_origins_are_let_in_as_configured() {
    let cors = Cors::origins(["http://a.example"]).strict();
    let config = StreamConfig::new().cors(cors.clone());
    let server = Server::builder()
        .namespace("/", hall())
        .event_stream("/sse", config.clone(), "/")
        .long_poll("/poll", config, "/")
        .rpc("/rpc", tidings::RpcConfig::new().cors(cors), "/")
        .build();
    let running = Running::start(server.unwrap()).await;
    let address = running.address;
    let friend = [("origin", "http://a.example")];
    for (path, methods) in [
        ("/sse", "GET, OPTIONS"),
        ("/poll", "GET, OPTIONS"),
        ("/rpc", "POST, OPTIONS"),
    ] {
        let answer = ask(address, "OPTIONS", path, &friend, "").await;
        assert_eq!(answer.status, 204);
        let headers = "authorization, content-type, last-event-id, x-tidings-session";
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods));
        assert_eq!(answer.header("access-control-allow-headers"), Some(headers));
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(friend[0].1)
        );

        let method = &methods[..methods.find(',').unwrap()];
        let stranger = [("origin", "http://b.example")];
        let answer = ask(address, method, path, &stranger, "").await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let events = Events::open_with(address, "", &friend).await;
    assert_eq!(
        events.header("access-control-allow-origin"),
        Some(friend[0].1)
    );
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_connections_than_allowed_are_opened() {
    let mut limits = Limits::default();
    limits.connections = 1;
    let builder = builder(hall(), StreamConfig::new()).limits(limits);
    let running = Running::start(builder.build().unwrap()).await;
    let mut events = Events::open(running.address, SESSION).await;
    assert_eq!(events.event().await.name, "welcome");
    for (method, path, body) in [
        ("GET", "/sse", ""),
        ("GET", "/poll", ""),
        ("POST", "/rpc", r#"{"type":"echo"}"#),
    ] {
        let answer = ask(running.address, method, path, &[], body).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.json()["code"], "unavailable");
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
    // A command of a client that is connected opens nothing.
    let echo = json!({ "type": "echo", "data": 1 });
    assert_eq!(
        command(running.address, SESSION, echo).await.json(),
        json!(1)
    );
    running.close().await;
}
