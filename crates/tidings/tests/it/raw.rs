//! Raw WebSocket endpoints: messages as they are, and rooms for them.

use tidings::{CloseReason, Server, Socket, SocketId, WebSocketConfig, WebSocketHandler};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{Running, Ws, soon};

/// Does what its clients say: `join ROOM`, `leave ROOM`, `say ROOM TEXT`, `others ROOM TEXT`,
/// `end`, `cut`. Answers each command to its sender, so that tests can wait for it.
struct Commands {
    gone: UnboundedSender<(SocketId, CloseReason)>,
}

impl WebSocketHandler for Commands {
    fn opened(&self, socket: &Socket) {
        socket.send_text(socket.id().as_str());
        socket.broadcast().send_text("somebody came");
    }

    fn text(&self, socket: &Socket, text: &str) {
        match text.split(' ').collect::<Vec<_>>().as_slice() {
            ["join", room] => socket.join(room).unwrap(),
            ["leave", room] => socket.leave(room),
            ["say", room, text] => socket.hub().to(room).send_text(text),
            ["others", room, text] => socket.to(room).send_text(text),
            ["end"] => return socket.disconnect(true),
            ["cut"] => return socket.connection().cut(),
            _ => {}
        }
        socket.send_text("done");
    }

    fn binary(&self, socket: &Socket, bytes: &[u8]) {
        socket.hub().everyone().send_binary(bytes);
    }

    fn closed(&self, socket: &Socket, reason: CloseReason) {
        self.gone.send((socket.id(), reason)).unwrap();
    }
}

async fn start() -> (Running, UnboundedReceiver<(SocketId, CloseReason)>) {
    let (gone, departures) = unbounded_channel();
    let builder = Server::builder().websocket("/raw", WebSocketConfig::new(), Commands { gone });
    (Running::start(builder.build().unwrap()).await, departures)
}

struct Client {
    ws: Ws,
    id: SocketId,
}

impl Client {
    async fn connect(running: &Running) -> Self {
        let mut ws = Ws::connect(running.address, "/raw").await;
        let id = SocketId::parse(&ws.text().await).unwrap();
        Self { ws, id }
    }

    async fn command(&mut self, command: &str) {
        self.ws.send(command).await;
        assert_eq!(self.ws.text().await, "done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_reach_rooms_and_nobody_else() {
    let (running, mut departures) = start().await;
    let mut ann = Client::connect(&running).await;
    let mut bob = Client::connect(&running).await;
    assert_eq!(ann.ws.text().await, "somebody came");
    let mut cem = Client::connect(&running).await;
    assert_eq!(ann.ws.text().await, "somebody came");
    assert_eq!(bob.ws.text().await, "somebody came");

    ann.command("join blue").await;
    bob.command("join blue").await;
    cem.command("say blue hello").await;
    assert_eq!(ann.ws.text().await, "hello");
    assert_eq!(bob.ws.text().await, "hello");

    ann.command("others blue but-me").await;
    assert_eq!(bob.ws.text().await, "but-me");

    // A socket's id is the name of a room that holds it alone.
    cem.command(&format!("say {} private", ann.id)).await;
    assert_eq!(ann.ws.text().await, "private");

    bob.command("leave blue").await;
    cem.command("say blue again").await;
    assert_eq!(ann.ws.text().await, "again");
    let hub = running.server.hub("/raw").unwrap();
    assert_eq!((hub.len(), hub.rooms()), (3, vec!["blue".to_owned()]));

    bob.ws.send_binary(vec![0, 1, 255]).await;
    for client in [&mut ann, &mut bob, &mut cem] {
        assert_eq!(client.ws.binary().await, [0, 1, 255]);
    }

    let id = ann.id;
    drop(ann);
    assert_eq!(
        soon(departures.recv()).await,
        Some((id, CloseReason::TransportClose))
    );
    assert_eq!((hub.len(), hub.rooms()), (2, vec![]));
    drop((bob, cem));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_can_end_a_client_and_hears_of_it_once() {
    let (running, mut departures) = start().await;
    let mut ended = Client::connect(&running).await;
    ended.ws.send("end").await;
    assert_eq!(ended.ws.closed().await.map(|(code, _)| code), Some(1005));
    let departure = (ended.id, CloseReason::ServerNamespaceDisconnect);
    assert_eq!(soon(departures.recv()).await, Some(departure));

    let mut cut = Client::connect(&running).await;
    cut.ws.send("cut").await;
    assert_eq!(cut.ws.closed().await, None);
    assert_eq!(
        soon(departures.recv()).await,
        Some((cut.id, CloseReason::ForcedClose))
    );

    let server = running.server.clone();
    running.close().await;
    drop(server);
    assert_eq!(soon(departures.recv()).await, None);
}

/// Ends its clients as soon as they are there.
struct Closed(UnboundedSender<CloseReason>);

impl WebSocketHandler for Closed {
    fn opened(&self, socket: &Socket) {
        socket.connection().send_text("not today");
        socket.disconnect(true);
    }

    fn closed(&self, _: &Socket, reason: CloseReason) {
        self.0.send(reason).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_can_be_turned_away_when_it_comes() {
    let (gone, mut departures) = unbounded_channel();
    let builder = Server::builder().websocket("/raw", WebSocketConfig::new(), Closed(gone));
    let running = Running::start(builder.build().unwrap()).await;
    let mut client = Ws::connect(running.address, "/raw").await;
    assert_eq!(client.text().await, "not today");
    assert_eq!(client.closed().await.map(|(code, _)| code), Some(1005));
    assert!(soon(departures.recv()).await.is_some());
    running.close().await;
    assert_eq!(soon(departures.recv()).await, None);
}
