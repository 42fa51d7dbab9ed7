//! The plain `{type, data, id}` envelope over WebSocket, for the handlers of a namespace.

use std::{borrow::Cow, sync::Arc};

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tidings_protocol::{
    args::Args,
    envelope::{self, Command, Format},
};

use super::endpoint::PlainAcceptor;
use crate::{
    handler::{ConnectRefused, context::Context, handlers::start},
    hub::{
        Hub, Socket, ack::AckId, encoding::Encoding, namespaces::Namespaces, publication::opcode_of,
    },
    reason::CloseReason,
    transport::{
        Acceptor, Malformed, Receiver,
        connection::{Connection, Goodbye},
        frame::Frame,
    },
};

/// MessagePack instead of JSON.
const MSGPACK_PROTOCOL: &str = "tidings.msgpack.v1";
const JSON_PROTOCOL: &str = "tidings.json.v1";

pub(crate) struct EnvelopeEndpoint {
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) namespace: Arc<str>,
}

impl PlainAcceptor for EnvelopeEndpoint {
    fn protocols(&self) -> &'static [&'static str] {
        &[MSGPACK_PROTOCOL, JSON_PROTOCOL]
    }

    fn acceptor(&self, protocol: Option<&str>) -> Box<dyn Acceptor> {
        Box::new(EnvelopeAcceptor {
            namespaces: Arc::clone(&self.namespaces),
            namespace: Arc::clone(&self.namespace),
            format: match protocol {
                Some(MSGPACK_PROTOCOL) => Format::MessagePack,
                _ => Format::Json,
            },
        })
    }
}

struct EnvelopeAcceptor {
    namespaces: Arc<Namespaces>,
    namespace: Arc<str>,
    format: Format,
}

impl Acceptor for EnvelopeAcceptor {
    fn accept(&self, _: &Arc<Connection>) -> Arc<dyn Receiver> {
        Arc::new(Peer {
            namespaces: Arc::clone(&self.namespaces),
            namespace: Arc::clone(&self.namespace),
            format: self.format,
            state: Mutex::new(State::Joining(Vec::new())),
        })
    }
}

/// One client that speaks the envelope.
struct Peer {
    namespaces: Arc<Namespaces>,
    namespace: Arc<str>,
    format: Format,
    state: Mutex<State>,
}

enum State {
    /// Middleware is deciding; commands wait.
    Joining(Vec<Waiting>),
    Joined(Socket),
    Gone(CloseReason),
}

struct Waiting {
    name: Box<str>,
    args: Args,
    id: Option<Box<RawValue>>,
}

impl Peer {
    async fn join(self: Arc<Self>, hub: Hub, connection: Arc<Connection>) {
        let auth = connection.handshake().auth();
        let encoding = Encoding::Envelope(self.format);
        let socket = hub.welcome(&connection, encoding, auth, None, None);
        for middleware in &hub.handlers().middleware {
            if let Err(refused) = middleware(Context::connecting(&socket)).await {
                self.refuse(&connection, &refused);
                socket.set_gone();
                hub.forget_one();
                return;
            }
        }
        // A client that went while middleware decided does not come.
        if connection.is_closed() || !hub.admit(&socket, None, |_| {}) {
            socket.set_gone();
            hub.forget_one();
            return;
        }
        for handler in &hub.handlers().connect {
            handler.run(Context::connecting(&socket));
        }
        let reason = loop {
            let waiting = match &mut *self.state.lock() {
                State::Joining(waiting) if !waiting.is_empty() => std::mem::take(waiting),
                State::Gone(reason) => break *reason,
                state => {
                    *state = State::Joined(socket);
                    return;
                }
            };
            for Waiting { name, args, id } in waiting {
                dispatch(&socket, &name, args, id);
            }
        };
        // The connection ended meanwhile.
        socket.depart(reason);
        hub.forget_one();
    }

    fn refuse(&self, connection: &Arc<Connection>, refused: &ConnectRefused) {
        self.tell_error(connection, refused.word(), &refused.message);
        let code = refused.close_code;
        connection.end(
            CloseReason::ForcedClose,
            Goodbye::Frame(Some(code), code.meaning()),
        );
    }

    fn tell_error(&self, connection: &Arc<Connection>, code: &str, message: &str) {
        let data = serde_json::json!({ "code": code, "message": message });
        let mut out = Vec::new();
        let encoded = Args::one(&data).is_ok_and(|args| {
            envelope::encode_event(self.format, &mut out, "error", &args).is_ok()
        });
        if encoded {
            connection.send(&Arc::new(Frame::raw(opcode_of(self.format), &out)));
        }
    }

    fn take(
        &self,
        connection: &Arc<Connection>,
        command: Result<Command<'_>, envelope::Error>,
    ) -> Result<bool, Malformed> {
        let Command { name, args, id } = match command {
            Ok(command) => command,
            Err(error) => {
                self.tell_error(connection, "bad_request", &error.to_string());
                return Ok(false);
            }
        };
        let socket = match &mut *self.state.lock() {
            State::Gone(_) => return Ok(false),
            State::Joining(waiting) => {
                if waiting.len() >= connection.core().limits.packets_while_joining {
                    return Err(Malformed);
                }
                let name = Cow::into_owned(name).into();
                waiting.push(Waiting { name, args, id });
                return Ok(false);
            }
            State::Joined(socket) => socket.clone(),
        };
        dispatch(&socket, &name, args, id);
        Ok(false)
    }
}

fn dispatch(socket: &Socket, name: &str, args: Args, id: Option<Box<RawValue>>) {
    let handlers = socket.hub().handlers();
    let id = id.map(AckId::Envelope);
    handlers.dispatch(Context::event(socket, name, args, id));
}

impl Receiver for Peer {
    fn opened(self: Arc<Self>, connection: &Arc<Connection>) {
        let Some(hub) = self.namespaces.enter(&self.namespace) else {
            connection.end(CloseReason::ForcedClose, Goodbye::Frame(None, ""));
            return;
        };
        let connection = Arc::clone(connection);
        let core = Arc::clone(connection.core());
        start(&core, None, || Some(Box::pin(self.join(hub, connection))));
    }

    fn text(&self, connection: &Arc<Connection>, text: &str) -> Result<bool, Malformed> {
        self.take(
            connection,
            envelope::decode_json(text, connection.core().limits.nesting),
        )
    }

    fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) -> Result<bool, Malformed> {
        self.take(
            connection,
            envelope::decode_msgpack(bytes, connection.core().limits.nesting),
        )
    }

    fn closed(&self, _: &Arc<Connection>, reason: CloseReason) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Gone(reason));
        if let State::Joined(socket) = before {
            socket.depart(reason);
            socket.hub().forget_one();
        }
    }
}
