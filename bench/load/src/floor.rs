//! The floors: what the kernel charges when nothing but the kernel is in the way.
//!
//! Both are one thread over epoll that knows just enough WebSocket for the same clients to drive
//! it. `floor-send` answers every text with a loop of one `send()` to each connection, or, when it
//! coalesces, with one `writev()` to each connection for all texts that were waiting.
//! `floor-echo` sends back every frame of a read in one `send()`. Neither keeps what a socket does
//! not take: the runs that need a floor never fill a socket's buffer, and should one do so, the
//! connection is cut and the run's exact count fails.

use crate::wire::{self, Opcode};
use anyhow::Result;
use memchr::memmem;
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    fd::OwnedFd,
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, sockopt},
};
use std::{io::IoSlice, net::TcpListener};

const LISTENER: u64 = u64::MAX;
/// The kernel's bound on the slices of one `writev()`.
const SLICES: usize = 1024;

/// What a floor does with the texts of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    /// One `send()` for each text and connection.
    Send,
    /// One `writev()` of all texts for each connection.
    Writev,
    /// One `send()` of all texts to the connection that they came from.
    Echo,
}

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    upgraded: bool,
    /// The start of a frame, or of the upgrade, whose end has not come.
    pending: Vec<u8>,
}

/// Serves until the process is ended.
pub(crate) fn serve(floor: Floor) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    rustix::net::listen(&listener, 4096)?;
    println!("READY {}", listener.local_addr()?.port());

    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &epoll,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let mut scratch = vec![0; 64 * 1024];
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut batch = Vec::new();
        for event in &events {
            if event.data.u64() == LISTENER {
                accept(&listener, &epoll, &mut connections)?;
                continue;
            }
            let index = event.data.u64() as usize;
            let Some(connection) = &mut connections[index] else {
                continue;
            };
            match read(connection, &mut scratch) {
                Some(texts) if texts.is_empty() => {}
                Some(texts) => match floor {
                    Floor::Send => send_to_all(&mut connections, &texts),
                    Floor::Writev => batch.extend(texts),
                    Floor::Echo => echo(&mut connections[index], &texts),
                },
                None => connections[index] = None,
            }
        }
        if !batch.is_empty() {
            writev_to_all(&mut connections, &batch);
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &OwnedFd,
    connections: &mut Vec<Option<Connection>>,
) -> Result<()> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    // Stopping at any error is right: epoll tells again while a connection waits.
    while let Ok(socket) = rustix::net::accept_with(listener, flags) {
        sockopt::set_tcp_nodelay(&socket, true)?;
        let free = connections.iter().position(Option::is_none);
        let index = free.unwrap_or(connections.len());
        epoll::add(
            epoll,
            &socket,
            EventData::new_u64(index as u64),
            EventFlags::IN,
        )?;
        let connection = Some(Connection {
            socket,
            upgraded: false,
            pending: Vec::new(),
        });
        match free {
            Some(free) => connections[free] = connection,
            None => connections.push(connection),
        }
    }
    Ok(())
}

/// Reads once and returns the frames to answer with, ready to send; `None` when it is over.
fn read(connection: &mut Connection, scratch: &mut [u8]) -> Option<Vec<Vec<u8>>> {
    let read = match rustix::net::recv(&connection.socket, &mut *scratch, RecvFlags::empty()) {
        Ok((0, _)) => return None,
        Ok((read, _)) => read,
        Err(Errno::AGAIN | Errno::INTR) => return Some(Vec::new()),
        Err(_) => return None,
    };
    connection.pending.extend_from_slice(&scratch[..read]);
    if !connection.upgraded {
        let Some(end) = memmem::find(&connection.pending, b"\r\n\r\n") else {
            return Some(Vec::new());
        };
        connection.pending.drain(..end + 4);
        connection.upgraded = true;
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            wire::ACCEPT
        );
        send(&connection.socket, answer.as_bytes())?;
    }
    let mut texts = Vec::new();
    let mut at = 0;
    while let Some(head) = wire::head(&connection.pending[at..]).ok()? {
        let payload = &mut connection.pending[at + head.start..at + head.end];
        wire::mask(payload, head.mask?);
        if head.opcode == Opcode::Text {
            let mut frame = Vec::with_capacity(payload.len() + 10);
            wire::push_bare(&mut frame, Opcode::Text, payload);
            texts.push(frame);
        }
        at += head.end;
    }
    connection.pending.drain(..at);
    Some(texts)
}

fn send_to_all(connections: &mut [Option<Connection>], texts: &[Vec<u8>]) {
    for text in texts {
        for connection in connections.iter_mut() {
            let Some(open) = connection else { continue };
            if send(&open.socket, text).is_none() {
                *connection = None;
            }
        }
    }
}

fn writev_to_all(connections: &mut [Option<Connection>], texts: &[Vec<u8>]) {
    for texts in texts.chunks(SLICES) {
        let slices: Vec<_> = texts.iter().map(|text| IoSlice::new(text)).collect();
        let length: usize = texts.iter().map(Vec::len).sum();
        for connection in connections.iter_mut() {
            let Some(open) = connection else { continue };
            if rustix::io::writev(&open.socket, &slices) != Ok(length) {
                *connection = None;
            }
        }
    }
}

fn echo(connection: &mut Option<Connection>, texts: &[Vec<u8>]) {
    if let Some(open) = connection
        && send(&open.socket, &texts.concat()).is_none()
    {
        *connection = None;
    }
}

/// Sends all of `bytes`, or nothing that counts.
fn send(socket: &OwnedFd, bytes: &[u8]) -> Option<()> {
    let sent = rustix::net::send(socket, bytes, SendFlags::NOSIGNAL);
    (sent == Ok(bytes.len())).then_some(())
}
