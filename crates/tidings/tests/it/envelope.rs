//! Plain `{type, data, id}` clients, in the namespace and the rooms of Socket.IO clients.

use rmpv::Value as Pack;
use serde_json::{Value, json};
use tidings::{
    Args, Auth, CloseCode, ConnectRefused, Data, EmitError, EventName, JoinError, Namespace, Reply,
    Server, Socket, SocketIo, WebSocketConfig,
};

use crate::support::{Running, Sio, Ws};

async fn join(socket: Socket, Data(room): Data<String>) -> Result<Reply<bool>, JoinError> {
    socket.join(room)?;
    Ok(Reply(true))
}

async fn say(socket: Socket, Data((room, what)): Data<(String, Value)>) -> Result<(), EmitError> {
    socket.hub().to(room).emit("said", &what)
}

async fn unknown(socket: Socket, EventName(name): EventName) -> Result<(), String> {
    let message = json!({ "code": "unknown", "message": &*name });
    socket
        .emit("error", &message)
        .map_err(|error| error.to_string())?;
    Err(format!("nobody knows {name}"))
}

fn chat() -> Namespace {
    Namespace::new()
        .on("join", join)
        .on("say", say)
        .on("relay", async |socket: Socket, args: Args| {
            socket.hub().everyone().emit("relayed", args)
        })
        .on("add", async |Data((a, b)): Data<(i64, i64)>| Reply(a + b))
        .on("nothing", async || ())
        .fallback(unknown)
}

async fn start(namespace: Namespace) -> Running {
    let server = Server::builder()
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new())
        .envelope("/ws", WebSocketConfig::new(), "/")
        .build();
    Running::start(server.unwrap()).await
}

async fn send_pack(client: &mut Ws, value: Value) {
    client.send_binary(rmp_serde::to_vec(&value).unwrap()).await;
}

async fn pack(client: &mut Ws) -> Value {
    rmp_serde::from_slice(&client.binary().await).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_each_kind_of_client_reaches_all_kinds() {
    let running = start(chat()).await;
    let mut sio = Sio::connect(running.address).await;
    let mut json = Ws::connect(running.address, "/ws").await;
    let mut msgpack = Ws::speaking(running.address, "/ws", "tidings.msgpack.v1").await;
    let mut outside = Ws::connect(running.address, "/ws").await;

    assert_eq!(sio.ask(json!(["join", "tea"])).await, json!([true]));
    json.send_json(json!({ "type": "join", "data": "tea", "id": 7 }))
        .await;
    assert_eq!(
        json.json().await,
        json!({ "type": "ack", "id": 7, "data": true })
    );
    send_pack(
        &mut msgpack,
        json!({ "type": "join", "data": "tea", "id": "a" }),
    )
    .await;
    assert_eq!(
        pack(&mut msgpack).await,
        json!({ "type": "ack", "id": "a", "data": true })
    );

    for round in 0..3 {
        let what = json!({ "round": round, "text": "早上好 👋🏽", "list": [1, null, 2.5] });
        match round {
            0 => sio.emit(json!(["say", ["tea", what]])).await,
            1 => {
                json.send_json(json!({ "type": "say", "data": ["tea", what] }))
                    .await
            }
            _ => {
                send_pack(
                    &mut msgpack,
                    json!({ "type": "say", "data": ["tea", what] }),
                )
                .await
            }
        }
        let expected = json!({ "type": "said", "data": what });
        assert_eq!(sio.event().await, json!(["said", what]));
        assert_eq!(json.json().await, expected);
        assert_eq!(pack(&mut msgpack).await, expected);
    }

    // Who is not in the room hears nothing of it: the next he gets is his own answer.
    outside
        .send_json(json!({ "type": "add", "data": [2, 3], "id": 1 }))
        .await;
    assert_eq!(
        outside.json().await,
        json!({ "type": "ack", "id": 1, "data": 5 })
    );
    assert_eq!(running.server.hub("/").unwrap().rooms(), ["tea"]);
    drop((sio, json, msgpack, outside));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_arguments_and_bytes_are_what_each_protocol_makes_of_them() {
    let running = start(chat()).await;
    let mut sio = Sio::connect(running.address).await;
    let mut json = Ws::connect(running.address, "/ws").await;
    let mut msgpack = Ws::speaking(running.address, "/ws", "tidings.msgpack.v1").await;
    for client in [&mut json, &mut msgpack] {
        let ready = json!({ "type": "add", "data": [1, 1], "id": 0 });
        client.send_binary(rmp_serde::to_vec(&ready).unwrap()).await;
        client.message().await;
    }

    sio.send("2[\"relay\",1,\"two\",[3]]").await;
    assert_eq!(sio.event().await, json!(["relayed", 1, "two", [3]]));
    let expected = json!({ "type": "relayed", "data": [1, "two", [3]] });
    assert_eq!(json.json().await, expected);
    assert_eq!(pack(&mut msgpack).await, expected);

    sio.send("2[\"relay\"]").await;
    assert_eq!(sio.event().await, json!(["relayed"]));
    assert_eq!(json.json().await, json!({ "type": "relayed" }));
    assert_eq!(pack(&mut msgpack).await, json!({ "type": "relayed" }));

    let bytes = Pack::Map(vec![
        (Pack::from("type"), Pack::from("relay")),
        (Pack::from("data"), Pack::Binary(vec![0, 255, 1])),
    ]);
    let mut message = Vec::new();
    rmpv::encode::write_value(&mut message, &bytes).unwrap();
    msgpack.send_binary(message).await;
    assert_eq!(
        sio.packet().await,
        "51-[\"relayed\",{\"_placeholder\":true,\"num\":0}]"
    );
    assert_eq!(sio.ws.binary().await, [0, 255, 1]);
    assert_eq!(
        json.json().await,
        json!({ "type": "relayed", "data": "AP8B" })
    );
    let received = rmpv::decode::read_value(&mut &*msgpack.binary().await).unwrap();
    assert_eq!(received["data"], Pack::Binary(vec![0, 255, 1]));
    drop((sio, json, msgpack));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_comes_back_under_the_id_of_the_question() {
    let running = start(chat()).await;
    let mut client = Ws::connect(running.address, "/ws").await;
    for id in [json!(0), json!(-1.5), json!("x\"y"), json!("")] {
        client
            .send_json(json!({ "type": "add", "data": [20, 22], "id": id }))
            .await;
        assert_eq!(
            client.json().await,
            json!({ "type": "ack", "id": id, "data": 42 })
        );
    }
    // A number comes back as it was written.
    client.send(r#"{"type":"add","data":[1,2],"id":1e2}"#).await;
    assert_eq!(client.text().await, r#"{"type":"ack","id":1e2,"data":3}"#);
    // A handler that does not fit, and one that answers nothing, are told from each other.
    client
        .send_json(json!({ "type": "add", "data": "two", "id": 1 }))
        .await;
    let refusal = client.json().await;
    let error = refusal["data"]["error"].as_str().unwrap();
    assert!(error.starts_with("the arguments do not fit: "), "{error}");
    client
        .send_json(json!({ "type": "nothing", "id": 2 }))
        .await;
    client
        .send_json(json!({ "type": "add", "data": [1, 2], "id": 3 }))
        .await;
    assert_eq!(client.json().await["id"], 3);
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_answered_with_an_error_and_nothing_worse() {
    let running = start(chat()).await;
    let mut client = Ws::connect(running.address, "/ws").await;
    let deep = format!(
        "{{\"type\":\"add\",\"data\":{}1{}}}",
        "[".repeat(200),
        "]".repeat(200)
    );
    for (message, reason) in [
        ("hello", "malformed message"),
        ("{\"type\":\"add\"", "malformed message"),
        ("[1,2]", "message is not an object"),
        ("{}", "`type` must be a string"),
        ("{\"type\":1}", "`type` must be a string"),
        (
            "{\"type\":\"add\",\"id\":[]}",
            "`id` must be a number or a string",
        ),
        (&deep, "message is nested too deeply"),
    ] {
        client.send(message).await;
        let data = json!({ "code": "bad_request", "message": reason });
        assert_eq!(
            client.json().await,
            json!({ "type": "error", "data": data }),
            "{message}"
        );
    }
    // What is only unknown is the business of the namespace, here of its fallback.
    client.send_json(json!({ "type": "dance", "id": 9 })).await;
    let data = json!({ "code": "unknown", "message": "dance" });
    assert_eq!(
        client.json().await,
        json!({ "type": "error", "data": data })
    );
    let answer = json!({ "type": "ack", "id": 9, "data": { "error": "nobody knows dance" } });
    assert_eq!(client.json().await, answer);

    let mut msgpack = Ws::speaking(running.address, "/ws", "tidings.msgpack.v1").await;
    msgpack.send_binary(vec![0xc1]).await;
    assert_eq!(pack(&mut msgpack).await["type"], "error");

    client
        .send_json(json!({ "type": "add", "data": [1, 2], "id": 3 }))
        .await;
    assert_eq!(client.json().await["data"], 3);
    drop((client, msgpack));
    running.close().await;
}

#[derive(serde::Deserialize)]
struct Credentials {
    token: Option<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_the_url_is_what_middleware_sees_and_a_refusal_closes() {
    let guarded =
        chat().middleware(
            async |Auth(it): Auth<Credentials>| match it.token.as_deref() {
                Some("开门") => Ok(()),
                Some("old") => Err(ConnectRefused::new("the token has run out")
                    .code("token_expired")
                    .close_code(CloseCode::TOKEN_EXPIRED)),
                _ => Err(ConnectRefused::new("no entry")),
            },
        );
    let running = start(guarded).await;
    let mut client = Ws::connect(running.address, "/ws?token=%E5%BC%80%E9%97%A8").await;
    client
        .send_json(json!({ "type": "add", "data": [1, 2], "id": 3 }))
        .await;
    assert_eq!(client.json().await["data"], 3);

    let mut refused = Ws::connect(running.address, "/ws?token=nonsense").await;
    let data = json!({ "code": "permission_denied", "message": "no entry" });
    assert_eq!(
        refused.json().await,
        json!({ "type": "error", "data": data })
    );
    assert_eq!(
        refused.closed().await,
        Some((3507, "permission denied".to_owned()))
    );

    let mut refused = Ws::connect(running.address, "/ws?token=old").await;
    let data = json!({ "code": "token_expired", "message": "the token has run out" });
    assert_eq!(
        refused.json().await,
        json!({ "type": "error", "data": data })
    );
    let closed = refused.closed().await;
    assert_eq!(closed, Some((3005, "token expired".to_owned())));
    let mut refused = Sio::open(running.address).await;
    let answer = refused.join("/", json!({ "token": "old" })).await;
    let data = json!({ "code": "token_expired" });
    let expected = json!({ "message": "the token has run out", "data": data });
    assert_eq!(answer, Err(expected));
    drop(refused);
    assert_eq!(running.server.hub("/").unwrap().len(), 1);
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_can_be_disconnected_in_the_handler_that_welcomes_it() {
    let brief = Namespace::new().on_connect(async |socket: Socket| {
        socket.emit("bye", tidings::args![])?;
        socket.disconnect(true);
        Ok::<_, EmitError>(())
    });
    let running = start(brief).await;
    let mut client = Ws::connect(running.address, "/ws").await;
    assert_eq!(client.json().await, json!({ "type": "bye" }));
    assert_eq!(client.closed().await.map(|(code, _)| code), Some(1005));

    let mut client = Sio::open(running.address).await;
    client.join("/", json!({})).await.unwrap();
    assert_eq!(client.event().await, json!(["bye"]));
    assert_eq!(client.packet().await, "1");
    assert_eq!(client.ws.closed().await.map(|(code, _)| code), Some(1005));
    assert!(running.server.hub("/").unwrap().is_empty());
    running.close().await;
}
