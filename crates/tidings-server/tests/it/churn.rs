//! Presence stays right, however users come and go.
//!
//! Users with two devices each connect, break off without a goodbye, come back within the grace or
//! long after it, and set themselves away, online or invisible, all at random. Each keeps a model
//! of what others have to see. An observer hears of all of them: for each user `user:online` and
//! `user:offline` take turns, exactly as often as the model says, and never for somebody who is
//! back within the grace. In the end `presence:get` has to say of everybody what the model does.
//!
//! `CHURN` is for how many seconds, with 1,000 users; when it is not set, 100 users take 5 seconds.
//! `SEED` has them choose again as in another run. A thousand users need 4,096 open files.

mod observer;
mod user;

use std::{
    env,
    time::{Duration, Instant},
};

use fastrand::Rng;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use self::{observer::Observer, user::User};
use crate::{client::Client, process::Server};

const SECRET: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";
/// The room by which the observer hears of all.
const ROOM: &str = "watched";
const GRACE: Duration = Duration::from_secs(2);
/// Longer than a user who has gone may still count as online.
const PATIENCE: Duration = Duration::from_secs(30);
/// Users that `presence:get` is asked about at a time.
const ASKED: usize = 500;

/// What the users share.
#[derive(Clone)]
struct Setting {
    address: String,
    /// When they stop.
    end: Instant,
    /// How long a user does nothing, at most.
    pause: Duration,
}

/// What one user's `presence:get` has to say.
#[derive(Debug, PartialEq, Eq)]
struct Presence {
    status: String,
    devices: u64,
}

fn start(home: &TempDir) -> Server {
    let grace = format!("presence.grace={}ms", GRACE.as_millis());
    let secret = format!("auth.secret={SECRET}");
    let mut flags = vec!["--set", &grace, "--set", &secret];
    for setting in [
        "heartbeat.interval=10m",
        "limits.connections_per_ip=10000",
        "limits.unauthenticated_per_ip=10000",
        "limits.connections_per_user=100",
        "limits.rate.ip.per_second=1000000",
        "limits.rate.ip.burst=1000000",
    ] {
        flags.extend(["--set", setting]);
    }
    Server::start_in(home.path(), &flags)
}

fn token(id: &str) -> String {
    let claims = json!({ "sub": id, "name": id, "exp": 4_102_444_800_u64, "rooms": [ROOM] });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("it can be signed")
}

async fn sign_in(address: &str, id: &str) -> Client {
    let mut client = Client::connect(address).await;
    let signed_in = client.ask("auth", json!({ "token": token(id) })).await;
    assert_eq!(signed_in["success"], true, "{signed_in}");
    client
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("it is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_is_right_however_users_come_and_go() {
    let (count, seconds, pause) = match number("CHURN") {
        Some(seconds) => (1_000, seconds, Duration::from_secs(2)),
        None => (100, 5, Duration::from_millis(600)),
    };
    let seed = number("SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let home = TempDir::new().expect("there is room for temporary files");
    let server = start(&home);

    let (observer, heard) = Observer::new(&server.address, count).await;
    let (finish, finished) = watch::channel(false);
    let observer = tokio::spawn(observer.observe(finished));
    let setting = Setting {
        address: server.address.clone(),
        end: Instant::now() + Duration::from_secs(seconds),
        pause,
    };
    let users: Vec<_> = heard
        .into_iter()
        .enumerate()
        .map(|(number, heard)| {
            let user = User::new(number, setting.clone(), rng.fork(), heard);
            tokio::spawn(user.live())
        })
        .collect();
    let mut lived = Vec::new();
    for user in users {
        lived.push(user.await.expect("a user found nothing wrong"));
    }
    let users = lived;

    let mut asker = sign_in(&server.address, "asker").await;
    let settled = Instant::now();
    while let Some((user, seen)) = first_wrong(&mut asker, &users).await {
        let expected = user.presence();
        let id = user.id();
        assert!(settled.elapsed() < PATIENCE, "{id}: {expected:?}, {seen:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What is right has to stay so when the grace of those who went last has passed.
    tokio::time::sleep(GRACE + Duration::from_millis(500)).await;
    if let Some((user, seen)) = first_wrong(&mut asker, &users).await {
        panic!("{}: {:?}, {seen:?}", user.id(), user.presence());
    }
    finish.send_replace(true);
    let observer = observer.await.expect("the observer found nothing wrong");

    let sum = |of: fn(&User) -> usize| users.iter().map(of).sum::<usize>();
    let (back, late) = (sum(|it| it.back_in_time), sum(|it| it.late));
    let longest = users.iter().map(|it| it.longest_offline).max();
    println!(
        "{count} users, {seconds} s: {} connections, {} statuses set; {back} were back within the \
         grace and {late} later than they meant to; {} stayed away, and were offline to others \
         after {:?} at most; {} events",
        sum(|it| it.connected),
        sum(|it| it.chosen),
        sum(|it| it.stayed_away),
        longest.unwrap_or_default(),
        observer.events(),
    );
    for (number, user) in users.iter().enumerate() {
        observer.compare(number, user);
    }
    assert!(
        back > late * 10,
        "the machine is too slow for a test of time"
    );
}

/// The first user of whom `presence:get` does not say what it should, and what it says.
async fn first_wrong<'a>(asker: &mut Client, users: &'a [User]) -> Option<(&'a User, Presence)> {
    for users in users.chunks(ASKED) {
        let ids: Vec<_> = users.iter().map(User::id).collect();
        let answer = asker.ask("presence:get", json!({ "userIds": ids })).await;
        let seen = answer["users"].as_array().expect("it is a list");
        assert_eq!(seen.len(), users.len());
        for (user, seen) in users.iter().zip(seen) {
            assert_eq!(seen["userId"], user.id());
            let seen = Presence::of(seen);
            if seen != user.presence() {
                return Some((user, seen));
            }
        }
    }
    None
}

impl Presence {
    fn of(user: &Value) -> Self {
        Self {
            status: user["status"].as_str().expect("it is there").to_owned(),
            devices: user["devices"].as_u64().expect("it is there"),
        }
    }
}
