//! Clients over TLS, under the library's own listener.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tidings::{
    Args, CloseCode, Handshake, Limits, Namespace, Reply, Server, ServerBuilder, Socket, SocketIo,
    Tls, WebSocketConfig, WebSocketHandler,
    rustls::{
        self, ClientConfig, RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Sio, Ws, eventually, http_over, soon};

/// A certificate for `localhost`, and settings of a server that presents it.
fn certificate() -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    (certificate, Arc::new(config))
}

/// Who trusts that certificate alone.
fn trusting(certificate: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A server that listens with TLS.
struct Secure {
    server: Server,
    address: SocketAddr,
    tls: Tls,
    client: Arc<ClientConfig>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Secure {
    async fn start(builder: ServerBuilder) -> Self {
        let server = builder.build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (certificate, config) = certificate();
        let tls = Tls::new(config);
        let serving = tokio::spawn({
            let (server, tls) = (server.clone(), tls.clone());
            let page = pages();
            async move { server.serve_tls(listener, tls, page).await }
        });
        let client = Arc::new(trusting(certificate));
        Self {
            server,
            address,
            tls,
            client,
            serving,
        }
    }

    async fn stream(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        handshake(stream, &self.client).await.unwrap()
    }

    async fn ws(&self, path: &str) -> Ws {
        Ws::over(self.stream().await, path).await
    }

    async fn sio(&self) -> Sio {
        let ws = self.ws("/socket.io/?EIO=4&transport=websocket").await;
        let mut client = Sio::over(ws).await;
        client.join("/", json!({})).await.unwrap();
        client
    }

    async fn http(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        http_over(self.stream().await, method, path, body).await
    }

    async fn close(self) {
        soon(self.server.close()).await;
        assert_eq!(self.server.connections(), 0);
        soon(self.serving).await.unwrap().unwrap();
    }
}

async fn handshake(
    stream: TcpStream,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::clone(config));
    soon(connector.connect("localhost".try_into().unwrap(), stream)).await
}

/// What stands for an application's own pages.
fn pages() -> axum::Router {
    axum::Router::new().route("/page", axum::routing::get(async || "a page"))
}

/// Sends everything back.
struct Echo;

impl WebSocketHandler for Echo {
    fn text(&self, socket: &Socket, text: &str) {
        match text.parse() {
            Ok(code) => socket.close(CloseCode(code), "as you like"),
            Err(_) => socket.hub().to(socket.id().as_str()).send_text(text),
        }
    }

    fn binary(&self, socket: &Socket, bytes: &[u8]) {
        socket.hub().to(socket.id().as_str()).send_binary(bytes);
    }
}

fn builder() -> ServerBuilder {
    let namespace = Namespace::new()
        .on("echo", async |args: Args| args)
        .on("secure?", async |handshake: Handshake| {
            Reply(handshake.is_secure())
        })
        .on("tell all", async |socket: Socket, args: Args| {
            socket.hub().everyone().emit("told", args)
        });
    Server::builder()
        .namespace("/", namespace)
        .socketio("/socket.io/", SocketIo::new())
        .envelope("/ws", WebSocketConfig::new(), "/")
        .websocket("/raw", WebSocketConfig::new().max_payload(4_000_000), Echo)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_client_is_served_over_tls_and_all_meet() {
    let running = Secure::start(builder()).await;
    let mut sio = running.sio().await;
    assert_eq!(sio.ask(json!(["secure?"])).await, json!([true]));
    let mut plain = running.ws("/ws").await;
    plain.send_json(json!({ "type": "secure?", "id": 1 })).await;
    assert_eq!(plain.json().await["data"], json!(true));

    // A session that polls over https, and then moves to wss.
    let path = "/socket.io/?EIO=4&transport=polling";
    let (status, body) = running.http("GET", path, "").await;
    assert_eq!(status, 200);
    let open: Value = serde_json::from_str(body.strip_prefix('0').unwrap()).unwrap();
    let path = format!("{path}&sid={}", open["sid"].as_str().unwrap());
    assert_eq!(running.http("POST", &path, "40").await, (200, "ok".into()));
    let (_, body) = running.http("GET", &path, "").await;
    assert!(body.starts_with("40{\"sid\":"), "{body}");
    let mut moved = running.ws(&path.replace("polling", "websocket")).await;
    moved.send("2probe").await;
    assert_eq!(moved.text().await, "3probe");
    moved.send("5").await;

    sio.emit(json!(["tell all", "tea"])).await;
    assert_eq!(sio.event().await, json!(["told", "tea"]));
    assert_eq!(plain.json().await, json!({ "type": "told", "data": "tea" }));
    assert_eq!(moved.text().await, "42[\"told\",\"tea\"]");

    assert_eq!(
        running.http("GET", "/page", "").await,
        (200, "a page".into())
    );
    drop((sio, plain, moved));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_cross_whole_in_both_directions() {
    let running = Secure::start(builder()).await;
    let mut raw = running.ws("/raw").await;
    for length in [
        0, 1, 125, 16_383, 16_384, 16_385, 65_536, 300_000, 1_000_000, 4_000_000,
    ] {
        let bytes: Vec<u8> = (0..length).map(|n: usize| (n % 251) as u8).collect();
        raw.send_binary(bytes.clone()).await;
        assert!(raw.binary().await == bytes, "{length} bytes");
    }
    // Many at once, answered while more of them come.
    for n in 0..2_000 {
        raw.send(format!("message {n}")).await;
    }
    for n in 0..2_000 {
        assert_eq!(raw.text().await, format!("message {n}"));
    }
    let mut sio = running.sio().await;
    let text = "x".repeat(900_000);
    assert_eq!(sio.ask(json!(["echo", text])).await, json!([text]));
    drop((raw, sio));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_end_as_they_do_without_tls() {
    let running = Secure::start(builder()).await;
    // The server closes.
    let mut raw = running.ws("/raw").await;
    raw.send("3500").await;
    assert_eq!(raw.closed().await, Some((3500, "as you like".into())));
    // The client goes, with a word or without.
    let raw = running.ws("/raw").await;
    drop(raw);
    eventually(|| running.server.connections() == 0).await;
    let mut stream = running.stream().await;
    let request = "GET /raw HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = soon(stream.read(&mut answer)).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 101 "));
    eventually(|| running.server.connections() == 1).await;
    // A close frame, masked with zeroes: it is answered, and then TLS ends in order.
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await.unwrap();
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest))
        .await
        .expect("TLS ends with a word");
    assert_eq!(rest, b"\x88\x02\x03\xe8");
    // The whole server goes.
    let mut sio = running.sio().await;
    let mut raw = running.ws("/raw").await;
    let closing = tokio::spawn(running.close());
    assert_eq!(sio.ws.closed().await.map(|(code, _)| code), Some(1005));
    assert_eq!(raw.closed().await.map(|(code, _)| code), Some(3001));
    soon(closing).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_over_tls_is_let_go() {
    let running = Secure::start(builder()).await;
    let slow = TcpSocket::new_v4().unwrap();
    slow.set_recv_buffer_size(4096).unwrap();
    let slow = slow.connect(running.address).await.unwrap();
    let slow = handshake(slow, &running.client).await.unwrap();
    let slow = Ws::over(slow, "/raw").await;
    let mut other = running.ws("/raw").await;
    let hub = running.server.hub("/raw").unwrap();
    assert_eq!(hub.len(), 2);
    let message = vec![7; 50_000];
    let mut rounds = 0;
    while hub.len() == 2 {
        hub.everyone().send_binary(&message);
        assert!(other.binary().await == message);
        rounds += 1;
        assert!(
            rounds < 2_000,
            "a client that does not read is never let go"
        );
    }
    assert_eq!(running.server.stats().outbox_overflows.get(), 1);
    drop((slow, other));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_come_to_nothing_cost_nobody_else_anything() {
    let mut limits = Limits::default();
    limits.header_timeout = Duration::from_millis(300);
    let running = Secure::start(builder().limits(limits)).await;
    // Silent, half a record, no TLS at all, and one who trusts somebody else.
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut halting = TcpStream::connect(running.address).await.unwrap();
    halting
        .write_all(b"\x16\x03\x01\x02\x00\x01")
        .await
        .unwrap();
    let mut wrong = TcpStream::connect(running.address).await.unwrap();
    wrong
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let stranger = Arc::new(trusting(certificate().0));
    let stream = TcpStream::connect(running.address).await.unwrap();
    assert!(handshake(stream, &stranger).await.is_err());
    let mut client = running.sio().await;
    assert_eq!(client.ask(json!(["echo", 1])).await, json!([1]));
    // In the end all of them are let go.
    for stream in [&mut silent, &mut halting, &mut wrong] {
        let mut rest = Vec::new();
        let _ = soon(stream.read_to_end(&mut rest)).await;
        assert!(rest.len() < 100, "at most an alert is answered");
    }
    assert_eq!(client.ask(json!(["echo", 2])).await, json!([2]));
    drop(client);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_replaced_while_the_server_runs() {
    let running = Secure::start(builder()).await;
    let mut before = running.sio().await;
    let (renewed, config) = certificate();
    running.tls.replace(config);
    let stream = TcpStream::connect(running.address).await.unwrap();
    assert!(handshake(stream, &running.client).await.is_err());
    let stream = TcpStream::connect(running.address).await.unwrap();
    let mut trusting = trusting(renewed);
    trusting.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = handshake(stream, &Arc::new(trusting)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(http_over(stream, "GET", "/page", "").await.0, 200);
    // Whoever was there stays.
    assert_eq!(before.ask(json!(["echo", 1])).await, json!([1]));
    drop(before);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_version_of_tls_serves_as_well() {
    let mut running = Secure::start(builder()).await;
    let (certificate, config) = certificate();
    running.tls.replace(config);
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_root_certificates(roots)
        .with_no_client_auth();
    running.client = Arc::new(config);
    let mut raw = running.ws("/raw").await;
    let bytes = vec![3; 200_000];
    raw.send_binary(bytes.clone()).await;
    assert!(raw.binary().await == bytes);
    raw.send("3005").await;
    assert_eq!(raw.closed().await, Some((3005, "as you like".into())));
    running.close().await;
}
