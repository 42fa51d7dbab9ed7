//! What has happened in a room since.

use tidings_store::Since;

use super::Place;
use crate::support::{amend, append, delete, edit, fill, message, seqs};

pub(crate) async fn since_gives_what_was_said_and_what_was_changed(place: &dyn Place) {
    let store = place.open();
    let messages = fill(&*store, "a", 4).await;
    let id = |seq: usize| messages[seq - 1].message_id.as_str();
    // 5 to 8: an edit of 3, a deletion of 1, another edit of 3, a message.
    amend(&*store, edit("a", id(3), "ana", "x")).await.unwrap();
    amend(&*store, delete("a", id(1), "ana")).await.unwrap();
    amend(&*store, edit("a", id(3), "ana", "y")).await.unwrap();
    append(&*store, message("a", "ana", "8")).await;

    for (after, said, changed) in [
        (0, &[1, 2, 3, 4, 8][..], &[][..]),
        (2, &[3, 4, 8], &[1]),
        (4, &[8], &[1, 3]),
        (5, &[8], &[1, 3]),
        (6, &[8], &[3]),
        (7, &[8], &[]),
        (8, &[], &[]),
    ] {
        let since = store.since("a", after, 50).await.unwrap();
        assert_eq!(seqs(&since.messages), said, "after {after}");
        assert_eq!(seqs(&since.changed), changed, "after {after}");
        assert!(since.complete, "after {after}");
        assert_eq!(since.last_seq, 8);
    }
    let since = store.since("a", 4, 50).await.unwrap();
    assert!(since.changed[0].deleted);
    assert_eq!(since.changed[1].content.as_deref(), Some("y"));
}

pub(crate) async fn since_says_when_it_is_not_everything(place: &dyn Place) {
    let store = place.open();
    let nothing = |complete| Since {
        complete,
        ..Since::default()
    };
    assert_eq!(store.since("a", 0, 5).await.unwrap(), nothing(true));
    assert_eq!(store.since("a", 1, 5).await.unwrap(), nothing(false));

    fill(&*store, "a", 10).await;
    for (after, limit, said, complete) in [
        (5, 5, &[6, 7, 8, 9, 10][..], true),
        (4, 5, &[6, 7, 8, 9, 10], false),
        (10, 5, &[], true),
        (9, 0, &[], false),
        (10, 0, &[], true),
        // Ahead of the room: the number is from another life of it.
        (11, 3, &[8, 9, 10], false),
        (u64::MAX, 3, &[8, 9, 10], false),
    ] {
        let since = store.since("a", after, limit).await.unwrap();
        assert_eq!(seqs(&since.messages), said, "{after} {limit}");
        assert_eq!(since.complete, complete, "{after} {limit}");
        assert_eq!(since.last_seq, 10);
    }
}

pub(crate) async fn since_bounds_changes_too(place: &dyn Place) {
    let store = place.open();
    for message in fill(&*store, "a", 4).await {
        let change = edit("a", &message.message_id, "ana", "x");
        amend(&*store, change).await.unwrap();
    }
    let since = store.since("a", 4, 3).await.unwrap();
    assert_eq!(seqs(&since.changed), [2, 3, 4]);
    assert!(!since.complete);
    assert!(store.since("a", 4, 4).await.unwrap().complete);
}
