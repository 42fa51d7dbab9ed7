//! How far users have come.

use tidings_store::{MarkKind::*, Marked, ReceiptRow, Time};

use super::Place;
use crate::support::{fill, mark};

pub(crate) async fn receipts_only_go_forward(place: &dyn Place) {
    let store = place.open();
    fill(&*store, "a", 5).await;
    for (kind, seq, advanced, now, delivered, read) in [
        (Delivered, 2, true, 2, 2, 0),
        (Delivered, 2, false, 2, 2, 0),
        (Delivered, 1, false, 2, 2, 0),
        (Read, 1, true, 1, 2, 1),
        (Read, 0, false, 1, 2, 1),
        (Read, 4, true, 4, 4, 4),
        (Delivered, 3, false, 4, 4, 4),
        (Delivered, 99, true, 5, 5, 4),
        (Read, u64::MAX, true, 5, 5, 5),
    ] {
        let marked = mark(&*store, "a", "ana", kind, seq, 7).await;
        let context = format!("{kind:?} {seq}");
        assert_eq!(marked, Marked { advanced, seq: now }, "{context}");
        let expected = ReceiptRow {
            user: "ana".to_owned(),
            delivered,
            read,
            at: Time::from_millis(7),
        };
        assert_eq!(store.receipts("a").await.unwrap(), [expected], "{context}");
    }
    let nothing = Marked {
        advanced: false,
        seq: 0,
    };
    assert_eq!(mark(&*store, "none", "ana", Read, 3, 7).await, nothing);
    assert_eq!(store.receipts("none").await.unwrap(), []);
}

pub(crate) async fn receipts_come_latest_first(place: &dyn Place) {
    let store = place.open();
    fill(&*store, "a", 5).await;
    fill(&*store, "b", 5).await;
    mark(&*store, "a", "ana", Read, 1, 10).await;
    mark(&*store, "a", "ben", Read, 5, 30).await;
    mark(&*store, "a", "cem", Delivered, 2, 20).await;
    mark(&*store, "b", "dua", Read, 2, 90).await;
    // What does not get further is not later either.
    mark(&*store, "a", "ana", Read, 1, 40).await;
    let users = async |room| {
        let receipts = store.receipts(room).await.unwrap();
        receipts.into_iter().map(|it| it.user).collect::<Vec<_>>()
    };
    assert_eq!(users("a").await, ["ben", "cem", "ana"]);
    assert_eq!(users("b").await, ["dua"]);
}
