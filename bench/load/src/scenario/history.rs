//! Pages of history out of a long room: in the store, and over the wire.

use super::{Asked, Bar, Metric, Outcome, Scale, Scenario, durable};
use crate::{client::Incoming, swarm::Swarm, target::Target};
use anyhow::{Result, ensure};
use memchr::memmem;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tidings_store::{NewMessage, Page, SqliteOptions, SqliteStore, Store, SyncMode, Time};
use tokio::sync::oneshot;

const ROOM: &str = "history";
/// Bytes of content of a message.
const CONTENT: usize = 128;
/// Messages on a page.
const PAGE: usize = 50;
/// Messages that are queued before the last of them is waited for.
const BATCH: u64 = 4_096;
const PATIENCE: Duration = Duration::from_secs(5);
const REST: Duration = Duration::from_millis(60);

pub(super) const HISTORY: Scenario = Scenario {
    name: "history",
    title: "A page of history",
    about: "Pages of 50 messages of 128 bytes from anywhere in a room of 1,000,000 (quick: \
            20,000), one after the other: over `/ws` by `chat:history`, and from the same file \
            by the store alone. CPU time of the server for one page.",
    metrics: &[
        Metric {
            name: "wire_p50_ms",
            title: "p50 over the wire, ms",
            digits: 2,
        },
        Metric {
            name: "wire_p99_ms",
            title: "p99 over the wire, ms",
            digits: 2,
        },
        Metric {
            name: "store_p50_ms",
            title: "p50 in the store, ms",
            digits: 2,
        },
        Metric {
            name: "store_p99_ms",
            title: "p99 in the store, ms",
            digits: 2,
        },
        Metric {
            name: "cpu_us_per_page",
            title: "CPU µs per page",
            digits: 0,
        },
        Metric {
            name: "pages",
            title: "pages",
            digits: 0,
        },
    ],
    targets: &["tidings-server"],
    baseline: None,
    bars: &[
        Bar {
            metric: "wire_p99_ms",
            asked: Asked::AtMost(2.0),
            against: None,
        },
        Bar {
            metric: "store_p99_ms",
            asked: Asked::AtMost(2.0),
            against: None,
        },
    ],
    run,
};

/// Times in milliseconds, in order.
struct Times(Vec<f64>);

impl Times {
    fn new(mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        Self(times)
    }

    fn quantile(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }
}

fn run(target: Target, scale: &Scale) -> Result<Outcome> {
    let (length, pages) = if scale.quick {
        (20_000, 500)
    } else {
        (1_000_000, 5_000)
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bench.db");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let in_store = runtime.block_on(async {
        fill(&file, length).await?;
        read(&file, length, pages).await
    })?;

    let server = target.start_on(&file)?;
    let mut swarm = Swarm::new(server.port, target.protocol, 1)?;
    swarm.connect_all()?;
    durable::sign_in(&mut swarm, 1)?;
    let mut clock = server.cpu();
    let before = clock.read()?;
    let mut times = Vec::new();
    let mut wrong = 0;
    for last in places(length).take(pages) {
        let asked = Instant::now();
        wrong += u64::from(!ask(&mut swarm, last)?);
        times.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    swarm.idle(REST)?;
    let cpu = clock.read()?.since(before)?;
    let over_wire = Times::new(times);
    let faults = (wrong > 0).then(|| format!("{wrong} pages were not what was asked for"));
    Ok(Outcome {
        values: vec![
            over_wire.quantile(0.5),
            over_wire.quantile(0.99),
            in_store.quantile(0.5),
            in_store.quantile(0.99),
            cpu.as_secs_f64() * 1e6 / pages as f64,
            pages as f64,
        ],
        faults: faults.into_iter().collect(),
    })
}

/// The last messages of pages, each far from the one before, all over the room.
fn places(length: u64) -> impl Iterator<Item = u64> {
    let pages = length - PAGE as u64;
    (1..).map(move |number: u64| number * 618_033 % pages + PAGE as u64)
}

/// Fills a room. What it survives does not matter here.
async fn fill(file: &Path, length: u64) -> Result<()> {
    let options = SqliteOptions {
        sync: SyncMode::Normal,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(file, options)?;
    let content: Arc<str> = "x".repeat(CONTENT).into();
    let mut stored = 0;
    while stored < length {
        let next = length.min(stored + BATCH);
        let (tell, told) = oneshot::channel();
        let mut tell = Some(tell);
        for number in stored + 1..=next {
            let message = NewMessage {
                room: ROOM.into(),
                sender: "ana".into(),
                sender_name: "Ana".into(),
                content: Arc::clone(&content),
                client_message_id: Some(number.to_string().into()),
                reply_to: None,
                meta: None,
                at: Time::now(),
            };
            let tell = tell.take_if(|_| number == next);
            let done = move |outcome| {
                if let Some(tell) = tell {
                    let _ = tell.send(outcome);
                }
            };
            store.append(message, Box::new(done))?;
        }
        ensure!(told.await??.seq == next, "a message is missing");
        stored = next;
    }
    Ok(store.close().await?)
}

/// Pages read from the store, with nothing before it.
async fn read(file: &Path, length: u64, pages: usize) -> Result<Times> {
    let store = SqliteStore::open(file, SqliteOptions::default())?;
    let mut times = Vec::new();
    for last in places(length).take(pages) {
        let asked = Instant::now();
        let page = store.history(ROOM, Page::before(last + 1, PAGE)).await?;
        times.push(asked.elapsed().as_secs_f64() * 1e3);
        ensure!(page.messages.len() == PAGE, "a page is too short");
    }
    store.close().await?;
    Ok(Times::new(times))
}

/// Asks the server for a page, and says whether it is the right one.
fn ask(swarm: &mut Swarm, last: u64) -> Result<bool> {
    let before = last + 1;
    let question = format!(
        r#"{{"type":"chat:history","data":{{"roomId":"{ROOM}","before":{before},"limit":{PAGE}}},"id":1}}"#
    );
    swarm.send(0, question.as_bytes())?;
    let right = std::cell::Cell::new(None);
    let answered = swarm.poll_until(PATIENCE, || right.get().is_some(), &mut |_, incoming| {
        if let Incoming::Event(text) = incoming
            && let Some((1, answer)) = durable::acknowledgement(text)
        {
            let of_last = format!(r#""seq":{last},"#);
            let messages = memmem::find_iter(answer, br#""messageId":"#).count();
            let found = memmem::find(answer, of_last.as_bytes()).is_some();
            right.set(Some(messages == PAGE && found));
        }
    })?;
    ensure!(answered, "a page was never answered");
    Ok(right.get() == Some(true))
}
