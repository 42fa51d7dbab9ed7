//! Handlers: what they are called with, what their answers become, and when they run.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::Deserialize;
use serde_json::{Value, json};
use tidings::{
    Ack, Args, Auth, CloseReason, Data, EventInfo, EventName, Extension, Handshake, Hub, Limits,
    Namespace, Rejection, Reply, Server, Socket, SocketIo, State, args,
};
use tokio::sync::{
    Notify, Semaphore,
    mpsc::{UnboundedReceiver, unbounded_channel},
};

use crate::support::{Running, Sio, eventually, soon};

#[derive(Clone)]
struct App {
    name: &'static str,
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
}

async fn everything(
    socket: Socket,
    Data(first): Data<u32>,
    args: Args,
    Auth(auth): Auth<Credentials>,
    State(app): State<App>,
    EventName(name): EventName,
) -> Reply<Value> {
    Reply(json!({
        "first": first,
        "second": args.get::<Option<String>>(1).unwrap(),
        "args": args.len(),
        "user": auth.user,
        "app": app.name,
        "event": &*name,
        "connected": socket.is_connected(),
    }))
}

async fn surroundings(hub: Hub, handshake: Handshake, ack: Option<Ack>) {
    let answer = json!([
        hub.name(),
        hub.len(),
        handshake.query("room"),
        handshake.is_secure()
    ]);
    ack.unwrap().send(&answer).unwrap();
}

#[derive(Clone)]
struct Nickname(String);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_takes_what_is_kept_with_a_socket_is_not_called_for_one_without_it() {
    let namespace = Namespace::new()
        .on("be", async |socket: Socket, Data(name): Data<String>| {
            Reply(socket.insert(Nickname(name)).is_some())
        })
        .on(
            "who",
            async |Extension(Nickname(name)): Extension<Nickname>| Reply(name),
        );
    let running = Running::socketio(namespace).await;
    let mut client = Sio::connect(running.address).await;
    let refused = json!([{
        "error": "what the socket should have is not to be had for this event"
    }]);
    assert_eq!(client.ask(json!(["who"])).await, refused);
    assert_eq!(client.ask(json!(["be", "ann"])).await, json!([false]));
    assert_eq!(client.ask(json!(["who"])).await, json!(["ann"]));
    let mut other = Sio::connect(running.address).await;
    assert_eq!(other.ask(json!(["who"])).await, refused);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_extracted_from_the_event() {
    let namespace = Namespace::new()
        .on("everything", everything)
        .on("surroundings", surroundings)
        .on("optional", async |Data(it): Data<Option<u8>>| {
            Reply(json!({ "it": it }))
        })
        .on("asked", async |ack: Option<Ack>, socket: Socket| {
            socket.emit("was", &ack.is_some()).unwrap();
        })
        .with_state(App { name: "tests" });
    let running = Running::socketio(namespace).await;
    let mut client = Sio::open_with(running.address, "&room=%E7%BA%A2").await;
    client.join("/", json!({ "user": "ann" })).await.unwrap();

    let answer = client.ask(json!(["everything", 7, "two", null])).await;
    let expected = json!({
        "first": 7, "second": "two", "args": 3, "user": "ann", "app": "tests",
        "event": "everything", "connected": true,
    });
    assert_eq!(answer, json!([expected]));
    assert_eq!(
        client.ask(json!(["surroundings"])).await,
        json!([["/", 1, "红", false]])
    );
    assert_eq!(
        client.ask(json!(["optional", null])).await,
        json!([{ "it": null }])
    );
    assert_eq!(
        client.ask(json!(["optional", 5])).await,
        json!([{ "it": 5 }])
    );
    client.emit(json!(["asked"])).await;
    assert_eq!(client.event().await, json!(["was", false]));
    client.question(json!(["asked"])).await;
    assert_eq!(client.event().await, json!(["was", true]));
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_or_fails_is_answered_as_an_error() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let namespace = Namespace::new()
        .on("number", move |Data(n): Data<u32>| {
            counted.fetch_add(1, Ordering::SeqCst);
            ready(Reply(n))
        })
        .on("reason", async |_: CloseReason| ())
        .on("auth", async |Auth(auth): Auth<Credentials>| {
            Reply(auth.user)
        })
        .on("fails", async || Err::<(), _>("it is Monday"))
        .on("waits and fails", async || {
            tokio::task::yield_now().await;
            Err::<Reply<u8>, _>(Rejection::Absent("patience"))
        })
        .on("nested", async || {
            Ok::<_, String>(Err::<Reply<u8>, _>("inside"))
        });
    let running = Running::socketio(namespace).await;
    let mut client = Sio::connect(running.address).await;

    for arguments in [
        json!(["number", "seven"]),
        json!(["number"]),
        json!(["number", -1]),
    ] {
        let answer = client.ask(arguments).await;
        let error = answer[0]["error"].as_str().unwrap();
        assert!(error.starts_with("the arguments do not fit: "), "{error}");
    }
    let answer = client.ask(json!(["auth"])).await;
    let error = answer[0]["error"].as_str().unwrap();
    assert!(
        error.starts_with("the authentication does not fit: "),
        "{error}"
    );
    for (event, error) in [
        ("reason", "a reason is not to be had for this event"),
        ("fails", "it is Monday"),
        (
            "waits and fails",
            "patience is not to be had for this event",
        ),
        ("nested", "inside"),
    ] {
        assert_eq!(
            client.ask(json!([event])).await,
            json!([{ "error": error }])
        );
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    // Without a question there is no answer, and nothing else happens either.
    client.emit(json!(["number", "seven"])).await;
    client.emit(json!(["fails"])).await;
    assert_eq!(client.ask(json!(["number", 3])).await, json!([3]));
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fallback_gets_what_nobody_else_handles() {
    let namespace = Namespace::new()
        .on("known", async || Reply("mine"))
        .fallback(async |EventName(name): EventName, args: Args| {
            Reply((name.to_string(), args.len()))
        });
    let running = Running::socketio(namespace).await;
    let mut client = Sio::connect(running.address).await;
    assert_eq!(client.ask(json!(["known"])).await, json!(["mine"]));
    assert_eq!(
        client.ask(json!(["unknown", 1, 2])).await,
        json!([["unknown", 2]])
    );
    assert_eq!(client.ask(json!(["未知"])).await, json!([["未知", 0]]));
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_middleware_changes_and_refuses_events_in_order() {
    let namespace = Namespace::new()
        .event_middleware(async |event: EventInfo| {
            if &*event.name == "forbidden" {
                tokio::task::yield_now().await;
                return Err("not you");
            }
            Ok(event.args)
        })
        .event_middleware(async |event: EventInfo| {
            let mut args = event.args.clone();
            args.push("first").map_err(|error| error.to_string())?;
            Ok::<_, String>(args)
        })
        .event_middleware(async |event: EventInfo| {
            let mut args = event.args.clone();
            args.push("second").map_err(|error| error.to_string())?;
            Ok::<_, String>(args)
        })
        .fallback(async |args: Args| args);
    let running = Running::socketio(namespace).await;
    let mut client = Sio::connect(running.address).await;
    assert_eq!(
        client.ask(json!(["echo", 1])).await,
        json!([1, "first", "second"])
    );
    let refusal = json!([{ "error": "not you" }]);
    assert_eq!(client.ask(json!(["forbidden", 1])).await, refusal);
    client.emit(json!(["forbidden"])).await;
    assert_eq!(
        client.ask(json!(["echo"])).await,
        json!(["first", "second"])
    );
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_hear_all_that_comes_in_and_goes_out() {
    let (heard, mut incoming) = unbounded_channel();
    let (told, mut outgoing) = unbounded_channel();
    let namespace = Namespace::new()
        .on_any(move |_, name, args| heard.send((name.to_owned(), args.len())).unwrap())
        .on_any_outgoing(move |socket, name, _| told.send((socket.id(), name.to_owned())).unwrap())
        .on("hello", async |socket: Socket| {
            socket.emit("one", args![1])?;
            socket.hub().everyone().emit("all", args![])?;
            Ok::<_, tidings::EmitError>(Reply("an answer is no event"))
        });
    let running = Running::socketio(namespace).await;
    let mut ann = Sio::open(running.address).await;
    let ann_id = ann.join("/", json!({})).await.unwrap();
    let mut bob = Sio::open(running.address).await;
    let bob_id = bob.join("/", json!({})).await.unwrap();
    ann.question(json!(["hello", 1, 2])).await;
    assert_eq!(bob.event().await, json!(["all"]));
    bob.emit(json!(["nobody handles this"])).await;

    assert_eq!(soon(incoming.recv()).await, Some(("hello".to_owned(), 2)));
    assert_eq!(
        soon(incoming.recv()).await,
        Some(("nobody handles this".to_owned(), 0))
    );
    let mut told = Vec::new();
    for _ in 0..3 {
        let (id, name) = soon(outgoing.recv()).await.unwrap();
        told.push((id.to_string(), name));
    }
    told.sort_by_key(|(id, name)| (name.clone(), *id != ann_id));
    let expected = [(&ann_id, "all"), (&bob_id, "all"), (&ann_id, "one")];
    assert_eq!(
        told,
        expected.map(|(id, name)| (id.clone(), name.to_owned()))
    );
    assert!(outgoing.try_recv().is_err());
    drop((ann, bob));
    running.close().await;
}

/// What the handlers of a departure saw: the reason and the rooms at that time.
type Departure = (&'static str, CloseReason, Vec<String>);

async fn departures() -> (Running, UnboundedReceiver<Departure>) {
    let (sender, receiver) = unbounded_channel();
    let tell = move |when: &'static str| {
        let sender = sender.clone();
        move |socket: Socket, reason: CloseReason| {
            let rooms = socket
                .rooms()
                .iter()
                .skip(1)
                .map(|room| room.to_string())
                .collect();
            ready(sender.send((when, reason, rooms)).unwrap())
        }
    };
    let namespace = Namespace::new()
        .on_connect(async |socket: Socket| socket.join("den").unwrap())
        .on("kick", async |socket: Socket, Data(close): Data<bool>| {
            socket.disconnect(close)
        })
        .on("cut", async |socket: Socket| socket.connection().cut())
        .on_disconnecting(tell("before"))
        .on_disconnect(tell("after"));
    (Running::socketio(namespace).await, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_departure_is_told_once_before_and_once_after_with_its_reason() {
    let (running, mut receiver) = departures().await;
    let mut expect = async |reason| {
        let rooms = vec!["den".to_owned()];
        assert_eq!(soon(receiver.recv()).await, Some(("before", reason, rooms)));
        assert_eq!(soon(receiver.recv()).await, Some(("after", reason, vec![])));
    };

    let mut client = Sio::connect(running.address).await;
    client.send("1").await;
    expect(CloseReason::ClientNamespaceDisconnect).await;
    // It may come back on the same connection.
    client.join("/", json!({})).await.unwrap();
    client.emit(json!(["kick", false])).await;
    assert_eq!(client.packet().await, "1");
    expect(CloseReason::ServerNamespaceDisconnect).await;
    client.join("/", json!({})).await.unwrap();
    drop(client);
    expect(CloseReason::TransportClose).await;

    let mut client = Sio::connect(running.address).await;
    client.emit(json!(["kick", true])).await;
    assert_eq!(client.packet().await, "1");
    client.ws.closed().await;
    expect(CloseReason::ServerNamespaceDisconnect).await;

    let mut client = Sio::connect(running.address).await;
    client.emit(json!(["cut"])).await;
    assert_eq!(client.ws.closed().await, None);
    expect(CloseReason::ForcedClose).await;

    let mut client = Sio::connect(running.address).await;
    client.ws.send("9").await;
    client.ws.closed().await;
    expect(CloseReason::ParseError).await;

    // A last one stays until the server closes.
    let mut client = Sio::connect(running.address).await;
    let closing = tokio::spawn(running.close());
    client.ws.closed().await;
    soon(closing).await.unwrap();
    expect(CloseReason::ServerShuttingDown).await;
    assert_eq!(soon(receiver.recv()).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_ends_its_handler_and_nothing_else() {
    let namespace = Namespace::new()
        .on("at once", async |Data(panics): Data<bool>| {
            assert!(!panics, "a handler's panic")
        })
        .on("later", async |Data(panics): Data<bool>| {
            tokio::task::yield_now().await;
            assert!(!panics, "a handler's panic");
        })
        .on("well", async || Reply("well"));
    let running = Running::socketio(namespace).await;
    let mut client = Sio::connect(running.address).await;
    let mut other = Sio::connect(running.address).await;
    let panics = || running.server.stats().handler_panics.get();
    client.question(json!(["at once", true])).await;
    assert_eq!(client.ask(json!(["well"])).await, json!(["well"]));
    assert_eq!(panics(), 1);
    client.question(json!(["later", true])).await;
    eventually(|| panics() == 2).await;
    client.emit(json!(["at once", false])).await;
    client.emit(json!(["later", false])).await;
    assert_eq!(client.ask(json!(["well"])).await, json!(["well"]));
    assert_eq!(other.ask(json!(["well"])).await, json!(["well"]));
    assert_eq!((panics(), running.server.connections()), (2, 2));
    drop((client, other));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_wait_overlap() {
    let bell = Arc::new(Notify::new());
    let waiting = Arc::clone(&bell);
    let namespace = Namespace::new()
        .on("wait", move || {
            let bell = Arc::clone(&waiting);
            async move {
                bell.notified().await;
                Reply("rung")
            }
        })
        .on("ring", move || {
            bell.notify_one();
            ready(Reply("ringing"))
        });
    let running = Running::socketio(namespace).await;
    let mut client = Sio::connect(running.address).await;
    let wait = client.question(json!(["wait"])).await;
    let ring = client.question(json!(["ring"])).await;
    let mut answers = [client.packet().await, client.packet().await];
    answers.sort();
    assert_eq!(
        answers,
        [
            format!("3{wait}[\"rung\"]"),
            format!("3{ring}[\"ringing\"]")
        ]
    );
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_not_read_from_while_too_many_of_its_handlers_run() {
    const LIMIT: usize = 3;
    const EVENTS: usize = 20;
    // More than is read at a time, so that no read completes two events.
    const BYTES: usize = 100_000;

    let gate = Arc::new(Semaphore::new(0));
    let (begun, mut beginnings) = unbounded_channel();
    let running_now = Arc::new(AtomicUsize::new(0));
    let namespace = Namespace::new().on("work", {
        let gate = Arc::clone(&gate);
        move || {
            let now = running_now.fetch_add(1, Ordering::SeqCst) + 1;
            begun.send(now).unwrap();
            let (gate, running_now) = (Arc::clone(&gate), Arc::clone(&running_now));
            async move {
                let permit = gate.acquire().await.unwrap();
                running_now.fetch_sub(1, Ordering::SeqCst);
                permit.forget();
            }
        }
    });
    let mut limits = Limits::default();
    limits.handlers_in_flight = LIMIT;
    let builder = Server::builder()
        .limits(limits)
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new());
    let running = Running::start(builder.build().unwrap()).await;
    let mut client = Sio::connect(running.address).await;
    let sending = tokio::spawn(async move {
        let load = "x".repeat(BYTES);
        for _ in 0..EVENTS {
            client.emit(json!(["work", load])).await;
        }
        client
    });
    for started in 1..=EVENTS {
        let now = soon(beginnings.recv()).await.unwrap();
        assert!(now <= LIMIT, "{now} handlers run at once");
        if started >= LIMIT {
            let read = running.server.stats().bytes_in.get();
            // At most what completed the last event, and one more read.
            let bound = (started * (BYTES + 20) + 2 * 64 * 1024) as u64;
            assert!(read <= bound, "{read} bytes were read for {started} events");
            gate.add_permits(1);
        }
    }
    let client = soon(sending).await.unwrap();
    gate.add_permits(EVENTS);
    drop(client);
    running.close().await;
}
