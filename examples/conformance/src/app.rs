//! `PROFILE=app`: everything that a client can ask of a Socket.IO server, for foreign clients,
//! differential tests and clusters.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tidings::{
    AckError, Args, Broadcast, Cors, Data, DecodeError, Hub, JoinError, Namespace, Reply, Server,
    ServerAck, Socket, SocketIo, State, WebSocketConfig, adapter::Answers,
};

use crate::{
    protocol::{acknowledge, message, send_auth},
    settings::Settings,
    tokens::{Key, require},
    ws_echo,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct App {
    node: Arc<str>,
    ask_timeout: Duration,
    /// Events from other servers, as `{nsp, args}`.
    log: Arc<Mutex<Vec<Value>>>,
}

/// One room or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Rooms {
    One(String),
    Many(Vec<String>),
}

impl Rooms {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(room) => vec![room],
            Self::Many(rooms) => rooms,
        }
    }
}

/// Whom a command is for.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Target {
    rooms: Option<Rooms>,
    except: Option<Rooms>,
    local: bool,
    timeout: Option<u64>,
}

impl Target {
    fn select(self, mut broadcast: Broadcast) -> Broadcast {
        for room in self.rooms.into_iter().flat_map(Rooms::list) {
            broadcast = broadcast.to(room);
        }
        for room in self.except.into_iter().flat_map(Rooms::list) {
            broadcast = broadcast.except(room);
        }
        if self.local {
            broadcast.local()
        } else {
            broadcast
        }
    }
}

/// `(event, ...args)` from a place on.
fn event_at(args: &Args, index: usize) -> Result<(String, Args), DecodeError> {
    Ok((args.get(index)?, args.slice(index + 1..)))
}

/// `(target, event, ...args)`.
fn targeted(args: &Args) -> Result<(Target, String, Args), DecodeError> {
    let target: Option<Target> = args.get(0)?;
    let (event, rest) = event_at(args, 1)?;
    Ok((target.unwrap_or_default(), event, rest))
}

async fn whoami(socket: Socket, State(app): State<App>) -> Result<Reply<Value>, Failure> {
    let data: Map<String, Value> = socket.data()?;
    let handshake: Value = serde_json::from_str(&socket.handshake_json())?;
    Ok(Reply(json!({
        "id": socket.id(),
        "nsp": socket.hub().name(),
        "node": &*app.node,
        "transport": socket.connection().transport(),
        "auth": handshake["auth"],
        "query": handshake["query"],
        "sub": data.get("sub"),
    })))
}

async fn ask_client(socket: Socket, State(app): State<App>, args: Args) -> Result<Args, Failure> {
    let (event, rest) = event_at(&args, 0)?;
    match socket
        .emit_with_ack(&event, rest)
        .timeout(app.ask_timeout)
        .await
    {
        Ok(answer) => Ok(wrap("ok", &answer)?),
        Err(AckError::Timeout) => Ok(Args::one(&json!({ "error": "timeout" }))?),
        Err(error) => Err(error.into()),
    }
}

/// `{key: first argument}`, with whatever binary is in it.
fn wrap(key: &str, answer: &Args) -> Result<Args, Failure> {
    let value: Option<rmpv::Value> = answer.to_values()?.into_iter().next();
    let map = vec![(key.into(), value.unwrap_or(rmpv::Value::Nil))];
    Ok(Args::one(&rmpv::Value::Map(map))?)
}

async fn binary(Data(length): Data<usize>) -> Result<Args, Failure> {
    if length > 100_000_000 {
        return Err("too much".into());
    }
    let bytes: Vec<u8> = (0..length).map(|i| (i & 255) as u8).collect();
    Ok(Args::one(&bytes::Bytes::from(bytes))?)
}

async fn text(Data(length): Data<usize>) -> Result<Reply<String>, Failure> {
    if length > 100_000_000 {
        return Err("too much".into());
    }
    Ok(Reply("x".repeat(length)))
}

async fn kick(socket: Socket, Data(close): Data<Option<bool>>) {
    socket.disconnect(close.unwrap_or(false));
}

async fn cut(socket: Socket) {
    socket.connection().cut();
}

fn own_rooms(socket: &Socket) -> Vec<String> {
    let mut rooms: Vec<String> = socket.rooms().iter().map(|room| room.to_string()).collect();
    rooms.sort_unstable();
    rooms
}

async fn join(socket: Socket, Data(rooms): Data<Rooms>) -> Result<Reply<Vec<String>>, JoinError> {
    for room in rooms.list() {
        socket.join(room)?;
    }
    Ok(Reply(own_rooms(&socket)))
}

async fn leave(socket: Socket, Data(rooms): Data<Rooms>) -> Reply<Vec<String>> {
    rooms.list().iter().for_each(|room| socket.leave(room));
    Reply(own_rooms(&socket))
}

async fn rooms(socket: Socket) -> Reply<Vec<String>> {
    Reply(own_rooms(&socket))
}

async fn set_data(
    socket: Socket,
    Data(more): Data<Map<String, Value>>,
) -> Result<Reply<bool>, serde_json::Error> {
    let mut data: Map<String, Value> = socket.data()?;
    data.extend(more);
    socket.set_data(&data)?;
    Ok(Reply(true))
}

async fn broadcast(hub: Hub, args: Args) -> Result<Reply<bool>, Failure> {
    let (target, event, rest) = targeted(&args)?;
    target.select(hub.everyone()).emit(&event, rest)?;
    Ok(Reply(true))
}

async fn relay(socket: Socket, args: Args) -> Result<Reply<bool>, Failure> {
    let (target, event, rest) = targeted(&args)?;
    target.select(socket.broadcast()).emit(&event, rest)?;
    Ok(Reply(true))
}

fn answered(found: Answers<Vec<Args>>) -> Result<Args, Failure> {
    let mut responses = Vec::new();
    for answer in &found.answers {
        responses.push(
            answer
                .to_values()?
                .into_iter()
                .next()
                .unwrap_or(rmpv::Value::Nil),
        );
    }
    let map = vec![
        ("err".into(), (found.missing > 0).into()),
        ("responses".into(), rmpv::Value::Array(responses)),
    ];
    Ok(Args::one(&rmpv::Value::Map(map))?)
}

async fn broadcast_ack(hub: Hub, args: Args) -> Result<Args, Failure> {
    let (target, event, rest) = targeted(&args)?;
    let timeout = Duration::from_millis(target.timeout.unwrap_or(2000));
    answered(
        target
            .select(hub.everyone())
            .emit_with_ack(&event, rest)?
            .timeout(timeout)
            .await,
    )
}

async fn fetch(hub: Hub, Data(target): Data<Option<Target>>) -> Result<Reply<Vec<Value>>, Failure> {
    let found = target
        .unwrap_or_default()
        .select(hub.everyone())
        .fetch_sockets()
        .await;
    let mut sockets = found.answers;
    sockets.sort_by_key(|socket| socket.id);
    let mut list = Vec::new();
    for mut socket in sockets {
        socket.rooms.sort_unstable();
        let data: Box<RawValue> = RawValue::from_string(socket.data)?;
        let handshake: Value = serde_json::from_str(&socket.handshake)?;
        list.push(json!({
            "id": socket.id, "rooms": socket.rooms, "data": data, "auth": handshake["auth"],
        }));
    }
    Ok(Reply(list))
}

async fn remote_join(
    hub: Hub,
    Data(target): Data<Option<Target>>,
    args: Args,
) -> Result<Reply<bool>, Failure> {
    let rooms: Rooms = args.get(1)?;
    target
        .unwrap_or_default()
        .select(hub.everyone())
        .sockets_join(rooms.list());
    Ok(Reply(true))
}

async fn remote_leave(
    hub: Hub,
    Data(target): Data<Option<Target>>,
    args: Args,
) -> Result<Reply<bool>, Failure> {
    let rooms: Rooms = args.get(1)?;
    target
        .unwrap_or_default()
        .select(hub.everyone())
        .sockets_leave(rooms.list());
    Ok(Reply(true))
}

async fn remote_disconnect(
    hub: Hub,
    Data(target): Data<Option<Target>>,
    args: Args,
) -> Result<Reply<bool>, Failure> {
    let close: Option<bool> = args.get(1)?;
    let everyone = hub.everyone();
    target
        .unwrap_or_default()
        .select(everyone)
        .disconnect_sockets(close.unwrap_or(false));
    Ok(Reply(true))
}

async fn server_side_emit(hub: Hub, args: Args) -> Result<Reply<bool>, Failure> {
    let (event, rest) = event_at(&args, 0)?;
    hub.server_side_emit(&event, rest)?;
    Ok(Reply(true))
}

async fn server_side_ask(hub: Hub, State(app): State<App>, args: Args) -> Result<Args, Failure> {
    let (event, rest) = event_at(&args, 0)?;
    answered(
        hub.server_side_emit_with_ack(&event, rest, app.ask_timeout)
            .await?,
    )
}

async fn server_log(State(app): State<App>) -> Reply<Vec<Value>> {
    Reply(app.log.lock().clone())
}

async fn note(hub: Hub, State(app): State<App>, args: Args) -> Result<(), Failure> {
    let args: Vec<Value> = args.decode()?;
    app.log
        .lock()
        .push(json!({ "nsp": hub.name(), "args": args }));
    Ok(())
}

async fn asked(State(app): State<App>, args: Args, ack: ServerAck) -> Result<(), Failure> {
    let got: Vec<Value> = args.decode()?;
    Ok(ack.send_value(&json!({ "node": &*app.node, "got": got }))?)
}

fn namespace() -> Namespace<App> {
    Namespace::new()
        .on_connect(send_auth)
        .on("message", message)
        .on("message-with-ack", acknowledge)
        .on("echo", acknowledge)
        .on("whoami", whoami)
        .on("ask-client", ask_client)
        .on("binary", binary)
        .on("text", text)
        .on("kick", kick)
        .on("drop", cut)
        .on("join", join)
        .on("leave", leave)
        .on("rooms", rooms)
        .on("set-data", set_data)
        .on("broadcast", broadcast)
        .on("relay", relay)
        .on("ctl:broadcast-ack", broadcast_ack)
        .on("ctl:fetch", fetch)
        .on("ctl:join", remote_join)
        .on("ctl:leave", remote_leave)
        .on("ctl:disconnect", remote_disconnect)
        .on("ctl:sse", server_side_emit)
        .on("ctl:sse-ack", server_side_ask)
        .on("ctl:sse-log", server_log)
        .on("ctl:all-rooms", |hub: Hub| async move {
            Reply(hub.all_rooms().await.answers)
        })
        .on("ctl:server-count", |hub: Hub| async move {
            Reply(hub.server_count().await)
        })
        .on_server_event("sse:note", note)
        .on_server_event("sse:ask", asked)
}

fn is_dynamic(name: &str) -> bool {
    name.strip_prefix("/dyn-")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()))
}

pub(crate) fn server(settings: &Settings) -> anyhow::Result<Server> {
    let app = App {
        node: settings.node_id.as_str().into(),
        ask_timeout: settings.ask_timeout,
        log: Arc::default(),
    };
    let open = || namespace().with_state(app.clone());
    let secret = settings.jwt_secret.as_ref().map(|secret| {
        Key::new(
            DecodingKey::from_secret(secret.as_bytes()),
            Algorithm::HS256,
        )
    });
    let public = settings
        .jwt_public_key
        .as_ref()
        .map(|pem| DecodingKey::from_rsa_pem(pem).map(|key| Key::new(key, Algorithm::RS256)))
        .transpose()?;
    let engine = settings
        .engine(25_000, 20_000)
        .cors(match &settings.allowed_origins {
            Some(origins) => Cors::origins(origins).strict(),
            None => Cors::any(),
        });
    let mut config = SocketIo::new().engine(engine).parser(settings.parser);
    if let Some(timeout) = settings.connect_timeout {
        config = config.connect_timeout(timeout);
    }
    let mut websocket = WebSocketConfig::new()
        .max_payload(settings.max_payload.unwrap_or(1_000_000))
        .deflate(settings.deflate.then_some(1024));
    if let Some(origins) = &settings.allowed_origins {
        websocket = websocket.allowed_origins(origins);
    }
    let mut builder = Server::builder()
        .limits(settings.limits())
        .namespace("/", open())
        .namespace("/custom", open())
        .dynamic_namespace(is_dynamic, open())
        .namespace("/jwt", require(open(), secret))
        .namespace("/jwt-rs", require(open(), public))
        .socketio("/socket.io/", config)
        .websocket("/ws", websocket, ws_echo::Echo);
    if settings.recovery {
        builder = builder.recovery(settings.recovery());
    }
    Ok(builder.build()?)
}
