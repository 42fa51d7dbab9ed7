//! Events several at a time, for a client that asked for that when it connected.

use serde_json::{Value, json};

use crate::{client::Client, process::Server};

const MESSAGES: u64 = 30;

#[tokio::test]
async fn one_client_hears_batches_and_the_other_each_event_by_itself() {
    let server = Server::start_with(&[
        "--set",
        "limits.rate.connection.burst=1000",
        "--set",
        "limits.rate.user.burst=1000",
    ]);
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    let path = "/ws?batch=10,1000&id=ming&username=Ming";
    let mut ming = Client::connect_to(&server.address, path).await;
    ming.send(json!({ "type": "room:join", "data": "lobby", "id": 1 }))
        .await;
    let welcome = ming.receive().await;
    assert_eq!(welcome["type"], "batch", "{welcome}");
    assert_eq!(welcome["data"][0]["type"], "welcome");
    while ming.receive().await["type"] != "ack" {}

    for n in 1..=MESSAGES {
        let message = json!({ "roomId": "lobby", "content": n.to_string() });
        assert_eq!(ana.ask("chat:send", message).await["seq"], n);
    }
    for n in 1..=MESSAGES {
        assert_eq!(ana.event("chat:message").await["seq"], n);
    }
    let mut heard = Vec::new();
    let mut frames = 0;
    while heard.len() < usize::try_from(MESSAGES).unwrap() {
        let frame = ming.receive().await;
        assert_eq!(frame["type"], "batch", "{frame}");
        let items = frame["data"].as_array().unwrap();
        assert!((1..=10).contains(&items.len()), "{frame}");
        let messages = items.iter().filter(|it| it["type"] == "chat:message");
        heard.extend(messages.map(|it| it["data"]["seq"].clone()));
        frames += 1;
    }
    assert_eq!(heard, (1..=MESSAGES).map(Value::from).collect::<Vec<_>>());
    assert!(frames < MESSAGES, "{frames} batches are none");
}

#[tokio::test]
async fn an_answer_does_not_overtake_what_happened_before_it() {
    let server = Server::start();
    let path = "/ws?batch=1000,1000&id=ming&username=Ming";
    let mut ming = Client::connect_to(&server.address, path).await;
    for (id, name, data) in [
        (1, "room:join", json!("lobby")),
        (
            2,
            "chat:send",
            json!({ "roomId": "lobby", "content": "hello" }),
        ),
        (3, "room:members", json!("lobby")),
    ] {
        ming.send(json!({ "type": name, "data": data, "id": id }))
            .await;
        let mut before = Vec::new();
        let answer = loop {
            let frame = ming.receive().await;
            if frame["type"] == "ack" {
                break frame;
            }
            before.extend(frame["data"].as_array().unwrap().clone());
        };
        assert_eq!(
            (&answer["id"], &answer["data"]["success"]),
            (&json!(id), &json!(true))
        );
        if name == "chat:send" {
            // One that sends a message hears it first, and then that it is sent.
            assert_eq!(before.last().unwrap()["data"]["content"], "hello");
        }
    }
}

#[tokio::test]
async fn a_wrong_wish_is_refused_by_the_name_of_its_field() {
    let server = Server::start();
    for (query, field) in [("0,50", "size"), ("100,1001", "interval"), ("100", "batch")] {
        let path = format!("/ws?batch={query}");
        let mut client = Client::connect_to(&server.address, &path).await;
        let error = client.event("error").await;
        assert_eq!(error["code"], "bad_request");
        assert!(
            error["message"].as_str().unwrap().contains(field),
            "{error}"
        );
        assert_eq!(client.closed().await, 3501);
    }
    for (batch, field) in [
        (json!({ "size": 1001 }), Some("size")),
        (json!({ "interval": "soon" }), Some("interval")),
        (json!({ "size": 10, "interval": 20 }), None),
    ] {
        let path = "/socket.io/?EIO=4&transport=websocket";
        let mut client = Client::connect_to(&server.address, path).await;
        assert!(client.text().await.starts_with("0{"));
        let auth = json!({ "id": "ming", "username": "Ming", "batch": batch });
        client.send_text(format!("40{auth}")).await;
        let answer = client.text().await;
        match field {
            Some(field) => {
                assert!(answer.starts_with("44{"), "{answer}");
                let refusal: Value = serde_json::from_str(&answer[2..]).unwrap();
                assert_eq!(refusal["data"]["code"], "bad_request");
                assert!(
                    refusal["message"].as_str().unwrap().contains(field),
                    "{answer}"
                );
            }
            None => {
                assert!(answer.starts_with("40{"), "{answer}");
                let batch = client.text().await;
                assert!(
                    batch.starts_with(r#"42["batch",[{"type":"welcome""#),
                    "{batch}"
                );
            }
        }
    }
}
