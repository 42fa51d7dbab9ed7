//! Acknowledgements, in both directions.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use serde_json::value::RawValue;
use thiserror::Error;
use tidings_protocol::{args::Args, envelope};
use tokio::sync::{mpsc, oneshot};

use super::{
    encoding::Encoding,
    publication::{encode_ack, opcode_of},
    socket::{EmitError, Socket},
};
use crate::{event::IntoArgs, transport::frame::Frame};

/// The answer that a client waits for. Dropped unsent, the client gets none.
///
/// Most handlers return their answer, as [`Reply`](crate::Reply) or
/// [`Args`]; this is for those that give it some other time.
///
/// ```
/// use tidings::{Ack, Data, Namespace, Reply, args};
///
/// async fn double(Data(n): Data<i64>) -> Reply<i64> {
///     Reply(2 * n)
/// }
///
/// async fn later(ack: Option<Ack>) {
///     tokio::spawn(async move {
///         if let Some(ack) = ack {
///             let _ = ack.send(args!["done", 3]);
///         }
///     });
/// }
///
/// let namespace: Namespace = Namespace::new().on("double", double).on("later", later);
/// ```
#[derive(Debug)]
pub struct Ack {
    socket: Socket,
    id: AckId,
}

/// How the client named its question.
#[derive(Debug)]
pub(crate) enum AckId {
    SocketIo(u64),
    Envelope(Box<RawValue>),
    /// By the request whose response is the answer.
    Request(Answer),
}

/// Where the answer to a request goes. Dropped unused, it tells that there is none.
#[derive(Debug)]
pub(crate) struct Answer(Option<oneshot::Sender<Outcome>>);

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered(Args),
    /// Its handler panicked.
    Panicked,
}

impl Answer {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    fn give(mut self, args: Args) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(Outcome::Answered(args));
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(sender) = self.0.take()
        {
            let _ = sender.send(Outcome::Panicked);
        }
    }
}

impl Ack {
    pub(crate) fn new(socket: Socket, id: AckId) -> Self {
        Self { socket, id }
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be serialised. A client that has gone is no error.
    pub fn send(self, args: impl IntoArgs) -> Result<(), EmitError> {
        let args = args.into_args()?;
        let frame = match (self.id, self.socket.encoding()) {
            (AckId::Request(answer), _) => {
                answer.give(args);
                return Ok(());
            }
            (AckId::SocketIo(id), Encoding::SocketIo { parser, .. }) => {
                encode_ack(parser, self.socket.hub().name(), id, &args)
            }
            (AckId::Envelope(id), Encoding::Envelope(format)) => {
                let mut out = Vec::new();
                envelope::encode_ack(format, &mut out, &id, &args)
                    .ok()
                    .map(|()| Frame::raw(opcode_of(format), &out))
            }
            _ => None,
        };
        if let Some(frame) = frame
            && self.socket.is_connected()
        {
            self.socket.connection().send(&Arc::new(frame));
        }
        Ok(())
    }
}

/// Why a client's acknowledgement did not come.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AckError {
    /// The event could not be sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The client did not answer in time.
    #[error("the client did not acknowledge in time")]
    Timeout,
    /// The client went away first.
    #[error("the client disconnected before it acknowledged")]
    Disconnected,
    /// Plain WebSocket clients are sent no questions.
    #[error("the client speaks a protocol in which it cannot be asked to acknowledge")]
    Unsupported,
}

/// Who waits for the answer of one socket.
pub(crate) enum Pending {
    One(oneshot::Sender<Args>),
    /// A broadcast. When every sender is gone, each client has answered or left.
    Many(mpsc::UnboundedSender<Args>),
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(_) => "One",
            Self::Many(_) => "Many",
        })
    }
}

impl Pending {
    pub(crate) fn answer(self, args: Args) {
        match self {
            Self::One(sender) => drop(sender.send(args)),
            Self::Many(sender) => drop(sender.send(args)),
        }
    }
}

/// An event that expects an acknowledgement; nothing is sent until it is awaited.
///
/// ```
/// # use std::time::Duration;
/// use tidings::{AckError, Namespace, Socket};
///
/// async fn welcome(socket: Socket) -> Result<(), AckError> {
///     let question = socket.emit_with_ack("your name?", &"welcome");
///     match question.timeout(Duration::from_secs(5)).await {
///         Ok(answer) => println!("{:?} is here", answer.get::<String>(0)),
///         Err(AckError::Timeout) => socket.disconnect(true),
///         Err(error) => return Err(error),
///     }
///     Ok(())
/// }
///
/// let namespace: Namespace = Namespace::new().on_connect(welcome);
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct AckRequest {
    pub(crate) socket: Socket,
    pub(crate) name: Box<str>,
    pub(crate) args: Result<Args, EmitError>,
    pub(crate) timeout: Option<Duration>,
}

impl AckRequest {
    /// Gives up after that time. Without it, the wait ends with the client's connection.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    async fn run(self) -> Result<Args, AckError> {
        let Self {
            socket,
            name,
            args,
            timeout,
        } = self;
        let (sender, receiver) = oneshot::channel();
        let id = socket.emit_expecting(&name, args?, Pending::One(sender))?;
        // However the wait ends, nothing of it stays behind.
        let _forget = Forget {
            socket: &socket,
            id,
        };
        let answer = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, receiver)
                .await
                .map_err(|_| AckError::Timeout)?,
            None => receiver.await,
        };
        answer.map_err(|_| AckError::Disconnected)
    }
}

struct Forget<'a> {
    socket: &'a Socket,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.socket.take_pending(self.id);
    }
}

impl IntoFuture for AckRequest {
    type Output = Result<Args, AckError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
