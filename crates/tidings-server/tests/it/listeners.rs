//! Where the server listens, and what is served there.

mod certificate;

use std::os::unix::net::UnixStream as StdUnixStream;

use serde_json::json;
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::{client::Client, http, process::Server};

/// The address of the internal listener.
fn internal(server: &Server) -> String {
    let mut lines = server.introduction.lines();
    let address = lines.find_map(|line| line.split_once("admin at http://"));
    address.expect("it says where").1.to_owned()
}

#[test]
fn what_is_for_operators_is_not_where_clients_connect() {
    let flags = ["--set", "internal.listen=127.0.0.1:0"];
    let server = Server::start_with(&flags);
    let internal = internal(&server);
    for path in ["/metrics", "/metrics/websocket", "/healthz", "/readyz"] {
        assert_eq!(http::get(&internal, path, &[]).status, 200, "{path}");
        assert_eq!(http::get(&server.address, path, &[]).status, 404, "{path}");
    }
    for path in [
        "/",
        "/socket.io/?EIO=4&transport=polling",
        "/poll",
        "/ws",
        "/sse",
    ] {
        assert_eq!(http::get(&internal, path, &[]).status, 404, "{path}");
    }
    assert_eq!(http::get(&server.address, "/", &[]).status, 200);
}

#[test]
fn every_answer_makes_browsers_careful() {
    let server = Server::start();
    for path in [
        "/",
        "/nothing",
        "/healthz",
        "/metrics",
        "/poll",
        "/socket.io/?EIO=4&transport=polling",
        "/socket.io/?EIO=3&transport=polling",
    ] {
        let head = http::get(&server.address, path, &[]).head;
        for header in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert_eq!(head.matches(header).count(), 1, "{path}: {head}");
        }
        assert!(
            !head.contains("strict-transport-security"),
            "{path}: {head}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_addresses_and_a_unix_socket_lead_into_the_same_rooms() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("tidings.sock");
    let place = format!("listen=127.0.0.1:0, [::1]:0, unix:{}", path.display());
    // Its own flag is the last word, so this one goes without it.
    let server = Server::start_at(home.path(), &["--dev", "--set", &place]);
    let line = StdUnixStream::connect(&path).unwrap();
    assert_eq!(
        http::get_over(line, "localhost", "/healthz", &[]).status,
        200
    );

    let line = UnixStream::connect(&path).await.unwrap();
    let mut near = Client::over(line, "/ws").await.expect("it is let in");
    near.come_in("near", "Near", "lobby").await;
    let mut far = Client::enter(&server.address, "far", "Far", "lobby").await;
    let content = "x".repeat(60_000);
    for _ in 0..20 {
        let sent = json!({"roomId": "lobby", "content": content});
        assert_eq!(far.ask("chat:send", sent).await["success"], true);
    }
    for _ in 0..20 {
        let heard = near.event("chat:message").await;
        assert_eq!(heard["content"], content.as_str());
    }

    // The next one finds the file of a server that was killed, and takes its place.
    drop(server);
    assert!(path.exists());
    let server = Server::start_at(home.path(), &["--dev", "--set", &place]);
    assert!(StdUnixStream::connect(&path).is_ok());
    assert_eq!(server.terminate().code(), Some(0));
    assert!(!path.exists(), "a socket that nobody listens on is gone");
}
