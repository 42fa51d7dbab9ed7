//! What a handler is called with, before it is taken apart by extractors.

use std::sync::Arc;

use tidings_protocol::args::Args;
use tokio::sync::oneshot;

use crate::{
    hub::{Ack, Hub, Socket, ack::AckId},
    reason::CloseReason,
};

/// Everything about one event: where it happened, to whom, with what.
#[derive(Debug)]
pub struct Context {
    hub: Hub,
    socket: Option<Socket>,
    name: Arc<str>,
    args: Args,
    ack: Option<Ack>,
    server_ack: Option<oneshot::Sender<Args>>,
    reason: Option<CloseReason>,
}

impl Context {
    fn new(hub: &Hub, socket: Option<&Socket>, name: Arc<str>, args: Args) -> Self {
        Self {
            hub: hub.clone(),
            socket: socket.cloned(),
            name,
            args,
            ack: None,
            server_ack: None,
            reason: None,
        }
    }

    pub(crate) fn event(socket: &Socket, name: Arc<str>, args: Args, ack: Option<AckId>) -> Self {
        let ack = ack.map(|id| Ack::new(socket.clone(), id));
        Self { ack, ..Self::new(socket.hub(), Some(socket), name, args) }
    }

    pub(crate) fn connecting(socket: &Socket) -> Self {
        Self::new(socket.hub(), Some(socket), "connect".into(), Args::new())
    }

    pub(crate) fn departing(socket: &Socket, name: &str, reason: CloseReason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::new(socket.hub(), Some(socket), name.into(), Args::new())
        }
    }

    pub(crate) fn server_event(
        hub: &Hub,
        name: Arc<str>,
        args: Args,
        answer: Option<oneshot::Sender<Args>>,
    ) -> Self {
        Self { server_ack: answer, ..Self::new(hub, None, name, args) }
    }

    /// The namespace.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The socket that it happened to; none for events between servers.
    pub fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// The name of the event: what the client sent, or `connect`, `disconnecting`, `disconnect`.
    pub fn name(&self) -> &Arc<str> {
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
