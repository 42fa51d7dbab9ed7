//! Sending to many: whom, how, and what to do with them.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use tidings_protocol::{args::Args, websocket::Opcode};
use tokio::sync::mpsc;

use super::{
    live::Hub,
    selection::Selection,
    socket::{EmitError, Socket, SocketInfo, check_name, event_content},
};
use crate::{
    adapter::{Answers, Flags, LocalHub, Packet},
    event::IntoArgs,
};

/// How long acknowledgements of a broadcast are waited for unless said otherwise.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// A selection of sockets and how to reach them.
///
/// Each socket is reached once, however many of the rooms it is in.
///
/// ```
/// # fn example(hub: tidings::Hub) -> Result<(), tidings::EmitError> {
/// hub.to("news").to("sport").except("muted").emit("headline", &"Rust wins")?;
/// hub.everyone().volatile().emit("tick", &42)?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing happens until something is sent to the selection"]
pub struct Broadcast {
    hub: Hub,
    selection: Selection,
    flags: Flags,
    local: bool,
}

impl Broadcast {
    pub(crate) fn new(hub: Hub) -> Self {
        Self {
            hub,
            selection: Selection::default(),
            flags: Flags::default(),
            local: false,
        }
    }

    /// Adds the sockets of a room.
    pub fn to(mut self, room: impl AsRef<str>) -> Self {
        self.selection.rooms.push(room.as_ref().into());
        self
    }

    /// Leaves out the sockets of a room.
    pub fn except(mut self, room: impl AsRef<str>) -> Self {
        self.selection.except.push(room.as_ref().into());
        self
    }

    /// Drops the event for clients that cannot take it at once.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether the event may be compressed. It may.
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.uncompressed = !compress;
        self
    }

    /// Only sockets of this node.
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Sends an event.
    ///
    /// # Errors
    ///
    /// When the name is reserved or the arguments cannot be serialised.
    pub fn emit(&self, name: &str, args: impl IntoArgs) -> Result<(), EmitError> {
        check_name(name)?;
        let args = args.into_args()?;
        if !self.local {
            let packet = Packet {
                namespace: self.hub.name(),
                name,
                args: &args,
            };
            self.hub
                .adapter()
                .broadcast(packet, &self.selection, self.flags);
        }
        let content = event_content(&self.hub, name, args);
        self.hub.publish(
            content,
            &self.selection,
            self.flags.volatile,
            !self.flags.uncompressed,
        );
        Ok(())
    }

    /// Sends a text message to the raw WebSockets among the selected sockets of this node.
    pub fn send_text(&self, text: &str) {
        let payload = bytes::Bytes::copy_from_slice(text.as_bytes());
        self.hub
            .publish_message(Opcode::Text, payload, &self.selection);
    }

    /// Sends a binary message to the raw WebSockets among the selected sockets of this node.
    pub fn send_binary(&self, bytes: &[u8]) {
        let payload = bytes::Bytes::copy_from_slice(bytes);
        self.hub
            .publish_message(Opcode::Binary, payload, &self.selection);
    }

    /// Sends an event that every selected client has to acknowledge.
    ///
    /// # Errors
    ///
    /// When the name is reserved or the arguments cannot be serialised.
    pub fn emit_with_ack(
        &self,
        name: &str,
        args: impl IntoArgs,
    ) -> Result<BroadcastAcks, EmitError> {
        check_name(name)?;
        Ok(BroadcastAcks {
            broadcast: self.clone(),
            name: name.into(),
            args: args.into_args()?,
            timeout: ACK_TIMEOUT,
        })
    }

    /// The selected sockets, on all nodes, and how many nodes did not say.
    ///
    /// ```
    /// # async fn example(hub: tidings::Hub) {
    /// let found = hub.to("lobby").fetch_sockets().await;
    /// for socket in &found.answers {
    ///     println!("{} is in {:?}, with {}", socket.id, socket.rooms, socket.data);
    ///     // What was found can be reached, wherever it is connected, by its id.
    ///     hub.to(socket.id.as_str()).sockets_leave(["lobby"]);
    /// }
    /// # }
    /// ```
    pub async fn fetch_sockets(&self) -> Answers<Vec<SocketInfo>> {
        let mut found = if self.local {
            Answers {
                answers: Vec::new(),
                missing: 0,
            }
        } else {
            self.hub
                .adapter()
                .fetch_sockets(self.hub.name(), &self.selection)
                .await
        };
        found
            .answers
            .extend(LocalHub::new(&self.hub).sockets(&self.selection));
        found
    }

    /// The selected sockets of this node, as handles.
    ///
    /// ```
    /// # fn example(hub: tidings::Hub) {
    /// for socket in hub.to("lobby").local_sockets() {
    ///     println!("{} has {} bytes to write", socket.id(), socket.connection().queued_bytes());
    /// }
    /// # }
    /// ```
    pub fn local_sockets(&self) -> Vec<Socket> {
        self.hub.select(&self.selection)
    }

    /// Has the selected sockets join rooms.
    pub fn sockets_join(&self, rooms: impl IntoIterator<Item = impl Into<String>>) {
        let rooms: Vec<String> = rooms.into_iter().map(Into::into).collect();
        if !self.local {
            self.hub
                .adapter()
                .join(self.hub.name(), &self.selection, &rooms);
        }
        LocalHub::new(&self.hub).join(&self.selection, &rooms);
    }

    /// Has the selected sockets leave rooms.
    pub fn sockets_leave(&self, rooms: impl IntoIterator<Item = impl Into<String>>) {
        let rooms: Vec<String> = rooms.into_iter().map(Into::into).collect();
        if !self.local {
            self.hub
                .adapter()
                .leave(self.hub.name(), &self.selection, &rooms);
        }
        LocalHub::new(&self.hub).leave(&self.selection, &rooms);
    }

    /// Disconnects the selected sockets; with `close`, their whole connections.
    pub fn disconnect_sockets(&self, close: bool) {
        if !self.local {
            self.hub
                .adapter()
                .disconnect(self.hub.name(), &self.selection, close);
        }
        LocalHub::new(&self.hub).disconnect(&self.selection, close);
    }
}

/// A broadcast that expects acknowledgements; nothing is sent until it is awaited.
///
/// It gives the first argument of each answer, and how many clients did not answer in time.
///
/// ```
/// # use std::time::Duration;
/// # async fn example(hub: tidings::Hub) -> Result<(), Box<dyn std::error::Error>> {
/// let votes = hub.to("jury").emit_with_ack("guilty?", &"case 7")?;
/// let votes = votes.timeout(Duration::from_secs(30)).await;
/// let guilty = votes.answers.iter().filter(|it| it.get(0).unwrap_or(false)).count();
/// println!("{guilty} of {}; {} did not vote", votes.answers.len(), votes.missing);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct BroadcastAcks {
    broadcast: Broadcast,
    name: Box<str>,
    args: Args,
    timeout: Duration,
}

impl BroadcastAcks {
    /// How long to wait. 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn run(self) -> Answers<Vec<Args>> {
        let Self {
            broadcast,
            name,
            args,
            timeout,
        } = self;
        let Broadcast {
            hub,
            selection,
            flags,
            local,
        } = broadcast;
        let deadline = tokio::time::Instant::now() + timeout;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let here = async {
            let (ours, mut answers) = mpsc::unbounded_channel();
            let expected = LocalHub::new(&hub).broadcast_with_ack(
                &name,
                args.clone(),
                &selection,
                flags,
                ours,
            );
            let mut answered = 0;
            while answered < expected
                && let Ok(Some(answer)) = tokio::time::timeout_at(deadline, answers.recv()).await
            {
                answered += 1;
                let _ = sender.send(answer);
            }
            expected - answered
        };
        let elsewhere = async {
            if local {
                return 0;
            }
            let packet = Packet {
                namespace: hub.name(),
                name: &name,
                args: &args,
            };
            hub.adapter()
                .broadcast_with_ack(packet, &selection, flags, timeout, sender.clone())
                .await
        };
        let (here, elsewhere) = tokio::join!(here, elsewhere);
        receiver.close();
        let mut answers = Vec::new();
        while let Ok(answer) = receiver.try_recv() {
            answers.push(answer.slice(..answer.len().min(1)));
        }
        Answers {
            answers,
            missing: here + elsewhere,
        }
    }
}

impl IntoFuture for BroadcastAcks {
    type Output = Answers<Vec<Args>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Hub {
    /// Sends an event to the other servers of the cluster, not to clients.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use tidings::{Data, Hub, Namespace, ServerAck};
    ///
    /// let namespace: Namespace = Namespace::new()
    ///     .on_server_event("forget", async |Data(user): Data<String>| println!("{user} is gone"))
    ///     .on_server_event("load?", async |hub: Hub, ack: ServerAck| ack.send(&hub.len()));
    ///
    /// # async fn example(hub: Hub) -> Result<(), Box<dyn std::error::Error>> {
    /// hub.server_side_emit("forget", &"ann")?;
    /// let loads = hub.server_side_emit_with_ack("load?", &(), Duration::from_secs(1)).await?;
    /// let elsewhere: usize = loads.answers.iter().filter_map(|it| it.get::<usize>(0).ok()).sum();
    /// # let _ = elsewhere;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the arguments cannot be serialised.
    pub fn server_side_emit(&self, name: &str, args: impl IntoArgs) -> Result<(), EmitError> {
        let args = args.into_args()?;
        self.adapter().server_side_emit(Packet {
            namespace: self.name(),
            name,
            args: &args,
        });
        Ok(())
    }

    /// Sends an event to the other servers of the cluster and collects one answer of each.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be serialised.
    pub async fn server_side_emit_with_ack(
        &self,
        name: &str,
        args: impl IntoArgs,
        timeout: Duration,
    ) -> Result<Answers<Vec<Args>>, EmitError> {
        let args = args.into_args()?;
        let packet = Packet {
            namespace: self.name(),
            name,
            args: &args,
        };
        Ok(self
            .adapter()
            .server_side_emit_with_ack(packet, timeout)
            .await)
    }

    /// All rooms of the namespace on all nodes, sockets' own among them, sorted.
    pub async fn all_rooms(&self) -> Answers<Vec<String>> {
        let mut found = self.adapter().all_rooms(self.name()).await;
        found.answers.extend(self.local_rooms());
        found.answers.sort_unstable();
        found.answers.dedup();
        found
    }

    /// How many nodes there are, this one included.
    pub async fn server_count(&self) -> usize {
        self.adapter().server_count(self.name()).await
    }
}
