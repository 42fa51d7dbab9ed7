//! Namespaces that come and go with their clients.

use std::time::Duration;

use tidings::{Namespace, RecoveryConfig, Server, SocketIo};

use crate::support::{Running, Sio, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_dynamic_namespace_is_forgotten() {
    for recovery in [None, Some(Duration::from_millis(200))] {
        let mut builder = Server::builder()
            .namespace("/", Namespace::new())
            .dynamic_namespace(|name| name.starts_with("/room-"), Namespace::new())
            .socketio("/socket.io/", SocketIo::new());
        if let Some(duration) = recovery {
            builder = builder.recovery(RecoveryConfig::new().max_disconnection(duration));
        }
        let running = Running::start(builder.build().unwrap()).await;
        let mut client = Sio::open(running.address).await;
        client.ws.send("40/room-1,").await;
        // The open packet first, then the answer.
        while !client.ws.text().await.starts_with("40/room-1,") {}
        assert!(running.server.hub("/room-1").is_some());
        drop(client);
        eventually(|| running.server.hub("/room-1").is_none()).await;
        assert!(running.server.hub("/").is_some());
        running.close().await;
    }
}
