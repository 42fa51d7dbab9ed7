//! Who writes, and when: a frame that was pushed is written, whatever its pusher and the socket
//! were doing at that moment, and behind what was pushed before it.

use std::{net::SocketAddr, sync::Barrier};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpSocket,
};

use super::*;
use crate::{
    limits::Limits,
    transport::{outbox::Sink, socket::Socket, tls::tests::secured},
};

const PUSHERS: usize = 6;
const ROUNDS: usize = 60;
/// Frames of one pusher in one round; their sum is many times what the sockets hold.
const BURST: u32 = 40;
/// A payload that takes the longer header.
const PAYLOAD: usize = 1000;
const HEADER: usize = 4;

/// A connection of the server, and the socket of its peer, both with the smallest buffers.
async fn pair(core: &Arc<Core>, tls: bool) -> (Arc<Connection>, Box<dyn AsyncRead + Unpin>) {
    let listener = TcpSocket::new_v4().unwrap();
    listener.set_send_buffer_size(4096).unwrap();
    listener
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .unwrap();
    let listener = listener.listen(1).unwrap();
    let peer = TcpSocket::new_v4().unwrap();
    peer.set_recv_buffer_size(2048).unwrap();
    let peer = peer.connect(listener.local_addr().unwrap()).await.unwrap();
    let (socket, address) = listener.accept().await.unwrap();
    let (socket, peer): (_, Box<dyn AsyncRead + Unpin>) = if tls {
        let (socket, peer) = secured(socket, peer).await;
        (socket, Box::new(peer))
    } else {
        (Socket::Tcp(socket), Box::new(peer))
    };
    let (_, write) = socket.split();
    let (parts, ()) = http::Request::new(()).into_parts();
    let minute = Duration::from_secs(60);
    let connection = Connection::open(
        core,
        Opening {
            wire: Wire::Plain,
            sink: Sink::Socket(Arc::new(write)),
            encoding: WireEncoding::default(),
            heartbeat: HeartbeatConfig {
                interval: minute,
                timeout: minute,
            },
            handshake: Handshake::new(&parts, address, false),
            permit: Permit::free(),
        },
    );
    (connection, peer)
}

fn frame(pusher: usize, number: u32) -> Arc<Frame> {
    let mut payload = [0; PAYLOAD];
    payload[0] = u8::try_from(pusher).unwrap();
    payload[1..5].copy_from_slice(&number.to_be_bytes());
    Arc::new(Frame::raw(Opcode::Binary, &payload))
}

/// Pushes in each of the ways that there are.
fn push(connection: &Arc<Connection>, pusher: usize, number: u32) {
    let frame = frame(pusher, number);
    match (pusher + number as usize) % 4 {
        0 => {
            let corked = connection.cork();
            assert_ne!(connection.push(&frame, false), Pushed::Full);
            if corked {
                connection.flush();
            }
        }
        1 => {
            connection.push_unbounded(&frame);
            connection.shard().flush_soon([Arc::clone(connection)]);
        }
        2 => {
            if connection.push(&frame, false) == Pushed::Dirty {
                connection.flush();
            }
        }
        _ => connection.send(&frame),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_many_pushers_all_arrive_each_pushers_in_order() {
    all_arrive_in_order(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_many_pushers_all_arrive_in_order_over_tls() {
    all_arrive_in_order(true).await;
}

async fn all_arrive_in_order(tls: bool) {
    let limits = Limits {
        outbox_bytes: usize::MAX,
        ..Limits::default()
    };
    let core = Core::new(limits, 2, None);
    core.shards.spawn(&core.tasks, &core.stop);
    let (connection, mut peer) = pair(&core, tls).await;
    let barrier = Arc::new(Barrier::new(PUSHERS + 1));
    let threads: Vec<_> = (0..PUSHERS)
        .map(|pusher| {
            let (connection, barrier) = (Arc::clone(&connection), Arc::clone(&barrier));
            let runtime = tokio::runtime::Handle::current();
            std::thread::spawn(move || {
                let _runtime = runtime.enter();
                for round in 0..u32::try_from(ROUNDS).unwrap() {
                    barrier.wait();
                    for n in 0..BURST {
                        push(&connection, pusher, round * BURST + n);
                    }
                }
            })
        })
        .collect();

    let mut expected = [0u32; PUSHERS];
    let mut frame = [0; HEADER + PAYLOAD];
    for round in 0..ROUNDS {
        tokio::task::block_in_place(|| barrier.wait());
        // Nothing is pushed after a round, so whatever is not written by itself is missed here.
        for n in 0..PUSHERS * BURST as usize {
            let read = peer.read_exact(&mut frame);
            let read = tokio::time::timeout(Duration::from_secs(20), read).await;
            assert!(read.is_ok(), "round {round} stalled behind {n} frames");
            assert_eq!(frame[..HEADER], [0x82, 126, 0x03, 0xe8]);
            let pusher = usize::from(frame[HEADER]);
            let number = u32::from_be_bytes(frame[HEADER + 1..HEADER + 5].try_into().unwrap());
            assert_eq!(number, expected[pusher], "of pusher {pusher}");
            expected[pusher] += 1;
            if n % 16 == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(expected, [u32::try_from(ROUNDS).unwrap() * BURST; PUSHERS]);

    // The goodbye is the last, and then nothing waits.
    connection.close(Some(CloseCode::NORMAL));
    connection.shut_after_goodbye();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), peer.read_to_end(&mut rest));
    assert!(read.await.is_ok(), "the socket was not shut");
    assert_eq!(rest, [0x88, 2, 0x03, 0xe8]);
    assert_eq!(connection.queued_bytes(), 0);
    core.stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_would_wait_too_much_is_full_and_one_frame_may_always_wait() {
    let limits = Limits {
        outbox_bytes: 10_000,
        ..Limits::default()
    };
    let core = Core::new(limits, 1, None);
    let (connection, _peer) = pair(&core, false).await;
    let large = Arc::new(Frame::raw(Opcode::Binary, &[0; 50_000]));
    assert_eq!(connection.push(&large, false), Pushed::Dirty);
    assert_eq!(connection.push(&frame(0, 0), false), Pushed::Full);
    assert_eq!(connection.push(&frame(0, 0), true), Pushed::Quiet);
    assert_eq!(core.stats.volatile_dropped.get(), 1);
    assert_eq!(connection.queued_bytes(), large.len());
    connection.cut();
    assert_eq!(connection.queued_bytes(), 0);
    assert_eq!(connection.push(&frame(0, 0), false), Pushed::Quiet);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_takes_no_more_has_so_many_messages_waiting_and_a_burst_has_any_number() {
    let limits = Limits {
        outbox_messages: 3,
        ..Limits::default()
    };
    let core = Core::new(limits, 1, None);
    let (connection, mut peer) = pair(&core, false).await;
    let small = Arc::new(Frame::raw(Opcode::Binary, b""));
    let large = Arc::new(Frame::raw(Opcode::Binary, &[0; 200_000]));
    for n in 0..10 {
        assert_ne!(connection.push(&small, false), Pushed::Full, "{n}");
    }
    connection.flush();
    assert_eq!(connection.queued_bytes(), 0);
    connection.push(&large, false);
    connection.flush();
    for _ in 0..2 {
        assert_eq!(connection.push(&small, false), Pushed::Quiet);
    }
    assert_eq!(connection.push(&small, false), Pushed::Full);
    assert_eq!(connection.push(&small, true), Pushed::Quiet);
    assert_eq!(core.stats.volatile_dropped.get(), 1);
    // Whoever reads again has room again.
    let mut all = vec![0; 10 * small.len() + large.len() + 2 * small.len()];
    let read = peer.read_exact(&mut all);
    let read = tokio::time::timeout(Duration::from_secs(20), read).await;
    assert!(matches!(read, Ok(Ok(_))), "{read:?}");
    while connection.queued_bytes() > 0 {
        tokio::task::yield_now().await;
    }
    assert_ne!(connection.push(&small, false), Pushed::Full);
}
