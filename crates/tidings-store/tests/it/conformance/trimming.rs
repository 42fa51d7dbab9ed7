//! How long things are kept.

use std::time::Duration;

use tidings_store::{
    Keep, NewMessage, NotificationQuery, Page, ReadIds, Retention, RoomRetention, Store, Time,
    Trimmed,
};

use super::Place;
use crate::support::{
    all, amend, append, delete, edit, fill, message, named, notify, queue, read, seqs,
};

fn newest(count: u64) -> Keep {
    Keep {
        max_age: None,
        max_count: Some(count),
    }
}

fn younger_than(millis: u64) -> Keep {
    Keep {
        max_age: Some(Duration::from_millis(millis)),
        max_count: None,
    }
}

fn rooms(rules: &[(&str, Keep)]) -> Retention {
    let rules = rules.iter().map(|(pattern, keep)| RoomRetention {
        pattern: (*pattern).to_owned(),
        keep: *keep,
    });
    Retention {
        rooms: rules.collect(),
        notifications: Keep::default(),
    }
}

async fn trim(store: &dyn Store, policy: &Retention, now: i64) -> Trimmed {
    store.trim(policy, Time::from_millis(now)).await.unwrap()
}

pub(crate) async fn rooms_keep_as_many_as_their_rule_says(place: &dyn Place) {
    let store = place.open();
    for room in ["team:a", "team:b", "c", "d"] {
        let first = fill(&*store, room, 5).await.swap_remove(4);
        // Numbers of changes are not messages, and do not count.
        for content in ["x", "y"] {
            let change = edit(room, &first.message_id, "ana", content);
            amend(&*store, change).await.unwrap();
        }
    }
    let policy = rooms(&[
        ("team:b", newest(4)),
        ("team:*", newest(2)),
        ("c", newest(0)),
    ]);
    let trimmed = Trimmed {
        messages: 1 + 3 + 5,
        notifications: 0,
    };
    assert_eq!(trim(&*store, &policy, 0).await, trimmed);
    assert_eq!(trim(&*store, &policy, 0).await, Trimmed::default());
    for (room, left, trimmed_seq) in [
        ("team:a", &[4, 5][..], 3),
        ("team:b", &[2, 3, 4, 5], 1),
        ("c", &[], 5),
        ("d", &[1, 2, 3, 4, 5], 0),
    ] {
        let history = store.history(room, Page::newest(9)).await.unwrap();
        assert_eq!(seqs(&history.messages), left, "{room}");
        assert_eq!(history.trimmed_seq, trimmed_seq, "{room}");
        assert_eq!(history.last_seq, 7, "{room}");
        assert!(!history.has_more, "{room}");
    }
}

pub(crate) async fn rooms_keep_what_is_young_enough(place: &dyn Place) {
    let store = place.open();
    for at in [10, 20, 15, 40, 30] {
        let new = NewMessage {
            at: Time::from_millis(at),
            ..message("a", "ana", "hi")
        };
        append(&*store, new).await;
    }
    // The third is older than the second, but what is left has no holes.
    for (now, left) in [
        (100, &[1, 2, 3, 4, 5][..]),
        (110, &[1, 2, 3, 4, 5]),
        (117, &[2, 3, 4, 5]),
        (121, &[4, 5]),
        (131, &[4, 5]),
        (141, &[]),
    ] {
        trim(&*store, &rooms(&[("*", younger_than(100))]), now).await;
        assert_eq!(seqs(&all(&*store, "a").await), left, "at {now}");
    }
    assert_eq!(append(&*store, message("a", "ana", "hi")).await.seq, 6);
}

pub(crate) async fn trimming_is_not_a_silent_gap(place: &dyn Place) {
    let store = place.open();
    let messages = fill(&*store, "a", 5).await;
    // 6: the second message goes.
    let change = delete("a", &messages[1].message_id, "ana");
    amend(&*store, change).await.unwrap();
    append(&*store, message("a", "ana", "7")).await;
    trim(&*store, &rooms(&[("a", newest(3))]), 0).await;
    for (after, said, complete) in [
        (0, &[4, 5, 7][..], false),
        (2, &[4, 5, 7], false),
        // All messages are there, but the deletion can no longer be told.
        (3, &[4, 5, 7], false),
        (5, &[7], false),
        (6, &[7], true),
        (7, &[], true),
    ] {
        let since = store.since("a", after, 50).await.unwrap();
        assert_eq!(seqs(&since.messages), said, "after {after}");
        assert_eq!(since.complete, complete, "after {after}");
    }
}

pub(crate) async fn numbers_go_on_after_everything_is_trimmed(place: &dyn Place) {
    let store = place.open();
    append(&*store, named("a", "ana", "hi", "c1")).await;
    fill(&*store, "a", 2).await;
    trim(&*store, &rooms(&[("*", newest(0))]), 0).await;
    store.close().await.unwrap();

    let store = place.open();
    let history = store.history("a", Page::newest(9)).await.unwrap();
    assert_eq!((history.last_seq, history.trimmed_seq), (3, 3));
    // The first message of this name is gone, and with it the memory of its name.
    let again = append(&*store, named("a", "ana", "hi", "c1")).await;
    assert_eq!((again.seq, again.duplicate), (4, false));
}

pub(crate) async fn much_is_trimmed_in_small_steps(place: &dyn Place) {
    let store = place.open();
    fill(&*store, "a", 3_000).await;
    fill(&*store, "b", 700).await;
    for room in 0..300 {
        fill(&*store, &format!("small {room}"), 2).await;
    }
    // Others write meanwhile, and what they write stays.
    let policy = rooms(&[("a", newest(1_000)), ("*", newest(1))]);
    let (trimmed, appended) = tokio::join!(trim(&*store, &policy, 0), async {
        queue(|done| store.append(message("b", "ana", "hi"), done))
            .await
            .unwrap()
            .unwrap()
    });
    assert_eq!(appended.seq, 701);
    assert!(
        (2_000 + 699 + 300..=2_000 + 700 + 300).contains(&trimmed.messages),
        "{trimmed:?}"
    );
    let a = store.history("a", Page::newest(1_000)).await.unwrap();
    assert_eq!((a.messages.len(), a.messages[0].seq), (1_000, 2_001));
    assert!(!a.has_more);
    assert_eq!(seqs(&all(&*store, "b").await).last(), Some(&701));
    assert_eq!(seqs(&all(&*store, "small 299").await), [2]);
}

pub(crate) async fn notifications_are_trimmed_for_each_user(place: &dyn Place) {
    let store = place.open();
    for (user, count) in [("ana", 4), ("ben", 2)] {
        for number in 1..=count {
            notify(&*store, user, &number.to_string(), number * 10).await;
        }
    }
    let listed = async |user| {
        let query = NotificationQuery {
            limit: 9,
            ..NotificationQuery::default()
        };
        let found = store.notifications(user, query).await.unwrap();
        let titles = found.notifications.into_iter().map(|it| it.title);
        (titles.collect::<Vec<_>>().join(" "), found.unread)
    };
    let all = store
        .notifications(
            "ana",
            NotificationQuery {
                limit: 9,
                ..NotificationQuery::default()
            },
        )
        .await
        .unwrap();
    let oldest = all.notifications[3].id.clone();
    read(&*store, "ana", ReadIds::Ids(vec![oldest.clone()])).await;

    let policy = |notifications| Retention {
        rooms: Vec::new(),
        notifications,
    };
    assert_eq!(trim(&*store, &policy(newest(2)), 0).await.notifications, 2);
    assert_eq!(listed("ana").await, ("4 3".to_owned(), 2));
    assert_eq!(listed("ben").await, ("2 1".to_owned(), 2));
    let gone = read(&*store, "ana", ReadIds::Ids(vec![oldest.clone()])).await;
    assert_eq!((gone.read, gone.unread), (vec![], 2));
    // As a place in the list it is still good.
    let before = NotificationQuery {
        before: Some(oldest),
        limit: 9,
        ..NotificationQuery::default()
    };
    let found = store.notifications("ana", before).await.unwrap();
    assert_eq!(found.notifications, []);

    trim(&*store, &policy(younger_than(20)), 50).await;
    assert_eq!(listed("ana").await, ("4 3".to_owned(), 2));
    assert_eq!(listed("ben").await, (String::new(), 0));
    trim(&*store, &policy(younger_than(20)), 51).await;
    assert_eq!(listed("ana").await, ("4".to_owned(), 1));
    assert_eq!(notify(&*store, "ben", "3", 60).await.unread, 1);
}
