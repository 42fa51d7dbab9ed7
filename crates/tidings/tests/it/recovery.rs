//! Clients that come back: after a lost connection, and after a restart, which to them is one.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tidings::{
    ConnectRefused, Data, JoinError, Namespace, RecoveryConfig, Server, ServerBuilder, Socket,
    SocketIo,
};

use crate::support::{Running, Sio, eventually};

fn builder() -> ServerBuilder {
    builder_with(RecoveryConfig::new())
}

fn builder_with(recovery: RecoveryConfig) -> ServerBuilder {
    let namespace = || {
        Namespace::new()
            .on("join", async |socket: Socket, Data(room): Data<String>| {
                socket.set_data(&room).map_err(|error| error.to_string())?;
                socket
                    .join(room)
                    .map_err(|error: JoinError| error.to_string())
            })
            .on_connect(async |socket: Socket| {
                let data: String = socket.data().unwrap_or_default();
                socket.emit("welcome", &(socket.recovered(), data))
            })
    };
    Server::builder()
        .recovery(recovery)
        .namespace("/", namespace())
        .dynamic_namespace(|name| name.starts_with("/board-"), namespace())
        .socketio("/socket.io/", SocketIo::new())
}

/// A client and what stock clients remember of their session.
struct Client {
    sio: Sio,
    namespace: &'static str,
    sid: String,
    pid: String,
    offset: Option<String>,
}

impl Client {
    async fn connect(address: SocketAddr, namespace: &'static str, auth: Value) -> Self {
        let mut sio = Sio::open(address).await;
        let prefix = if namespace == "/" { "" } else { namespace };
        let comma = if namespace == "/" { "" } else { "," };
        sio.send(format!("0{prefix}{comma}{auth}")).await;
        let answer = sio.packet().await;
        let body = answer.strip_prefix(&format!("0{prefix}{comma}")).unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let (sid, pid) = (text("sid"), text("pid"));
        Self {
            sio,
            namespace,
            sid,
            pid,
            offset: None,
        }
    }

    /// Comes back as stock clients do.
    async fn back(self, address: SocketAddr) -> Self {
        let auth = json!({ "pid": self.pid, "offset": self.offset });
        Self::connect(address, self.namespace, auth).await
    }

    /// The next event that is not about the place in the log.
    async fn event(&mut self) -> Value {
        loop {
            let packet = self.sio.packet().await;
            let body = &packet[packet.find('[').unwrap()..];
            let event: Value = serde_json::from_str(body).unwrap();
            if event[0] != "tidings:offset" {
                return event;
            }
            self.offset = event[1].as_str().map(str::to_owned);
        }
    }

    /// Waits for an event and for its place in the log, which comes right behind it.
    async fn placed_event(&mut self) -> Value {
        let event = self.event().await;
        let packet = self.sio.packet().await;
        let body = &packet[packet.find('[').unwrap()..];
        let place: Value = serde_json::from_str(body).unwrap();
        assert_eq!(place[0], "tidings:offset");
        self.offset = place[1].as_str().map(str::to_owned);
        event
    }

    async fn emit(&mut self, event: Value) {
        let prefix = if self.namespace == "/" {
            String::new()
        } else {
            format!("{},", self.namespace)
        };
        self.sio.send(format!("2{prefix}{event}")).await;
    }
}

/// Closes the server, and gives what the next one is to begin with.
async fn stop(running: Running) -> Vec<u8> {
    let server = running.server.clone();
    running.close().await;
    server.recovery_snapshot()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_back_to_the_next_run_is_the_same_and_has_missed_nothing() {
    for namespace in ["/", "/board-1"] {
        let first = Running::start(builder().build().unwrap()).await;
        let mut client = Client::connect(first.address, namespace, json!({})).await;
        assert_eq!(client.placed_event().await, json!(["welcome", [false, ""]]));
        client.emit(json!(["join", "tea"])).await;
        let hub = first.server.hub(namespace).unwrap();
        eventually(|| hub.rooms() == ["tea"]).await;
        hub.to("tea").emit("said", "before").unwrap();
        assert_eq!(client.placed_event().await, json!(["said", "before"]));
        let reading = tokio::spawn(async move {
            client.sio.ws.closed().await;
            client
        });
        let snapshot = stop(first).await;
        let client = reading.await.unwrap();

        let second = builder().recover_from(snapshot).build().unwrap();
        let second = Running::start(second).await;
        let hub = second.server.hub(namespace).unwrap();
        hub.to("tea").emit("said", "meanwhile").unwrap();
        hub.to("coffee").emit("said", "to others").unwrap();
        let (sid, pid) = (client.sid.clone(), client.pid.clone());
        let mut client = client.back(second.address).await;
        assert_eq!((&client.sid, &client.pid), (&sid, &pid));
        assert_eq!(client.event().await, json!(["said", "meanwhile"]));
        assert_eq!(client.event().await, json!(["welcome", [true, "tea"]]));
        hub.to("tea").emit("said", "after").unwrap();
        assert_eq!(client.placed_event().await, json!(["said", "after"]));

        // And once more, over a run in which nothing was said.
        drop(client.sio);
        eventually(|| second.server.connections() == 0).await;
        let third = builder().recover_from(stop(second).await).build().unwrap();
        let third = Running::start(third).await;
        let auth = json!({ "pid": pid, "offset": client.offset });
        let mut client = Client::connect(third.address, namespace, auth).await;
        assert_eq!(client.sid, sid);
        assert_eq!(client.event().await, json!(["welcome", [true, "tea"]]));
        drop(client);
        third.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_recovered_is_told_so_and_begins_anew() {
    let first = Running::start(builder().build().unwrap()).await;
    let mut client = Client::connect(first.address, "/", json!({})).await;
    client.placed_event().await;
    let Client {
        sio,
        sid,
        pid,
        offset,
        ..
    } = client;
    drop(sio);
    eventually(|| first.server.connections() == 0).await;
    let snapshot = stop(first).await;
    let mut damaged = snapshot.clone();
    damaged.truncate(snapshot.len() - 1);
    let of_another_server = Server::builder()
        .recovery(RecoveryConfig::new())
        .namespace("/elsewhere", Namespace::new())
        .socketio("/socket.io/", SocketIo::new());
    let offset = offset.unwrap();
    for (snapshot, offset) in [
        (damaged, &*offset),
        (Vec::new(), &offset),
        (b"tidings recovery 0\n".to_vec(), &offset),
        // The session is known, but not this place of its.
        (snapshot.clone(), "never-said"),
    ] {
        let server = builder().recover_from(snapshot).build().unwrap();
        let running = Running::start(server).await;
        let auth = json!({ "pid": pid, "offset": offset });
        let mut client = Client::connect(running.address, "/", auth).await;
        assert_ne!(client.sid, sid);
        assert_eq!(client.event().await, json!(["welcome", [false, ""]]));
        drop(client);
        running.close().await;
    }
    // A namespace that is not there any more is none because of what was kept for it.
    let running = of_another_server.recover_from(snapshot).build().unwrap();
    assert!(running.hub("/").is_none());
    assert_eq!(running.hubs().len(), 1);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_missed_more_than_is_kept_is_told_so_and_the_server_keeps_no_more() {
    const KIB: usize = 1024;
    let config = RecoveryConfig::new;
    for (recovery, events, recovered) in [
        (config().log_bytes(200 * KIB), 10, true),
        (config().log_bytes(200 * KIB), 400, false),
        (config().session_bytes(200 * KIB), 10, true),
        (config().session_bytes(200 * KIB), 400, false),
    ] {
        let what = format!("{events} events, {recovery:?}");
        let running = Running::start(builder_with(recovery).build().unwrap()).await;
        let mut client = Client::connect(running.address, "/", json!({})).await;
        client.placed_event().await;
        let Client {
            sio,
            sid,
            pid,
            offset,
            ..
        } = client;
        drop(sio);
        eventually(|| running.server.connections() == 0).await;
        let hub = running.server.hub("/").unwrap();
        let text = "x".repeat(KIB);
        for n in 0..events {
            hub.everyone().emit("said", &(n, &text)).unwrap();
        }
        let auth = json!({ "pid": pid, "offset": offset });
        let mut client = Client::connect(running.address, "/", auth).await;
        assert_eq!(client.sid == sid, recovered, "{what}");
        if recovered {
            for n in 0..events {
                assert_eq!(client.event().await[1][0], n, "{what}");
            }
        }
        assert_eq!(
            client.event().await,
            json!(["welcome", [recovered, ""]]),
            "{what}"
        );
        let stats = running.server.stats();
        assert_eq!(
            stats.sessions_recovered.get(),
            u64::from(recovered),
            "{what}"
        );
        assert_eq!(stats.sessions_lost.get(), u64::from(!recovered), "{what}");
        drop(client);
        running.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn middleware_takes_rooms_from_a_session_that_is_continued_with_what_was_said_there() {
    let namespace = Namespace::new()
        .middleware(async |socket: Socket| -> Result<(), ConnectRefused> {
            if socket.recovered() {
                let rooms = socket.rooms();
                let rooms: Vec<&str> = rooms.iter().map(|room| &**room).collect();
                assert_eq!(rooms, [socket.id().as_str(), "closed", "open"]);
                socket.leave("closed");
                socket.join("new").expect("few rooms");
            } else {
                for room in ["closed", "open"] {
                    socket.join(room).expect("few rooms");
                }
            }
            Ok(())
        })
        .on_connect(async |socket: Socket| socket.emit("in", &socket.rooms().len()));
    let server = Server::builder()
        .recovery(RecoveryConfig::new())
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new());
    let running = Running::start(server.build().unwrap()).await;
    let mut client = Client::connect(running.address, "/", json!({})).await;
    assert_eq!(client.placed_event().await, json!(["in", 3]));
    let Client {
        sio, pid, offset, ..
    } = client;
    drop(sio);
    eventually(|| running.server.connections() == 0).await;
    let hub = running.server.hub("/").unwrap();
    for room in ["closed", "open", "new"] {
        hub.to(room).emit("said", room).unwrap();
    }
    let auth = json!({ "pid": pid, "offset": offset });
    let mut client = Client::connect(running.address, "/", auth).await;
    assert_eq!(client.event().await, json!(["said", "open"]));
    assert_eq!(client.event().await, json!(["in", 3]));
    for room in ["closed", "open", "new"] {
        hub.to(room).emit("said again", room).unwrap();
    }
    assert_eq!(client.event().await, json!(["said again", "open"]));
    assert_eq!(client.event().await, json!(["said again", "new"]));
    drop(client);
    running.close().await;
}
