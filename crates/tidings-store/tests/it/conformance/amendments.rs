//! Editing and deleting messages.

use std::slice;

use tidings_store::{Amendment, Change, StoreError, Time};

use super::Place;
use crate::support::{all, amend, append, delete, edit, message, named, seqs};

pub(crate) async fn changes_take_numbers_of_the_room(place: &dyn Place) {
    let store = place.open();
    let first = append(&*store, message("a", "ana", "one")).await;
    let second = append(&*store, message("a", "ana", "two")).await;

    let amended = amend(&*store, edit("a", &first.message_id, "ana", "uno"))
        .await
        .unwrap();
    assert_eq!(amended.seq, 3);
    assert_eq!(amended.message.seq, 1);
    assert_eq!(amended.message.content.as_deref(), Some("uno"));
    let change = Change {
        seq: 3,
        at: Time::from_millis(2_000),
        by: "ana".to_owned(),
    };
    assert_eq!(amended.message.changed, Some(change));

    let again = amend(&*store, edit("a", &first.message_id, "ana", "eins"))
        .await
        .unwrap();
    assert_eq!(again.seq, 4);
    assert_eq!(append(&*store, message("a", "ana", "three")).await.seq, 5);
    let deleted = amend(&*store, delete("a", &second.message_id, "ana"))
        .await
        .unwrap();
    assert_eq!(deleted.seq, 6);

    let messages = all(&*store, "a").await;
    assert_eq!(seqs(&messages), [1, 2, 5]);
    assert_eq!(messages[0], again.message);
    assert_eq!(messages[1], deleted.message);
}

pub(crate) async fn a_deleted_message_leaves_a_tombstone(place: &dyn Place) {
    let store = place.open();
    let mut new = named("a", "ana", "secret", "c1");
    new.meta = Some(r#"{"secret":true}"#.into());
    let id = append(&*store, new).await.message_id;
    let deleted = amend(&*store, delete("a", &id, "ana")).await.unwrap();
    assert_eq!(all(&*store, "a").await, slice::from_ref(&deleted.message));
    assert!(deleted.message.deleted);
    assert_eq!(deleted.message.content, None);
    assert_eq!(deleted.message.meta, None);
    assert_eq!(deleted.message.sender, "ana");

    // A retry of the message is still not a second one.
    let retry = append(&*store, named("a", "ana", "secret", "c1")).await;
    assert!(retry.duplicate);
    assert_eq!(retry.message_id, id);
    // And a change to it finds nothing.
    for change in [delete("a", &id, "ana"), edit("a", &id, "ana", "back")] {
        let refused = amend(&*store, change).await;
        assert!(
            matches!(refused, Err(StoreError::NotFound { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(append(&*store, message("a", "ana", "next")).await.seq, 3);
}

pub(crate) async fn only_the_sender_and_moderators_change_a_message(place: &dyn Place) {
    let store = place.open();
    let id = append(&*store, message("a", "ana", "one")).await.message_id;
    for change in [delete("a", &id, "míng"), edit("a", &id, "míng", "mine")] {
        let refused = amend(&*store, change).await;
        assert!(matches!(refused, Err(StoreError::Forbidden)), "{refused:?}");
    }
    let moderated = Amendment {
        moderator: true,
        ..edit("a", &id, "míng", "moderated")
    };
    let amended = amend(&*store, moderated).await.unwrap();
    assert_eq!(amended.seq, 2);
    assert_eq!(amended.message.sender, "ana");
    assert_eq!(amended.message.changed.unwrap().by, "míng");
}

pub(crate) async fn what_is_not_there_cannot_be_changed(place: &dyn Place) {
    let store = place.open();
    let here = append(&*store, message("a", "ana", "one")).await.message_id;
    let there = append(&*store, message("b", "ana", "one")).await.message_id;
    for (room, id) in [
        ("a", there.as_str()),
        ("b", here.as_str()),
        ("c", here.as_str()),
        ("a", ""),
        ("a", "1"),
        ("a", "1-99"),
        ("a", "1-ffffffffffffffff"),
        ("a", "'; DROP TABLE messages"),
    ] {
        let refused = amend(&*store, edit(room, id, "ana", "two")).await;
        match refused {
            Err(StoreError::NotFound {
                what: "message",
                id: named,
            }) => assert_eq!(named, id),
            other => panic!("{room} {id}: {other:?}"),
        }
    }
    for room in ["a", "b"] {
        assert_eq!(append(&*store, message(room, "ana", "two")).await.seq, 2);
    }
}
