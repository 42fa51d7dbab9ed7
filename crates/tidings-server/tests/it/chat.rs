//! People in rooms.

use serde_json::{Value, json};

use crate::{client::Client, process::Server};

#[tokio::test]
async fn two_people_talk() {
    let server = Server::start();
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    assert_eq!(ana.event("welcome").await["userId"], "ana");

    let mut ming = Client::enter(&server.address, "ming", "李明", "lobby").await;
    let joined = ana.event("room:user-joined").await;
    assert_eq!(
        (&joined["userId"], &joined["username"]),
        (&json!("ming"), &json!("李明"))
    );
    let members = ming.ask("room:members", json!({ "roomId": "lobby" })).await;
    assert_eq!(members["members"][0]["username"], "Ana");
    assert_eq!(members["members"][1]["username"], "李明");

    let message = json!({ "roomId": "lobby", "content": "早上好", "clientMessageId": "1" });
    let sent = ming.ask("chat:send", message.clone()).await;
    assert_eq!(sent["duplicate"], false);
    for heard in [
        ana.event("chat:message").await,
        ming.event("chat:message").await,
    ] {
        assert_eq!(heard["messageId"], sent["messageId"]);
        assert_eq!(heard["content"], "早上好");
        assert_eq!(
            (&heard["senderId"], &heard["senderName"]),
            (&json!("ming"), &json!("李明"))
        );
        assert_eq!(heard["clientMessageId"], "1");
    }

    let again = ming.ask("chat:send", message).await;
    assert_eq!(again["duplicate"], true);
    assert_eq!(again["messageId"], sent["messageId"]);
    ming.ask("chat:send", json!({ "roomId": "lobby", "content": "next" }))
        .await;
    assert_eq!(
        ana.event("chat:message").await["content"],
        "next",
        "the retry was not heard"
    );

    let mut late = Client::connect(&server.address).await;
    late.ask("auth", json!({ "id": "late", "username": "Late" }))
        .await;
    let found = late.ask("room:join", json!("lobby")).await;
    assert_eq!(found["members"].as_array().map(Vec::len), Some(3));
    assert_eq!(found["messages"][0]["content"], "早上好");

    ming.close().await;
    assert_eq!(ana.event("room:user-left").await["userId"], "ming");
}

#[tokio::test]
async fn a_user_leaves_with_the_last_device() {
    let server = Server::start();
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    let first = Client::enter(&server.address, "ming", "Ming", "lobby").await;
    let mut second = Client::enter(&server.address, "ming", "Ming", "lobby").await;
    let mut eve = Client::enter(&server.address, "eve", "Eve", "lobby").await;
    first.close().await;
    eve.ask("room:leave", json!("lobby")).await;
    assert_eq!(ana.event("room:user-left").await["userId"], "eve");
    second.ask("room:leave", json!({ "roomId": "lobby" })).await;
    assert_eq!(ana.event("room:user-left").await["userId"], "ming");
}

/// The connection is closed from within a broadcast to its room, which has to survive that.
#[tokio::test]
async fn who_does_not_read_is_let_go_and_holds_up_nobody() {
    let server = Server::start_with(&[
        "--set",
        "limits.rate.connection.burst=1000",
        "--set",
        "limits.rate.user.burst=1000",
    ]);
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    let _deaf = Client::enter(&server.address, "deaf", "Deaf", "lobby").await;
    let content = "x".repeat(60 * 1024);
    // More than the sockets of the machine and the outbox take together.
    for _ in 0..300 {
        let sent = ana
            .ask(
                "chat:send",
                json!({ "roomId": "lobby", "content": content }),
            )
            .await;
        assert_eq!(sent["success"], true);
    }
    assert_eq!(ana.event("room:user-left").await["userId"], "deaf");
    let members = ana.ask("room:members", json!("lobby")).await;
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_new_name_is_told() {
    let server = Server::start();
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    let mut ming = Client::enter(&server.address, "ming", "Ming", "lobby").await;
    assert_eq!(ana.event("room:user-joined").await["username"], "Ming");
    ming.ask("auth", json!({ "id": "ming", "username": "李明" }))
        .await;
    ming.ask("room:join", json!("lobby")).await;
    assert_eq!(ana.event("room:user-joined").await["username"], "李明");
}

#[tokio::test]
async fn typing_is_seen_and_ends() {
    let server = Server::start();
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    let mut ming = Client::enter(&server.address, "ming", "Ming", "lobby").await;
    ming.ask("typing:start", json!("lobby")).await;
    assert_eq!(ana.event("typing:user").await["username"], "Ming");
    ming.ask("typing:stop", json!("lobby")).await;
    assert_eq!(ana.event("typing:stopped").await["userId"], "ming");
    ming.ask("typing:start", json!("lobby")).await;
    ming.close().await;
    assert_eq!(ana.event("typing:user").await["userId"], "ming");
    assert_eq!(ana.event("typing:stopped").await["userId"], "ming");
}

#[tokio::test]
async fn commands_need_not_wait_for_each_other() {
    let server = Server::start();
    let mut ana = Client::connect(&server.address).await;
    for (name, data) in [
        ("auth", json!({ "id": "ana", "username": "Ana" })),
        ("room:join", json!("lobby")),
        (
            "chat:send",
            json!({ "roomId": "lobby", "content": "hello" }),
        ),
    ] {
        ana.send(json!({ "type": name, "data": data })).await;
    }
    assert_eq!(ana.event("chat:message").await["content"], "hello");
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let server = Server::start();
    let mut ana = Client::connect(&server.address).await;
    let refused = |answer: &Value, code: &str, said: &str| {
        assert_eq!(answer["success"], false, "{answer}");
        assert_eq!(answer["code"], code, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(said), "{answer}");
    };
    refused(
        &ana.ask("room:join", json!("lobby")).await,
        "unauthenticated",
        "auth",
    );
    refused(&ana.ask("auth", json!({})).await, "bad_request", "token");
    refused(
        &ana.ask("auth", json!({ "id": 5, "username": "A" })).await,
        "bad_request",
        "id",
    );
    ana.ask("auth", json!({ "id": "ana", "username": "Ana" }))
        .await;
    let other = ana
        .ask("auth", json!({ "id": "eve", "username": "Eve" }))
        .await;
    refused(&other, "already_authenticated", "ana");
    refused(
        &ana.ask("room:join", json!({})).await,
        "bad_request",
        "roomId",
    );
    refused(
        &ana.ask("room:join", json!("x".repeat(256))).await,
        "bad_request",
        "roomId",
    );
    let typing = ana.ask("typing:start", json!("lobby")).await;
    refused(&typing, "not_a_member", "lobby");
    let wrong = json!({ "roomId": "lobby", "content": ["hello"] });
    refused(&ana.ask("chat:send", wrong).await, "bad_request", "content");
    let long = json!({ "roomId": "lobby", "content": "x".repeat(65_537) });
    refused(&ana.ask("chat:send", long).await, "too_large", "65536");
    refused(
        &ana.ask("chat:shout", json!(1)).await,
        "unknown_command",
        "chat:shout",
    );

    ana.send(json!({ "type": "chat:shout" })).await;
    assert_eq!(ana.event("error").await["code"], "unknown_command");
}
