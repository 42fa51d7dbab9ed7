//! Random operations, against a model that is too simple to be wrong.
//!
//! Operations of a round are queued together, so that they share transactions; after each round
//! everything that can be read is compared. Cases share a store, and each has rooms and users of
//! its own in it.

mod world;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use proptest::{
    collection::vec,
    option,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tidings_store::{
    Amendment, Mark, MarkKind, NewMessage, NewNotification, ReadIds, Store, StoreError, Time,
};
use tokio::runtime::Handle;

use self::world::{ROOMS, USERS, World};
use super::Place;
use crate::support::{delete, edit, message, queue};

/// What is done. Rooms and users are numbers here.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Say {
        room: usize,
        user: usize,
        name: Option<u8>,
    },
    /// Changes a message that was there before the round: of all that there ever were, this one.
    Change {
        room: usize,
        which: usize,
        by: usize,
        moderator: bool,
        delete: bool,
    },
    Mark {
        room: usize,
        user: usize,
        kind: MarkKind,
        seq: u64,
    },
    Notify {
        user: usize,
    },
    /// Reads a notification that was there before the round, or all.
    Read {
        user: usize,
        which: Option<usize>,
    },
}

/// What is answered, in a form in which answers of the store and of the model can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// The id is left out in case the message is new, since the model cannot know it.
    Appended(u64, bool),
    Amended(u64),
    NotFound,
    Forbidden,
    Marked(bool, u64),
    Notified(u64),
    Read(usize, u64),
    Failed(String),
}

/// Operations that are queued together, and how many messages and notifications are kept then.
type Round = (Vec<Op>, Option<u64>);

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(MarkKind::Delivered), Just(MarkKind::Read)];
    let say = (0..ROOMS, 0..USERS, option::of(0..4_u8));
    let moderator = prop::bool::weighted(0.3);
    let change = (0..ROOMS, 0..12_usize, 0..USERS, moderator, any::<bool>());
    prop_oneof![
        6 => say.prop_map(|(room, user, name)| Op::Say { room, user, name }),
        3 => change.prop_map(|(room, which, by, moderator, delete)| {
            Op::Change { room, which, by, moderator, delete }
        }),
        2 => (0..ROOMS, 0..USERS, kind, 0..20_u64)
            .prop_map(|(room, user, kind, seq)| Op::Mark { room, user, kind, seq }),
        2 => (0..USERS).prop_map(|user| Op::Notify { user }),
        1 => (0..USERS, option::of(0..6_usize)).prop_map(|(user, which)| Op::Read { user, which }),
    ]
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let keep = prop_oneof![3 => Just(None), 1 => (0..5_u64).prop_map(Some)];
    vec((vec(op(), 0..12), keep), 1..6)
}

pub(crate) async fn random_operations_do_what_a_simple_model_does(place: &dyn Place) {
    let store = place.open();
    let runtime = Handle::current();
    let cases = AtomicUsize::new(0);
    let run = move || {
        let mut runner = TestRunner::new(Config {
            cases: 60,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&rounds(), |rounds| {
            let case = cases.fetch_add(1, Ordering::Relaxed);
            runtime.block_on(play(&store, &format!("{case}:"), &rounds));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

async fn play(store: &Arc<dyn Store>, prefix: &str, rounds: &[Round]) {
    let mut world = World::new(prefix);
    for (ops, keep) in rounds {
        let mut pending = Vec::new();
        for op in ops {
            let id = world.id(op);
            pending.push((op, id.clone(), start(&**store, &world, op, id)));
        }
        for (op, id, answer) in pending {
            let (told, new_id) = answer.await;
            let expected = world.apply(op, id.as_deref(), new_id);
            assert_eq!(told, expected, "{op:?}");
        }
        if let Some(keep) = *keep {
            let policy = world.policy(keep);
            store.trim(&policy, Time::EPOCH).await.unwrap();
            world.trim(keep);
        }
        world.compare(&**store).await;
    }
}

/// Queues an operation, and gives what becomes of it and the id of what is new.
fn start(
    store: &dyn Store,
    world: &World,
    op: &Op,
    id: Option<String>,
) -> impl Future<Output = (Told, Option<String>)> + use<> {
    // Queued here and now; only the answer is waited for later.
    let answer: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = match *op {
        Op::Say { room, user, name } => {
            let new = NewMessage {
                client_message_id: name.map(|it| it.to_string().into()),
                ..message(&world.room(room), &world.user(user), "said")
            };
            let answer = queue(|done| store.append(new, done));
            Box::pin(async {
                let it = answer.await.unwrap()?;
                Ok((Told::Appended(it.seq, it.duplicate), Some(it.message_id)))
            })
        }
        Op::Change {
            room,
            by,
            moderator,
            delete: deleting,
            ..
        } => {
            let (room, by) = (world.room(room), world.user(by));
            let id = id.unwrap_or_default();
            let change = if deleting {
                delete(&room, &id, &by)
            } else {
                edit(&room, &id, &by, "edited")
            };
            let change = Amendment {
                moderator,
                ..change
            };
            let answer = queue(|done| store.amend(change, done));
            Box::pin(async { Ok((Told::Amended(answer.await.unwrap()?.seq), None)) })
        }
        Op::Mark {
            room,
            user,
            kind,
            seq,
        } => {
            let mark = Mark {
                room: world.room(room).into(),
                user: world.user(user).into(),
                seq,
                kind,
                at: Time::EPOCH,
            };
            let answer = queue(|done| store.mark(mark, done));
            Box::pin(async {
                let it = answer.await.unwrap()?;
                Ok((Told::Marked(it.advanced, it.seq), None))
            })
        }
        Op::Notify { user } => {
            let new = NewNotification {
                user: world.user(user).into(),
                title: "title".into(),
                body: "body".into(),
                data: None,
                key: None,
                at: Time::EPOCH,
            };
            let answer = queue(|done| store.notify(new, done));
            Box::pin(async {
                let it = answer.await.unwrap()?;
                Ok((Told::Notified(it.unread), Some(it.notification.id)))
            })
        }
        Op::Read { user, which } => {
            let ids = match which {
                None => ReadIds::All,
                Some(_) => ReadIds::Ids(vec![id.unwrap_or_default()]),
            };
            let user = world.user(user);
            let answer = queue(|done| store.read_notifications(&user, ids, Time::EPOCH, done));
            Box::pin(async {
                let it = answer.await.unwrap()?;
                Ok((Told::Read(it.read.len(), it.unread), None))
            })
        }
    };
    async {
        match answer.await {
            Ok(told) => told,
            Err(StoreError::NotFound { .. }) => (Told::NotFound, None),
            Err(StoreError::Forbidden) => (Told::Forbidden, None),
            Err(other) => (Told::Failed(other.to_string()), None),
        }
    }
}
