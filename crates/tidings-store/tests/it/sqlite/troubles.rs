//! A full disk, a lock of another program, and more writes than can be done.

use std::sync::Arc;

use rusqlite::Connection;
use tidings_store::{
    Keep, Page, Retention, RoomRetention, SqliteOptions, SqliteStore, Store, StoreError, Time,
};

use super::Folder;
use crate::{
    conformance::{Everything, Place},
    support::{all, append, fill, message, named, queue, seqs},
};

fn open(folder: &Folder, options: SqliteOptions) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&folder.path(), options).unwrap())
}

/// Holds the lock that SQLite wants for writing, as a program that repairs something would.
fn hold(folder: &Folder) -> Connection {
    let other = Connection::open(folder.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test]
async fn a_full_disk_fails_what_needs_space_and_nothing_else() {
    let folder = Folder::new();
    let limited = SqliteOptions {
        max_bytes: Some(2_000_000),
        announcer: Some(Arc::new(Everything)),
        ..SqliteOptions::default()
    };
    let store = open(&folder, limited);
    store
        .set_outbox_readers(&["reader".to_owned()])
        .await
        .unwrap();
    let large = "x".repeat(50_000);
    let mut stored = 0;
    let error = loop {
        let new = message("large", "ana", &large);
        match queue(|done| store.append(new, done)).await.unwrap() {
            Ok(appended) => {
                stored += 1;
                assert_eq!(appended.seq, stored);
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    assert!(error.to_string().contains("full"), "{error}");
    assert!(stored > 10);

    // Those that fit are stored, though they share transactions with those that do not.
    let answers: Vec<_> = (0..100)
        .map(|number| {
            let large = number % 2 == 1;
            let content = if large {
                "x".repeat(90_000)
            } else {
                "small".to_owned()
            };
            let new = named("large", "ana", &content, &number.to_string());
            (large, queue(|done| store.append(new, done)))
        })
        .collect();
    for (large, answer) in answers {
        match answer.await.unwrap() {
            Ok(appended) => {
                assert!(!large);
                stored += 1;
                assert_eq!(appended.seq, stored);
            }
            Err(StoreError::Backend(_)) => assert!(large),
            Err(other) => panic!("{other}"),
        }
    }
    let stats = store.stats();
    assert_eq!(stats.failures, 51);
    assert!(stats.writes >= stored, "{stats:?}");

    // What was not stored has taken no number and left no name.
    let history = store.history("large", Page::newest(1_000)).await.unwrap();
    assert_eq!(seqs(&history.messages), (1..=stored).collect::<Vec<_>>());
    assert_eq!(history.last_seq, stored);
    // Nor has it left an event, or the number of one.
    let events = store.outbox(0, 1_000, usize::MAX).await.unwrap();
    let numbers: Vec<_> = events.iter().map(|it| it.number).collect();
    assert_eq!(numbers, (1..=stored).collect::<Vec<_>>());
    let stats = store.stats();
    assert_eq!((stats.outbox_length, stats.outbox_dropped), (stored, 0));

    // Space that is freed is used again, and the same retry is taken.
    let rule = RoomRetention {
        pattern: "*".to_owned(),
        keep: Keep {
            max_age: None,
            max_count: Some(stored / 2),
        },
    };
    let policy = Retention {
        rooms: vec![rule],
        notifications: Keep::default(),
    };
    store.trim(&policy, Time::EPOCH).await.unwrap();
    store.check().await.unwrap();
    let retry = append(&*store, named("large", "ana", &large, "1")).await;
    assert_eq!((retry.seq, retry.duplicate), (stored + 1, false));
}

#[tokio::test]
async fn a_disk_that_is_full_shows_in_the_check() {
    let folder = Folder::new();
    let limited = SqliteOptions {
        max_bytes: Some(1),
        ..SqliteOptions::default()
    };
    // It is as large as its tables from the beginning, and can grow no further.
    let store = open(&folder, limited);
    store.check().await.unwrap();
    let new = message("a", "ana", &"x".repeat(100_000));
    let failed = queue(|done| store.append(new, done)).await.unwrap();
    assert!(matches!(failed, Err(StoreError::Backend(_))), "{failed:?}");
    let check = store.check().await;
    assert!(matches!(check, Err(StoreError::Backend(_))), "{check:?}");
}

#[tokio::test]
async fn writes_wait_for_another_program_and_reads_do_not() {
    let folder = Folder::new();
    let store = folder.open();
    fill(&*store, "a", 3).await;
    let other = hold(&folder);
    let mut answer = queue(|done| store.append(message("a", "ana", "4"), done));
    assert_eq!(all(&*store, "a").await.len(), 3);
    assert!(answer.try_recv().is_err());
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(answer.await.unwrap().unwrap().seq, 4);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once() {
    let folder = Folder::new();
    let small = SqliteOptions {
        queue: 10,
        batch: 3,
        ..SqliteOptions::default()
    };
    let store = open(&folder, small);
    let other = hold(&folder);
    // The writer can take what is queued while it waits, but once only.
    let mut answers = Vec::new();
    let refused = loop {
        let (tell, told) = tokio::sync::oneshot::channel();
        let done = Box::new(move |outcome| drop(tell.send(outcome)));
        match store.append(message("a", "ana", "hi"), done) {
            Ok(()) => answers.push(told),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Overloaded), "{refused:?}");
    assert!((10..=13).contains(&answers.len()), "{}", answers.len());
    let stats = store.stats();
    assert_eq!(stats.overloaded, 1);
    assert!((10 - 3..=10).contains(&stats.queue_length), "{stats:?}");
    // What the house writes is not refused.
    let snapshot = store.put_snapshot("s", vec![1]);
    other.execute_batch("COMMIT").unwrap();
    snapshot.await.unwrap();
    for (number, answer) in (1..).zip(answers) {
        assert_eq!(answer.await.unwrap().unwrap().seq, number);
    }
    assert!(store.stats().largest_batch <= 3);
}
