//! One client: a non-blocking socket that becomes a plain WebSocket or a Socket.IO connection.
//!
//! A client answers heartbeats by itself and hands everything else to its owner. It is driven by
//! [`Swarm`](crate::swarm::Swarm), which owns epoll and the read buffer; a client at rest keeps
//! none.

use crate::wire::{self, Opcode};
use memchr::memmem;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{RecvFlags, SendFlags},
};

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Socket.IO 5 over WebSocket, main namespace.
    SocketIo,
    /// Plain WebSocket on `/ws`.
    WebSocket,
}

/// What a client tells its owner.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    /// The connection is up: upgraded, and for Socket.IO in the main namespace.
    Ready,
    /// The arguments of an event, or a whole text of plain WebSocket.
    Event(&'a [u8]),
    /// The id of an acknowledgement and its arguments.
    Ack(u32, &'a [u8]),
    /// The connection is over, or never came up.
    Closed(&'static str),
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    Connecting,
    Upgrading,
    /// Upgraded; Engine.IO and the namespace are still to be agreed.
    Opening,
    Ready,
}

/// One connection of the load generator.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its place in the swarm.
    pub(crate) index: usize,
    pub(crate) state: State,
    protocol: Protocol,
    pub(crate) socket: Option<OwnedFd>,
    /// Counts connections, so that events of an old socket are not taken for the new one's.
    pub(crate) generation: u32,
    /// The start of a frame whose end has not come.
    pending: Vec<u8>,
    out: Vec<u8>,
    sent: usize,
    /// Whether the socket refused bytes, so that epoll has to tell when it takes more.
    pub(crate) blocked: bool,
    /// Whether the client has stopped reading on purpose.
    pub(crate) paused: bool,
}

impl Client {
    pub(crate) fn new(index: usize, protocol: Protocol) -> Self {
        Self {
            index,
            state: State::Closed,
            protocol,
            socket: None,
            generation: 0,
            pending: Vec::new(),
            out: Vec::new(),
            sent: 0,
            blocked: false,
            paused: false,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Queues one text; what is queued while a client reads leaves in one write.
    pub(crate) fn send(&mut self, text: &[u8]) {
        wire::push_masked(&mut self.out, Opcode::Text, text);
    }

    /// Starts over with a socket whose connection is under way.
    pub(crate) fn begin(&mut self, socket: OwnedFd, host: &str) {
        self.reset();
        let path = match self.protocol {
            Protocol::SocketIo => "/socket.io/?EIO=4&transport=websocket",
            Protocol::WebSocket => "/ws",
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
            wire::KEY
        );
        self.out.extend_from_slice(request.as_bytes());
        self.socket = Some(socket);
        self.generation = self.generation.wrapping_add(1);
        self.state = State::Connecting;
    }

    /// Closes the socket, without a goodbye.
    pub(crate) fn reset(&mut self) {
        self.socket = None;
        self.state = State::Closed;
        self.pending.clear();
        self.out.clear();
        self.sent = 0;
        self.blocked = false;
        self.paused = false;
    }

    /// Writes what is queued until the socket takes no more.
    pub(crate) fn flush(&mut self) -> Result<(), &'static str> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        self.blocked = false;
        while self.sent < self.out.len() {
            match rustix::net::send(socket, &self.out[self.sent..], SendFlags::NOSIGNAL) {
                Ok(sent) => self.sent += sent,
                Err(Errno::AGAIN) => {
                    self.blocked = true;
                    return Ok(());
                }
                Err(Errno::INTR) => {}
                Err(_) => return Err("reset while writing"),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.out.is_empty()
    }

    /// Reads once into `scratch` and hands on every whole message.
    ///
    /// Returns whether there may be more to read.
    pub(crate) fn read(
        &mut self,
        scratch: &mut [u8],
        on: &mut impl FnMut(&mut Client, Incoming<'_>),
    ) -> Result<bool, &'static str> {
        let Some(socket) = &self.socket else {
            return Ok(false);
        };
        let kept = self.pending.len();
        scratch[..kept].copy_from_slice(&self.pending);
        self.pending.clear();
        let (read, more) = match rustix::net::recv(socket, &mut scratch[kept..], RecvFlags::empty())
        {
            Ok((0, _)) => return Err("ended by the server"),
            Ok((read, _)) => (read, kept + read == scratch.len()),
            Err(Errno::AGAIN | Errno::INTR) => (0, false),
            Err(_) => return Err("reset by the server"),
        };
        let mut bytes = &scratch[..kept + read];
        if self.state == State::Upgrading {
            bytes = self.upgrade(bytes, on)?;
        }
        if self.state != State::Upgrading {
            bytes = self.frames(bytes, on)?;
        }
        if bytes.len() == scratch.len() {
            return Err("sent a message larger than the read buffer");
        }
        self.pending.extend_from_slice(bytes);
        Ok(more)
    }

    /// Reads the answer to the upgrade and returns what follows it.
    fn upgrade<'a>(
        &mut self,
        bytes: &'a [u8],
        on: &mut impl FnMut(&mut Client, Incoming<'_>),
    ) -> Result<&'a [u8], &'static str> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(bytes);
        };
        let head = &bytes[..end];
        if !head.starts_with(b"HTTP/1.1 101") {
            return Err("refused the upgrade");
        }
        if memmem::find(head, wire::ACCEPT.as_bytes()).is_none() {
            return Err("answered the upgrade with a wrong key");
        }
        match self.protocol {
            Protocol::SocketIo => self.state = State::Opening,
            Protocol::WebSocket => {
                self.state = State::Ready;
                on(self, Incoming::Ready);
            }
        }
        Ok(&bytes[end + 4..])
    }

    /// Hands on every whole frame and returns the incomplete rest.
    fn frames<'a>(
        &mut self,
        mut bytes: &'a [u8],
        on: &mut impl FnMut(&mut Client, Incoming<'_>),
    ) -> Result<&'a [u8], &'static str> {
        while let Some(head) = wire::head(bytes).map_err(|_| "sent a frame nobody expected")? {
            let payload = &bytes[head.start..head.end];
            match head.opcode {
                Opcode::Text => self.text(payload, on)?,
                Opcode::Ping => wire::push_masked(&mut self.out, Opcode::Pong, payload),
                Opcode::Close => return Err("closed by the server"),
                Opcode::Binary | Opcode::Pong => {}
            }
            bytes = &bytes[head.end..];
        }
        Ok(bytes)
    }

    fn text(
        &mut self,
        text: &[u8],
        on: &mut impl FnMut(&mut Client, Incoming<'_>),
    ) -> Result<(), &'static str> {
        if self.protocol == Protocol::WebSocket {
            on(self, Incoming::Event(text));
            return Ok(());
        }
        match text {
            [b'4', b'2', event @ ..] => on(self, Incoming::Event(event)),
            [b'4', b'3', ack @ ..] => {
                let digits = ack.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let id = wire::number(&ack[..digits]).ok_or("acknowledged without an id")?;
                on(self, Incoming::Ack(id, &ack[digits..]));
            }
            [b'2'] => self.send(b"3"),
            [b'0', ..] => self.send(b"40"),
            [b'4', b'0', ..] => {
                self.state = State::Ready;
                on(self, Incoming::Ready);
            }
            [b'4', b'4', ..] => return Err("refused the namespace"),
            [b'1'] | [b'4', b'1', ..] => return Err("disconnected by the server"),
            _ => {}
        }
        Ok(())
    }
}
