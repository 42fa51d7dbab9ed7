//! Registered handlers, and how they are run.
//!
//! A handler starts when its event is read, so handlers start in the order of their events. Most
//! finish without waiting for anything, and never become a task; one that waits goes on as a task
//! of its own, so that handlers may overlap. A panic ends the handler and nothing else.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll, Waker},
};

use rustc_hash::FxHashMap;
use tidings_protocol::args::Args;

use super::{context::Context, namespace::ConnectRefused};
use crate::{hub::Socket, server::core::Core, transport::connection::Connection};

pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(crate) type Deciding<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type Listener = Arc<dyn Fn(&Socket, &str, &Args) + Send + Sync>;

/// A handler whatever its parameters.
#[derive(Clone)]
pub(crate) struct Erased(pub(crate) Arc<dyn Fn(Context) -> Option<Running> + Send + Sync>);

pub(crate) type Middleware =
    Arc<dyn Fn(Context) -> Deciding<Result<(), ConnectRefused>> + Send + Sync>;
pub(crate) type PacketMiddleware =
    Arc<dyn Fn(Context) -> Deciding<Result<Context, (Context, String)>> + Send + Sync>;

/// Everything that is registered for a namespace.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) middleware: Vec<Middleware>,
    pub(crate) packet_middleware: Vec<PacketMiddleware>,
    pub(crate) connect: Vec<Erased>,
    pub(crate) events: FxHashMap<Box<str>, Erased>,
    pub(crate) fallback: Option<Erased>,
    pub(crate) any: Vec<Listener>,
    pub(crate) any_outgoing: Vec<Listener>,
    pub(crate) disconnecting: Option<Erased>,
    pub(crate) disconnect: Option<Erased>,
    pub(crate) server_events: FxHashMap<Box<str>, Erased>,
}

impl Erased {
    pub(crate) fn run(&self, context: Context) {
        // What is needed when it does not finish at once is found through the socket, so that
        // the common event touches no count that other clients' events touch as well.
        match context
            .socket()
            .map(|socket| Arc::clone(socket.connection()))
        {
            Some(connection) => {
                start(connection.core(), Some(&connection), || (self.0)(context));
            }
            None => {
                let core = Arc::clone(context.hub().core());
                start(&core, None, || (self.0)(context));
            }
        }
    }
}

/// Runs what `begin` begins as far as it goes without waiting; the rest becomes a task.
pub(crate) fn start(
    core: &Arc<Core>,
    connection: Option<&Arc<Connection>>,
    begin: impl FnOnce() -> Option<Running>,
) {
    let started = catch_unwind(AssertUnwindSafe(|| {
        let mut running = begin()?;
        match running.as_mut().poll(&mut Task::from_waker(Waker::noop())) {
            Poll::Ready(()) => None,
            Poll::Pending => Some(running),
        }
    }));
    match started {
        Ok(None) => {}
        Ok(Some(running)) => spawn(core, connection.cloned(), running),
        // The panic hook has said what happened.
        Err(_) => core.stats.handler_panics.add(1),
    }
}

/// Lets a handler that waits go on as a task, counted against its client.
fn spawn(core: &Arc<Core>, connection: Option<Arc<Connection>>, running: Running) {
    if let Some(connection) = &connection {
        connection.handler_started();
    }
    let finished = Finished {
        core: Arc::clone(core),
        connection,
        done: false,
    };
    core.tasks.spawn(async move {
        let mut finished = finished;
        running.await;
        finished.done = true;
    });
}

struct Finished {
    core: Arc<Core>,
    connection: Option<Arc<Connection>>,
    done: bool,
}

impl Drop for Finished {
    fn drop(&mut self) {
        if !self.done && std::thread::panicking() {
            self.core.stats.handler_panics.add(1);
        }
        if let Some(connection) = &self.connection {
            connection.handler_finished();
        }
    }
}

impl Handlers {
    /// Runs whatever is registered for the event.
    pub(crate) fn dispatch(self: &Arc<Self>, context: Context) {
        if let Some(socket) = context.socket() {
            self.any
                .iter()
                .for_each(|listen| listen(socket, context.name(), context.args()));
        }
        if self.packet_middleware.is_empty() {
            return self.run_event(context);
        }
        let handlers = Arc::clone(self);
        let chain = Erased(Arc::new(move |context| {
            let handlers = Arc::clone(&handlers);
            Some(Box::pin(async move {
                let mut context = context;
                for middleware in &handlers.packet_middleware {
                    match middleware(context).await {
                        Ok(passed) => context = passed,
                        Err((mut dropped, error)) => {
                            if let Some(ack) = dropped.take_ack() {
                                let _ = ack.send(&serde_json::json!({ "error": error }));
                            }
                            return;
                        }
                    }
                }
                handlers.run_event(context);
            }))
        }));
        chain.run(context);
    }

    /// Whether anybody would notice an event of that name.
    pub(crate) fn hears(&self, name: &str) -> bool {
        self.fallback.is_some()
            || self.events.contains_key(name)
            || !self.any.is_empty()
            || !self.packet_middleware.is_empty()
    }

    fn run_event(&self, context: Context) {
        let handler = self.events.get(context.name()).or(self.fallback.as_ref());
        if let Some(handler) = handler {
            handler.run(context);
        }
    }
}
