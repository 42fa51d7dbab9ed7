//! Settings that are read again while the server runs.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Client,
    http,
    process::{Server, run_in},
};

const FIRST: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";
const SECOND: &str = "9e8a4b6035d1c7e9f0a2b4c65f2b7c1d";
const TOKEN: &str = "d1c7e9f0a2b4c65f2b7c1d9e8a4b6035";

fn write(home: &Path, secret: &str, rest: &str) {
    let text = format!("[auth]\nsecret = \"{secret}\"\n{rest}");
    // In one piece, since it may be read at any moment.
    fs::write(home.join("new.toml"), text).expect("it is written");
    fs::rename(home.join("new.toml"), home.join("tidings.toml")).expect("it is in place");
}

/// A token that was signed with the secret of the settings at this moment.
fn token(home: &Path, user: &str) -> String {
    let output = run_in(home, &["token", "--sub", user]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .expect("it is text")
        .trim()
        .to_owned()
}

async fn signed_in(server: &Server, token: &str) -> (Client, Value) {
    let mut client = Client::connect(&server.address).await;
    let answer = client.ask("auth", json!({ "token": token })).await;
    (client, answer)
}

/// Waits until the page of metrics is there for that token, which says that the settings are read.
async fn read_again(server: &Server, token: &str) {
    let header = [("Authorization", &*format!("Bearer {token}"))];
    for _ in 0..1_000 {
        if http::get(&server.address, "/metrics", &header).status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the settings were not read again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_are_taken_over_and_drop_nobody() {
    let home = TempDir::new().unwrap();
    write(home.path(), FIRST, "");
    let server = Server::start_in(home.path(), &[]);
    let old = token(home.path(), "ana");
    let (mut ana, answer) = signed_in(&server, &old).await;
    assert_eq!(answer["success"], true, "{answer}");
    let refused = ana.ask("room:join", json!("lobby")).await;
    assert_eq!(refused["code"], "permission_denied");

    // Talking goes on while the settings change.
    let (mut bo, answer) = signed_in(&server, &token(home.path(), "bo")).await;
    assert_eq!(answer["success"], true, "{answer}");
    let talking = tokio::spawn(async move {
        for _ in 0..40 {
            let answer = bo.ask("presence:get", json!({"userIds": ["ana"]})).await;
            assert_eq!(answer["success"], true, "{answer}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    });
    let rest = format!(
        "[rooms]\npublic = [\"lobby\"]\n[metrics]\ntoken = \"{TOKEN}\"\n[limits]\n\
         command_bytes = \"2KiB\"\n[store]\nqueue = 7\n"
    );
    write(home.path(), SECOND, &rest);
    server.signal("HUP");
    read_again(&server, TOKEN).await;

    let joined = ana.ask("room:join", json!("lobby")).await;
    assert_eq!(joined["success"], true, "{joined}");
    let large = json!({"roomId": "lobby", "content": "x".repeat(3_000)});
    assert_eq!(ana.ask("chat:send", large).await["code"], "too_large");
    let (_, answer) = signed_in(&server, &old).await;
    assert_eq!(
        answer["code"], "invalid_token",
        "signed with the old secret"
    );
    let new = token(home.path(), "cy");
    let (_, answer) = signed_in(&server, &new).await;
    assert_eq!(answer["success"], true, "{answer}");

    // Wrong settings change nothing, not even what is right in them.
    let wrong = format!("[metrics]\ntoken = \"{FIRST}\"\n[limits]\nconnections_per_user = 0\n");
    write(home.path(), FIRST, &wrong);
    server.signal("HUP");
    for _ in 0..100 {
        for (token, status) in [(TOKEN, 200), (FIRST, 404)] {
            let header = [("Authorization", &*format!("Bearer {token}"))];
            assert_eq!(
                http::get(&server.address, "/metrics", &header).status,
                status
            );
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    talking.await.expect("it was never dropped");
    let (_, answer) = signed_in(&server, &new).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(server.terminate().code(), Some(0));
}
