//! Commands over HTTP.

use std::{sync::Arc, time::Duration};

use rmpv::Value as Pack;
use serde_json::{Value, json};
use tidings::{Ack, CloseReason, Namespace, RpcConfig, Server, Socket, StreamConfig};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::{Notify, mpsc::unbounded_channel},
};

use super::{
    builder,
    client::{Events, ask, command},
    hall,
};
use crate::support::{Running, eventually, soon};

const SESSION: &str = "?session=abcdefghij-KLMNOPQ_9";

async fn start(namespace: Namespace) -> Running {
    let server = builder(namespace, StreamConfig::new()).build().unwrap();
    Running::start(server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_answered_with_what_its_handler_answers() {
    let namespace = hall()
        .on("fail", async || Err::<(), _>("it did not work"))
        .on("later", async |ack: Option<Ack>| {
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                ack.unwrap().send("done").unwrap();
            });
        })
        .on("nothing", async || ())
        .on("panic", async || -> () { panic!("on purpose") });
    let running = start(namespace).await;
    let named = Events::open(running.address, SESSION).await;
    for session in ["", SESSION] {
        for (name, status, expected) in [
            ("echo", 200, json!({ "a": [1, null] })),
            ("fail", 200, json!({ "error": "it did not work" })),
            ("later", 200, json!("done")),
            ("nothing", 204, Value::Null),
            (
                "panic",
                500,
                json!({ "success": false, "code": "internal",
                    "error": "something went wrong within the server" }),
            ),
            (
                "what",
                404,
                json!({ "success": false, "code": "unknown_command",
                    "error": "there is no command \"what\"" }),
            ),
        ] {
            let sent = json!({ "type": name, "data": { "a": [1, null] }, "id": 7 });
            let answer = command(running.address, session, sent).await;
            assert_eq!(answer.status, status, "{name} {answer:?}");
            if status == 204 {
                assert_eq!(answer.body, b"");
            } else {
                assert_eq!(answer.json(), expected);
                assert_eq!(answer.header("content-type"), Some("application/json"));
            }
        }
    }
    assert_eq!(running.server.connections(), 1);
    drop(named);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messagepack_is_answered_with_messagepack() {
    let running = start(hall()).await;
    let msgpack = [("content-type", "application/msgpack")];
    let pack = |value: &Value| rmp_serde::to_vec(value).unwrap();
    let sent = Pack::Map(vec![
        ("type".into(), "echo".into()),
        ("data".into(), Pack::Binary(vec![0, 159])),
    ]);
    let sent = rmp_serde::to_vec(&sent).unwrap();
    let answer = ask(running.address, "POST", "/rpc", &msgpack, sent).await;
    assert_eq!(answer.header("content-type"), Some("application/msgpack"));
    let value: Pack = rmp_serde::from_slice(&answer.body).unwrap();
    assert_eq!(value, Pack::Binary(vec![0, 159]));

    let answer = ask(running.address, "POST", "/rpc", &msgpack, pack(&json!([1]))).await;
    assert_eq!(answer.status, 400);
    let value: Value = rmp_serde::from_slice(&answer.body).unwrap();
    assert_eq!(value["error"], "message is not an object");
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_of_no_session_comes_from_a_client_of_its_own() {
    let (tell, mut told) = unbounded_channel();
    let namespace = Namespace::new()
        .on("who", async |socket: Socket, ack: Option<Ack>| {
            assert!(socket.session().is_none());
            // It has nowhere to hear of this.
            socket.emit("lost", &"x".repeat(10_000)).unwrap();
            socket.connection().send_text("lost");
            let answer = json!([socket.id(), socket.connection().transport()]);
            ack.unwrap().send(&answer).unwrap();
        })
        .on_disconnect(move |socket: Socket, reason: CloseReason| {
            tell.send((socket.id(), reason)).unwrap();
            std::future::ready(())
        });
    let running = start(namespace).await;
    let answer = command(running.address, "", json!({ "type": "who" })).await;
    let (id, reason) = soon(told.recv()).await.unwrap();
    assert_eq!(reason, CloseReason::TransportClose);
    assert_eq!(answer.json(), json!([id, "rpc"]));
    assert_eq!(running.server.connections(), 0);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_command_is_said() {
    let namespace = hall().on("never", async |ack: Option<Ack>| {
        let _kept = ack;
        std::future::pending::<()>().await;
    });
    let config = RpcConfig::new()
        .max_payload(100)
        .timeout(Duration::from_millis(200));
    let server = Server::builder()
        .namespace("/", namespace)
        .event_stream("/sse", StreamConfig::new(), "/")
        .rpc("/rpc", config, "/")
        .build();
    let running = Running::start(server.unwrap()).await;
    let long = format!(r#"{{"type":"echo","data":"{}"}}"#, "x".repeat(100));
    let unknown = [("x-tidings-session", &SESSION[9..])];
    let lie = [("authorization", "Bearer lie")];
    let text = [("content-type", "text/plain")];
    for (headers, body, status, code) in [
        (&[][..], "{", 400, "bad_request"),
        (&[], "[]", 400, "bad_request"),
        (&[], r#"{"type":1}"#, 400, "bad_request"),
        (&[], "\u{0}", 400, "bad_request"),
        (&[], &long, 413, "too_large"),
        (&text, r#"{"type":"echo"}"#, 415, "unsupported_media_type"),
        (&unknown, r#"{"type":"echo"}"#, 404, "unknown_session"),
        (&lie, r#"{"type":"echo"}"#, 401, "invalid_token"),
        (&[], r#"{"type":"never"}"#, 504, "timeout"),
    ] {
        let answer = ask(running.address, "POST", "/rpc", headers, body).await;
        assert_eq!(answer.status, status, "{body}");
        let told = answer.json();
        assert_eq!(
            (&told["success"], &told["code"]),
            (&json!(false), &json!(code))
        );
        assert!(told["error"].as_str().is_some_and(|it| !it.is_empty()));
    }
    let chunked = "POST /rpc HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    socket.write_all(chunked.as_bytes()).await.unwrap();
    socket.write_all(b"ff\r\n").await.unwrap();
    socket.write_all(&[b'x'; 255]).await.unwrap();
    let mut answer = vec![0; 12];
    soon(tokio::io::AsyncReadExt::read_exact(
        &mut socket,
        &mut answer,
    ))
    .await
    .unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    assert_eq!(running.server.connections(), 0);
    assert_eq!(running.server.hub("/").unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_given_up_leaves_nothing() {
    let begun = Arc::new(Notify::new());
    let namespace = Namespace::new().on("never", {
        let begun = Arc::clone(&begun);
        move |ack: Option<Ack>| {
            begun.notify_one();
            async move {
                let _kept = ack;
                std::future::pending::<()>().await;
            }
        }
    });
    let running = start(namespace).await;
    let hub = running.server.hub("/").unwrap();
    let body = r#"{"type":"never"}"#;
    let request = format!(
        "POST /rpc HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    soon(begun.notified()).await;
    assert_eq!(hub.len(), 1);
    drop(socket);
    eventually(|| hub.is_empty() && running.server.connections() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_waits_for_its_session_to_join() {
    let gate = Arc::new(Notify::new());
    let namespace = hall().middleware({
        let gate = Arc::clone(&gate);
        move || {
            let gate = Arc::clone(&gate);
            async move { gate.notified().await }
        }
    });
    let running = start(namespace).await;
    let address = running.address;
    let events = tokio::spawn(Events::open(address, SESSION));
    eventually(|| running.server.connections() == 1).await;
    let echo = json!({ "type": "echo", "data": 1 });
    let asked = tokio::spawn(async move { command(address, SESSION, echo).await });
    gate.notify_one();
    assert_eq!(soon(asked).await.unwrap().json(), json!(1));
    soon(events).await.unwrap();
    running.close().await;
}
