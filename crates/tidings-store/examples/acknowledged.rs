//! Writes without end, and says on standard output what has been acknowledged: a line for each
//! outcome, `NAME ROOM SEQ ID`. Kill it as you like, and look into the file.
//!
//! ```sh
//! cargo run -p tidings-store --example acknowledged -- chat.db first-run
//! ```
//!
//! The room `said` has messages only. In the room `edited` each message is edited once it is
//! acknowledged, and a line with `edit` for its name says so.

use std::{
    env,
    error::Error,
    io::{self, Write},
    path::Path,
    process,
    sync::Arc,
};

use tidings_store::{
    Amended, Amendment, AmendmentKind, Announcer, Appended, NewMessage, NotificationsRead,
    OutboxEntry, SqliteOptions, SqliteStore, Store, Time,
};

/// Writes that are outstanding at any time, in each room.
const OUTSTANDING: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(path), Some(run)) = (arguments.next(), arguments.next()) else {
        return Err("usage: acknowledged FILE RUN".into());
    };
    let options = SqliteOptions {
        announcer: Some(Arc::new(Messages)),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(Path::new(&path), options)?;
    let store: Arc<dyn Store> = Arc::new(store);
    store.set_outbox_readers(&["nobody".to_owned()]).await?;
    for room in ["said", "edited"] {
        for number in 0..OUTSTANDING {
            say(&store, room, &run, number);
        }
    }
    std::future::pending().await
}

/// Announces each message by its room and its number.
#[derive(Debug)]
struct Messages;

impl Announcer for Messages {
    fn appended(&self, message: &NewMessage, appended: &Appended) -> Option<OutboxEntry> {
        Some(OutboxEntry {
            kind: "message",
            topic: message.room.clone(),
            body: appended.seq.to_string(),
            at: message.at,
            expendable: false,
        })
    }

    fn amended(&self, _: &Amended) -> Option<OutboxEntry> {
        None
    }

    fn notifications_read(&self, _: &str, _: &NotificationsRead, _: Time) -> Option<OutboxEntry> {
        None
    }
}

/// Says something, and when that is acknowledged the next.
fn say(store: &Arc<dyn Store>, room: &'static str, run: &str, number: usize) {
    let name = format!("{run}-{room}-{number}");
    let message = NewMessage {
        room: room.into(),
        sender: "writer".into(),
        sender_name: "Writer".into(),
        content: name.as_str().into(),
        client_message_id: Some(name.as_str().into()),
        reply_to: None,
        meta: None,
        at: Time::now(),
    };
    let (next, run) = (Arc::clone(store), run.to_owned());
    let queued = store.append(
        message,
        Box::new(move |outcome| {
            let appended = outcome.unwrap_or_else(|error| fail(&error));
            print(&name, room, appended.seq, &appended.message_id);
            if room == "edited" {
                edit(&next, room, &appended);
            }
            say(&next, room, &run, number + OUTSTANDING);
        }),
    );
    queued.unwrap_or_else(|error| fail(&error));
}

fn edit(store: &Arc<dyn Store>, room: &'static str, appended: &Appended) {
    let amendment = Amendment {
        room: room.into(),
        message_id: appended.message_id.as_str().into(),
        by: "writer".into(),
        moderator: false,
        kind: AmendmentKind::Edit {
            content: "edited".into(),
        },
        at: Time::now(),
    };
    let queued = store.amend(
        amendment,
        Box::new(move |outcome| {
            let amended = outcome.unwrap_or_else(|error| fail(&error));
            print("edit", room, amended.seq, &amended.message.message_id);
        }),
    );
    queued.unwrap_or_else(|error| fail(&error));
}

/// Prints a line in one piece, so that whoever kills us finds whole lines.
fn print(name: &str, room: &str, seq: u64, id: &str) {
    let line = format!("{name} {room} {seq} {id}\n");
    let mut out = io::stdout().lock();
    if out
        .write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        // Nobody listens any more.
        process::exit(0);
    }
}

fn fail(error: &dyn Error) -> ! {
    eprintln!("acknowledged: {error}");
    process::exit(1)
}
