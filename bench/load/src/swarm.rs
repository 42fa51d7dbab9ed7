//! Many clients on one thread: one epoll, one read buffer, one pass over what is ready.
//!
//! The swarm must cost less than any server it drives, so a pass reads each ready socket once,
//! hands messages on as borrowed slices, and writes what the owner answered once.

use crate::client::{Client, Incoming, Protocol, State};
use anyhow::{Context, Result, bail, ensure};
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt},
};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

/// Large enough that a coalesced burst to one client is read at once.
const SCRATCH: usize = 256 * 1024;
/// How many connections are under way at once when nothing is gained by haste.
const CONNECTING_AT_ONCE: usize = 128;
/// How long a set-up step may take before the run is given up.
const SETUP_LIMIT: Duration = Duration::from_secs(90);
const SETTLING: Duration = Duration::from_millis(200);

/// The clients of one run and what drives them.
pub(crate) struct Swarm {
    clients: Vec<Client>,
    epoll: OwnedFd,
    events: Vec<Event>,
    scratch: Vec<u8>,
    address: SocketAddrV4,
}

impl Swarm {
    /// Prepares `count` clients of the server on `port` of the loopback address; none connects yet.
    pub(crate) fn new(port: u16, protocol: Protocol, count: usize) -> Result<Self> {
        Ok(Self {
            clients: (0..count)
                .map(|index| Client::new(index, protocol))
                .collect(),
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(1024),
            scratch: vec![0; SCRATCH],
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
        })
    }

    pub(crate) fn client(&self, index: usize) -> &Client {
        &self.clients[index]
    }

    /// Starts a connection; [`Incoming::Ready`] or [`Incoming::Closed`] follows from a poll.
    pub(crate) fn connect(&mut self, index: usize) -> Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let tcp = Some(ipproto::TCP);
        let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, tcp)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        match rustix::net::connect(&socket, &self.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error).context("the load generator could not connect"),
        }
        let client = &mut self.clients[index];
        client.begin(socket, &self.address.to_string());
        let Some(socket) = &client.socket else {
            bail!("a client lost its socket before its connection began");
        };
        epoll::add(&self.epoll, socket, token(client), EventFlags::OUT)?;
        Ok(())
    }

    /// Closes a connection from the client's side, without a goodbye and without a report.
    pub(crate) fn cut(&mut self, index: usize) {
        self.clients[index].reset();
    }

    /// Makes the kernel hold little for a connection that does not read.
    pub(crate) fn shrink_receive_buffer(&self, index: usize, bytes: usize) -> Result<()> {
        let socket = self.clients[index]
            .socket
            .as_ref()
            .context("a closed connection")?;
        Ok(sockopt::set_socket_recv_buffer_size(socket, bytes)?)
    }

    /// Stops reading from one connection, or starts again.
    pub(crate) fn pause(&mut self, index: usize, paused: bool) -> Result<()> {
        self.clients[index].paused = paused;
        watch(&self.epoll, &self.clients[index])
    }

    /// Sends one text at once.
    pub(crate) fn send(&mut self, index: usize, text: &[u8]) -> Result<()> {
        let client = &mut self.clients[index];
        ensure!(
            client.state == State::Ready,
            "client {index} is not connected"
        );
        client.send(text);
        settle(&self.epoll, client, &mut |_, _| {})
    }

    /// Handles what is ready, waiting up to `timeout` when nothing is.
    ///
    /// What `on` queues on the client it is handed leaves before the next client is served.
    pub(crate) fn poll(
        &mut self,
        timeout: Duration,
        on: &mut impl FnMut(&mut Client, Incoming<'_>),
    ) -> Result<()> {
        self.events.clear();
        let timeout = Timespec::try_from(timeout)?;
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            Some(&timeout),
        ) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &self.events {
            let (index, generation) = split(event.data.u64());
            let client = &mut self.clients[index];
            if client.generation != generation || client.socket.is_none() {
                continue;
            }
            if let Err(reason) = serve(client, event.flags, &mut self.scratch, on) {
                client.reset();
                on(client, Incoming::Closed(reason));
            }
            settle(&self.epoll, client, on)?;
        }
        Ok(())
    }

    /// Polls until nothing is left to wait for, and tells whether that came before `limit`.
    pub(crate) fn poll_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut() -> bool,
        on: &mut impl FnMut(&mut Client, Incoming<'_>),
    ) -> Result<bool> {
        let deadline = Instant::now() + limit;
        while !done() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.poll(left.min(Duration::from_millis(100)), on)?;
        }
        Ok(true)
    }

    /// Polls for a while, for nothing in particular.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<()> {
        self.poll_until(time, || false, &mut |_, _| {}).map(drop)
    }

    /// Connects every client, some at a time, and waits until all are ready.
    pub(crate) fn connect_all(&mut self) -> Result<()> {
        let deadline = Instant::now() + SETUP_LIMIT;
        let (mut started, mut ready, mut failure) = (0, 0, None);
        while ready < self.clients.len() {
            while started < self.clients.len() && started - ready < CONNECTING_AT_ONCE {
                self.connect(started)?;
                started += 1;
            }
            self.poll(
                Duration::from_millis(100),
                &mut |_, incoming| match incoming {
                    Incoming::Ready => ready += 1,
                    Incoming::Closed(reason) => failure = Some(reason),
                    _ => {}
                },
            )?;
            if let Some(reason) = failure {
                bail!("a connection of the set-up was {reason}, after {ready} were ready");
            }
            ensure!(
                Instant::now() < deadline,
                "only {ready} connections were ready in time"
            );
        }
        // A server may answer the namespace before its handlers are there, and lose what comes
        // between. The storm finds that out; a set-up must not trip over it.
        self.idle(SETTLING)
    }

    /// Joins every client to the rooms that `rooms` names for it, and waits for every answer.
    ///
    /// Plain WebSocket has no rooms: every client hears everything, and nothing is sent.
    pub(crate) fn join_all(&mut self, rooms: impl Fn(usize) -> Vec<String>) -> Result<()> {
        let mut owed = 0;
        for index in 0..self.clients.len() {
            if self.clients[index].protocol() == Protocol::WebSocket {
                continue;
            }
            for (id, room) in rooms(index).iter().enumerate() {
                self.send(index, &join(id, room))?;
                owed += 1;
            }
            if index % CONNECTING_AT_ONCE == 0 {
                self.poll(Duration::ZERO, &mut |_, incoming| owed -= is_ack(&incoming))?;
            }
        }
        let owed = std::cell::Cell::new(owed);
        let all = self.poll_until(SETUP_LIMIT, || owed.get() == 0, &mut |_, incoming| {
            owed.set(owed.get() - is_ack(&incoming));
        })?;
        ensure!(all, "{} joins were never acknowledged", owed.get());
        Ok(())
    }
}

/// The event that joins a room and asks for an answer.
pub(crate) fn join(id: usize, room: &str) -> Vec<u8> {
    format!(r#"42{id}["room:join","{room}"]"#).into_bytes()
}

fn is_ack(incoming: &Incoming<'_>) -> usize {
    usize::from(matches!(incoming, Incoming::Ack(..)))
}

/// Moves one client on by what epoll tells of its socket.
fn serve(
    client: &mut Client,
    flags: EventFlags,
    scratch: &mut [u8],
    on: &mut impl FnMut(&mut Client, Incoming<'_>),
) -> Result<(), &'static str> {
    if client.state == State::Connecting {
        let socket = client.socket.as_ref().ok_or("closed")?;
        match sockopt::socket_error(socket) {
            Ok(Ok(())) => client.state = State::Upgrading,
            _ => return Err("refused the connection"),
        }
    }
    if client.paused {
        return match flags.intersects(EventFlags::ERR | EventFlags::HUP) {
            true => Err("reset by the server"),
            false => Ok(()),
        };
    }
    if flags.intersects(EventFlags::IN | EventFlags::ERR | EventFlags::HUP) {
        while client.read(scratch, on)? {}
    }
    Ok(())
}

/// Writes what a client has queued and tells epoll what it waits for now.
fn settle(
    epoll: &OwnedFd,
    client: &mut Client,
    on: &mut impl FnMut(&mut Client, Incoming<'_>),
) -> Result<()> {
    if client.socket.is_none() || client.state == State::Connecting {
        return Ok(());
    }
    let was_waiting = client.blocked || client.state == State::Upgrading;
    if client.has_output()
        && let Err(reason) = client.flush()
    {
        client.reset();
        on(client, Incoming::Closed(reason));
        return Ok(());
    }
    if was_waiting || client.blocked {
        watch(epoll, client)?;
    }
    Ok(())
}

/// Tells epoll what a client waits for.
fn watch(epoll: &OwnedFd, client: &Client) -> Result<()> {
    let Some(socket) = &client.socket else {
        return Ok(());
    };
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, !client.paused);
    flags.set(EventFlags::OUT, client.blocked);
    Ok(epoll::modify(epoll, socket, token(client), flags)?)
}

fn token(client: &Client) -> EventData {
    EventData::new_u64(u64::from(client.generation) << 32 | client.index as u64)
}

fn split(token: u64) -> (usize, u32) {
    ((token & 0xffff_ffff) as usize, (token >> 32) as u32)
}
