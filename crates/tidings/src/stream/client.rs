//! One client of plain HTTP: how it joins its namespace, and how it goes.
//!
//! Joining is a task of its own, which a request that is given up does not interrupt. The state is
//! under a lock that is taken alone and never held while a handler runs.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tidings_protocol::{args::Args, close::CloseCode, event_stream, websocket::Opcode};
use tokio::sync::oneshot;

use super::{answer::Failure, audience::Audience};
use crate::{
    handler::{ConnectRefused, context::Context, handlers::start},
    hub::{
        Hub, Socket,
        ack::{AckId, Answer},
        encoding::Encoding,
        live::{Claim, Taken},
        recovery::Offset,
    },
    id::PrivateId,
    reason::CloseReason,
    transport::{
        Acceptor, Malformed, Receiver,
        connection::{Connection, Goodbye, Wire},
        frame::Frame,
    },
};

/// A client of plain HTTP.
pub(crate) struct Client {
    audience: Arc<Audience>,
    hub: Hub,
    session: Option<PrivateId>,
    state: Mutex<State>,
}

enum State {
    /// Middleware is deciding.
    Joining {
        /// The session that the client comes back to.
        taken: Option<Taken>,
        /// Requests that have a command for it.
        waiting: Vec<oneshot::Sender<Socket>>,
        entered: Entered,
    },
    Joined(Socket, Entered),
    Gone,
}

/// One of the population of a namespace.
struct Entered(Hub);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.forget_one();
    }
}

/// How a client comes.
pub(crate) struct Arrival {
    pub(crate) encoding: Encoding,
    /// The session was named by the client, and not drawn for it.
    pub(crate) named: bool,
    /// The place that it has reached.
    pub(crate) place: Option<Offset>,
    /// What an event stream is told about coming back.
    pub(crate) retry: Duration,
}

impl Client {
    /// A client for which the namespace was entered.
    pub(crate) fn new(audience: &Arc<Audience>, hub: Hub, session: Option<PrivateId>) -> Arc<Self> {
        let state = State::Joining {
            taken: None,
            waiting: Vec::new(),
            entered: Entered(hub.clone()),
        };
        Arc::new(Self {
            audience: Arc::clone(audience),
            hub,
            session,
            state: Mutex::new(state),
        })
    }

    /// Joins the namespace. The connection of a client that may not ends.
    pub(crate) async fn join(
        self: Arc<Self>,
        connection: &Arc<Connection>,
        arrival: Arrival,
    ) -> Result<Socket, Failure> {
        let (done, joined) = oneshot::channel();
        let joining = Joining {
            client: self,
            connection: Arc::clone(connection),
            arrival,
        };
        start(connection.core(), None, || {
            Some(Box::pin(async move {
                // A request that was given up does not want to know.
                let _ = done.send(joining.run().await);
            }))
        });
        match joined.await {
            Ok(joined) => joined,
            // Middleware panicked.
            Err(_) => {
                connection.end(CloseReason::ForcedClose, Goodbye::Frame(None, ""));
                Err(Failure::internal())
            }
        }
    }

    /// The socket, once it has joined.
    pub(crate) async fn socket(&self) -> Result<Socket, Failure> {
        let receiver = match &mut *self.state.lock() {
            State::Joined(socket, _) => return Ok(socket.clone()),
            State::Gone => return Err(Failure::unknown_session()),
            State::Joining { waiting, .. } => {
                waiting.retain(|it| !it.is_closed());
                if waiting.len() >= self.hub.core().limits.packets_while_joining {
                    return Err(Failure::too_many_requests());
                }
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                receiver
            }
        };
        receiver.await.map_err(|_| Failure::unknown_session())
    }

    /// The session that the client comes back to, for as long as it is joining.
    fn taken<T>(&self, f: impl FnOnce(&mut Option<Taken>) -> T) -> Option<T> {
        match &mut *self.state.lock() {
            State::Joining { taken, .. } => Some(f(taken)),
            State::Joined(..) | State::Gone => None,
        }
    }

    /// Keeps the session for the join, or gives it back when the client has gone.
    fn keep(&self, session: Option<Taken>) {
        let mut session = session;
        self.taken(|taken| *taken = session.take());
        if let Some(session) = session {
            self.hub.give_back(session);
        }
    }
}

/// A client on its way into the namespace.
struct Joining {
    client: Arc<Client>,
    connection: Arc<Connection>,
    arrival: Arrival,
}

impl Joining {
    async fn run(self) -> Result<Socket, Failure> {
        self.client.keep(self.claim());
        loop {
            let socket = match self.decide().await {
                Ok(socket) => socket,
                Err(refused) => {
                    // A cut would race with the answer that says why.
                    let goodbye = Goodbye::Frame(None, "");
                    self.connection.end(CloseReason::ForcedClose, goodbye);
                    return Err(Failure::refused(&refused));
                }
            };
            // A client that went while middleware decided does not come.
            let Some(taken) = self.client.taken(Option::take) else {
                socket.set_gone();
                return Err(Failure::unavailable());
            };
            if self.admit(&socket, taken.as_ref()) {
                return self.settle(socket);
            }
            socket.set_gone();
            if self.connection.is_closed()
                && let Some(taken) = taken
            {
                self.client.hub.give_back(taken);
            }
            // Or what the session missed was dropped meanwhile: it begins anew.
        }
    }

    /// The session that the client comes back to. What it knows of its place decides: without a
    /// place it begins anew, and without a session nobody knows in which rooms it was.
    fn claim(&self) -> Option<Taken> {
        let hub = &self.client.hub;
        let pid = self.client.session?;
        match (self.arrival.named, self.arrival.place) {
            (true, Some(place)) => hub.claim(Claim {
                pid,
                offset: Some(&place.to_string()),
            }),
            (true, None) => {
                hub.discard(pid);
                None
            }
            (false, Some(place)) => hub.claim_place(pid, place),
            (false, None) => None,
        }
    }

    /// Asks the middleware.
    async fn decide(&self) -> Result<Socket, ConnectRefused> {
        let hub = &self.client.hub;
        let taken = self.client.taken(|taken| taken.clone()).flatten();
        let auth = self.connection.handshake().auth();
        let socket = hub.welcome(
            &self.connection,
            self.arrival.encoding,
            auth,
            self.client.session,
            taken.as_ref(),
        );
        if taken.is_some_and(|it| it.is_kept()) && hub.skips_middleware() {
            return Ok(socket);
        }
        for middleware in &hub.handlers().middleware {
            if let Err(refused) = middleware(Context::connecting(&socket)).await {
                socket.set_gone();
                return Err(refused);
            }
        }
        Ok(socket)
    }

    fn admit(&self, socket: &Socket, taken: Option<&Taken>) -> bool {
        let place = self.arrival.place.as_ref().map(Offset::to_string);
        let taken = taken.map(|taken| (taken, place.as_deref()));
        let recovered = socket.recovered();
        self.client
            .hub
            .admit(socket, taken, |place| match self.connection.wire() {
                Wire::EventStream => {
                    let id = place.as_ref().map(Offset::to_string);
                    let mut out = Vec::new();
                    event_stream::encode_opening(&mut out, self.arrival.retry, id.as_deref());
                    let opening = Frame::raw(Opcode::Text, &out);
                    self.connection.push_unbounded(&Arc::new(opening));
                }
                Wire::Poll => self.connection.begin_polling(place, recovered),
                Wire::Engine | Wire::Plain | Wire::Rpc => {}
            })
    }

    /// Runs the connect handlers, then lets the commands in that have waited for them.
    fn settle(&self, socket: Socket) -> Result<Socket, Failure> {
        for handler in &self.client.hub.handlers().connect {
            handler.run(Context::connecting(&socket));
        }
        let mut state = self.client.state.lock();
        match std::mem::replace(&mut *state, State::Gone) {
            State::Joining {
                waiting, entered, ..
            } => {
                *state = State::Joined(socket.clone(), entered);
                drop(state);
                for request in waiting {
                    let _ = request.send(socket.clone());
                }
                Ok(socket)
            }
            State::Joined(..) | State::Gone => {
                // The connection ended meanwhile.
                drop(state);
                socket.depart(
                    self.connection
                        .ended()
                        .unwrap_or(CloseReason::TransportClose),
                );
                Err(Failure::unavailable())
            }
        }
    }
}

/// Has the handlers of the socket take a command.
pub(crate) fn dispatch(socket: &Socket, name: &str, args: Args, answer: Answer) {
    let context = Context::event(socket, name, args, Some(AckId::Request(answer)));
    socket.hub().handlers().dispatch(context);
}

impl Acceptor for Arc<Client> {
    fn accept(&self, _: &Arc<Connection>) -> Arc<dyn Receiver> {
        Arc::<Client>::clone(self)
    }
}

impl Receiver for Client {
    fn text(&self, _: &Arc<Connection>, _: &str) -> Result<bool, Malformed> {
        Err(Malformed)
    }

    fn binary(&self, _: &Arc<Connection>, _: &[u8]) -> Result<bool, Malformed> {
        Err(Malformed)
    }

    fn close(&self, connection: &Arc<Connection>, code: CloseCode, why: &'static str) {
        // Who is to stay away finds no session to continue when it comes back all the same.
        let reason = if code.reconnect() {
            CloseReason::ForcedServerClose
        } else {
            CloseReason::ServerNamespaceDisconnect
        };
        connection.end(reason, Goodbye::Frame(Some(code), why));
    }

    fn closed(&self, _: &Arc<Connection>, reason: CloseReason) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Gone);
        if let Some(session) = self.session {
            self.audience.forget(session, self);
        }
        match before {
            State::Joined(socket, _entered) => socket.depart(reason),
            State::Joining {
                taken: Some(taken), ..
            } => self.hub.give_back(taken),
            State::Joining { taken: None, .. } | State::Gone => {}
        }
    }
}
