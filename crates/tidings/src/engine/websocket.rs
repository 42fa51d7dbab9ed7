//! Engine.IO over WebSocket: sessions that begin there, and polling sessions that move there.

use std::{
    future::poll_fn,
    net::Shutdown,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use tidings_protocol::websocket::{Decoder, Event, Opcode, encode_close, encode_frame};
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use super::{Endpoint, http::Query};
use crate::{
    admission::Permit,
    server::{
        body::{Body, respond},
        upgrade::{self, Upgraded},
    },
    transport::{
        connection::{Connection, Opening, Wire},
        frame::WireEncoding,
        handshake::Handshake,
        outbox::{PollAnswer, Sink},
        reader::{Reader, with_scratch},
        socket::{ReadHalf, WriteHalf},
    },
};

/// How often a GET that waits is answered during an upgrade, so that the client can finish it.
const NOOP_INTERVAL: Duration = Duration::from_millis(100);

/// Answers the handshake of a session that begins on a WebSocket.
pub(crate) fn open(
    endpoint: &Arc<Endpoint>,
    parts: &mut Parts,
    handshake: Handshake,
    permit: Permit,
) -> Response<Body> {
    let base64 = Query::of(parts).get("b64").is_some();
    let deflate = endpoint.config.deflate;
    let endpoint = Arc::clone(endpoint);
    let core = Arc::clone(&endpoint.core);
    upgrade::accept(
        &core,
        parts,
        deflate.is_some(),
        &[],
        move |upgraded| async move {
            let Upgraded {
                read,
                write,
                early,
                deflate,
                compress,
                ..
            } = upgraded;
            let connection = Connection::open(
                &endpoint.core,
                Opening {
                    wire: Wire::Engine,
                    sink: Sink::Socket(Arc::new(write)),
                    encoding: encoding(&endpoint, compress, base64),
                    heartbeat: endpoint.heartbeat(),
                    handshake,
                    permit,
                },
            );
            connection.cork();
            endpoint.greet(&connection, &[]);
            connection.accept(&*endpoint.acceptor);
            connection.flush();
            spawn_reader(&endpoint, connection, read, early, deflate);
        },
    )
}

/// Answers the handshake of a WebSocket that a polling session may move to.
pub(crate) fn upgrade(
    endpoint: &Arc<Endpoint>,
    parts: &mut Parts,
    connection: Arc<Connection>,
) -> Response<Body> {
    if !endpoint.config.allow_upgrades {
        return respond(StatusCode::BAD_REQUEST, "text/html", "Bad request");
    }
    let base64 = Query::of(parts).get("b64").is_some();
    let deflate = endpoint.config.deflate;
    let endpoint = Arc::clone(endpoint);
    let core = Arc::clone(&endpoint.core);
    upgrade::accept(
        &core,
        parts,
        deflate.is_some(),
        &[],
        move |upgraded| async move {
            let (deflate, compress) = (upgraded.deflate, upgraded.compress);
            let mut probe = Probe {
                decoder: Decoder::new(Arc::clone(&endpoint.websocket_limits), deflate),
                endpoint: Arc::clone(&endpoint),
                connection,
                read: upgraded.read,
                write: upgraded.write,
                early: upgraded.early,
            };
            if probe.begin() {
                let outcome = timeout(endpoint.config.upgrade_timeout, probe.run()).await;
                probe
                    .connection
                    .with_polling(|_, polling| polling.upgrading = false);
                if let Ok(Some(rest)) = outcome {
                    return probe.finish(rest, deflate, encoding(&endpoint, compress, base64));
                }
            }
            probe.give_up().await;
        },
    )
}

fn encoding(endpoint: &Endpoint, compress: bool, base64: bool) -> WireEncoding {
    WireEncoding {
        deflate: compress,
        deflate_threshold: WireEncoding::threshold(endpoint.config.deflate),
        base64,
    }
}

fn spawn_reader(
    endpoint: &Endpoint,
    connection: Arc<Connection>,
    socket: ReadHalf,
    early: Bytes,
    deflate: bool,
) {
    let decoder = Decoder::new(Arc::clone(&endpoint.websocket_limits), deflate);
    // A task of its own: the one that served HTTP would keep the size of its largest state.
    endpoint.core.tasks.spawn(
        Reader {
            connection,
            socket,
            decoder,
        }
        .run(early),
    );
}

/// A WebSocket that wants to take over a polling session. Until it does, that session goes on
/// untouched, and nothing but the answer to the probe is written here.
struct Probe {
    endpoint: Arc<Endpoint>,
    connection: Arc<Connection>,
    read: ReadHalf,
    write: WriteHalf,
    early: Bytes,
    decoder: Decoder,
}

enum Step {
    Wait,
    Answer,
    Switch,
    Fail,
}

impl Probe {
    /// Claims the session; false when it is upgrading or upgraded already.
    fn begin(&self) -> bool {
        self.connection
            .with_polling(|outbox, polling| {
                !outbox.closed && !std::mem::replace(&mut polling.upgrading, true)
            })
            .unwrap_or(false)
    }

    /// Goes through the probe. Gives the bytes that followed the upgrade packet, or `None` when
    /// the client did something else.
    async fn run(&mut self) -> Option<Bytes> {
        let mut noops = interval_at(tokio::time::Instant::now() + NOOP_INTERVAL, NOOP_INTERVAL);
        noops.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut probed = false;
        let mut input = std::mem::take(&mut self.early).to_vec();
        loop {
            while !input.is_empty() {
                let (step, rest) = self.step(&mut input);
                match step {
                    Step::Wait => break,
                    Step::Answer => {
                        probed = true;
                        let mut frame = Vec::new();
                        encode_frame(&mut frame, Opcode::Text, b"3probe");
                        self.write.write_all(&frame).await.ok()?;
                    }
                    Step::Switch => return Some(Bytes::from(rest)),
                    Step::Fail => return None,
                }
                input = rest;
            }
            input.clear();
            tokio::select! {
                read = read(&mut self.read) => input = read.ok().filter(|it| !it.is_empty())?,
                _ = noops.tick(), if probed => self.answer_waiting_get()?,
            }
        }
    }

    /// Decodes up to the first message; also gives the bytes behind it.
    fn step(&mut self, input: &mut [u8]) -> (Step, Vec<u8>) {
        // One frame at a time, since the bytes behind the upgrade packet belong to the session.
        let mut step = Step::Wait;
        let mut consumed = 0;
        while consumed < input.len() && matches!(step, Step::Wait) {
            let fed = self.decoder.feed(&mut input[consumed..=consumed], |event| {
                step = match event {
                    Event::Text("2probe") => Step::Answer,
                    Event::Text("5") => Step::Switch,
                    Event::Ping(_) | Event::Pong(_) => Step::Wait,
                    _ => Step::Fail,
                };
            });
            if fed.is_err() {
                step = Step::Fail;
            }
            consumed += 1;
        }
        (step, input[consumed..].to_vec())
    }

    /// Lets a waiting GET return, so that the client can stop polling. `None` when the session is
    /// over.
    fn answer_waiting_get(&self) -> Option<()> {
        self.connection.with_polling(|outbox, polling| {
            if outbox.closed {
                return None;
            }
            if let Some(waiting) = polling.waiting.take() {
                let payload = b"6".to_vec();
                let _ = waiting.send(PollAnswer {
                    payload,
                    compress: false,
                });
            }
            Some(())
        })?
    }

    fn finish(self, rest: Bytes, deflate: bool, encoding: WireEncoding) {
        let Self {
            endpoint,
            connection,
            read,
            write,
            ..
        } = self;
        connection.set_encoding(encoding);
        if connection.switch_to(Arc::new(write)) {
            spawn_reader(&endpoint, connection, read, rest, deflate);
        }
    }

    /// Closes the WebSocket, and only it.
    async fn give_up(mut self) {
        let mut frame = Vec::new();
        encode_close(&mut frame, None, "");
        let farewell = async {
            self.write.write_all(&frame).await?;
            self.write.finish();
            self.write.shutdown(Shutdown::Write);
            while !read(&mut self.read).await?.is_empty() {}
            std::io::Result::Ok(())
        };
        let _ = timeout(Duration::from_secs(2), farewell).await;
    }
}

/// What comes next from the socket; nothing when it is closed.
async fn read(socket: &mut ReadHalf) -> std::io::Result<Vec<u8>> {
    poll_fn(|context| {
        with_scratch(|scratch| {
            let read = ready!(socket.poll_read(context, scratch));
            Poll::Ready(read.map(|bytes| bytes.to_vec()))
        })
    })
    .await
}
