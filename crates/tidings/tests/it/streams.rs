//! Clients of plain HTTP: event streams, long-polling and commands.

mod client;
mod commands;
mod events;
mod lifetime;
mod mixed;
mod polls;

use serde_json::{Value, json};
use tidings::{
    Args, Auth, ConnectRefused, Data, EmitError, JoinError, Namespace, RecoveryConfig, Reply,
    RpcConfig, Server, ServerBuilder, Socket, SocketIo, StreamConfig, WebSocketConfig,
};

#[derive(serde::Deserialize)]
struct Credentials {
    token: Option<String>,
}

/// Lets in whoever says nothing or the truth, and gives each the room `hall` to begin with.
async fn decide(socket: Socket, Auth(auth): Auth<Credentials>) -> Result<(), ConnectRefused> {
    if auth.token.is_some_and(|token| token != "truth") {
        return Err(ConnectRefused::new("that is not true")
            .code("invalid_token")
            .with_data(&json!({ "hint": "be honest" })));
    }
    Ok(socket.join("hall")?)
}

async fn join(socket: Socket, Data(room): Data<String>) -> Result<Reply<Value>, JoinError> {
    socket.join(room)?;
    Ok(Reply(
        json!({ "id": socket.id(), "via": socket.connection().transport() }),
    ))
}

async fn say(socket: Socket, Data((room, what)): Data<(String, Value)>) -> Result<(), EmitError> {
    socket.hub().to(room).emit("said", &what)
}

async fn welcome(socket: Socket) -> Result<(), EmitError> {
    let session = socket.session().map(|it| it.reveal().to_owned());
    socket.emit(
        "welcome",
        &json!({
            "session": session,
            "id": socket.id(),
            "recovered": socket.recovered(),
            "via": socket.connection().transport(),
            "data": socket.data::<Option<String>>().unwrap(),
        }),
    )
}

fn hall() -> Namespace {
    Namespace::new()
        .middleware(decide)
        .on_connect(welcome)
        .on("join", join)
        .on("say", say)
        .on("note", async |socket: Socket, Data(data): Data<String>| {
            socket.set_data(&data).unwrap();
        })
        .on("echo", async |args: Args| args)
}

/// A builder with everything mounted, and recovery on.
fn builder(namespace: Namespace, config: StreamConfig) -> ServerBuilder {
    Server::builder()
        .recovery(RecoveryConfig::new())
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new())
        .envelope("/ws", WebSocketConfig::new(), "/")
        .event_stream("/sse", config.clone(), "/")
        .long_poll("/poll", config, "/")
        .rpc("/rpc", RpcConfig::new(), "/")
}
