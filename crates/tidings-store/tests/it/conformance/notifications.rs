//! What users are told.

use tidings_store::{
    NewNotification, NotificationQuery, Notifications, NotificationsRead, ReadIds, Store,
    StoreError, Time,
};

use super::Place;
use crate::support::{notify, queue, read};

fn query(unread_only: bool, before: Option<&str>, limit: usize) -> NotificationQuery {
    NotificationQuery {
        unread_only,
        before: before.map(str::to_owned),
        limit,
    }
}

fn titles(notifications: &Notifications) -> Vec<&str> {
    let titles = notifications.notifications.iter();
    titles.map(|it| it.title.as_str()).collect()
}

pub(crate) async fn notifications_come_newest_first(place: &dyn Place) {
    let store = place.open();
    assert_eq!(
        store
            .notifications("ana", query(false, None, 5))
            .await
            .unwrap(),
        Notifications::default()
    );
    let mut ids = Vec::new();
    for (title, unread) in [("1", 1), ("2", 2), ("3", 3), ("4", 4)] {
        let notified = notify(&*store, "ana", title, 5).await;
        assert_eq!(notified.unread, unread);
        ids.push(notified.notification.id);
    }
    let full = NewNotification {
        user: "ben".into(),
        title: "title".into(),
        body: "body".into(),
        data: Some("[1]".into()),
        key: None,
        at: Time::from_millis(3),
    };
    let full = queue(|done| store.notify(full, done))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(full.unread, 1);
    assert_eq!(full.notification.data.as_deref(), Some("[1]"));
    assert_eq!(full.notification.read_at, None);
    let of_ben = store
        .notifications("ben", query(false, None, 5))
        .await
        .unwrap();
    assert_eq!(of_ben.notifications, [full.notification]);

    read(&*store, "ana", ReadIds::Ids(vec![ids[2].clone()])).await;
    for (query, expected) in [
        (query(false, None, 2), &["4", "3"][..]),
        (query(false, Some(&ids[2]), 5), &["2", "1"]),
        (query(false, Some(&ids[0]), 5), &[]),
        (query(true, None, 3), &["4", "2", "1"]),
        (query(true, Some(&ids[3]), 1), &["2"]),
        (query(false, None, 0), &[]),
    ] {
        let found = store.notifications("ana", query.clone()).await.unwrap();
        assert_eq!(titles(&found), expected, "{query:?}");
        assert_eq!(found.unread, 3);
    }
}

pub(crate) async fn notifications_are_read_once(place: &dyn Place) {
    let store = place.open();
    let mut ids = Vec::new();
    for title in ["1", "2", "3", "4"] {
        ids.push(notify(&*store, "ana", title, 5).await.notification.id);
    }
    let expected = |read: &[usize], unread| NotificationsRead {
        read: read.iter().map(|it| ids[*it].clone()).collect(),
        unread,
    };
    let these =
        |numbers: &[usize]| ReadIds::Ids(numbers.iter().map(|it| ids[*it].clone()).collect());
    assert_eq!(
        read(&*store, "ana", these(&[2, 0, 2])).await,
        expected(&[2, 0], 2)
    );
    assert_eq!(read(&*store, "ana", these(&[0])).await, expected(&[], 2));
    assert_eq!(
        read(&*store, "ana", ReadIds::All).await,
        expected(&[1, 3], 0)
    );
    assert_eq!(read(&*store, "ana", ReadIds::All).await, expected(&[], 0));
    let found = store
        .notifications("ana", query(false, None, 5))
        .await
        .unwrap();
    for notification in found.notifications {
        assert_eq!(notification.read_at, Some(Time::from_millis(9_000)));
    }
    let nobody = read(&*store, "nobody", ReadIds::All).await;
    assert_eq!(nobody, NotificationsRead::default());
    assert_eq!(notify(&*store, "ana", "5", 5).await.unread, 1);
}

pub(crate) async fn names_of_notifications_are_the_users_own(place: &dyn Place) {
    let store = place.open();
    let id = notify(&*store, "ana", "1", 5).await.notification.id;
    notify(&*store, "ben", "1", 5).await;
    for foreign in [id.as_str(), "", "1", "x-y", "1-99", "1-ffffffffffffffff"] {
        let answer = read(&*store, "ben", ReadIds::Ids(vec![foreign.to_owned()])).await;
        assert_eq!((answer.read, answer.unread), (vec![], 1), "{foreign:?}");
        let refused = store
            .notifications("ben", query(false, Some(foreign), 5))
            .await;
        assert!(
            matches!(refused, Err(StoreError::NotFound { .. })),
            "{foreign:?}: {refused:?}"
        );
    }
}

pub(crate) async fn a_notification_that_is_sent_again_is_answered_with_the_first(
    place: &dyn Place,
) {
    let send = async |store: &dyn Store, user: &str, key: Option<&str>, title: &str| {
        let new = NewNotification {
            user: user.into(),
            title: title.into(),
            body: "".into(),
            data: None,
            key: key.map(Into::into),
            at: Time::from_millis(5),
        };
        let answer = queue(|done| store.notify(new, done));
        answer.await.unwrap().unwrap()
    };
    let store = place.open();
    let first = send(&*store, "ana", Some("k"), "first").await;
    assert_eq!((first.duplicate, first.unread), (false, 1));
    store.close().await.unwrap();
    drop(store);

    let store = place.open();
    let again = send(&*store, "ana", Some("k"), "second").await;
    assert_eq!((again.duplicate, again.unread), (true, 1));
    assert_eq!(again.notification, first.notification);
    // The name is for this user alone, and no name is the name of nothing.
    for (user, key) in [
        ("ana", Some("l")),
        ("ben", Some("k")),
        ("ana", None),
        ("ana", None),
    ] {
        let other = send(&*store, user, key, "other").await;
        assert!(!other.duplicate, "{user} {key:?}");
    }
    let found = store.notifications("ana", query(false, None, 9)).await;
    assert_eq!(
        titles(&found.unwrap()),
        ["other", "other", "other", "first"]
    );
}
