//! The registry of commands: what there is, what each takes and answers, and who may use it.
//!
//! A command is written once, as a function from a [`Call`] and its typed input to its typed
//! output, and is registered with what others have to know of it. Every transport runs it from
//! here, and `docs/protocol.md` is written from here, so that the two cannot disagree.
//!
//! What comes before a command runs is the same for all: it costs tokens of the caller's buckets,
//! it needs a signed-in user (or an administrator), and its data has to fit. The commands of one
//! client are done one after the other, in the order in which they came: a command has its turn
//! until it has been answered, or has been handed to the store, which keeps the order.

mod answer;
mod located;
pub(crate) mod page;
mod reference;
pub(crate) mod shape;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tidings::{Ack, Args, Socket};

use self::shape::Shape;
pub(crate) use self::{
    answer::{Answer, Failure, Success, log_unsent},
    located::Located,
    reference::reference,
};
use crate::{
    app::App,
    client::Client,
    fault::{Code, Fault},
    limits::meters::Limit,
    metrics::commands as metrics,
    session::Session,
    webhooks::backend::Command,
};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;
type Runner = Box<dyn Fn(Call, Args, Option<Ack>, metrics::Running) -> Running + Send + Sync>;

/// Who may use a command. What is finer than that is decided with the command's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Whoever is connected.
    Anybody,
    /// Whoever has signed in.
    User,
    /// Whoever may join the room.
    MayJoin,
    /// Whoever may send to the room.
    MaySend,
    /// Whoever is in the room with this connection.
    Member,
    /// Whoever may read the document.
    MayRead,
    /// Whoever may change the document.
    MayWrite,
    /// Whoever has the document open with this connection.
    Reader,
    /// Whoever has the claim `admin`.
    Admin,
}

/// One command.
pub(crate) struct Spec {
    /// Its place in the registry.
    index: usize,
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) permission: Permission,
    /// Tokens that it takes from the caller's buckets.
    pub(crate) cost: u32,
    /// The events that others hear of it.
    pub(crate) events: &'static [&'static str],
    shape: Shape,
    run: Runner,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spec").field(&self.name).finish()
    }
}

/// What a command is called and what others have to know of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) permission: Permission,
    pub(crate) cost: u32,
    pub(crate) events: &'static [&'static str],
}

/// One use of a command.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) app: App,
    /// The client, which may be on any transport.
    pub(crate) socket: Socket,
    pub(crate) client: Arc<Client>,
    /// The data as it came, for what passes it on.
    pub(crate) args: Args,
}

impl Call {
    /// Who calls.
    ///
    /// # Errors
    ///
    /// When nobody has signed in.
    pub(crate) fn session(&self) -> Result<Arc<Session>, Fault> {
        self.client.session().ok_or_else(Fault::unauthenticated)
    }
}

/// An answer without anything in it but its success.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Done {}

/// All commands.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    specs: Vec<Arc<Spec>>,
}

impl Registry {
    /// Adds a command that returns its answer.
    pub(crate) fn command<I, O, F, Fut>(self, about: About, run: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + Send + 'static,
        F: Fn(Call, I) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Fault>> + Send + 'static,
    {
        self.answering(about, move |call, input, answer: Answer<O>| async move {
            answer.give(run(call, input).await?);
            Ok(())
        })
    }

    /// Adds a command that gives its answer itself, at the moment at which it has to be given.
    pub(crate) fn answering<I, O, F, Fut>(mut self, about: About, run: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + Send + 'static,
        F: Fn(Call, I, Answer<O>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let About {
            name,
            summary,
            permission,
            cost,
            events,
        } = about;
        let runner = move |call: Call, args: Args, ack: Option<Ack>, running| -> Running {
            Box::pin(async move {
                let answer = Answer::new(&call.socket, ack, running);
                let outcome = match read(name, &args) {
                    Ok(input) => run(call, input, answer.clone()).await,
                    Err(fault) => Err(fault),
                };
                if let Err(fault) = outcome {
                    answer.refuse(&fault);
                }
            })
        };
        self.specs.push(Arc::new(Spec {
            index: self.specs.len(),
            name,
            summary,
            permission,
            cost,
            events,
            shape: Shape::of::<I, O>(),
            run: Box::new(runner),
        }));
        self
    }

    /// The commands, in the order in which they were added.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &Arc<Spec>> {
        self.specs.iter()
    }
}

impl Spec {
    /// Runs the command, or says why not. Either way the client is answered.
    pub(crate) async fn handle(&self, app: App, socket: Socket, args: Args, ack: Option<Ack>) {
        let running = metrics::Running::begin(&app, Some(self.index));
        let client = match admit(&app, &socket, &args, self.cost) {
            Ok(client) => client,
            Err(fault) => return Answer::<Done>::new(&socket, ack, running).refuse(&fault),
        };
        let caller = Arc::clone(&client);
        let _turn = caller.turn().await;
        let session = client.session();
        let refused = match (self.permission, &session) {
            (Permission::Anybody, _) => None,
            (_, None) => Some(Fault::unauthenticated()),
            (Permission::Admin, Some(session)) if !session.admin => Some(Fault::new(
                Code::PermissionDenied,
                format!("{} needs a token with the claim admin.", self.name),
            )),
            _ => None,
        };
        if let Some(fault) = refused {
            return Answer::<Done>::new(&socket, ack, running).refuse(&fault);
        }
        let call = Call {
            app,
            socket,
            client,
            args: args.clone(),
        };
        (self.run)(call, args, ack, running).await;
    }
}

/// What every command has to pass, known or not.
///
/// # Errors
///
/// When the client sends too much or too often.
fn admit(app: &App, socket: &Socket, args: &Args, cost: u32) -> Result<Arc<Client>, Fault> {
    let client = Client::of(socket).ok_or_else(|| Fault::internal("a socket without a client"))?;
    app.guard().take(&client, socket, cost)?;
    let most = app.config().limits.command_bytes;
    if args.byte_len() > most {
        app.guard().hit(Limit::CommandBytes);
        return Err(Fault::new(
            Code::TooLarge,
            format!("A command may have {most} bytes beside its attachments; send less at once."),
        ));
    }
    Ok(client)
}

/// Answers a command that is not among ours.
pub(crate) async fn unknown(app: App, socket: Socket, name: &str, args: Args, ack: Option<Ack>) {
    let running = metrics::Running::begin(&app, None);
    match pass_on(&app, &socket, name, &args).await {
        Ok(answer) => {
            running.end(None);
            if let Some(ack) = ack {
                log_unsent(ack.send(answer));
            }
        }
        Err(fault) => Answer::<Done>::new(&socket, ack, running).refuse(&fault),
    }
}

/// Has a backend carry out a command, if one is there for it, and gives its answer.
async fn pass_on(app: &App, socket: &Socket, name: &str, args: &Args) -> Result<Args, Fault> {
    let client = admit(app, socket, args, 1)?;
    let Some(backend) = app.webhooks().backend(name) else {
        // A name may be as long as a message.
        let shown: String = name.chars().take(64).collect();
        return Err(Fault::new(
            Code::UnknownCommand,
            format!("There is no command {shown:?}."),
        ));
    };
    // It may take the backend seconds, for which the commands behind it do not wait.
    drop(client.turn().await);
    let session = client.session().ok_or_else(Fault::unauthenticated)?;
    let id = socket.id();
    let command = Command {
        command: name,
        user: &session.identity,
        client_id: id.as_str(),
        transport: socket.connection().transport(),
        data: args
            .get::<Option<Value>>(0)
            .map_err(|error| Fault::unreadable(name, &error))?
            .unwrap_or_default(),
    };
    backend.run(&command, &client).await
}

fn read<I: DeserializeOwned>(name: &str, args: &Args) -> Result<I, Fault> {
    let Located(input) = args
        .get(0)
        .map_err(|error| Fault::unreadable(name, &error))?;
    Ok(input)
}
