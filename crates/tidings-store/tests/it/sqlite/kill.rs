//! Sudden ends: whatever was acknowledged by a process that is killed is there, once.

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tidings_store::{Message, Page, Store, limits::PAGE_MAX};

use super::Folder;
use crate::{
    conformance::Place,
    support::{append, message, named},
};

/// A line of the program: an acknowledgement.
#[derive(Debug)]
struct Acknowledged {
    name: String,
    room: String,
    seq: u64,
    id: String,
}

/// The example of that name, which cargo builds along with the tests.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap();
    let path = path.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: `cargo test -p tidings-store` builds it",
        path.display()
    );
    path
}

/// Ends the process should the test fail.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets the program write, kills it when it has acknowledged so much, and gives all that it has
/// said by then.
fn write_and_kill(path: &Path, run: usize, enough: usize) -> Vec<Acknowledged> {
    let mut command = Command::new(example("acknowledged"));
    command.arg(path).arg(run.to_string());
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut child = Killed(child);
    let mut out = BufReader::new(child.0.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    while out.read_line(&mut line).unwrap() > 0 {
        // The last line can be cut off.
        if line.ends_with('\n') {
            let [name, room, seq, id] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{line:?}");
            };
            acknowledged.push(Acknowledged {
                name: name.to_owned(),
                room: room.to_owned(),
                seq: seq.parse().unwrap(),
                id: id.to_owned(),
            });
        }
        line.clear();
        if acknowledged.len() == enough {
            child.0.kill().unwrap();
        }
    }
    assert!(acknowledged.len() >= enough, "it ended by itself");
    acknowledged
}

/// Everything in a room, by the sender's names.
async fn everything(store: &dyn Store, room: &str) -> HashMap<String, Message> {
    let mut found = HashMap::new();
    let mut after = 0;
    loop {
        let page = store.history(room, Page::after(after, PAGE_MAX)).await;
        let page = page.unwrap();
        for message in page.messages {
            after = message.seq;
            let name = message.client_message_id.clone().unwrap();
            assert!(found.insert(name, message).is_none(), "stored twice");
        }
        if !page.has_more {
            return found;
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = Folder::new();
    let mut acknowledged = Vec::new();
    for (run, enough) in [1, 700, 2_000, 50, 1_300].into_iter().enumerate() {
        acknowledged.extend(write_and_kill(&folder.path(), run, enough));
    }

    let store = folder.open();
    let said = everything(&*store, "said").await;
    let edited = everything(&*store, "edited").await;
    for it in &acknowledged {
        let messages = if it.room == "said" { &said } else { &edited };
        if it.name == "edit" {
            let message = messages
                .values()
                .find(|message| message.message_id == it.id);
            let change = message.and_then(|it| it.changed.as_ref());
            assert_eq!(change.map(|it| it.seq), Some(it.seq), "{it:?}");
        } else {
            let message = messages.get(&it.name);
            let found = message.map(|it| (it.seq, it.message_id.as_str()));
            assert_eq!(found, Some((it.seq, it.id.as_str())));
        }
    }

    // Every number was given once, to a message or to a change, and none was left out.
    for (room, messages) in [("said", &said), ("edited", &edited)] {
        let changes = messages
            .values()
            .filter_map(|it| Some(it.changed.as_ref()?.seq));
        let mut seqs: Vec<u64> = messages.values().map(|it| it.seq).chain(changes).collect();
        seqs.sort_unstable();
        let last = store.history(room, Page::newest(1)).await.unwrap().last_seq;
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>(), "{room}");
        assert_eq!(
            append(&*store, message(room, "ana", "hi")).await.seq,
            last + 1
        );
    }

    // There is an event for each message, in their order, and none without one.
    let events = store.outbox(0, usize::MAX >> 1, usize::MAX).await.unwrap();
    for (room, messages) in [("said", &said), ("edited", &edited)] {
        let mut stored: Vec<u64> = messages.values().map(|it| it.seq).collect();
        stored.sort_unstable();
        let of_room = events.iter().filter(|it| it.topic == room);
        let announced: Vec<u64> = of_room.map(|it| it.body.parse().unwrap()).collect();
        assert_eq!(announced, stored, "{room}");
    }

    // Whoever was not told sends again.
    for it in acknowledged
        .iter()
        .filter(|it| it.name != "edit")
        .step_by(97)
    {
        let retry = append(&*store, named(&it.room, "writer", "again", &it.name)).await;
        assert_eq!((retry.duplicate, retry.seq), (true, it.seq), "{it:?}");
    }
}
