//! `PROFILE=protocol`: what the official protocol test suites expect.

use std::{sync::Arc, time::Duration};

use tidings::{
    Args, Connection, Cors, EmitError, EngineHandler, Namespace, Server, Socket, SocketIo,
};

use crate::settings::Settings;

/// Sends every message back as it came.
pub(crate) struct Echo;

impl EngineHandler for Echo {
    fn text(&self, connection: &Arc<Connection>, text: &str) {
        connection.send_text(text);
    }

    fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) {
        connection.send_binary(bytes);
    }
}

/// Sends the client what it authenticated with.
pub(crate) async fn send_auth(socket: Socket) -> Result<(), EmitError> {
    match socket.auth() {
        Some(auth) => socket.emit("auth", auth),
        None => socket.emit("auth", &serde_json::json!({})),
    }
}

pub(crate) async fn message(socket: Socket, args: Args) -> Result<(), EmitError> {
    socket.emit("message-back", args)
}

pub(crate) async fn acknowledge(args: Args) -> Args {
    args
}

pub(crate) fn server(settings: &Settings) -> anyhow::Result<Server> {
    let engine = settings.engine(300, 200).cors(Cors::any());
    let config = SocketIo::new()
        .engine(engine.clone())
        .parser(settings.parser)
        .connect_timeout(Duration::from_millis(1000));
    let server = Server::builder()
        .limits(settings.limits())
        .namespace(
            "/",
            Namespace::new()
                .on_connect(send_auth)
                .on("message", message)
                .on("message-with-ack", acknowledge),
        )
        .namespace("/custom", Namespace::new().on_connect(send_auth))
        .socketio("/socket.io/", config)
        .engine("/engine.io/", engine, Echo)
        .build()?;
    Ok(server)
}
