//! Extractors: the parameters of handlers.

use std::ops::Deref;

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tidings_protocol::args::{Args, DecodeError};
use tokio::sync::oneshot;

use super::context::Context;
use crate::{
    event::IntoArgs,
    hub::{Ack, EmitError, Hub, Socket},
    reason::CloseReason,
    transport::handshake::Handshake,
};

/// Why an event did not fit its handler. A client that asked for an answer gets this sentence as
/// `{error}`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The arguments are of another shape.
    #[error("the arguments do not fit: {0}")]
    Args(#[from] DecodeError),
    /// What the client authenticated with is of another shape.
    #[error("the authentication does not fit: {0}")]
    Auth(serde_json::Error),
    /// The parameter makes no sense for this kind of event.
    #[error("{0} is not to be had for this event")]
    Absent(&'static str),
}

/// A parameter of a handler, extracted from the event. `S` is the state of the namespace.
pub trait FromContext<S>: Sized {
    /// Extracts it.
    ///
    /// # Errors
    ///
    /// When the event does not have it.
    fn from_context(context: &mut Context, state: &S) -> Result<Self, Rejection>;
}

/// The first argument of the event.
///
/// Binary data is read and sent as bytes, such as those of the `serde_bytes` crate, alone or
/// anywhere inside of a value:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tidings::{Data, EmitError, Namespace, Socket};
///
/// #[derive(Deserialize, Serialize)]
/// struct Picture {
///     name: String,
///     #[serde(with = "serde_bytes")]
///     pixels: Vec<u8>,
/// }
///
/// async fn share(socket: Socket, Data(picture): Data<Picture>) -> Result<(), EmitError> {
///     socket.broadcast().emit("picture", &picture)?;
///     socket.emit("first row", serde_bytes::Bytes::new(&picture.pixels[..8]))
/// }
///
/// let gallery: Namespace = Namespace::new().on("share", share);
/// ```
///
/// `Data<Option<T>>` is there for an argument that may be left out.
#[derive(Debug, Clone, Copy)]
pub struct Data<T>(pub T);

impl<S, T: DeserializeOwned> FromContext<S> for Data<T> {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        Ok(Self(context.args().get(0)?))
    }
}

/// All arguments, as they came.
impl<S> FromContext<S> for Args {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        Ok(context.args().clone())
    }
}

/// What the client sent to authenticate itself.
#[derive(Debug, Clone, Copy)]
pub struct Auth<T>(pub T);

impl<S, T: DeserializeOwned> FromContext<S> for Auth<T> {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        let socket = context
            .socket()
            .ok_or(Rejection::Absent("authentication"))?;
        let auth = socket.auth().map_or("{}", |auth| auth.get());
        serde_json::from_str(auth)
            .map(Self)
            .map_err(Rejection::Auth)
    }
}

/// The state of the namespace, set with [`Namespace::with_state`](super::Namespace::with_state).
#[derive(Debug, Clone, Copy)]
pub struct State<S>(pub S);

impl<S: Clone> FromContext<S> for State<S> {
    fn from_context(_: &mut Context, state: &S) -> Result<Self, Rejection> {
        Ok(Self(state.clone()))
    }
}

/// The value of that type that is kept with the socket ([`Socket::insert`]). A handler that takes
/// one is not called for a socket without it.
///
/// ```
/// use tidings::{Data, EmitError, Extension, Namespace, Socket};
///
/// #[derive(Clone)]
/// struct Name(String);
///
/// async fn name(socket: Socket, Data(name): Data<String>) {
///     socket.insert(Name(name));
/// }
///
/// async fn say(socket: Socket, Extension(Name(name)): Extension<Name>, Data(text): Data<String>) -> Result<(), EmitError> {
///     socket.broadcast().emit("said", &(name, text))
/// }
///
/// let chat: Namespace = Namespace::new().on("name", name).on("say", say);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Extension<T>(pub T);

impl<T> Deref for Extension<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<S, T: Clone + Send + Sync + 'static> FromContext<S> for Extension<T> {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        let kept = context.socket().and_then(Socket::get);
        kept.map(Self)
            .ok_or(Rejection::Absent("what the socket should have"))
    }
}

/// The name of the event, for handlers of several.
#[derive(Debug, Clone)]
pub struct EventName(pub String);

impl<S> FromContext<S> for EventName {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        Ok(Self(context.name().to_owned()))
    }
}

impl<S> FromContext<S> for Socket {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        context
            .socket()
            .cloned()
            .ok_or(Rejection::Absent("a socket"))
    }
}

impl<S> FromContext<S> for Hub {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        Ok(context.hub().clone())
    }
}

impl<S> FromContext<S> for Handshake {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        let socket = context.socket().ok_or(Rejection::Absent("a handshake"))?;
        Ok(socket.handshake().clone())
    }
}

impl<S> FromContext<S> for CloseReason {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        context.reason().ok_or(Rejection::Absent("a reason"))
    }
}

/// The answer that the client waits for, to be sent whenever it is ready; `None` when it does not
/// wait for one.
impl<S> FromContext<S> for Option<Ack> {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        Ok(context.take_ack())
    }
}

/// The answer that another server waits for.
#[derive(Debug)]
pub struct ServerAck(Option<oneshot::Sender<Args>>);

impl ServerAck {
    /// Answers; without effect when nobody waits.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be serialised.
    pub fn send(self, args: impl IntoArgs) -> Result<(), EmitError> {
        let args = args.into_args()?;
        if let Some(sender) = self.0 {
            let _ = sender.send(args);
        }
        Ok(())
    }

    /// Answers with one value.
    ///
    /// # Errors
    ///
    /// When it cannot be serialised.
    pub fn send_value<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EmitError> {
        self.send(value)
    }
}

impl<S> FromContext<S> for ServerAck {
    fn from_context(context: &mut Context, _: &S) -> Result<Self, Rejection> {
        Ok(Self(context.take_server_ack()))
    }
}
