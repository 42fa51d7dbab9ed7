//! What `rust_socketio` 0.6.0 can do, done against the server.
//!
//! What it cannot, so that nobody looks for it here:
//!
//! * It cannot answer an event that asks for an acknowledgement: its callbacks are not given the
//!   id. The server's question ends as unanswered.
//! * Binary data together with a question is sent as a BINARY_ACK packet, which is an answer.
//! * It takes an event without arguments for a `message` whose argument is the name.
//! * Of a binary event it knows the first attachment, and no other argument.
//! * Over polling it decodes each piece of a body that it reads from the network for itself, so an
//!   answer has to fit into one; what it sends may be longer.
//! * It cuts whatever it receives at 0x1e, which separates packets over polling, in binary data too.
//! * One client is in one namespace; each has a connection of its own.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use rust_socketio::{
    Payload, TransportType,
    asynchronous::{Client, ClientBuilder},
};
use serde_json::{Value, json};
use tidings::{
    AckError, Args, Auth, ConnectRefused, Data, EmitError, Namespace, Reply, Server, Socket,
    SocketIo, args,
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    server: Server,
    address: SocketAddr,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start() -> Self {
        let server = Server::builder()
            .namespace("/", chat())
            .namespace("/private", private())
            .socketio(
                "/socket.io/",
                SocketIo::new().engine(
                    // A message of 1 MB and its name are a little more than the default allows.
                    tidings::EngineConfig::new().max_payload(2_000_000),
                ),
            )
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn({
            let server = server.clone();
            async move { server.serve(listener).await }
        });
        Self {
            server,
            address,
            serving,
        }
    }

    fn client(&self, transport: TransportType) -> ClientBuilder {
        ClientBuilder::new(format!("http://{}/", self.address)).transport_type(transport)
    }

    async fn close(self) {
        timeout(PATIENCE, self.server.close()).await.unwrap();
        assert_eq!(self.server.connections(), 0);
        self.serving.await.unwrap().unwrap();
    }
}

fn chat() -> Namespace {
    Namespace::new()
        .on_connect(async |socket: Socket| socket.emit("welcome", &socket.recovered()))
        .on("echo", async |socket: Socket, args: Args| {
            socket.emit("echoed", args.clone())?;
            Ok::<_, EmitError>(args)
        })
        .on(
            "measure",
            async |socket: Socket, Data(text): Data<String>| socket.emit("measured", &text.len()),
        )
        .on("join", async |socket: Socket, Data(room): Data<String>| {
            socket.join(room).map(|()| Reply(true))
        })
        .on(
            "say",
            async |socket: Socket, Data(room): Data<String>, args: Args| {
                socket.hub().to(room).emit("said", args.slice(1..))
            },
        )
        .on("ask me", async |socket: Socket| {
            let question = socket.emit_with_ack("question", args!["?"]);
            let answer = question.timeout(Duration::from_millis(100)).await;
            socket.emit("unanswered", &matches!(answer, Err(AckError::Timeout)))
        })
        .on("cut me", async |socket: Socket| socket.connection().cut())
}

#[derive(serde::Deserialize)]
struct Credentials {
    token: Option<String>,
}

fn private() -> Namespace {
    Namespace::new()
        .middleware(
            async |Auth(auth): Auth<Credentials>| match auth.token.as_deref() {
                Some("secret") => Ok(()),
                _ => Err(ConnectRefused::new("who are you?")),
            },
        )
        .on_connect(async |socket: Socket| socket.emit("inside", &1))
}

/// Connects, with a channel of everything that arrives.
async fn connect(builder: ClientBuilder) -> (Client, UnboundedReceiver<(String, Payload)>) {
    let (sender, receiver) = unbounded_channel();
    let error = sender.clone();
    let builder = builder
        .on("error", move |payload, _| {
            let _ = error.send(("error".to_owned(), payload));
            std::future::ready(()).boxed()
        })
        .on_any(move |event, payload, _| {
            let _ = sender.send((event.to_string(), payload));
            std::future::ready(()).boxed()
        });
    (
        timeout(PATIENCE, builder.connect()).await.unwrap().unwrap(),
        receiver,
    )
}

/// The arguments of the next event, which has to have that name.
async fn next(events: &mut UnboundedReceiver<(String, Payload)>, name: &str) -> Vec<Value> {
    match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
        (event, Payload::Text(args)) if event == name => args,
        other => panic!("{other:?} is not {name}"),
    }
}

/// Asks, and waits for the answer.
async fn ask(client: &Client, event: &str, payload: impl Into<Payload>) -> Payload {
    let (sender, mut receiver) = unbounded_channel();
    let asked = client
        .emit_with_ack(event, payload, PATIENCE, move |answer, _| {
            sender.send(answer).unwrap();
            std::future::ready(()).boxed()
        })
        .await;
    asked.unwrap();
    timeout(PATIENCE, receiver.recv()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_answers_over_every_transport() {
    let running = Running::start().await;
    for transport in [
        TransportType::Websocket,
        TransportType::Polling,
        TransportType::WebsocketUpgrade,
    ] {
        let (client, mut events) = connect(running.client(transport)).await;
        assert_eq!(next(&mut events, "welcome").await, [json!(false)]);
        let payload = json!({ "text": "你好，世界 👋🏽", "n": 1.5, "none": null });
        let answer = ask(&client, "echo", payload.clone()).await;
        assert_eq!(
            next(&mut events, "echoed").await,
            std::slice::from_ref(&payload)
        );
        assert_eq!(answer, Payload::Text(vec![json!([payload])]));
        client
            .emit("echo", vec![json!(1), json!("two")])
            .await
            .unwrap();
        assert_eq!(next(&mut events, "echoed").await, [json!(1), json!("two")]);
        client.disconnect().await.unwrap();
    }
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_lets_into_a_namespace_or_not() {
    let running = Running::start().await;
    let builder = || {
        running
            .client(TransportType::Websocket)
            .namespace("/private")
    };
    let (inside, mut events) = connect(builder().auth(json!({ "token": "secret" }))).await;
    assert_eq!(next(&mut events, "inside").await, [json!(1)]);

    let (outside, mut events) =
        connect(builder().auth(json!({ "token": "?" })).reconnect(false)).await;
    let refusal = next(&mut events, "error").await;
    assert!(
        refusal[0].to_string().contains("who are you?"),
        "{refusal:?}"
    );
    assert_eq!(running.server.hub("/private").unwrap().len(), 1);
    inside.disconnect().await.unwrap();
    let _ = outside.disconnect().await;
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_shared_by_all_transports() {
    let running = Running::start().await;
    let (ann, mut anns) = connect(running.client(TransportType::Websocket)).await;
    let (bob, mut bobs) = connect(running.client(TransportType::Polling)).await;
    let (cem, mut cems) = connect(running.client(TransportType::Websocket)).await;
    for events in [&mut anns, &mut bobs, &mut cems] {
        next(events, "welcome").await;
    }
    for client in [&ann, &bob] {
        let joined = ask(client, "join", json!("茶室")).await;
        assert_eq!(joined, Payload::Text(vec![json!([true])]));
    }
    cem.emit("say", vec![json!("茶室"), json!("hello"), json!(2)])
        .await
        .unwrap();
    for events in [&mut anns, &mut bobs] {
        assert_eq!(next(events, "said").await, [json!("hello"), json!(2)]);
    }
    // Who is not in the room hears nothing of it: the next he gets is his own echo.
    cem.emit("echo", json!(1)).await.unwrap();
    assert_eq!(next(&mut cems, "echoed").await, [json!(1)]);
    for client in [ann, bob, cem] {
        client.disconnect().await.unwrap();
    }
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_come_back_as_they_went() {
    let running = Running::start().await;
    for (transport, size) in [
        (TransportType::Websocket, 70_000),
        (TransportType::Polling, 300),
    ] {
        let (client, mut events) = connect(running.client(transport)).await;
        next(&mut events, "welcome").await;
        let bytes = Bytes::from(
            (0..=255)
                .filter(|it| *it != 0x1e)
                .cycle()
                .take(size)
                .collect::<Vec<u8>>(),
        );
        client
            .emit("echo", Payload::Binary(bytes.clone()))
            .await
            .unwrap();
        let (name, payload) = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        assert_eq!((&*name, payload), ("echoed", Payload::Binary(bytes)));
        client.disconnect().await.unwrap();
    }
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_megabyte_of_text_goes_through() {
    let running = Running::start().await;
    let text = json!("早 x".repeat(1_000_000 / "早 x".len()));
    let (client, mut events) = connect(running.client(TransportType::Websocket)).await;
    next(&mut events, "welcome").await;
    client.emit("echo", text.clone()).await.unwrap();
    assert_eq!(
        next(&mut events, "echoed").await,
        std::slice::from_ref(&text)
    );
    client.disconnect().await.unwrap();

    let (client, mut events) = connect(running.client(TransportType::Polling)).await;
    next(&mut events, "welcome").await;
    client.emit("measure", text.clone()).await.unwrap();
    assert_eq!(
        next(&mut events, "measured").await,
        [json!(text.as_str().unwrap().len())]
    );
    client.disconnect().await.unwrap();
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_of_the_server_stays_unanswered_and_harms_nobody() {
    let running = Running::start().await;
    let (client, mut events) = connect(running.client(TransportType::Websocket)).await;
    next(&mut events, "welcome").await;
    client.emit("ask me", json!(1)).await.unwrap();
    assert_eq!(next(&mut events, "question").await, [json!("?")]);
    assert_eq!(next(&mut events, "unanswered").await, [json!(true)]);
    client.disconnect().await.unwrap();
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_cut_comes_back() {
    let running = Running::start().await;
    let builder = running
        .client(TransportType::Websocket)
        .reconnect_delay(1, 10);
    let (client, mut events) = connect(builder).await;
    assert_eq!(next(&mut events, "welcome").await, [json!(false)]);
    client.emit("cut me", json!(1)).await.unwrap();
    // It reports the broken connection, any number of times, and then is there again.
    loop {
        match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            (name, _) if name == "error" => {}
            (name, payload) => {
                assert_eq!(
                    (&*name, payload),
                    ("welcome", Payload::Text(vec![json!(false)]))
                );
                break;
            }
        }
    }
    client.emit("echo", json!("again")).await.unwrap();
    assert_eq!(next(&mut events, "echoed").await, [json!("again")]);
    assert_eq!(running.server.hub("/").unwrap().len(), 1);
    client.disconnect().await.unwrap();
    running.close().await;
}
