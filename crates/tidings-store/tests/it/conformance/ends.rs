//! Closing, reopening, and what is kept over a restart.

use tidings_store::{MarkKind, NotificationQuery, Page, StoreError, Time};

use super::Place;
use crate::support::{
    all, amend, append, edit, fill, mark, message, named, notify, queue, set_member,
};

pub(crate) async fn everything_is_there_after_reopening(place: &dyn Place) {
    let store = place.open();
    let id = append(&*store, named("a", "ana", "hi", "c1"))
        .await
        .message_id;
    amend(&*store, edit("a", &id, "ana", "ho")).await.unwrap();
    mark(&*store, "a", "ana", MarkKind::Read, 2, 5).await;
    notify(&*store, "ana", "1", 5).await;
    set_member(&*store, "a", "ana", true).await;
    store.seen("ana", "Ana", Time::from_millis(5)).unwrap();
    store.put_snapshot("s", vec![1, 2, 3]).await.unwrap();
    let query = || NotificationQuery {
        limit: 9,
        ..NotificationQuery::default()
    };
    let ids = ["ana".to_owned()];
    let before = (
        store.history("a", Page::newest(9)).await.unwrap(),
        store.since("a", 1, 9).await.unwrap(),
        store.receipts("a").await.unwrap(),
        store.notifications("ana", query()).await.unwrap(),
        store.users(&ids).await.unwrap(),
        store.rooms_of("ana").await.unwrap(),
    );
    store.close().await.unwrap();

    let store = place.open();
    let after = (
        store.history("a", Page::newest(9)).await.unwrap(),
        store.since("a", 1, 9).await.unwrap(),
        store.receipts("a").await.unwrap(),
        store.notifications("ana", query()).await.unwrap(),
        store.users(&ids).await.unwrap(),
        store.rooms_of("ana").await.unwrap(),
    );
    assert_eq!(after, before);
    assert_eq!(after.0.messages[0].content.as_deref(), Some("ho"));
    assert!(
        append(&*store, named("a", "ana", "hi", "c1"))
            .await
            .duplicate
    );
    assert_eq!(append(&*store, message("a", "ana", "x")).await.seq, 3);
    assert_eq!(store.take_snapshot("s").await.unwrap(), Some(vec![1, 2, 3]));
}

pub(crate) async fn a_snapshot_is_given_once(place: &dyn Place) {
    let store = place.open();
    assert_eq!(store.take_snapshot("s").await.unwrap(), None);
    let large: Vec<u8> = (0..3_000_000).map(|it: u32| it.to_le_bytes()[0]).collect();
    store.put_snapshot("s", vec![1]).await.unwrap();
    store.put_snapshot("s", large.clone()).await.unwrap();
    store.put_snapshot("t", Vec::new()).await.unwrap();
    let (one, other) = tokio::join!(store.take_snapshot("s"), store.take_snapshot("s"));
    assert_eq!([one.unwrap(), other.unwrap()], [Some(large), None]);
    assert_eq!(store.take_snapshot("t").await.unwrap(), Some(Vec::new()));
}

pub(crate) async fn closing_finishes_what_is_queued(place: &dyn Place) {
    let store = place.open();
    let mut answers: Vec<_> = (0..1_000)
        .map(|_| queue(|done| store.append(message("a", "ana", "hi"), done)))
        .collect();
    let (one, other) = tokio::join!(store.close(), store.close());
    one.unwrap();
    other.unwrap();
    for (number, answer) in (1..).zip(&mut answers) {
        // No waiting: all are told before the end of closing.
        assert_eq!(answer.try_recv().unwrap().unwrap().seq, number);
    }
    let store = place.open();
    assert_eq!(all(&*store, "a").await.len(), 1_000);
}

pub(crate) async fn a_closed_store_refuses_everything(place: &dyn Place) {
    let store = place.open();
    fill(&*store, "a", 1).await;
    store.check().await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    let refused = store.append(message("a", "ana", "hi"), Box::new(|_| panic!("told")));
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    let answers = [
        store.seen("ana", "Ana", Time::EPOCH),
        store.history("a", Page::newest(1)).await.map(drop),
        store.take_snapshot("s").await.map(drop),
        store.check().await,
    ];
    for answer in answers {
        assert!(matches!(answer, Err(StoreError::Closed)), "{answer:?}");
    }
}

pub(crate) async fn what_is_done_is_counted(place: &dyn Place) {
    let store = place.open();
    fill(&*store, "a", 300).await;
    all(&*store, "a").await;
    let stats = store.stats();
    assert_eq!(stats.writes, 300);
    assert_eq!((stats.queue_length, stats.queue_bytes), (0, 0));
    assert_eq!((stats.failures, stats.overloaded, stats.panics), (0, 0, 0));
    assert!((1..=300).contains(&stats.commits), "{stats:?}");
    let least = 300_usize.div_ceil(usize::try_from(stats.commits).unwrap());
    assert!((least..=300).contains(&stats.largest_batch), "{stats:?}");
    assert!(stats.longest_commit <= stats.commit_time, "{stats:?}");
    assert!(!stats.longest_commit.is_zero());
    assert_eq!(stats.reads, 1);
    assert!(!stats.read_time.is_zero());
}
