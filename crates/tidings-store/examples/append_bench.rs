//! How many durable messages a second, how long each waits, and how long a page of history takes.
//!
//! ```sh
//! cargo run --release -p tidings-store --example append_bench            # in a temporary folder
//! cargo run --release -p tidings-store --example append_bench -- DIR 10  # there, 10 seconds each
//! ```
//!
//! A sender has one message outstanding, and sends the next when it is told that this one is
//! stored. What the numbers mean depends on the disk: the first line measures that, by one
//! plain `INSERT` for each commit, which is what a server does that does not commit in groups.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rusqlite::{Connection, params};
use tidings_store::{NewMessage, Page, SqliteOptions, SqliteStore, Store, SyncMode, Time};
use tokio::sync::oneshot;

type Failure = Box<dyn Error>;

/// Bytes of content of a message.
const CONTENT: usize = 128;

/// Rooms that the senders write to.
const ROOMS: usize = 20;

/// Messages in the room of which pages are read.
const HISTORY: usize = 1_000_000;

/// Pages that are read.
const PAGES: usize = 5_000;

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let folder = match arguments.next() {
        Some(folder) => tempfile::tempdir_in(PathBuf::from(folder))?,
        None => tempfile::tempdir()?,
    };
    let seconds = arguments.next().map_or(Ok(5), |it| it.parse())?;
    let time = Duration::from_secs(seconds);

    println!("{CONTENT}-byte messages, {ROOMS} rooms, {seconds} s each\n");
    println!(
        "{:<36} {:>10} {:>9} {:>9} {:>9} {:>8}",
        "", "messages/s", "p50 ms", "p99 ms", "max ms", "a commit"
    );
    one_insert_a_commit(&folder.path().join("plain.db"), time)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    for (sync, name) in [(SyncMode::Full, "full"), (SyncMode::Normal, "normal")] {
        for senders in [1, 10, 100, 1_000] {
            let path = folder.path().join(format!("{name}-{senders}.db"));
            let title = format!("sync {name}, {senders} senders");
            runtime.block_on(group_commit(&path, &title, sync, senders, time))?;
        }
    }
    runtime.block_on(history(&folder.path().join("history.db")))
}

/// What it would be without a queue: each message is a transaction.
fn one_insert_a_commit(path: &Path, time: Duration) -> Result<(), Failure> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE messages (room INTEGER, seq INTEGER, sender TEXT, content TEXT, at INTEGER,
           PRIMARY KEY (room, seq)) STRICT, WITHOUT ROWID;",
    )?;
    let mut insert = connection.prepare("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let content = "x".repeat(CONTENT);
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < time {
        let sent = Instant::now();
        let (room, seq) = (times.len() % ROOMS, times.len() / ROOMS);
        insert.execute(params![room, seq, "ana", content, Time::now().as_millis()])?;
        times.push(sent.elapsed());
    }
    report("plain INSERT, one a commit", began.elapsed(), times, 1.0);
    Ok(())
}

/// A sender, who is one of many.
struct Sender {
    store: Arc<dyn Store>,
    room: Arc<str>,
    name: Arc<str>,
    content: Arc<str>,
    sent: u64,
    times: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    /// Dropped when the sender has ended.
    _end: oneshot::Sender<()>,
}

impl Sender {
    fn send(mut self) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        let began = Instant::now();
        self.sent += 1;
        let store = Arc::clone(&self.store);
        let message = NewMessage {
            room: Arc::clone(&self.room),
            sender: Arc::clone(&self.name),
            sender_name: Arc::clone(&self.name),
            content: Arc::clone(&self.content),
            client_message_id: Some(self.sent.to_string().into()),
            reply_to: None,
            meta: None,
            at: Time::now(),
        };
        let done = Box::new(move |outcome: Result<_, _>| {
            if outcome.is_ok() {
                self.times.lock().push(began.elapsed());
                self.send();
            }
        });
        if let Err(error) = store.append(message, done) {
            eprintln!("a message was refused: {error}");
        }
    }
}

async fn group_commit(
    path: &Path,
    title: &str,
    sync: SyncMode,
    senders: usize,
    time: Duration,
) -> Result<(), Failure> {
    let options = SqliteOptions {
        sync,
        ..SqliteOptions::default()
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(path, options)?);
    let times = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let content: Arc<str> = "x".repeat(CONTENT).into();
    let began = Instant::now();
    let mut ends = Vec::new();
    for number in 0..senders {
        let (end, ended) = oneshot::channel();
        ends.push(ended);
        let sender = Sender {
            store: Arc::clone(&store),
            room: format!("room {}", number % ROOMS).into(),
            name: format!("sender {number}").into(),
            content: Arc::clone(&content),
            sent: 0,
            times: Arc::clone(&times),
            stop: Arc::clone(&stop),
            _end: end,
        };
        sender.send();
    }
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    for end in ends {
        // It ends by being dropped.
        let _ = end.await;
    }
    let took = began.elapsed();
    let stats = store.stats();
    let batch = stats.writes as f64 / stats.commits.max(1) as f64;
    report(title, took, std::mem::take(&mut *times.lock()), batch);
    store.close().await?;
    Ok(())
}

/// Pages of 50 out of a long room, each from anywhere in it.
async fn history(path: &Path) -> Result<(), Failure> {
    let options = SqliteOptions {
        sync: SyncMode::Normal,
        queue: HISTORY + 1,
        queue_bytes: usize::MAX,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(path, options)?;
    let content: Arc<str> = "x".repeat(CONTENT).into();
    let (end, ended) = oneshot::channel();
    let mut end = Some(end);
    let began = Instant::now();
    for number in 1..=HISTORY {
        let message = NewMessage {
            room: "history".into(),
            sender: "ana".into(),
            sender_name: "Ana".into(),
            content: Arc::clone(&content),
            client_message_id: Some(number.to_string().into()),
            reply_to: None,
            meta: None,
            at: Time::now(),
        };
        let end = end.take_if(|_| number == HISTORY);
        let done = Box::new(move |outcome| {
            if let Some(end) = end {
                let _ = end.send(outcome);
            }
        });
        store.append(message, done)?;
    }
    ended.await??;
    let rate = HISTORY as f64 / began.elapsed().as_secs_f64();
    println!("\n{HISTORY} messages into one room: {rate:.0}/s");

    let mut times = Vec::new();
    let mut place = 0;
    let began = Instant::now();
    for _ in 0..PAGES {
        // Far from the one before, all over the room.
        place = (place + 618_033) % (HISTORY as u64 - 100);
        let asked = Instant::now();
        let page = store
            .history("history", Page::before(place + 51, 50))
            .await?;
        times.push(asked.elapsed());
        assert_eq!(page.messages.len(), 50);
    }
    println!(
        "{:<36} {:>10} {:>9} {:>9} {:>9}",
        "", "pages/s", "p50 ms", "p99 ms", "max ms"
    );
    report(
        "pages of 50, one after the other",
        began.elapsed(),
        times,
        f64::NAN,
    );
    let size = std::fs::metadata(path)?.len() / HISTORY as u64;
    println!("{size} bytes of file a message");
    store.close().await?;
    Ok(())
}

fn report(title: &str, took: Duration, mut times: Vec<Duration>, batch: f64) {
    times.sort_unstable();
    let rate = times.len() as f64 / took.as_secs_f64();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        let time = times.get(place.min(times.len().saturating_sub(1)));
        time.map_or(f64::NAN, |it| it.as_secs_f64() * 1_000.0)
    };
    let (middle, most, all) = (at(0.5), at(0.99), at(1.0));
    print!("{title:<36} {rate:>10.0} {middle:>9.3} {most:>9.3} {all:>9.3}");
    if batch.is_nan() {
        println!();
    } else {
        println!(" {batch:>8.1}");
    }
}
