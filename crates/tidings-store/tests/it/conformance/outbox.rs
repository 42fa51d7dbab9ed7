//! Events for programs outside: in with their writes, out when everybody has them.

use std::sync::Arc;

use tidings_store::{
    Amended, Announcer, Appended, NewMessage, NotificationsRead, OutboxEntry, OutboxEvent, ReadIds,
    Store, StoreError, Time,
};

use super::Place;
use crate::support::{amend, append, delete, edit, fill, message, named, notify, queue, read};

/// Announces everything, in a few words.
#[derive(Debug)]
pub(crate) struct Everything;

fn entry(kind: &'static str, topic: &str, body: String) -> OutboxEntry {
    OutboxEntry {
        kind,
        topic: topic.into(),
        body,
        at: Time::from_millis(7),
        expendable: false,
    }
}

fn expendable(body: &str) -> OutboxEntry {
    OutboxEntry {
        expendable: true,
        ..entry("own", "x", body.to_owned())
    }
}

impl Announcer for Everything {
    fn appended(&self, message: &NewMessage, appended: &Appended) -> Option<OutboxEntry> {
        // As a server that tells of some rooms only.
        if &*message.room == "hidden" {
            return None;
        }
        let body = format!("{} {}", appended.message_id, message.content);
        Some(entry("message", &appended.room, body))
    }

    fn amended(&self, amended: &Amended) -> Option<OutboxEntry> {
        let message = &amended.message;
        let content = message.content.as_deref().unwrap_or("-");
        let body = format!("{} {content}", message.message_id);
        Some(entry("amended", &message.room, body))
    }

    fn notifications_read(
        &self,
        user: &str,
        read: &NotificationsRead,
        _: Time,
    ) -> Option<OutboxEntry> {
        Some(entry("read", user, read.read.join(",")))
    }
}

/// Opens a store with room for so much in its outbox, and these readers.
async fn open(place: &dyn Place, events: u64, bytes: u64, readers: &[&str]) -> Arc<dyn Store> {
    let store = place.open_announcing(Arc::new(Everything), events, bytes);
    set_readers(&*store, readers).await;
    store
}

async fn set_readers(store: &dyn Store, readers: &[&str]) -> Vec<u64> {
    let names: Vec<String> = readers.iter().map(|&it| it.to_owned()).collect();
    store.set_outbox_readers(&names).await.unwrap()
}

/// Waits until everything that was asked before is done.
async fn settled(store: &dyn Store) {
    queue(|done| store.barrier(done)).await.unwrap().unwrap();
}

async fn all(store: &dyn Store) -> Vec<OutboxEvent> {
    store.outbox(0, 1_000, usize::MAX).await.unwrap()
}

async fn numbers(store: &dyn Store) -> Vec<u64> {
    all(store).await.iter().map(|it| it.number).collect()
}

pub(crate) async fn what_is_written_is_announced_with_it(place: &dyn Place) {
    let store = open(place, 100, 100_000, &["a"]).await;
    let id = append(&*store, named("room", "ana", "hi", "c1"))
        .await
        .message_id;
    append(&*store, named("room", "ana", "hi again", "c1")).await;
    append(&*store, message("hidden", "ana", "hush")).await;
    amend(&*store, edit("room", &id, "ana", "ho"))
        .await
        .unwrap();
    let refused = amend(&*store, edit("room", &id, "eve", "hu")).await;
    assert!(matches!(refused, Err(StoreError::Forbidden)), "{refused:?}");
    amend(&*store, delete("room", &id, "ana")).await.unwrap();
    let notification = notify(&*store, "ben", "1", 5).await.notification.id;
    for _ in 0..2 {
        read(&*store, "ben", ReadIds::All).await;
    }
    store.announce(expendable("of its own")).unwrap();
    settled(&*store).await;

    let events = all(&*store).await;
    let told: Vec<_> = events
        .iter()
        .map(|it| (it.number, &*it.kind, &*it.topic, &*it.body))
        .collect();
    let (said, edited, gone) = (format!("{id} hi"), format!("{id} ho"), format!("{id} -"));
    assert_eq!(
        told,
        [
            (1, "message", "room", &*said),
            (2, "amended", "room", &edited),
            (3, "amended", "room", &gone),
            (4, "read", "ben", &notification),
            (5, "own", "x", "of its own"),
        ]
    );
    assert!(events.iter().all(|it| it.at == Time::from_millis(7)));
}

pub(crate) async fn the_outbox_is_read_in_pieces(place: &dyn Place) {
    let store = open(place, 100, 100_000, &["a"]).await;
    for body in ["12345", "67890", "1", "2"] {
        store.announce(expendable(body)).unwrap();
    }
    settled(&*store).await;
    for (after, events, bytes, expected) in [
        (0, 9, 99, &[1, 2, 3, 4][..]),
        (1, 2, 99, &[2, 3]),
        (0, 9, 10, &[1, 2]),
        (0, 9, 1, &[1]),
        (4, 9, 99, &[]),
        (u64::MAX, 9, 99, &[]),
        (0, 0, 99, &[]),
    ] {
        let found = store.outbox(after, events, bytes).await.unwrap();
        let found: Vec<_> = found.iter().map(|it| it.number).collect();
        assert_eq!(found, expected, "{after} {events} {bytes}");
    }
}

pub(crate) async fn events_are_kept_until_every_reader_has_them(place: &dyn Place) {
    let store = open(place, 100, 100_000, &["a", "b"]).await;
    fill(&*store, "room", 5).await;
    store.pass_outbox("a", 4).unwrap();
    settled(&*store).await;
    assert_eq!(numbers(&*store).await, [1, 2, 3, 4, 5]);
    store.pass_outbox("b", 2).unwrap();
    // Nobody goes back, and nobody passes who is no reader.
    store.pass_outbox("a", 1).unwrap();
    store.pass_outbox("c", 5).unwrap();
    settled(&*store).await;
    assert_eq!(numbers(&*store).await, [3, 4, 5]);
    assert_eq!(store.stats().outbox_length, 3);
    store.close().await.unwrap();

    let store = place.open_announcing(Arc::new(Everything), 100, 100_000);
    // A new one begins at the end, and what only the one that went had not passed goes with it.
    assert_eq!(set_readers(&*store, &["c", "a"]).await, [5, 4]);
    assert_eq!(numbers(&*store).await, [5]);
    fill(&*store, "room", 1).await;
    assert_eq!(numbers(&*store).await, [5, 6]);
    for reader in ["a", "c"] {
        store.pass_outbox(reader, 6).unwrap();
    }
    settled(&*store).await;
    let stats = store.stats();
    assert_eq!((stats.outbox_length, stats.outbox_bytes), (0, 0));
    store.close().await.unwrap();

    // Nothing is there that a number could be seen by, and none is given twice.
    let store = place.open_announcing(Arc::new(Everything), 100, 100_000);
    fill(&*store, "room", 1).await;
    assert_eq!(numbers(&*store).await, [7]);
    assert_eq!(set_readers(&*store, &[]).await, []);
    fill(&*store, "room", 1).await;
    assert_eq!(numbers(&*store).await, []);
    assert_eq!(store.stats().outbox_dropped, 0);
}

pub(crate) async fn much_is_removed_from_the_outbox_in_small_steps(place: &dyn Place) {
    let store = open(place, 10_000, 1_000_000, &["a", "b"]).await;
    fill(&*store, "room", 2_500).await;
    store.pass_outbox("b", 2_400).unwrap();
    assert_eq!(set_readers(&*store, &["b"]).await, [2_400]);
    assert_eq!(numbers(&*store).await, (2_401..=2_500).collect::<Vec<_>>());
}

pub(crate) async fn a_full_outbox_keeps_what_is_newest(place: &dyn Place) {
    let store = open(place, 10, 100_000, &["a"]).await;
    for _ in 0..7 {
        store.announce(expendable("1")).unwrap();
    }
    settled(&*store).await;
    assert_eq!(
        numbers(&*store).await,
        [1, 2, 3, 4, 5],
        "half is for others"
    );
    assert_eq!(store.stats().outbox_dropped, 2);
    fill(&*store, "room", 12).await;
    assert_eq!(numbers(&*store).await, (8..=17).collect::<Vec<_>>());
    assert_eq!(store.stats().outbox_dropped, 9);
    assert_eq!(store.stats().outbox_length, 10);

    store.close().await.unwrap();

    // Half of the bytes is for others as well.
    let store = open(place, 1_000, 200, &["a"]).await;
    store.pass_outbox("a", 1_000).unwrap();
    let before = numbers(&*store).await.last().copied().unwrap_or(0);
    for _ in 0..3 {
        store.announce(expendable(&"x".repeat(40))).unwrap();
    }
    settled(&*store).await;
    assert_eq!(numbers(&*store).await, [before + 1, before + 2]);
    for _ in 0..2 {
        append(&*store, message("room", "ana", &"y".repeat(90))).await;
    }
    assert_eq!(
        numbers(&*store).await,
        [before + 4],
        "the last fits by itself"
    );
    assert!(store.stats().outbox_bytes <= 200);
    append(&*store, message("room", "ana", &"z".repeat(900))).await;
    let events = all(&*store).await;
    assert_eq!((events.len(), events[0].number), (1, before + 5));
}

pub(crate) async fn whoever_reads_learns_of_the_next_event(place: &dyn Place) {
    let store = open(place, 100, 100_000, &["a"]).await;
    let mut end = store.outbox_end();
    for number in 1..=3 {
        let wait = end.wait_for(|it| *it == number);
        let (_, event) = tokio::join!(append(&*store, message("room", "ana", "hi")), async {
            wait.await.unwrap();
            store.outbox(number - 1, 1, 99).await.unwrap()
        });
        assert_eq!(event.len(), 1);
    }
}
