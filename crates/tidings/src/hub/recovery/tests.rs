//! The log on its own: what is kept, for how long, and what a client is said to have missed.

use std::time::{Duration, SystemTime};

use tidings_protocol::args::Args;

use super::{
    snapshot::{Snapshot, SnapshotError},
    *,
};
use crate::hub::publication::Content;

#[test]
fn offsets_read_back() {
    let offset = Offset {
        epoch: 0xa0b1_c2d3,
        position: 77,
    };
    assert_eq!(Offset::parse(&offset.to_string()), Some(offset));
    for text in ["", "a", "-", "g-1", "1-", "hello-world", "1-2-3"] {
        assert_eq!(Offset::parse(text), None, "{text}");
    }
}

fn publication(name: &str, args: Args) -> Arc<Publication> {
    let content = Content::Event {
        namespace: "/".into(),
        name: name.into(),
        args,
        id: None,
    };
    Arc::new(Publication::new(content, true, None))
}

fn recovery(config: RecoveryConfig) -> (Recovery, Arc<AtomicUsize>) {
    let total = Arc::new(AtomicUsize::new(0));
    (Recovery::new(config, Arc::clone(&total)), total)
}

/// Publishes an event with one string to everybody.
fn say(recovery: &Recovery, text: &str) {
    let publication = publication("said", Args::one(text).unwrap());
    recovery
        .lock()
        .append(publication, Selection::default(), &recovery.config);
}

fn session(since: u64) -> Session {
    let id = SocketId::random();
    let expires = Instant::now() + Duration::from_secs(60);
    Session {
        id,
        rooms: vec![id.as_str().into()],
        data: None,
        since,
        expires,
    }
}

/// The texts that a session of that offset has missed.
fn missed(recovery: &Recovery, session: &Session, offset: Option<&str>) -> Option<Vec<String>> {
    let (_, missed) = recovery.lock().missed(session, offset, &recovery.config)?;
    let text = |it: &Arc<Publication>| it.event().unwrap().1.get(0).unwrap();
    Some(missed.iter().map(text).collect())
}

#[test]
fn a_session_is_sent_what_came_after_its_place() {
    let (recovery, _) = recovery(RecoveryConfig::new());
    let session = session(recovery.lock().here().position);
    assert_eq!(missed(&recovery, &session, None), Some(vec![]));
    say(&recovery, "one");
    let place = recovery.lock().here().to_string();
    say(&recovery, "two");
    say(&recovery, "three");
    let texts = |texts: &[&str]| Some(texts.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(
        missed(&recovery, &session, None),
        texts(&["one", "two", "three"])
    );
    assert_eq!(
        missed(&recovery, &session, Some(&place)),
        texts(&["two", "three"])
    );
    // A place that is not reached yet is none of ours.
    let next = recovery.lock().next().to_string();
    assert_eq!(missed(&recovery, &session, Some(&next)), None);
    let other = Offset {
        epoch: !recovery.lock().epoch,
        position: 1,
    }
    .to_string();
    assert_eq!(missed(&recovery, &session, Some(&other)), None);
}

#[test]
fn only_what_was_meant_for_a_session_is_replayed() {
    let (recovery, _) = recovery(RecoveryConfig::new());
    let mut session = session(0);
    session.rooms.push("tea".into());
    let publish = |text: &str, rooms: &[&str], except: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|it| (*it).into()).collect();
        let selection = Selection {
            rooms: names(rooms),
            except: names(except),
        };
        let publication = publication("said", Args::one(text).unwrap());
        recovery
            .lock()
            .append(publication, selection, &recovery.config);
    };
    publish("to tea", &["tea"], &[]);
    publish("to coffee", &["coffee"], &[]);
    publish("to me", &[session.id.as_str()], &[]);
    publish("not to me", &[], &[session.id.as_str()]);
    publish("not to tea", &["tea"], &["tea"]);
    publish("to either", &["coffee", "tea"], &["milk"]);
    let expected = ["to tea", "to me", "to either"].map(str::to_owned).to_vec();
    assert_eq!(missed(&recovery, &session, None), Some(expected));
}

#[test]
fn the_last_argument_is_a_place_when_only_one_event_ends_so() {
    let (recovery, _) = recovery(RecoveryConfig::new());
    let session = session(0);
    for text in ["a", "b", "twice", "c", "twice"] {
        say(&recovery, text);
    }
    let rest = |texts: &[&str]| Some(texts.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(
        missed(&recovery, &session, Some("b")),
        rest(&["twice", "c", "twice"])
    );
    assert_eq!(missed(&recovery, &session, Some("c")), rest(&["twice"]));
    assert_eq!(missed(&recovery, &session, Some("twice")), None);
    assert_eq!(missed(&recovery, &session, Some("never said")), None);
}

#[test]
fn the_last_argument_is_no_place_when_the_log_has_lost_events() {
    let (recovery, _) = recovery(RecoveryConfig::new());
    let session = session(0);
    say(&recovery, "x");
    let later = Instant::now() + Duration::from_secs(121);
    recovery.lock().trim(later, &recovery.config);
    say(&recovery, "y");
    say(&recovery, "x");
    // Its client may have seen the first: then it would not get what follows.
    assert_eq!(missed(&recovery, &session, Some("x")), None);
    assert_eq!(missed(&recovery, &session, None), None);
}

#[test]
fn the_log_is_bounded_in_bytes_over_all_hubs() {
    let weight = publication("said", Args::one("1").unwrap()).weight();
    let total = Arc::new(AtomicUsize::new(0));
    let config = RecoveryConfig::new().log_bytes(10 * weight);
    let one = Recovery::new(config.clone(), Arc::clone(&total));
    let other = Recovery::new(config, Arc::clone(&total));
    for n in 0..8 {
        say(&one, &n.to_string());
    }
    assert_eq!(total.load(Ordering::Relaxed), 8 * weight);
    for n in 0..8 {
        say(&other, &n.to_string());
        assert!(total.load(Ordering::Relaxed) <= 10 * weight);
    }
    assert_eq!(one.lock().entries.len(), 8);
    assert_eq!(other.lock().entries.len(), 2);
    // Positions go on, whatever is dropped.
    assert_eq!(other.lock().first, 7);
    assert_eq!(other.lock().last(), 8);
    drop(one);
    assert_eq!(total.load(Ordering::Relaxed), 2 * weight);
}

#[test]
fn the_log_is_bounded_in_time() {
    let config = RecoveryConfig::new().max_disconnection(Duration::from_secs(10));
    let (recovery, total) = recovery(config);
    say(&recovery, "old");
    let now = Instant::now();
    recovery
        .lock()
        .trim(now + Duration::from_secs(9), &recovery.config);
    assert_eq!(recovery.lock().entries.len(), 1);
    recovery
        .lock()
        .trim(now + Duration::from_secs(11), &recovery.config);
    assert_eq!(recovery.lock().entries.len(), 0);
    assert_eq!(total.load(Ordering::Relaxed), 0);
}

#[test]
fn who_missed_too_much_starts_anew() {
    let weight = publication("said", Args::one("1").unwrap()).weight();
    let (recovery, _) = recovery(RecoveryConfig::new().session_bytes(3 * weight));
    let session = session(0);
    for _ in 0..3 {
        say(&recovery, "1");
    }
    assert_eq!(
        missed(&recovery, &session, None).map(|it| it.len()),
        Some(3)
    );
    say(&recovery, "1");
    assert_eq!(missed(&recovery, &session, None), None);
}

#[test]
fn a_session_is_taken_once_and_in_time() {
    let (recovery, _) = recovery(RecoveryConfig::new());
    let mut log = recovery.lock();
    let (pid, kept) = (PrivateId::random(), session(0));
    log.keep(pid, kept.clone());
    assert_eq!(log.take(pid).map(|it| it.id), Some(kept.id));
    assert!(log.take(pid).is_none());
    // Given back, it can be taken again.
    log.keep(pid, kept.clone());
    assert!(log.take(pid).is_some());
    log.keep(
        pid,
        Session {
            expires: Instant::now(),
            ..kept
        },
    );
    assert!(log.take(pid).is_none());
    assert!(log.take(PrivateId::random()).is_none());
}

#[test]
fn the_oldest_sessions_give_way() {
    let (recovery, _) = recovery(RecoveryConfig::new().sessions(2));
    let mut log = recovery.lock();
    let pids = [(); 4].map(|()| PrivateId::random());
    for (pid, age) in pids.iter().zip([0, 1, 2, 3]) {
        let expires = Instant::now() + Duration::from_secs(10 + age);
        log.keep(
            *pid,
            Session {
                expires,
                ..session(0)
            },
        );
    }
    log.trim(Instant::now(), &recovery.config);
    assert_eq!(
        pids.map(|pid| log.sessions.contains_key(&pid)),
        [false, false, true, true]
    );
    log.trim(
        Instant::now() + Duration::from_millis(12_500),
        &recovery.config,
    );
    assert_eq!(
        pids.map(|pid| log.sessions.contains_key(&pid)),
        [false, false, false, true]
    );
}

/// What a log of the next run holds that begins with a snapshot of this one, `down` later.
fn restarted(from: &Recovery, config: RecoveryConfig, down: Duration) -> Recovery {
    let taken = SystemTime::now();
    let bytes = snapshot::write(from.snapshot("/").into_iter().collect(), taken);
    let read = Snapshot::read(&bytes, taken + down).unwrap();
    let (next, _) = recovery(config);
    for (namespace, restored) in read.into_hubs() {
        assert_eq!(&*namespace, "/");
        next.restore(restored);
    }
    next
}

#[test]
fn a_restart_keeps_places_sessions_and_what_was_missed() {
    let (before, _) = recovery(RecoveryConfig::new());
    say(&before, "long ago");
    let (early, late) = (PrivateId::random(), PrivateId::random());
    let mut first = session(1);
    first.rooms.push("tea".into());
    first.data = Some(RawValue::from_string("{\"a\":1}".into()).unwrap().into());
    before.lock().keep(early, first.clone());
    say(&before, "one");
    let place = before.lock().here().to_string();
    before.lock().keep(late, session(2));
    say(&before, "two");

    let after = restarted(&before, RecoveryConfig::new(), Duration::from_secs(1));
    // What nobody can have missed is not kept.
    assert_eq!(after.lock().first, 2);
    assert_eq!(after.lock().next(), before.lock().next());
    let taken = after.lock().take(early).unwrap();
    assert_eq!((taken.id, &taken.rooms), (first.id, &first.rooms));
    assert_eq!(taken.data.as_ref().unwrap().get(), "{\"a\":1}");
    say(&after, "three");
    let texts = |texts: &[&str]| Some(texts.iter().map(|it| (*it).to_owned()).collect());
    let all = texts(&["one", "two", "three"]);
    assert_eq!(missed(&after, &taken, None), all);
    assert_eq!(
        missed(&after, &taken, Some(&place)),
        texts(&["two", "three"])
    );
    let taken = after.lock().take(late).unwrap();
    assert_eq!(missed(&after, &taken, None), texts(&["two", "three"]));
}

#[test]
fn the_time_of_a_restart_is_time_away() {
    let config = || RecoveryConfig::new().max_disconnection(Duration::from_secs(100));
    let (before, _) = recovery(config());
    let pid = PrivateId::random();
    say(&before, "one");
    // It expires in a minute.
    before.lock().keep(pid, session(0));
    for (down, shorter, sessions, entries) in [
        (30, 100, 1, 1),
        (59, 100, 1, 1),
        (61, 100, 0, 1),
        // Nobody who comes back finds the event, so that it is no gap.
        (30, 20, 1, 0),
        (101, 200, 0, 1),
        (101, 100, 0, 0),
    ] {
        let config = config().max_disconnection(Duration::from_secs(shorter));
        let after = restarted(&before, config, Duration::from_secs(down));
        let log = after.lock();
        assert_eq!(log.sessions.len(), sessions, "after {down} s");
        assert_eq!(log.entries.len(), entries, "after {down} s");
        assert_eq!(log.last(), 1, "after {down} s");
    }
    // A clock that was set back.
    let bytes = snapshot::write(vec![before.snapshot("/").unwrap()], SystemTime::now());
    let read = Snapshot::read(&bytes, SystemTime::UNIX_EPOCH).unwrap();
    let (next, total) = recovery(config());
    read.into_hubs()
        .for_each(|(_, restored)| next.restore(restored));
    assert!(next.lock().take(pid).is_some());
    assert!(total.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_restored_log_keeps_to_its_bounds() {
    let (before, _) = recovery(RecoveryConfig::new());
    let pids = [(); 3].map(|()| PrivateId::random());
    for (pid, age) in pids.iter().zip(0..) {
        let mut session = session(0);
        session.expires += Duration::from_secs(age);
        before.lock().keep(*pid, session);
    }
    for n in 0..8 {
        say(&before, &n.to_string());
    }
    let weight = publication("said", Args::one("1").unwrap()).weight();
    let config = RecoveryConfig::new().log_bytes(5 * weight).sessions(2);
    let after = restarted(&before, config, Duration::ZERO);
    let log = after.lock();
    assert_eq!((log.entries.len(), log.first), (5, 4));
    assert_eq!(
        pids.map(|pid| log.sessions.contains_key(&pid)),
        [false, true, true]
    );
}

#[test]
fn nothing_is_kept_where_nobody_can_come_back() {
    let (before, _) = recovery(RecoveryConfig::new());
    say(&before, "one");
    assert!(before.snapshot("/").is_none());
}

#[test]
fn a_damaged_snapshot_is_refused_whole() {
    let (before, _) = recovery(RecoveryConfig::new());
    before.lock().keep(PrivateId::random(), session(0));
    say(&before, "one");
    let now = SystemTime::now();
    let bytes = snapshot::write(vec![before.snapshot("/").unwrap()], now);
    assert!(Snapshot::read(&bytes, now).is_ok());
    for length in 0..bytes.len() {
        assert!(
            Snapshot::read(&bytes[..length], now).is_err(),
            "{length} bytes"
        );
    }
    let other = String::from_utf8_lossy(&bytes[..]).replacen("recovery 1", "recovery 2", 1);
    assert!(matches!(
        Snapshot::read(other.as_bytes(), now),
        Err(SnapshotError::Version)
    ));
    // Whatever one byte is changed to, it is read or refused.
    for index in 0..bytes.len() {
        for mask in [1, 0x10, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[index] ^= mask;
            if let Ok(read) = Snapshot::read(&damaged, now) {
                let (next, _) = recovery(RecoveryConfig::new());
                read.into_hubs()
                    .for_each(|(_, restored)| next.restore(restored));
            }
        }
    }
}
