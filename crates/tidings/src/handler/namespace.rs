//! The registration of a namespace's handlers.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use serde::Serialize;
use serde_json::value::RawValue;
use tidings_protocol::{args::Args, close::CloseCode};

use super::{
    context::Context,
    function::Handler,
    handlers::{Erased, Handlers, Listener, Middleware, PacketMiddleware},
    reply::{IntoConnectResult, IntoReply},
};
use crate::hub::Socket;

/// A refusal to let a client join a namespace.
///
/// A Socket.IO client is told by `CONNECT_ERROR` and keeps its connection; a plain client gets an
/// event `error` of `{code, message}` and is closed.
///
/// ```
/// use tidings::{CloseCode, ConnectRefused};
///
/// let refused = ConnectRefused::new("the token is not valid")
///     .code("invalid_token")
///     .close_code(CloseCode::INVALID_TOKEN);
/// ```
#[derive(Debug, Clone)]
pub struct ConnectRefused {
    pub(crate) message: String,
    data: Option<Box<RawValue>>,
    code: Option<String>,
    pub(crate) close_code: CloseCode,
}

impl ConnectRefused {
    /// A refusal with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            data: None,
            code: None,
            close_code: CloseCode::PERMISSION_DENIED,
        }
    }

    /// The word by which programs know the refusal: `code` of a plain client's `error` event, and
    /// of the `data` of a `CONNECT_ERROR` that has no other data. `permission_denied` for plain
    /// clients when nothing is said.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// What a plain client is closed with. [`CloseCode::PERMISSION_DENIED`].
    #[must_use]
    pub fn close_code(mut self, code: CloseCode) -> Self {
        self.close_code = code;
        self
    }

    /// Adds data for the client's program; what cannot be serialised is left out.
    #[must_use]
    pub fn with_data<T: Serialize>(mut self, data: &T) -> Self {
        self.data = serde_json::value::to_raw_value(data).ok();
        self
    }

    /// The fields of the data, for clients that are told in an object of their own; data that is
    /// no object is the field `data`.
    pub(crate) fn fields(&self) -> serde_json::Map<String, serde_json::Value> {
        let data = self.data.as_deref().map(RawValue::get);
        match data.and_then(|data| serde_json::from_str(data).ok()) {
            None => serde_json::Map::new(),
            Some(serde_json::Value::Object(fields)) => fields,
            Some(other) => [("data".to_owned(), other)].into_iter().collect(),
        }
    }

    /// The word for plain clients.
    pub(crate) fn word(&self) -> &str {
        self.code.as_deref().unwrap_or("permission_denied")
    }

    /// The data of a `CONNECT_ERROR`.
    pub(crate) fn connect_error_data(&self) -> Option<Cow<'_, RawValue>> {
        if let Some(data) = &self.data {
            return Some(Cow::Borrowed(data));
        }
        let code = self.code.as_deref()?;
        serde_json::value::to_raw_value(&serde_json::json!({ "code": code }))
            .ok()
            .map(Cow::Owned)
    }
}

impl fmt::Display for ConnectRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectRefused {}

type Bind<S, T> = Box<dyn FnOnce(&Arc<S>) -> T + Send>;

/// The handlers of a namespace, registered once for all its sockets.
///
/// Handlers are async functions over [extractors](super::FromContext), in any order. `S` is the
/// state that [`State`](super::State) extracts, given with [`with_state`](Self::with_state).
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tidings::{Data, Namespace, Reply, Socket, State};
///
/// #[derive(Clone)]
/// struct App {
///     greeting: &'static str,
/// }
///
/// #[derive(Deserialize, Serialize)]
/// struct Message {
///     room: String,
///     text: String,
/// }
///
/// async fn welcome(socket: Socket, State(app): State<App>) -> Result<(), tidings::EmitError> {
///     socket.emit("greeting", app.greeting)
/// }
///
/// async fn send(socket: Socket, Data(message): Data<Message>) -> Result<Reply<bool>, tidings::EmitError> {
///     socket.hub().to(&message.room).emit("message", &message)?;
///     Ok(Reply(true))
/// }
///
/// let chat: Namespace = Namespace::new()
///     .on_connect(welcome)
///     .on("send", send)
///     .with_state(App { greeting: "hello" });
/// ```
#[must_use]
pub struct Namespace<S = ()> {
    middleware: Vec<Bind<S, Middleware>>,
    packet_middleware: Vec<PacketMiddleware>,
    connect: Vec<Bind<S, Erased>>,
    events: BTreeMap<String, Bind<S, Erased>>,
    fallback: Option<Bind<S, Erased>>,
    any: Vec<Listener>,
    any_outgoing: Vec<Listener>,
    disconnecting: Option<Bind<S, Erased>>,
    disconnect: Option<Bind<S, Erased>>,
    server_events: BTreeMap<String, Bind<S, Erased>>,
}

impl<S> fmt::Debug for Namespace<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("events", &self.events.keys())
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync + 'static> Default for Namespace<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Send + Sync + 'static> Namespace<S> {
    /// A namespace that lets everybody in and hears nothing.
    pub fn new() -> Self {
        Self {
            middleware: Vec::new(),
            packet_middleware: Vec::new(),
            connect: Vec::new(),
            events: BTreeMap::new(),
            fallback: None,
            any: Vec::new(),
            any_outgoing: Vec::new(),
            disconnecting: None,
            disconnect: None,
            server_events: BTreeMap::new(),
        }
    }

    /// Decides whether a client may join. Middleware runs in the order of registration, before
    /// the client is answered; the first refusal ends it. Meanwhile the socket may be given data,
    /// and [rooms to begin with](crate::Socket::join).
    ///
    /// ```
    /// # use tidings::{Auth, ConnectRefused, Namespace};
    /// #[derive(serde::Deserialize)]
    /// struct Credentials { token: Option<String> }
    ///
    /// let private: Namespace = Namespace::new().middleware(|Auth(it): Auth<Credentials>| async move {
    ///     match it.token.as_deref() {
    ///         Some("secret") => Ok(()),
    ///         _ => Err(ConnectRefused::new("unauthorized").with_data(&401)),
    ///     }
    /// });
    /// ```
    pub fn middleware<M, H>(mut self, handler: H) -> Self
    where
        H: Handler<M, S>,
        H::Output: IntoConnectResult,
    {
        self.middleware.push(Box::new(move |state| {
            let state = Arc::clone(state);
            Arc::new(
                move |mut context| match handler.call(&mut context, &state) {
                    Ok(running) => Box::pin(async move { running.await.into_connect_result() }),
                    Err(rejection) => Box::pin(std::future::ready(Err(rejection.into()))),
                },
            )
        }));
        self
    }

    /// Sees every event of a client before its handler, and may change or refuse it. Who waits
    /// for an answer to a refused event gets the error as `{error}`.
    pub fn event_middleware<F, Fut, E>(mut self, middleware: F) -> Self
    where
        F: Fn(EventInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Args, E>> + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.packet_middleware.push(Arc::new(move |mut context| {
            let decision = context.socket().cloned().map(|socket| {
                middleware(EventInfo {
                    socket,
                    name: context.name().to_owned(),
                    args: context.args().clone(),
                })
            });
            Box::pin(async move {
                if let Some(decision) = decision {
                    match decision.await {
                        Ok(args) => context.set_args(args),
                        Err(error) => return Err((context, error.to_string())),
                    }
                }
                Ok(context)
            })
        }));
        self
    }

    /// Runs when a client has joined, before any of its events is handled.
    pub fn on_connect<M, H>(mut self, handler: H) -> Self
    where
        H: Handler<M, S>,
        H::Output: IntoReply,
    {
        self.connect.push(bind(handler));
        self
    }

    /// Handles an event. A second handler of the same name replaces the first.
    pub fn on<M, H>(mut self, event: impl Into<String>, handler: H) -> Self
    where
        H: Handler<M, S>,
        H::Output: IntoReply,
    {
        self.events.insert(event.into(), bind(handler));
        self
    }

    /// Handles every event that has no handler of its own.
    pub fn fallback<M, H>(mut self, handler: H) -> Self
    where
        H: Handler<M, S>,
        H::Output: IntoReply,
    {
        self.fallback = Some(bind(handler));
        self
    }

    /// Listens to every event that comes in, before its middleware and handler.
    pub fn on_any(mut self, listen: impl Fn(&Socket, &str, &Args) + Send + Sync + 'static) -> Self {
        self.any.push(Arc::new(listen));
        self
    }

    /// Listens to every event that goes out, once for each socket; not to acknowledgements.
    pub fn on_any_outgoing(
        mut self,
        listen: impl Fn(&Socket, &str, &Args) + Send + Sync + 'static,
    ) -> Self {
        self.any_outgoing.push(Arc::new(listen));
        self
    }

    /// Runs when a socket is about to go, while it is still in its rooms. What comes after the
    /// handler's first wait may find it gone.
    pub fn on_disconnecting<M, H>(mut self, handler: H) -> Self
    where
        H: Handler<M, S>,
        H::Output: IntoReply,
    {
        self.disconnecting = Some(bind(handler));
        self
    }

    /// Runs when a socket has gone; [`CloseReason`](crate::CloseReason) says why.
    pub fn on_disconnect<M, H>(mut self, handler: H) -> Self
    where
        H: Handler<M, S>,
        H::Output: IntoReply,
    {
        self.disconnect = Some(bind(handler));
        self
    }

    /// Handles an event that another server of the cluster sent with
    /// [`Hub::server_side_emit`](crate::Hub::server_side_emit).
    pub fn on_server_event<M, H>(mut self, event: impl Into<String>, handler: H) -> Self
    where
        H: Handler<M, S>,
        H::Output: IntoReply,
    {
        self.server_events.insert(event.into(), bind(handler));
        self
    }

    /// Gives the handlers their state, after which the namespace can be served.
    pub fn with_state(self, state: S) -> Namespace {
        let state = Arc::new(state);
        let handler = |bind: Bind<S, Erased>| -> Bind<(), Erased> {
            let erased = bind(&state);
            Box::new(move |_| erased)
        };
        Namespace {
            middleware: self
                .middleware
                .into_iter()
                .map(|bind| -> Bind<(), Middleware> {
                    let middleware = bind(&state);
                    Box::new(move |_| middleware)
                })
                .collect(),
            packet_middleware: self.packet_middleware,
            connect: self.connect.into_iter().map(handler).collect(),
            events: self
                .events
                .into_iter()
                .map(|(name, it)| (name, handler(it)))
                .collect(),
            fallback: self.fallback.map(handler),
            any: self.any,
            any_outgoing: self.any_outgoing,
            disconnecting: self.disconnecting.map(handler),
            disconnect: self.disconnect.map(handler),
            server_events: self
                .server_events
                .into_iter()
                .map(|(name, it)| (name, handler(it)))
                .collect(),
        }
    }
}

impl Namespace {
    pub(crate) fn into_handlers(self) -> Arc<Handlers> {
        let state = Arc::new(());
        let named = |events: BTreeMap<String, Bind<(), Erased>>| {
            events
                .into_iter()
                .map(|(name, bind)| (name.into(), bind(&state)))
                .collect()
        };
        Arc::new(Handlers {
            middleware: self
                .middleware
                .into_iter()
                .map(|bind| bind(&state))
                .collect(),
            packet_middleware: self.packet_middleware,
            connect: self.connect.into_iter().map(|bind| bind(&state)).collect(),
            events: named(self.events),
            fallback: self.fallback.map(|bind| bind(&state)),
            any: self.any,
            any_outgoing: self.any_outgoing,
            disconnecting: self.disconnecting.map(|bind| bind(&state)),
            disconnect: self.disconnect.map(|bind| bind(&state)),
            server_events: named(self.server_events),
        })
    }
}

/// An event on its way to its handler, as [`Namespace::event_middleware`] sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EventInfo {
    /// Who sent it.
    pub socket: Socket,
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Args,
}

fn bind<M, S, H>(handler: H) -> Bind<S, Erased>
where
    S: Send + Sync + 'static,
    H: Handler<M, S>,
    H::Output: IntoReply,
{
    Box::new(move |state| {
        let state = Arc::clone(state);
        Erased(Arc::new(move |mut context: Context| {
            match handler.call(&mut context, &state) {
                Ok(running) => Some(Box::pin(async move {
                    let output = running.await.into_reply();
                    answer(context, output);
                })),
                Err(rejection) => {
                    answer(context, Err(rejection.to_string()));
                    None
                }
            }
        }))
    })
}

fn answer(mut context: Context, output: Result<Option<Args>, String>) {
    match output {
        Ok(None) => {}
        Ok(Some(args)) => {
            if let Some(ack) = context.take_ack() {
                let _ = ack.send(args);
            }
        }
        Err(error) => {
            tracing::debug!(event = context.name(), %error, "a handler failed");
            if let Some(ack) = context.take_ack() {
                let _ = ack.send(&serde_json::json!({ "error": error }));
            }
        }
    }
}
