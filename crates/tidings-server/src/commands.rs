//! The commands: what clients may ask for, whatever their transport.
//!
//! A command is a function from a [`Call`] and its typed input to its typed output, or to the
//! [`Fault`] that says why not. One file a subject; a new command is a function there and a line
//! in [`namespace`].
//!
//! Commands of one client begin in the order in which they came, and those here finish without
//! waiting, so a client need not await one answer before it sends the next command.

mod auth;
mod chat;
mod rooms;
mod typing;

use std::{future::Future, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};
use tidings::{
    Ack, Args, ConnectRefused, EmitError, EventName, Handshake, Hub, Namespace, Socket, State,
};

use crate::{
    app::{App, channel},
    fault::{Code, Fault},
    identity::Identity,
    names::RoomId,
    origin,
};

pub(crate) use self::typing::expire;

/// The commands of the server, as the namespace that every transport speaks for.
pub(crate) fn namespace(app: App) -> Namespace {
    let namespace = Namespace::new()
        .middleware(only_local_pages)
        .on_connect(rooms::recover)
        .on_disconnect(rooms::gone)
        .fallback(unknown);
    let namespace = answering(namespace, "auth", auth::auth);
    let namespace = answering(namespace, "room:join", rooms::join);
    let namespace = command(namespace, "room:leave", rooms::leave);
    let namespace = command(namespace, "room:members", rooms::members);
    let namespace = command(namespace, "chat:send", chat::send);
    let namespace = command(namespace, "typing:start", typing::start);
    let namespace = command(namespace, "typing:stop", typing::stop);
    namespace.with_state(app)
}

async fn only_local_pages(handshake: Handshake) -> Result<(), ConnectRefused> {
    if origin::is_welcome(&handshake) {
        return Ok(());
    }
    Err(ConnectRefused::new(
        "With --dev, only pages of this machine (localhost) may connect.",
    ))
}

/// One use of a command.
#[derive(Debug, Clone)]
struct Call {
    app: App,
    /// The client, which may be on any transport.
    socket: Socket,
}

impl Call {
    /// Who calls.
    fn identity(&self) -> Result<Identity, Fault> {
        Identity::of(&self.socket)
    }

    /// Everybody in the room but the caller.
    fn others(&self, room: &RoomId) -> tidings::Broadcast {
        self.socket.to(channel(room))
    }
}

/// An answer without anything in it but its success.
#[derive(Debug, Serialize)]
struct Done {}

/// What a successful command answers.
#[derive(Serialize)]
struct Success<'a, O> {
    success: bool,
    #[serde(flatten)]
    output: &'a O,
}

/// What a command that failed answers.
#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    #[serde(flatten)]
    fault: &'a Fault,
}

/// The answer to a command, to be given once.
struct Answer<O> {
    socket: Socket,
    ack: Option<Ack>,
    output: PhantomData<fn(O)>,
}

impl<O: Serialize> Answer<O> {
    fn new(socket: &Socket, ack: Option<Ack>) -> Self {
        Self {
            socket: socket.clone(),
            ack,
            output: PhantomData,
        }
    }

    /// Answers, if the client wants to know.
    fn give(&mut self, output: &O) {
        if let Some(ack) = self.ack.take() {
            log_unsent(ack.send(&Success {
                success: true,
                output,
            }));
        }
    }

    /// Answers that it was not done. A client that did not ask for an answer hears of this by the
    /// event `error`, since otherwise it would wait for something that never comes.
    fn refuse(&mut self, fault: &Fault) {
        let sent = match self.ack.take() {
            Some(ack) => ack.send(&Failure {
                success: false,
                fault,
            }),
            None => {
                #[derive(Serialize)]
                struct ErrorEvent<'a> {
                    code: Code,
                    message: &'a str,
                }
                let event = ErrorEvent {
                    code: fault.code(),
                    message: fault.sentence(),
                };
                self.socket.emit("error", &event)
            }
        };
        log_unsent(sent);
    }
}

/// Nothing that we send fails to serialise; if it does, that is ours to know and not the client's.
fn log_unsent(sent: Result<(), EmitError>) {
    if let Err(error) = sent {
        tracing::error!(%error, "could not be sent");
    }
}

/// Registers a command.
fn command<I, O, F, Fut>(namespace: Namespace<App>, name: &str, run: F) -> Namespace<App>
where
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
    F: Fn(Call, I) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<O, Fault>> + Send + 'static,
{
    namespace.on(
        name,
        move |socket: Socket, State(app): State<App>, name, args: Args, ack: Option<Ack>| async move {
            let mut answer = Answer::new(&socket, ack);
            let outcome = match read(&name, &args) {
                Ok(input) => run(Call { app, socket }, input).await,
                Err(fault) => Err(fault),
            };
            match outcome {
                Ok(output) => answer.give(&output),
                Err(fault) => answer.refuse(&fault),
            }
        },
    )
}

/// Registers a command that gives its answer itself, at the moment at which it has to be given.
fn answering<I, O, F>(namespace: Namespace<App>, name: &str, run: F) -> Namespace<App>
where
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
    F: Fn(Call, I, &mut Answer<O>) -> Result<(), Fault> + Copy + Send + Sync + 'static,
{
    namespace.on(
        name,
        move |socket: Socket, State(app): State<App>, name, args: Args, ack: Option<Ack>| async move {
            let mut answer = Answer::new(&socket, ack);
            let outcome = read(&name, &args)
                .and_then(|input| run(Call { app, socket }, input, &mut answer));
            if let Err(fault) = outcome {
                answer.refuse(&fault);
            }
        },
    )
}

fn read<I: DeserializeOwned>(EventName(name): &EventName, args: &Args) -> Result<I, Fault> {
    args.get(0).map_err(|error| Fault::unreadable(name, &error))
}

async fn unknown(socket: Socket, EventName(name): EventName, ack: Option<Ack>) {
    // A name may be as long as a message.
    let shown: String = name.chars().take(64).collect();
    let fault = Fault::new(
        Code::UnknownCommand,
        format!("There is no command {shown:?}."),
    );
    Answer::<Done>::new(&socket, ack).refuse(&fault);
}

/// Sends an event to everybody in the room.
fn tell_all<T: Serialize>(hub: &Hub, room: &RoomId, event: &str, data: &T) {
    log_unsent(hub.to(channel(room)).emit(event, data));
}
