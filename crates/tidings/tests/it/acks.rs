//! Acknowledgements that do not come.

use std::time::Duration;

use serde_json::json;
use tidings::{AckError, Namespace};
use tokio::time::{self, Instant};

use crate::support::{Running, Sio};

/// How long `wait` took on a clock that runs only while everybody waits.
async fn measured<T>(wait: impl Future<Output = T>) -> (T, Duration) {
    time::pause();
    let began = Instant::now();
    let outcome = wait.await;
    let took = began.elapsed();
    time::resume();
    (outcome, took)
}

/// Says whether it is that many seconds, give or take what the real clock has passed meanwhile.
fn is_about(took: Duration, seconds: u64) -> bool {
    took.abs_diff(Duration::from_secs(seconds)) < Duration::from_millis(500)
}

#[tokio::test]
async fn a_broadcast_waits_ten_seconds_for_answers_unless_it_is_told_otherwise() {
    let running = Running::socketio(Namespace::new()).await;
    let hub = running.server.hub("/").unwrap();
    let mut clients = [
        Sio::connect(running.address).await,
        Sio::connect(running.address).await,
    ];

    let asked = hub.everyone().emit_with_ack("well?", &1).unwrap();
    let (answers, took) = measured(async { asked.await }).await;
    assert!(is_about(took, 10), "{took:?}");
    assert_eq!((answers.answers.len(), answers.missing), (0, 2));

    let asked = hub.everyone().emit_with_ack("well?", &2).unwrap();
    let (answers, took) = measured(async { asked.timeout(Duration::from_secs(3)).await }).await;
    assert!(is_about(took, 3), "{took:?}");
    assert_eq!((answers.answers.len(), answers.missing), (0, 2));

    // With nobody to ask there is nothing to wait for.
    let asked = hub.to("nowhere").emit_with_ack("well?", &3).unwrap();
    let (answers, took) = measured(async { asked.await }).await;
    assert!(is_about(took, 0), "{took:?}");
    assert_eq!((answers.answers.len(), answers.missing), (0, 0));

    // Answers that come too late are nobody's, and those in time are counted.
    for client in &mut clients {
        let question = client.packet().await;
        let id = question
            .strip_prefix('2')
            .unwrap()
            .split('[')
            .next()
            .unwrap()
            .to_owned();
        client.send(format!("3{id}[\"late\"]")).await;
        client.packet().await;
    }
    let asked = hub.everyone().emit_with_ack("well?", &4).unwrap();
    let asking = tokio::spawn(async move { asked.await });
    for client in &mut clients {
        let question = client.packet().await;
        let id = question
            .strip_prefix('2')
            .unwrap()
            .split('[')
            .next()
            .unwrap()
            .to_owned();
        client.send(format!("3{id}[\"yes\"]")).await;
    }
    let answers = asking.await.unwrap();
    let texts: Vec<String> = answers
        .answers
        .iter()
        .map(|it| it.get(0).unwrap())
        .collect();
    assert_eq!(
        (texts, answers.missing),
        (vec!["yes".into(), "yes".into()], 0)
    );
    drop(clients);
    running.close().await;
}

#[tokio::test]
async fn a_question_to_one_client_ends_when_its_time_is_up() {
    let running = Running::socketio(Namespace::new()).await;
    let mut client = Sio::open(running.address).await;
    let id = client.join("/", json!({})).await.unwrap();
    let hub = running.server.hub("/").unwrap();
    let socket = hub.socket(tidings::SocketId::parse(&id).unwrap()).unwrap();
    let asked = socket
        .emit_with_ack("well?", &1)
        .timeout(Duration::from_secs(7));
    let (outcome, took) = measured(async { asked.await }).await;
    assert!(is_about(took, 7), "{took:?}");
    assert!(matches!(outcome, Err(AckError::Timeout)), "{outcome:?}");
    drop(client);
    running.close().await;
}
