//! Nothing that was acknowledged is lost, however often the server is killed.
//!
//! Senders send at full speed, each with a few messages outstanding, while the server is killed
//! with SIGKILL at random moments and started again on the same store. Whoever is cut off comes
//! back: senders send again what was not acknowledged, under the same `clientMessageId`; listeners
//! join with the last number that they have heard. In the end history, what was acknowledged and
//! what was heard have to be one and the same story.
//!
//! `KILLS` is how often (3 when not set), `SEED` repeats the moments of another run.

mod listener;
mod sender;

use std::{
    collections::HashMap,
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

use self::{listener::Listener, sender::Sender};
use crate::{client::Client, process::Server};

const SENDERS: usize = 50;
const LISTENERS: usize = 3;
const ROOMS: [&str; 4] = ["north", "east", "south", "west"];
/// Messages that one answer may have. Whoever missed more asks for history, too.
const PAGE: usize = 1_000;
/// How long a server is let run at most.
const LIFE: Duration = Duration::from_millis(1_200);

/// Where the server is, when it is anywhere.
type Address = watch::Receiver<Option<String>>;

/// A message, as whoever sent it or heard it knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    room: usize,
    seq: u64,
    message_id: String,
    client_message_id: String,
}

impl Said {
    fn new(room: usize, message: &Value) -> Self {
        let text = |name: &str| message[name].as_str().expect("it is there").to_owned();
        Self {
            room,
            seq: message["seq"].as_u64().expect("it is there"),
            message_id: text("messageId"),
            client_message_id: text("clientMessageId"),
        }
    }
}

/// Connects and signs in. Gives up only when the server is where it was and cannot be reached.
async fn connect(address: &mut Address, id: &str) -> Client {
    loop {
        let at = address.wait_for(Option::is_some).await;
        let at = at.expect("the test goes on").clone().unwrap_or_default();
        if let Some(mut client) = Client::try_connect(&at).await
            && let Some(signed_in) = client.try_ask("auth", json!({ "id": id })).await
        {
            assert_eq!(signed_in["success"], true, "{signed_in}");
            return client;
        }
        // It is being killed, which is told before it is done.
        address.changed().await.expect("the test goes on");
    }
}

fn start(home: &TempDir) -> Server {
    let mut flags = vec!["--dev".to_owned()];
    for (setting, value) in [
        ("chat.history_max", PAGE),
        ("limits.connections_per_ip", 1_000),
        ("limits.unauthenticated_per_ip", 1_000),
        ("limits.rate.connection.per_second", 1_000_000),
        ("limits.rate.connection.burst", 1_000_000),
        ("limits.rate.user.per_second", 1_000_000),
        ("limits.rate.user.burst", 1_000_000),
        ("limits.rate.ip.per_second", 1_000_000),
        ("limits.rate.ip.burst", 1_000_000),
    ] {
        flags.extend(["--set".to_owned(), format!("{setting}={value}")]);
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Server::start_in(home.path(), &flags)
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("it is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    let kills = number("KILLS").unwrap_or(3);
    let seed = number("SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let home = TempDir::new().expect("there is room for temporary files");
    let mut server = start(&home);
    let (tell, address) = watch::channel(Some(server.address.clone()));
    let (set_goal, goal) = watch::channel(None);

    let listeners: Vec<JoinHandle<Listener>> = (0..LISTENERS)
        .map(|number| tokio::spawn(Listener::new(number).listen(address.clone(), goal.clone())))
        .collect();
    let running = Arc::new(AtomicBool::new(true));
    let senders: Vec<JoinHandle<Sender>> = (0..SENDERS)
        .map(|number| {
            let sender = Sender::new(number, rng.fork());
            tokio::spawn(sender.send(address.clone(), Arc::clone(&running)))
        })
        .collect();
    for _ in 0..kills {
        tokio::time::sleep(LIFE.mul_f64(rng.f64())).await;
        tell.send_replace(None);
        let home = &home;
        server = tokio::task::block_in_place(move || {
            drop(server);
            start(home)
        });
        tell.send_replace(Some(server.address.clone()));
    }
    tokio::time::sleep(LIFE).await;

    running.store(false, Ordering::Relaxed);
    let mut sent = Vec::new();
    for sender in senders {
        sent.push(sender.await.expect("a sender found nothing wrong"));
    }
    let stored = history(&server.address).await;
    set_goal.send_replace(Some(stored.each_ref().map(Vec::len)));
    let mut heard = Vec::new();
    for listener in listeners {
        heard.push(listener.await.expect("a listener found nothing wrong"));
    }

    let of = |count: fn(&Sender) -> u64| sent.iter().map(count).sum::<u64>();
    println!(
        "{kills} kills; {} messages sent, {} acknowledged; {} sent again, {} of which were stored \
         already; {} heard by each of {LISTENERS} listeners, {} of them in {} answers to room:join",
        of(|it| it.sent),
        of(|it| it.acknowledged.len() as u64),
        of(|it| it.sent_again),
        of(|it| it.duplicates),
        stored.iter().map(Vec::len).sum::<usize>(),
        heard.iter().map(|it| it.recovered).sum::<usize>(),
        heard.iter().map(|it| it.joins).sum::<usize>(),
    );
    compare(&stored, &sent, &heard);
    assert!(
        kills == 0 || of(|it| it.sent_again) > 0,
        "no kill cut anything off, so that nothing was tried"
    );
}

/// Everything that is stored, room by room.
async fn history(address: &str) -> [Vec<Said>; ROOMS.len()] {
    let mut client = Client::connect(address).await;
    client.ask("auth", json!({ "id": "reader" })).await;
    let mut rooms = [const { Vec::new() }; ROOMS.len()];
    for (room, said) in rooms.iter_mut().enumerate() {
        let mut more = true;
        while more {
            let after = said.last().map_or(0, |it: &Said| it.seq);
            let wanted = json!({ "roomId": ROOMS[room], "after": after, "limit": PAGE });
            let page = client.ask("chat:history", wanted).await;
            let messages = page["messages"].as_array().expect("history has messages");
            said.extend(messages.iter().map(|it| Said::new(room, it)));
            more = page["hasMore"] == true;
        }
    }
    rooms
}

/// History, what was acknowledged and what was heard are the same.
fn compare(stored: &[Vec<Said>; ROOMS.len()], sent: &[Sender], heard: &[Listener]) {
    let mut known = HashMap::new();
    for said in stored {
        for (place, said) in said.iter().enumerate() {
            assert_eq!(said.seq, place as u64 + 1, "a gap in history: {said:?}");
            let before = known.insert(said.client_message_id.as_str(), said);
            assert_eq!(before, None, "a retry became a second message");
        }
    }
    for sender in sent {
        let mut last = [0; ROOMS.len()];
        for said in &sender.acknowledged {
            let stored = known.remove(said.client_message_id.as_str());
            assert_eq!(stored, Some(said), "acknowledged, and not in history");
            // A sender's own messages keep the order in which they were sent first.
            assert!(last[said.room] < said.seq, "reordered: {said:?}");
            last[said.room] = said.seq;
        }
    }
    assert!(known.is_empty(), "not sent, and in history: {known:?}");
    for listener in heard {
        for (stored, heard) in stored.iter().zip(&listener.heard) {
            assert!(stored == heard, "a listener has heard another story");
        }
    }
}
