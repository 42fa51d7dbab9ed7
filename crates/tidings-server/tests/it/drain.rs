//! Being told to end, with clients that are connected.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use crate::{client::Client, http, process::Server};

/// Clients enough for several batches.
const CLIENTS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_go_in_batches_and_are_told_when_to_come_back() {
    let server = Server::start_with(&["--set", "limits.connections_per_ip=1000"]);
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let id = format!("u{number}");
        clients.push(Client::enter(&server.address, &id, "U", "lobby").await);
    }
    let address = server.address.clone();
    server.signal("TERM");

    // It is known at once to whoever sends clients here, and to who comes all the same.
    let mut ready = http::get(&address, "/readyz", &[]);
    for _ in 0..100 {
        if ready.status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        ready = http::get(&address, "/readyz", &[]);
    }
    assert!(
        ready.body.contains("the server is shutting down"),
        "{ready:?}"
    );
    for path in ["/socket.io/?EIO=4&transport=polling", "/poll?id=late"] {
        let refused = http::get(&address, path, &[]);
        assert_eq!(refused.status, 503, "{path}");
        assert!(refused.head.contains("retry-after: "), "{refused:?}");
    }

    // Whoever is not closed yet is served to the end.
    let mut told = HashSet::new();
    let mut served = 0;
    for client in &mut clients {
        let message = json!({"roomId": "lobby", "content": "a last word"});
        if let Some(answer) = client.try_ask("chat:send", message).await {
            assert_eq!(answer["success"], true, "{answer}");
            served += 1;
        }
        let mut after = None;
        while let Some(frame) = client.try_next().await {
            if frame["type"] == "server:draining" {
                after = frame["data"]["reconnectAfterMs"].as_u64();
            }
        }
        let after: u64 = after.expect("everybody is told");
        assert!((1_000..=2_000).contains(&after), "{after}");
        told.insert(after);
        assert_eq!(client.close_code(), Some(3001));
    }
    assert!(
        told.len() > CLIENTS / 4,
        "each is told a time of its own: {told:?}"
    );
    assert!(served > 0, "nobody was served any more");
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let flags = [
        "--set",
        "shutdown.drain=60s",
        "--set",
        "shutdown.timeout=10m",
    ];
    let server = Server::start_with(&flags);
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    let sent = ana
        .ask("chat:send", json!({"roomId": "lobby", "content": "kept"}))
        .await;
    assert_eq!(sent["success"], true, "{sent}");
    server.signal("TERM");
    let draining: Value = ana.event("server:draining").await;
    assert!(draining["reconnectAfterMs"].is_u64());
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}
