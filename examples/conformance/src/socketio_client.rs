//! `PROFILE=sio-client`: what the test suite of socket.io-client expects.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json, value::RawValue};
use tidings::{
    Ack, Args, ConnectRefused, Data, EmitError, Namespace, Reply, Server, Socket, SocketIo, args,
};

use crate::settings::Settings;

/// How far a client is in the events that have to come in order.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<Vec<&'static str>>>);

fn now() -> String {
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn handshake(socket: &Socket) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(socket.handshake_json())
}

/// Remembers a step and says whether the steps so far are these.
fn step(socket: &Socket, name: &'static str, all: &[&str]) -> bool {
    let progress = socket.get::<Progress>().unwrap_or_else(|| {
        let progress = Progress::default();
        socket.insert(progress.clone());
        progress
    });
    let mut steps = progress.0.lock();
    steps.push(name);
    let complete = !all.is_empty() && steps.ends_with(all);
    if complete {
        steps.clear();
    }
    complete
}

fn reply<T: serde::Serialize + 'static>(
    event: &'static str,
    value: T,
) -> impl Fn(Socket) -> std::future::Ready<Result<(), EmitError>> {
    move |socket: Socket| std::future::ready(socket.emit(event, &value))
}

async fn answer_date(ack: Option<Ack>) -> Result<(), EmitError> {
    ack.map_or(Ok(()), |ack| ack.send(&now()))
}

async fn ask_for_ack(socket: Socket) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let answer = socket.emit_with_ack("ack", args![]).await?;
    let (number, object): (u32, Value) = answer.decode()?;
    if number == 5 && object == json!({ "test": true }) {
        socket.emit("got it", args![])?;
    }
    Ok(())
}

async fn utf8(socket: Socket) -> Result<(), EmitError> {
    for text in [
        "てすと",
        "Я Б Г Д Ж Й",
        "Ä ä Ü ü ß",
        "utf8 — string",
        "utf8 — string",
    ] {
        socket.emit("takeUtf8", text)?;
    }
    Ok(())
}

async fn check_object(socket: Socket, args: Args, back: &'static str) -> Result<(), EmitError> {
    let value = args
        .to_values()
        .ok()
        .and_then(|values| values.into_iter().next());
    let Some(value) = value else { return Ok(()) };
    let is = |key: &str, text: &str| value[key].as_str() == Some(text);
    if is("hello", "lol") && value["message"].is_bin() && is("goodbye", "gotcha") {
        socket.emit(back, args![])?;
    }
    Ok(())
}

fn is_binary(args: &Args) -> bool {
    args.len() == 1 && args.has_binary()
}

fn main_namespace() -> Namespace {
    let bytes = || Bytes::from_static(b"asdfasdf");
    Namespace::new()
        .middleware(|socket: Socket| async move {
            match socket.handshake().query("fail") {
                Some(_) => Err(ConnectRefused::new("Auth failed (main namespace)")),
                None => Ok(()),
            }
        })
        .on(
            "hi",
            |socket: Socket| async move { socket.emit("hi", args![]) },
        )
        .on("echo", |args: Args, ack: Option<Ack>| async move {
            ack.map_or(Ok(()), |ack| ack.send(args))
        })
        .on("ack", ask_for_ack)
        .on("getAckDate", answer_date)
        .on("getDate", |socket: Socket| async move {
            socket.emit("takeDate", &now())
        })
        .on("getDateObj", |socket: Socket| async move {
            socket.emit("takeDateObj", &json!({ "date": now() }))
        })
        .on("getUtf8", utf8)
        .on("false", reply("false", false))
        .on("doge", reply("doge", bytes()))
        .on("getbin", reply("takebin", bytes()))
        .on("buffa", |socket: Socket, args: Args| async move {
            if is_binary(&args) {
                socket.emit("buffack", args![])
            } else {
                Ok(())
            }
        })
        .on("jsonbuff", |socket: Socket, args: Args| {
            check_object(socket, args, "jsonbuff-ack")
        })
        .on("abuff1", |socket: Socket, args: Args| async move {
            if is_binary(&args) {
                step(&socket, "abuff1", &[]);
            }
        })
        .on("abuff2", |socket: Socket| async move {
            if step(&socket, "abuff2", &["abuff1", "abuff2"]) {
                socket.emit("abuff2-ack", args![])?;
            }
            Ok::<_, EmitError>(())
        })
        .on("blob", |socket: Socket, args: Args| async move {
            if is_binary(&args) {
                socket.emit("back", args)
            } else {
                Ok(())
            }
        })
        .on("jsonblob", |socket: Socket, args: Args| {
            check_object(socket, args, "jsonblob-ack")
        })
        .on("blob1", |socket: Socket, args: Args| async move {
            if is_binary(&args) {
                step(&socket, "blob1", &[]);
            }
        })
        .on(
            "blob2",
            |socket: Socket, Data(text): Data<String>| async move {
                if text == "second" {
                    step(&socket, "blob2", &[]);
                }
            },
        )
        .on("blob3", |socket: Socket, args: Args| async move {
            if is_binary(&args) && step(&socket, "blob3", &["blob1", "blob2", "blob3"]) {
                socket.emit("blob3-ack", args![])?;
            }
            Ok::<_, EmitError>(())
        })
        .on("getHandshake", |socket: Socket| async move {
            handshake(&socket).map(Reply)
        })
        .on("getId", |socket: Socket| async move { Reply(socket.id()) })
}

pub(crate) fn server(settings: &Settings) -> anyhow::Result<Server> {
    let engine = settings
        .engine(2000, 20_000)
        .cors(tidings::Cors::any())
        .allow_request(|_| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(())
        });
    let refuse = || async { Err(ConnectRefused::new("Auth failed (custom namespace)")) };
    let greet = |socket: Socket| async move {
        let handshake = handshake(&socket).map_err(|error| error.to_string())?;
        socket
            .emit("handshake", &handshake)
            .map_err(|error| error.to_string())
    };
    let server = Server::builder()
        .limits(settings.limits())
        .recovery(settings.recovery())
        .namespace("/", main_namespace())
        .namespace("/no", Namespace::new().middleware(refuse))
        .namespace("/timeout_socket", Namespace::new())
        .namespace("/valid", Namespace::new())
        .namespace("/asd", Namespace::new())
        .namespace(
            "/foo",
            Namespace::new().on("getId", |socket: Socket| async move { Reply(socket.id()) }),
        )
        .namespace("/abc", Namespace::new().on_connect(greet))
        .socketio(
            "/socket.io/",
            SocketIo::new().engine(engine).parser(settings.parser),
        )
        .build()?;
    Ok(server)
}
