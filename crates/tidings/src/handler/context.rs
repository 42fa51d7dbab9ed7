//! What a handler is called with, before it is taken apart by extractors.

use compact_str::CompactString;
use tidings_protocol::args::Args;
use tokio::sync::oneshot;

use crate::{
    hub::{Ack, Hub, Socket, ack::AckId},
    reason::CloseReason,
};

/// Where an event comes from.
#[derive(Debug)]
enum Origin {
    Client(Socket),
    Server(Hub),
}

/// Everything about one event: where it happened, to whom, with what.
#[derive(Debug)]
pub struct Context {
    origin: Origin,
    name: CompactString,
    args: Args,
    ack: Option<Ack>,
    server_ack: Option<oneshot::Sender<Args>>,
    reason: Option<CloseReason>,
}

impl Context {
    fn new(origin: Origin, name: &str, args: Args) -> Self {
        Self {
            origin,
            name: name.into(),
            args,
            ack: None,
            server_ack: None,
            reason: None,
        }
    }

    fn of(socket: &Socket, name: &str, args: Args) -> Self {
        Self::new(Origin::Client(socket.clone()), name, args)
    }

    pub(crate) fn event(socket: &Socket, name: &str, args: Args, ack: Option<AckId>) -> Self {
        let ack = ack.map(|id| Ack::new(socket.clone(), id));
        Self {
            ack,
            ..Self::of(socket, name, args)
        }
    }

    pub(crate) fn connecting(socket: &Socket) -> Self {
        Self::of(socket, "connect", Args::new())
    }

    pub(crate) fn departing(socket: &Socket, name: &str, reason: CloseReason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::of(socket, name, Args::new())
        }
    }

    pub(crate) fn server_event(
        hub: &Hub,
        name: &str,
        args: Args,
        answer: Option<oneshot::Sender<Args>>,
    ) -> Self {
        let origin = Origin::Server(hub.clone());
        Self {
            server_ack: answer,
            ..Self::new(origin, name, args)
        }
    }

    /// The namespace.
    pub fn hub(&self) -> &Hub {
        match &self.origin {
            Origin::Client(socket) => socket.hub(),
            Origin::Server(hub) => hub,
        }
    }

    /// The socket that it happened to; none for events between servers.
    pub fn socket(&self) -> Option<&Socket> {
        match &self.origin {
            Origin::Client(socket) => Some(socket),
            Origin::Server(_) => None,
        }
    }

    /// The name of the event: what the client sent, or `connect`, `disconnecting`, `disconnect`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments of the event.
    pub fn args(&self) -> &Args {
        &self.args
    }

    /// Replaces the arguments, for middleware.
    pub fn set_args(&mut self, args: Args) {
        self.args = args;
    }

    /// Why the socket went, in handlers of `disconnecting` and `disconnect`.
    pub fn reason(&self) -> Option<CloseReason> {
        self.reason
    }

    /// Whether the client waits for an answer that nobody has taken upon himself yet.
    pub fn wants_ack(&self) -> bool {
        self.ack.is_some()
    }

    /// The answer to give, once.
    pub fn take_ack(&mut self) -> Option<Ack> {
        self.ack.take()
    }

    pub(crate) fn take_server_ack(&mut self) -> Option<oneshot::Sender<Args>> {
        self.server_ack.take()
    }
}
