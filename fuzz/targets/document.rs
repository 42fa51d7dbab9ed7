//! A collaborative document: whatever strangers send, it says no or stays whole, and what it
//! stores loads to the same text.
#![no_main]
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tidings_documents::{
    Awareness, ConnectionId, Document, Edit, Limits, Operation, SessionId, UpdateError,
    wire::protocol::{Message, messages},
};

const SESSION: SessionId = SessionId(1);

fuzz_target!(|frame: &[u8]| {
    let limits = Limits::default();
    let author: Arc<str> = "ann".into();
    let mut document = Document::new(1, limits);
    document.open(SESSION).expect("nobody else has");
    let mut awareness = Awareness::default();
    let mut records = Vec::new();
    let insert = Edit {
        session: SESSION,
        author: author.clone(),
        operation_id: "1".into(),
        base: 0,
        operation: Operation::Insert {
            position: 0,
            content: "h\u{e9}\u{1f600}".into(),
        },
        at: 0,
    };
    records.extend(document.edit(insert).expect("it fits").record);
    for message in messages(frame).flatten() {
        match message {
            Message::Step1(state) => drop(document.difference(state)),
            Message::Step2(update) | Message::Update(update) => {
                match document.update(update, &author, 0) {
                    Ok(updated) => records.extend(updated.record),
                    // Such a document is loaded again.
                    Err(UpdateError::Damaged(_)) => break,
                    Err(_) => {}
                }
            }
            Message::Awareness(states) => {
                let now = std::time::Duration::ZERO;
                drop(awareness.apply(states, ConnectionId(1), now, &limits));
            }
            _ => {}
        }
    }
    let stored = records.iter().map(Vec::as_slice);
    let loaded = Document::load(2, limits, None, stored);
    if let Ok(mut loaded) = loaded {
        let snapshot = loaded.snapshot();
        let again = Document::load(3, limits, Some(&snapshot), []).expect("it was just written");
        assert_eq!(again.text(), loaded.text());
        assert_eq!(again.version(), loaded.version());
    }
    drop(Document::load(4, limits, Some(frame), [frame]));
});
