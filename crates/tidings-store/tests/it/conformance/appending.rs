//! Storing messages, and reading pages of them.

use std::sync::Arc;

use parking_lot::Mutex;
use tidings_store::{Appended, History, NewMessage, Page, Time, limits::PAGE_MAX};
use tokio::sync::oneshot;

use super::Place;
use crate::support::{all, append, fill, message, named, queue, seqs};

pub(crate) async fn a_room_counts_its_messages(place: &dyn Place) {
    let store = place.open();
    let mut ids = Vec::new();
    for (room, seq) in [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 2)] {
        let appended = append(&*store, message(room, "ana", "hi")).await;
        assert_eq!((&*appended.room, appended.seq), (room, seq));
        assert!(!appended.duplicate);
        ids.push(appended.message_id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

pub(crate) async fn what_was_stored_is_read(place: &dyn Place) {
    let store = place.open();
    let plain = append(&*store, message("a", "ana", "line\none\0 🌍")).await;
    let full = NewMessage {
        client_message_id: Some("c1".into()),
        reply_to: Some(plain.message_id.as_str().into()),
        meta: Some(r#"{"k":[1]}"#.into()),
        at: Time::from_millis(-5),
        ..message("a", "míng", "")
    };
    let full = append(&*store, full).await;
    assert_eq!(full.at, Time::from_millis(-5));

    let history = store.history("a", Page::newest(10)).await.unwrap();
    assert_eq!((history.last_seq, history.trimmed_seq), (2, 0));
    let [first, second] = &history.messages[..] else {
        panic!("{history:?}");
    };
    assert_eq!(first.message_id, plain.message_id);
    assert_eq!(first.content.as_deref(), Some("line\none\0 🌍"));
    assert_eq!(
        (&first.client_message_id, &first.reply_to, &first.meta),
        (&None, &None, &None)
    );
    assert_eq!(first.at, Time::from_millis(1_000));
    assert_eq!((&first.changed, first.deleted), (&None, false));

    assert_eq!(&*second.room, "a");
    assert_eq!(second.message_id, full.message_id);
    assert_eq!(second.sender, "míng");
    assert_eq!(second.sender_name, "Name of míng");
    assert_eq!(second.content.as_deref(), Some(""));
    assert_eq!(second.client_message_id.as_deref(), Some("c1"));
    assert_eq!(second.reply_to, Some(plain.message_id));
    assert_eq!(second.meta.as_deref(), Some(r#"{"k":[1]}"#));
    assert_eq!(second.at, Time::from_millis(-5));
}

pub(crate) async fn a_retry_is_answered_with_the_first_message(place: &dyn Place) {
    let store = place.open();
    append(&*store, message("a", "ana", "before")).await;
    let first = append(&*store, named("a", "ana", "hi", "c1")).await;
    for room in ["a", "b"] {
        let retry = NewMessage {
            at: Time::from_millis(77_000),
            ..named(room, "ana", "hi again", "c1")
        };
        let answer = append(&*store, retry).await;
        let expected = Appended {
            duplicate: true,
            ..first.clone()
        };
        assert_eq!(answer, expected);
    }
    let messages = all(&*store, "a").await;
    assert_eq!(messages[1].content.as_deref(), Some("hi"));
    assert_eq!(seqs(&messages), [1, 2]);
    assert_eq!(all(&*store, "b").await, []);
    assert_eq!(append(&*store, message("a", "ana", "after")).await.seq, 3);
}

pub(crate) async fn a_retry_that_overtakes_its_answer_is_not_a_second_message(place: &dyn Place) {
    let store = place.open();
    // Queued together, so that many are in one transaction.
    let answers: Vec<_> = (0..200)
        .map(|it| {
            let name = (it % 20).to_string();
            queue(|done| store.append(named("a", "ana", &name, &name), done))
        })
        .collect();
    let mut first = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.duplicate, number >= 20, "{number}");
        if !answer.duplicate {
            first.push(answer.message_id);
        } else {
            assert_eq!(answer.message_id, first[number % 20]);
        }
    }
    let expected: Vec<u64> = (1..=20).collect();
    assert_eq!(seqs(&all(&*store, "a").await), expected);
}

pub(crate) async fn names_of_messages_are_the_senders_own(place: &dyn Place) {
    let store = place.open();
    for (sender, name, duplicate) in [
        ("ana", "1", false),
        ("míng", "1", false),
        ("ana", "2", false),
        ("ana", "1", true),
        ("Ana", "1", false),
        ("ana", "1 ", false),
    ] {
        let answer = append(&*store, named("a", sender, "hi", name)).await;
        assert_eq!(answer.duplicate, duplicate, "{sender} {name}");
    }
}

pub(crate) async fn outcomes_come_in_the_order_of_the_calls(place: &dyn Place) {
    let store = place.open();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (end, ended) = oneshot::channel();
    for number in 0..2_000_u64 {
        let told = Arc::clone(&told);
        let room = ["a", "b", "c"][usize::try_from(number % 3).unwrap()];
        store
            .append(
                message(room, "ana", "hi"),
                Box::new(move |outcome| told.lock().push((number, outcome.unwrap().seq))),
            )
            .unwrap();
    }
    store
        .append(
            message("a", "ana", "last"),
            Box::new(|it| drop(end.send(it))),
        )
        .unwrap();
    ended.await.unwrap().unwrap();
    let expected: Vec<_> = (0..2_000).map(|it| (it, it / 3 + 1)).collect();
    assert_eq!(*told.lock(), expected);
}

pub(crate) async fn a_barrier_stands_between_what_was_said_before_and_after(place: &dyn Place) {
    let store = place.open();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (end, ended) = oneshot::channel();
    let mut end = Some(end);
    for number in 0..300_u64 {
        let told = Arc::clone(&told);
        if number % 3 == 2 {
            let end = (number == 299).then(|| end.take()).flatten();
            let done = move |outcome: Result<(), _>| {
                outcome.unwrap();
                told.lock().push(number);
                if let Some(end) = end {
                    let _ = end.send(());
                }
            };
            store.barrier(Box::new(done)).unwrap();
        } else {
            let done = move |_: Result<Appended, _>| told.lock().push(number);
            store
                .append(message("a", "ana", "hi"), Box::new(done))
                .unwrap();
        }
    }
    ended.await.unwrap();
    assert_eq!(*told.lock(), (0..300).collect::<Vec<_>>());
    let history = store.history("a", Page::newest(1)).await.unwrap();
    assert_eq!(history.last_seq, 200, "a barrier takes no number");
}

pub(crate) async fn whoever_is_told_may_panic_and_may_write(place: &dyn Place) {
    let store = place.open();
    let (end, ended) = oneshot::channel();
    store
        .append(message("a", "ana", "1"), Box::new(|_| panic!("a test")))
        .unwrap();
    let again = Arc::clone(&store);
    store
        .append(
            message("a", "ana", "2"),
            Box::new(move |_| {
                let done = Box::new(|outcome| drop(end.send(outcome)));
                again.append(message("a", "ana", "3"), done).unwrap();
            }),
        )
        .unwrap();
    assert_eq!(ended.await.unwrap().unwrap().seq, 3);
}

pub(crate) async fn pages_go_back_from_the_newest_and_on_from_the_oldest(place: &dyn Place) {
    let store = place.open();
    assert_eq!(
        store.history("a", Page::newest(5)).await.unwrap(),
        History::default()
    );
    fill(&*store, "a", 10).await;
    fill(&*store, "b", 3).await;
    let page = |before, after, limit| Page {
        before,
        after,
        limit,
    };
    for (page, seqs, has_more) in [
        (page(None, None, 3), &[8, 9, 10][..], true),
        (
            page(None, None, 10),
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            false,
        ),
        (page(Some(8), None, 3), &[5, 6, 7], true),
        (page(Some(3), None, 3), &[1, 2], false),
        (page(Some(1), None, 3), &[], false),
        (page(Some(0), None, 3), &[], false),
        (page(Some(u64::MAX), None, 2), &[9, 10], true),
        (page(None, Some(0), 3), &[1, 2, 3], true),
        (page(None, Some(8), 3), &[9, 10], false),
        (page(None, Some(10), 3), &[], false),
        (page(None, Some(u64::MAX), 3), &[], false),
        (page(Some(9), Some(2), 3), &[3, 4, 5], true),
        (page(Some(6), Some(2), 3), &[3, 4, 5], false),
        (page(Some(2), Some(6), 3), &[], false),
        (page(None, None, 0), &[], true),
    ] {
        let history = store.history("a", page).await.unwrap();
        assert_eq!(self::seqs(&history.messages), seqs, "{page:?}");
        assert_eq!(history.has_more, has_more, "{page:?}");
        assert_eq!(history.last_seq, 10, "{page:?}");
    }
    fill(&*store, "a", PAGE_MAX).await;
    let history = store.history("a", Page::newest(usize::MAX)).await.unwrap();
    assert_eq!(history.messages.len(), PAGE_MAX);
    assert!(history.has_more);
}
