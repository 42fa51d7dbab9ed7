//! All kinds of clients in the same rooms.

use serde_json::json;
use tidings::StreamConfig;

use super::{
    builder,
    client::{Events, after, command, poll},
    hall,
};
use crate::support::{Running, Sio, Ws, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_reaches_every_kind_of_client_of_a_room() {
    let server = builder(hall(), StreamConfig::new()).build().unwrap();
    let running = Running::start(server).await;
    let address = running.address;

    let mut sio = Sio::connect(address).await;
    assert_eq!(sio.event().await[0], "welcome");
    assert_eq!(sio.event().await[0], "tidings:offset");
    let mut ws = Ws::connect(address, "/ws").await;
    assert_eq!(ws.json().await["data"]["via"], "websocket");
    let mut events = Events::open(address, "").await;
    let welcome = events.event().await;
    assert_eq!(welcome.data["via"], "sse");
    let first = poll(address, "").await;
    let events_of_poll = first["events"].as_array().unwrap();
    assert_eq!(events_of_poll[0]["data"]["via"], "poll");
    assert_eq!(running.server.connections(), 4);

    let said = json!({ "type": "say", "data": ["hall", { "n": 1 }] });
    let answer = command(address, "", said).await;
    assert_eq!(answer.status, 204, "{answer:?}");

    assert_eq!(sio.event().await, json!(["said", { "n": 1 }]));
    assert_eq!(
        ws.json().await,
        json!({ "type": "said", "data": { "n": 1 } })
    );
    events.expect("said", json!({ "n": 1 })).await;
    let second = poll(address, &after(&first)).await;
    assert_eq!(
        second["events"],
        json!([{ "type": "said", "data": { "n": 1 } }])
    );
    // The command's own client has gone with its request.
    assert_eq!(running.server.connections(), 4);
    assert_eq!(running.server.hub("/").unwrap().len(), 4);
    drop((sio, ws));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_middleware_joins_is_one_to_begin_with() {
    let server = builder(hall(), StreamConfig::new()).build().unwrap();
    let running = Running::start(server).await;
    let hub = running.server.hub("/").unwrap();

    let mut sio = Sio::open(running.address).await;
    let id = sio.join("/", json!({})).await.unwrap();
    assert_eq!(sio.event().await[0], "welcome");
    assert_eq!(sio.event().await[0], "tidings:offset");
    hub.to("hall").emit("said", &1).unwrap();
    assert_eq!(sio.event().await, json!(["said", 1]));
    let socket = hub.socket(tidings::SocketId::parse(&id).unwrap()).unwrap();
    let rooms: Vec<String> = socket.rooms().iter().map(|it| it.to_string()).collect();
    assert_eq!(rooms, [id, "hall".to_owned()]);
    assert_eq!(hub.rooms(), ["hall"]);
    drop(sio);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_moves_between_socketio_and_streams() {
    let server = builder(hall(), StreamConfig::new()).build().unwrap();
    let running = Running::start(server).await;
    let hub = running.server.hub("/").unwrap();
    let mut sio = Sio::open(running.address).await;
    sio.send("0").await;
    let opened = sio.packet().await;
    let opened: serde_json::Value = serde_json::from_str(&opened[1..]).unwrap();
    assert_eq!(sio.event().await[0], "welcome");
    let offset = sio.event().await[1].as_str().unwrap().to_owned();
    hub.to("hall").emit("said", &1).unwrap();

    // Whoever knows the secret of a session is its client, on whatever transport.
    let session = format!("?session={}", opened["pid"].as_str().unwrap());
    let query = format!("{session}&lastEventId={offset}");
    let mut events = Events::open(running.address, &query).await;
    events.expect("said", json!(1)).await;
    let welcome = events.event().await;
    assert_eq!(welcome.data["id"], opened["sid"]);
    assert_eq!(hub.len(), 1);

    // One that begins anew under that secret while it is live elsewhere ends the other, and it is
    // the newer that can be come back to.
    drop(events);
    eventually(|| hub.is_empty()).await;
    let pid = opened["pid"].clone();
    let mut sio = Sio::open(running.address).await;
    let auth = json!({ "pid": pid, "offset": welcome.id });
    assert_eq!(sio.join("/", auth).await.unwrap(), opened["sid"]);
    let mut events = Events::open(running.address, &session).await;
    let anew = events.event().await;
    assert_eq!(anew.data["recovered"], false);
    eventually(|| hub.len() == 1).await;
    drop(events);
    eventually(|| hub.is_empty()).await;
    let query = format!("{session}&lastEventId={}", anew.id);
    let mut events = Events::open(running.address, &query).await;
    let back = events.event().await;
    assert_eq!(
        (&back.data["id"], &back.data["recovered"]),
        (&anew.data["id"], &json!(true))
    );
    drop(sio);
    running.close().await;
}
