//! Documents: records, snapshots in their place, versions.

use tidings_store::{Compaction, DocumentRecord, Store, StoreError, Time};

use super::Place;
use crate::support::queue;

/// Stores a record that says its number, at a time that is its number.
async fn record(store: &dyn Store, document: &str, seq: u64) -> Result<(), StoreError> {
    let record = DocumentRecord {
        document: document.into(),
        seq,
        bytes: vec![u8::try_from(seq).unwrap()],
        at: Time::from_millis(i64::try_from(seq).unwrap()),
    };
    queue(|done| store.record(record, done)).await.unwrap()
}

async fn compact(
    store: &dyn Store,
    document: &str,
    through: u64,
    snapshot: &[u8],
    versions: usize,
    at: i64,
) -> Result<(), StoreError> {
    let compaction = Compaction {
        document: document.into(),
        through,
        snapshot: snapshot.to_vec(),
        versions,
        at: Time::from_millis(at),
    };
    queue(|done| store.compact(compaction, done)).await.unwrap()
}

/// The snapshot of a document, and its records.
async fn stored(store: &dyn Store, document: &str) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
    let stored = store.document(document).await.unwrap().unwrap();
    (stored.snapshot, stored.records)
}

pub(crate) async fn records_follow_each_other(place: &dyn Place) {
    let store = place.open();
    assert_eq!(store.document("a").await.unwrap(), None);
    for (document, seq, last) in [
        ("a", 0, Some(0)),
        ("a", 2, Some(0)),
        ("a", 1, None),
        ("b", 1, None),
        ("a", 1, Some(1)),
        ("a", 2, None),
        ("a", 4, Some(2)),
        ("a", 3, None),
    ] {
        let outcome = record(&*store, document, seq).await;
        match (last, outcome) {
            (None, Ok(())) => {}
            (Some(last), Err(StoreError::OutOfTurn { seq: was, last: it })) => {
                assert_eq!((seq, last), (was, it));
            }
            (_, other) => panic!("{document} {seq}: {other:?}"),
        }
    }
    store.close().await.unwrap();
    let store = place.open();
    let a = store.document("a").await.unwrap().unwrap();
    assert_eq!(a.records, [[1], [2], [3]]);
    assert_eq!((a.last_seq, a.deleted, a.snapshot), (3, false, None));
    assert_eq!(a.updated_at, Time::from_millis(3));
    record(&*store, "a", 4).await.unwrap();
    // Those that were queued together, one of which is refused, are stored all the same.
    let answers: Vec<_> = [5, 9, 6]
        .into_iter()
        .map(|seq| {
            let record = DocumentRecord {
                document: "a".into(),
                seq,
                bytes: vec![7],
                at: Time::from_millis(9),
            };
            queue(|done| store.record(record, done))
        })
        .collect();
    let mut outcomes = Vec::new();
    for answer in answers {
        outcomes.push(answer.await.unwrap().is_ok());
    }
    assert_eq!(outcomes, [true, false, true]);
}

pub(crate) async fn a_snapshot_stands_for_the_records_before_it(place: &dyn Place) {
    let store = place.open();
    let missing = compact(&*store, "a", 0, b"", 0, 0).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    for seq in 1..=4 {
        record(&*store, "a", seq).await.unwrap();
        record(&*store, "b", seq).await.unwrap();
    }
    compact(&*store, "a", 3, b"three", 0, 9).await.unwrap();
    assert_eq!(
        stored(&*store, "a").await,
        (Some(b"three".to_vec()), vec![vec![4]])
    );
    assert_eq!(stored(&*store, "b").await.1.len(), 4);
    let ahead = compact(&*store, "a", 5, b"", 0, 9).await;
    assert!(matches!(ahead, Err(StoreError::OutOfTurn { .. })));
    compact(&*store, "a", 4, b"four", 0, 9).await.unwrap();
    assert_eq!(stored(&*store, "a").await, (Some(b"four".to_vec()), vec![]));
    record(&*store, "a", 5).await.unwrap();
    let rows = store.documents("", 9).await.unwrap();
    assert_eq!((rows[0].bytes, rows[1].bytes), (5, 4));
}

pub(crate) async fn documents_are_listed_by_name(place: &dyn Place) {
    let store = place.open();
    for name in ["b", "a", "c"] {
        record(&*store, name, 1).await.unwrap();
    }
    record(&*store, "a", 2).await.unwrap();
    let names = |after, limit| {
        let store = &store;
        async move {
            let rows = store.documents(after, limit).await.unwrap();
            rows.into_iter().map(|it| it.document).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("", 9).await, ["a", "b", "c"]);
    assert_eq!(names("a", 1).await, ["b"]);
    assert_eq!(names("c", 9).await.len(), 0);
    let first = store.documents("", 1).await.unwrap().remove(0);
    assert_eq!(
        (first.created_at, first.updated_at),
        (Time::from_millis(1), Time::from_millis(2))
    );
}

pub(crate) async fn versions_are_kept_by_time(place: &dyn Place) {
    let store = place.open();
    record(&*store, "a", 1).await.unwrap();
    assert_eq!(store.document_versions("a").await.unwrap(), []);
    for (at, versions) in [(10, 3), (20, 3), (25, 0), (30, 3), (40, 3)] {
        let snapshot = [u8::try_from(at).unwrap()];
        compact(&*store, "a", 1, &snapshot, versions, at)
            .await
            .unwrap();
    }
    let versions = store.document_versions("a").await.unwrap();
    let times: Vec<_> = versions.iter().map(|it| it.at.as_millis()).collect();
    assert_eq!(times, [40, 30, 20], "the oldest has gone");
    assert_eq!(versions[0].seq, 1);
    for (at, version) in [(19, None), (20, Some(20)), (29, Some(20)), (99, Some(40))] {
        let bytes = store.document_version("a", Time::from_millis(at)).await;
        assert_eq!(bytes.unwrap(), version.map(|it| vec![it]), "{at}");
    }
    let kept = store.document("a").await.unwrap().unwrap().last_version;
    assert_eq!(kept, Some(Time::from_millis(40)));
    // A second one of the same moment takes the place of the first.
    compact(&*store, "a", 1, b"x", 3, 40).await.unwrap();
    assert_eq!(store.document_versions("a").await.unwrap().len(), 3);
}

pub(crate) async fn a_deleted_document_leaves_what_is_to_remain(place: &dyn Place) {
    let store = place.open();
    let delete = |name: &'static str, remains: &'static [u8]| {
        let at = Time::from_millis(50);
        let answer = queue(|done| store.delete_document(name, remains.to_vec(), at, done));
        async move { answer.await.unwrap().unwrap() }
    };
    assert!(!delete("a", b"").await);
    for seq in 1..=3 {
        record(&*store, "a", seq).await.unwrap();
    }
    compact(&*store, "a", 2, b"two", 3, 9).await.unwrap();
    assert!(delete("a", b"remains").await);
    assert!(!delete("a", b"again").await);
    let a = store.document("a").await.unwrap().unwrap();
    assert_eq!(a.snapshot.as_deref(), Some(&b"remains"[..]));
    assert_eq!((a.records.len(), a.last_seq, a.deleted), (0, 3, true));
    assert_eq!(store.documents("", 9).await.unwrap(), []);
    assert_eq!(store.document_versions("a").await.unwrap(), []);
    // Written to again, it is there again.
    record(&*store, "a", 4).await.unwrap();
    assert_eq!(
        stored(&*store, "a").await,
        (Some(b"remains".to_vec()), vec![vec![4]])
    );
    let listed = store.documents("", 9).await.unwrap();
    assert_eq!(listed[0].created_at, Time::from_millis(4));
}
