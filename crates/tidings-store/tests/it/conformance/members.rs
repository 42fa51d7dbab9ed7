//! Who belongs where, and who was seen.

use tidings_store::{MarkKind, Time, UserRow};

use super::Place;
use crate::support::{append, mark, message, notify, set_member};

pub(crate) async fn members_come_and_go(place: &dyn Place) {
    let store = place.open();
    for (room, user, member, changed) in [
        ("a", "ana", false, false),
        ("a", "ben", true, true),
        ("a", "ana", true, true),
        ("a", "ana", true, false),
        ("b", "ana", true, true),
        ("c", "ana", true, true),
        ("b", "ana", false, true),
        ("b", "ana", false, false),
    ] {
        let context = format!("{room} {user} {member}");
        assert_eq!(
            set_member(&*store, room, user, member).await,
            changed,
            "{context}"
        );
        assert_eq!(
            store.is_member(room, user).await.unwrap(),
            member,
            "{context}"
        );
    }
    assert_eq!(store.members("a", 9).await.unwrap(), ["ana", "ben"]);
    assert_eq!(store.members("a", 1).await.unwrap(), ["ana"]);
    assert_eq!(store.members("b", 9).await.unwrap().len(), 0);
    assert_eq!(store.members("none", usize::MAX).await.unwrap().len(), 0);
    for _ in 0..3 {
        append(&*store, message("c", "ben", "hi")).await;
    }
    mark(&*store, "c", "ana", MarkKind::Read, 2, 5).await;
    let rooms = store.rooms_of("ana").await.unwrap();
    let rooms: Vec<_> = rooms
        .iter()
        .map(|it| (it.room.as_str(), it.last_seq, it.read))
        .collect();
    assert_eq!(rooms, [("a", 0, 0), ("c", 3, 2)]);
    assert_eq!(store.rooms_of("nobody").await.unwrap().len(), 0);
    // Membership takes no number of the room.
    assert_eq!(append(&*store, message("a", "ana", "hi")).await.seq, 1);
}

pub(crate) async fn users_are_known_by_when_they_were_last_seen(place: &dyn Place) {
    let store = place.open();
    for (user, username, at) in [
        ("ana", "Ana", 10),
        ("ben", "Ben", 10),
        ("ana", "Ana Maria", 20),
        ("ben", "Older Ben", 5),
    ] {
        store.seen(user, username, Time::from_millis(at)).unwrap();
    }
    // Whoever was only told something has not been seen. It also waits for the writes before it.
    notify(&*store, "cem", "1", 5).await;
    let ids = ["ben", "cem", "nobody", "ana"].map(str::to_owned);
    let row = |id: &str, username: &str, at| UserRow {
        id: id.to_owned(),
        username: username.to_owned(),
        last_seen: Time::from_millis(at),
    };
    assert_eq!(
        store.users(&ids).await.unwrap(),
        [row("ben", "Ben", 10), row("ana", "Ana Maria", 20)]
    );
    store.seen("cem", "Cem", Time::from_millis(1)).unwrap();
    assert_eq!(notify(&*store, "cem", "2", 5).await.unread, 2);
    assert_eq!(
        store.users(&ids[1..2]).await.unwrap(),
        [row("cem", "Cem", 1)]
    );
}
