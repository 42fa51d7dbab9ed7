//! Random histories: thin clients and Yjs clients edit one document over connections that delay,
//! repeat, break and come back, on a server that restarts. When all is quiet, everybody has the
//! same text, and what was acknowledged was applied once.
//!
//! A history is made from a seed. `HISTORIES=10000` tries that many, `SEED=7` only that one.

mod thin;
mod yjs;

use std::{collections::HashMap, env, sync::Arc};

use fastrand::Rng;

use self::{thin::Thin, yjs::Yjs};
use crate::{Change, Document, Edit, Edited, Limits, Operation, SessionId};

/// Histories in an ordinary run.
const HISTORIES: u64 = 150;

/// What a thin client is told.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// The text as it is.
    Sync { text: String, version: u64 },
    /// What happened since it was here.
    Since { changes: Vec<Change>, version: u64 },
    /// What somebody else did.
    Change(Change),
    /// Its operation was applied.
    Acknowledged { id: Arc<str>, version: u64 },
    /// Its operation was refused.
    Refused,
}

/// The server's side: a document, what is stored of it, and what is on its way to whom.
pub(super) struct Server {
    document: Document,
    limits: Limits,
    snapshot: Option<Vec<u8>>,
    records: Vec<Vec<u8>>,
    replicas: u64,
    sessions: u64,
    time: i64,
    /// How often each operation was applied.
    applied: HashMap<(Arc<str>, Arc<str>), u32>,
    news: Vec<News>,
}

/// What happened to the document, for all but whoever did it, who is told what came of it.
struct News {
    by: usize,
    told: Option<Told>,
    changes: Vec<Change>,
    update: Vec<u8>,
}

impl Server {
    fn new(limits: Limits) -> Self {
        Self {
            document: Document::new(1_000_000, limits),
            limits,
            snapshot: None,
            records: Vec::new(),
            replicas: 1_000_000,
            sessions: 0,
            time: 0,
            applied: HashMap::new(),
            news: Vec::new(),
        }
    }

    fn restart(&mut self) {
        self.replicas += 1;
        let records = self.records.iter().map(Vec::as_slice);
        let loaded = Document::load(
            self.replicas,
            self.limits,
            self.snapshot.as_deref(),
            records,
        )
        .unwrap();
        assert_eq!(loaded.text(), self.document.text());
        assert_eq!(loaded.version(), self.document.version());
        self.document = loaded;
    }

    fn compact(&mut self) {
        self.snapshot = Some(self.document.snapshot());
        self.records.clear();
    }

    fn join(&mut self, version: Option<u64>) -> (SessionId, Told) {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        self.document.open(session).unwrap();
        let changes = version.and_then(|it| self.document.since(it));
        let version = self.document.version();
        let told = match changes {
            Some(changes) => Told::Since { changes, version },
            None => Told::Sync {
                text: self.document.text(),
                version,
            },
        };
        (session, told)
    }

    fn edit(&mut self, by: usize, mut edit: Edit) {
        self.time += 1;
        edit.at = self.time;
        let id = Arc::clone(&edit.operation_id);
        let author = Arc::clone(&edit.author);
        let (told, edited) = match self.document.edit(edit) {
            Ok(edited) => {
                let version = edited.version;
                (
                    Told::Acknowledged {
                        id: id.clone(),
                        version,
                    },
                    edited,
                )
            }
            Err(_) => (Told::Refused, Edited::default()),
        };
        if !edited.changes.is_empty() {
            *self.applied.entry((author, id)).or_default() += 1;
        }
        self.records.extend(edited.record);
        self.news.push(News {
            by,
            told: Some(told),
            changes: edited.changes,
            update: edited.update,
        });
    }

    fn update(&mut self, by: usize, update: &[u8]) -> bool {
        self.time += 1;
        let author = "yjs".into();
        let updated = self.document.update(update, &author, self.time).unwrap();
        self.records.extend(updated.record);
        if let Some(update) = updated.update {
            self.news.push(News {
                by,
                told: None,
                changes: updated.changes,
                update,
            });
        }
        updated.incomplete
    }
}

/// Text of one to three characters, each of which is inserted once in a history: Latin letters
/// with and without combining marks, Chinese, and characters beyond the basic plane.
fn fresh(rng: &mut Rng, next: &mut u32) -> String {
    (0..rng.u32(1..=3))
        .map(|_| {
            *next += 1;
            let base = [0x1_00, 0x4e00, 0x1_f300, 0x2_0000, 0x3_00][rng.usize(0..5)];
            let base = if base == 0x3_00 && *next > 0x6f {
                0x4e00
            } else {
                base
            };
            char::from_u32(base + *next).expect("none of these is a surrogate")
        })
        .collect()
}

/// Somewhere in a text, never within a character.
fn place(rng: &mut Rng, text: &str) -> usize {
    let characters = text.chars().count();
    let before = rng.usize(0..=characters);
    text.chars().take(before).map(char::len_utf16).sum()
}

/// An operation somewhere in a text.
fn operation(rng: &mut Rng, text: &str, next: &mut u32) -> Operation {
    let (a, b) = (place(rng, text), place(rng, text));
    if a != b && rng.u8(0..10) < 4 {
        Operation::Delete {
            position: a.min(b),
            length: a.abs_diff(b).min(if rng.bool() { usize::MAX } else { 2 }),
        }
    } else {
        Operation::Insert {
            position: a,
            content: fresh(rng, next).into(),
        }
    }
}

/// As [`operation`], but such that no deletion ends within a character.
fn whole_operation(rng: &mut Rng, text: &str, next: &mut u32) -> Operation {
    loop {
        let operation = operation(rng, text, next);
        let Operation::Delete { position, length } = operation else {
            return operation;
        };
        let mut at = 0;
        let ends = text.chars().any(|it| {
            at += it.len_utf16();
            at == position + length
        });
        if ends {
            return operation;
        }
    }
}

fn history(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let limits = Limits {
        history_changes: [12, 60, 4_096][rng.usize(0..3)],
        operations_per_author: [3, 128][rng.usize(0..2)],
        authors: [2, 1_000][rng.usize(0..2)],
        ..Limits::default()
    };
    let mut server = Server::new(limits);
    let mut next = 0;
    let thin_clients = rng.usize(0..=4);
    let mut thin: Vec<_> = (0..thin_clients)
        .map(|it| Thin::new(it, rng.bool()))
        .collect();
    let mut yjs: Vec<_> = (0..rng.usize(0..=3))
        .map(|it| Yjs::new(thin_clients + it))
        .collect();
    for _ in 0..rng.usize(20..160) {
        match rng.u8(0..100) {
            0 => {
                server.restart();
                thin.iter_mut().for_each(Thin::cut);
                yjs.iter_mut().for_each(Yjs::cut);
            }
            1..3 => server.compact(),
            _ => {}
        }
        for index in 0..thin.len() {
            thin[index].step(&mut rng, &mut server, &mut next);
            tell(&mut server, &mut thin, &mut yjs);
        }
        for index in 0..yjs.len() {
            yjs[index].step(&mut rng, &mut server, &mut next);
            tell(&mut server, &mut thin, &mut yjs);
        }
    }
    // Until all is quiet.
    for _ in 0..200 {
        let mut busy = false;
        for index in 0..thin.len() {
            busy |= thin[index].settle(&mut server);
            busy |= tell(&mut server, &mut thin, &mut yjs);
        }
        for index in 0..yjs.len() {
            busy |= yjs[index].settle(&mut server);
            busy |= tell(&mut server, &mut thin, &mut yjs);
        }
        if !busy {
            return compare(&server, &thin, &yjs);
        }
    }
    panic!("it does not come to rest");
}

/// Puts on its way to everybody what has happened. Says whether anything has.
fn tell(server: &mut Server, thin: &mut [Thin], yjs: &mut [Yjs]) -> bool {
    let news = std::mem::take(&mut server.news);
    for News {
        by,
        told,
        changes,
        update,
    } in &news
    {
        for client in &mut *thin {
            client.hear(*by, changes, told.as_ref());
        }
        for client in &mut *yjs {
            client.hear(*by, update);
        }
    }
    !news.is_empty()
}

fn compare(server: &Server, thin: &[Thin], yjs: &[Yjs]) {
    let text = server.document.text();
    let mut once = std::collections::HashSet::new();
    assert!(
        text.chars().all(|it| it == '\u{fffd}' || once.insert(it)),
        "something was applied twice: {text}"
    );
    for client in thin {
        assert_eq!(client.text(), text, "thin client {}", client.number());
        assert_eq!(client.version(), server.document.version());
    }
    for client in yjs {
        assert_eq!(client.text(), text, "Yjs client");
    }
    for (operation, times) in &server.applied {
        assert_eq!(*times, 1, "{operation:?}");
    }
    for client in thin {
        for inserted in client.acknowledged_insertions() {
            let applied = server.applied.get(&inserted).copied();
            assert_eq!(applied, Some(1), "{inserted:?} was acknowledged");
        }
    }
}

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().expect("it is a number"))
}

#[test]
fn everybody_has_the_same_text_at_rest_and_what_was_acknowledged_once() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = fastrand::u64(..1 << 40);
            first..first + number("HISTORIES").unwrap_or(HISTORIES)
        }
    };
    for seed in seeds {
        let tried = std::panic::catch_unwind(|| history(seed));
        assert!(tried.is_ok(), "run it again with SEED={seed}");
    }
}
