//! Long-polling in JSON.

use std::time::Duration;

use serde_json::{Value, json};
use tidings::{CloseReason, Namespace, StreamConfig};
use tokio::sync::mpsc::unbounded_channel;

use super::{
    builder,
    client::{Waiting, after, command, poll},
    hall,
};
use crate::support::{Running, eventually, soon};

const SESSION: &str = "?session=abcdefghij-KLMNOPQ_9";

async fn start(namespace: Namespace, config: StreamConfig) -> Running {
    Running::start(builder(namespace, config).build().unwrap()).await
}

fn said(values: &[u32]) -> Value {
    let event = |value| json!({ "type": "said", "data": value });
    values.iter().map(event).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_is_answered_at_once_or_with_the_first_event() {
    let running = start(hall(), StreamConfig::new()).await;
    let hub = running.server.hub("/").unwrap();
    let first = poll(running.address, "").await;
    assert_eq!(first["recovered"], false);
    assert_eq!(first["events"][0]["data"]["session"], first["session"]);

    for value in [1, 2, 3] {
        hub.to("hall").emit("said", &value).unwrap();
    }
    let second = poll(running.address, &after(&first)).await;
    assert_eq!(
        (&second["events"], &second["recovered"]),
        (&said(&[1, 2, 3]), &json!(true))
    );

    let waiting = Waiting::begin(running.address, &after(&second)).await;
    let spoken = json!({ "type": "say", "data": ["hall", 4] });
    let session = format!("?session={}", first["session"].as_str().unwrap());
    assert_eq!(command(running.address, &session, spoken).await.status, 204);
    assert_eq!(waiting.answer().await["events"], said(&[4]));
    assert_eq!(hub.len(), 1);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_lost_is_given_again() {
    let running = start(hall(), StreamConfig::new()).await;
    let hub = running.server.hub("/").unwrap();
    let first = poll(running.address, SESSION).await;
    assert_eq!(poll(running.address, SESSION).await, first);

    let lost = Waiting::begin(running.address, &after(&first)).await;
    hub.to("hall").emit("said", &1).unwrap();
    let second = lost.answer().await;
    hub.to("hall").emit("said", &2).unwrap();
    assert_eq!(poll(running.address, &after(&first)).await, second);
    assert_eq!(poll(running.address, &after(&first)).await, second);
    let third = poll(running.address, &after(&second)).await;
    assert_eq!(third["events"], said(&[2]));

    // One that its client did not wait for is not lost either.
    drop(Waiting::begin(running.address, &after(&third)).await);
    hub.to("hall").emit("said", &3).unwrap();
    assert_eq!(
        poll(running.address, &after(&third)).await["events"],
        said(&[3])
    );
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_poll_ends_the_first() {
    let running = start(hall(), StreamConfig::new()).await;
    let hub = running.server.hub("/").unwrap();
    let first = poll(running.address, "").await;
    let one = Waiting::begin(running.address, &after(&first)).await;
    // Either may be the first to arrive; what counts is that one ends and one goes on.
    let two = Waiting::begin(running.address, &after(&first)).await;
    let (one, two) = (tokio::spawn(one.answer()), tokio::spawn(two.answer()));
    eventually(|| one.is_finished() || two.is_finished()).await;
    hub.to("hall").emit("said", &1).unwrap();
    let mut answers = [soon(one).await.unwrap(), soon(two).await.unwrap()];
    answers.sort_by_key(|it| it["events"].as_array().unwrap().len());
    assert_eq!(
        (&answers[0]["events"], &answers[1]["events"]),
        (&json!([]), &said(&[1]))
    );
    assert_eq!(answers[0]["cursor"], first["cursor"]);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_hears_nothing_is_answered_with_nothing() {
    let config = StreamConfig::new().poll_wait(Duration::from_millis(50));
    let running = start(hall(), config).await;
    let first = poll(running.address, "").await;
    let second = poll(running.address, &after(&first)).await;
    let third = poll(running.address, &after(&second)).await;
    for answer in [&second, &third] {
        assert_eq!(
            (&answer["events"], &answer["cursor"]),
            (&json!([]), &first["cursor"])
        );
    }
    assert_eq!(running.server.connections(), 1);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_polls_departs_and_can_be_come_back_to() {
    let (tell, mut told) = unbounded_channel();
    let namespace = hall().on_disconnect(move |reason: CloseReason| {
        tell.send(reason).unwrap();
        std::future::ready(())
    });
    let config = StreamConfig::new().session_timeout(Duration::from_millis(60));
    let running = start(namespace, config).await;
    let hub = running.server.hub("/").unwrap();
    let first = poll(running.address, SESSION).await;
    let id = &first["events"][0]["data"]["id"];
    assert_eq!(soon(told.recv()).await, Some(CloseReason::PingTimeout));
    assert_eq!(running.server.connections(), 0);
    hub.to("hall").emit("said", &1).unwrap();

    let second = poll(running.address, &after(&first)).await;
    assert_eq!(
        (&second["events"][0], &second["recovered"]),
        (&said(&[1])[0], &json!(true))
    );
    let welcome = &second["events"][1]["data"];
    assert_eq!((&welcome["id"], &welcome["recovered"]), (id, &json!(true)));

    // Had that answer been lost: it comes again, and no event twice.
    let third = poll(running.address, &after(&first)).await;
    assert_eq!(third, second);
    assert_eq!(soon(told.recv()).await, Some(CloseReason::PingTimeout));
    let anew = poll(running.address, SESSION).await;
    assert_eq!(
        (&anew["recovered"], &anew["events"][0]["type"]),
        (&json!(false), &json!("welcome"))
    );
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_moves_between_polls_and_streams() {
    let running = start(hall(), StreamConfig::new()).await;
    let hub = running.server.hub("/").unwrap();
    let first = poll(running.address, SESSION).await;
    let id = first["events"][0]["data"]["id"].clone();
    hub.to("hall").emit("said", &1).unwrap();
    let cursor = first["cursor"].as_str().unwrap();
    let query = format!("{SESSION}&cursor={cursor}");
    let mut events = super::client::Events::open(running.address, &query).await;
    events.expect("said", json!(1)).await;
    let welcome = events.event().await;
    assert_eq!(
        (&welcome.data["id"], &welcome.data["via"]),
        (&id, &json!("sse"))
    );
    hub.to("hall").emit("said", &2).unwrap();

    let query = format!("{SESSION}&cursor={}", welcome.id);
    let second = poll(running.address, &query).await;
    assert_eq!(
        (&second["events"][0], &second["recovered"]),
        (&said(&[2])[0], &json!(true))
    );
    assert_eq!(second["events"][1]["data"]["id"], id);
    events.expect("said", json!(2)).await;
    assert!(events.end().await);
    assert_eq!(hub.len(), 1);
    running.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_waits_is_answered_when_the_server_closes() {
    let running = start(hall(), StreamConfig::new()).await;
    let first = poll(running.address, "").await;
    let one = Waiting::begin(running.address, &after(&first)).await;
    let two = Waiting::begin(running.address, &after(&first)).await;
    let (one, two) = (tokio::spawn(one.answer()), tokio::spawn(two.answer()));
    // Once one has ended the other, it is certain to wait.
    eventually(|| one.is_finished() || two.is_finished()).await;
    assert!(!one.is_finished() || !two.is_finished());
    running.close().await;
    for answer in [soon(one).await.unwrap(), soon(two).await.unwrap()] {
        assert_eq!(answer["events"], json!([]));
    }
}
