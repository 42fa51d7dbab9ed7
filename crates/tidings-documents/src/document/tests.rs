//! What a document answers, case by case. That everybody converges is what `simulation` tries.

use yrs::{Doc, OffsetKind, Options, ReadTxn, StateVector, Text as _, Transact};

use super::*;

const ANN: SessionId = SessionId(1);
const BOB: SessionId = SessionId(2);

fn document(limits: Limits) -> Document {
    let mut document = Document::new(1, limits);
    document.open(ANN).unwrap();
    document.open(BOB).unwrap();
    document
}

fn insert(position: usize, content: &str) -> Operation {
    Operation::Insert {
        position,
        content: content.into(),
    }
}

fn delete(position: usize, length: usize) -> Operation {
    Operation::Delete { position, length }
}

fn edit(session: SessionId, id: &str, base: u64, operation: Operation) -> Edit {
    Edit {
        session,
        author: if session == ANN { "ann" } else { "bob" }.into(),
        operation_id: id.into(),
        base,
        operation,
        at: 5,
    }
}

/// Edits, and keeps what is to be stored.
fn record(document: &mut Document, edit: Edit) -> Vec<u8> {
    document.edit(edit).unwrap().record.unwrap()
}

/// The update of a Yjs client that inserts this into an empty text.
fn update_of(client: u64, content: &str) -> Vec<u8> {
    let mut options = Options::with_client_id(yrs::block::ClientID::new(client));
    options.offset_kind = OffsetKind::Utf16;
    let doc = Doc::with_options(options);
    let text = doc.get_or_insert_text("content");
    text.insert(&mut doc.transact_mut(), 0, content);
    let nothing = StateVector::default();
    doc.transact().encode_state_as_update_v1(&nothing)
}

#[test]
fn an_operation_is_brought_to_the_present() {
    let mut document = document(Limits::default());
    document
        .edit(edit(ANN, "1", 0, insert(0, "abcdef")))
        .unwrap();
    let edited = document.edit(edit(BOB, "1", 1, insert(3, "X"))).unwrap();
    assert_eq!(edited.version, 2);
    // Around what Bob has inserted meanwhile: in two pieces.
    let edited = document.edit(edit(ANN, "2", 1, delete(1, 4))).unwrap();
    assert_eq!(edited.version, 4);
    let operations: Vec<_> = edited.changes.iter().map(|it| &it.operation).collect();
    assert_eq!(operations, [&delete(1, 2), &delete(2, 2)]);
    assert_eq!(document.text(), "aXf");
    // Nothing is left of this one, and it is acknowledged all the same.
    let edited = document.edit(edit(BOB, "2", 2, delete(1, 2))).unwrap();
    assert_eq!((edited.version, edited.record), (4, None));
    assert_eq!(document.since(2).unwrap(), {
        let all = document.since(0).unwrap();
        all[2..].to_vec()
    });
}

#[test]
fn operations_of_one_session_rest_on_each_other() {
    let mut document = document(Limits::default());
    document.edit(edit(BOB, "1", 0, insert(0, "> "))).unwrap();
    for (index, letter) in ["a", "b", "c"].iter().enumerate() {
        // Ann has not seen what Bob did, but what she typed herself.
        let typed = edit(ANN, letter, 0, insert(index, letter));
        document.edit(typed).unwrap();
    }
    assert_eq!(document.text(), "abc> ");
}

#[test]
fn an_operation_that_is_sent_again_has_its_first_result() {
    let limits = Limits::default();
    let mut document = document(limits);
    let first = edit(ANN, "1", 0, insert(0, "a"));
    let mut records = vec![record(&mut document, first.clone())];
    records.push(record(&mut document, edit(BOB, "1", 1, insert(1, "b"))));
    let load = |snapshot: Option<&[u8]>, records: &[Vec<u8>], number| {
        let records = records.iter().map(Vec::as_slice);
        Document::load(number, limits, snapshot, records).unwrap()
    };
    let snapshot = document.snapshot();
    for mut document in [
        load(None, &records, 2),
        load(Some(&snapshot), &[], 3),
        document,
    ] {
        document.open(ANN).unwrap();
        let again = document.edit(first.clone()).unwrap();
        assert!(again.repeated && again.changes.is_empty() && again.record.is_none());
        assert_eq!(again.version, 1);
        // The name is the author's own, and what follows rests on the repeated one.
        document.edit(edit(ANN, "2", 0, insert(1, "c"))).unwrap();
        assert_eq!(document.text(), "acb");
    }
}

#[test]
fn what_cannot_be_done_is_refused_until_the_document_is_joined_again() {
    let limits = Limits {
        text_units: 10,
        operation_units: 8,
        operation_id_bytes: 3,
        history_changes: 2,
        ..Limits::default()
    };
    let mut document = document(limits);
    document.edit(edit(BOB, "1", 0, insert(0, "a"))).unwrap();
    document.edit(edit(BOB, "2", 1, insert(0, "😀"))).unwrap();
    document.edit(edit(BOB, "3", 2, insert(0, "中"))).unwrap();
    let out_of_bounds = EditError::OutOfBounds {
        length: 4,
        version: 3,
    };
    for (id, base, operation, error) in [
        ("1", 3, insert(5, "x"), out_of_bounds),
        ("1", 3, delete(3, 2), out_of_bounds),
        ("1", 3, delete(1, usize::MAX), out_of_bounds),
        ("1", 3, insert(usize::MAX, "x"), out_of_bounds),
        ("1", 2, insert(4, "x"), out_of_bounds),
        ("1", 3, insert(2, "x"), EditError::WithinCharacter),
        ("1", 3, delete(0, 2), EditError::WithinCharacter),
        (
            "1",
            3,
            insert(0, "abcdefg"),
            EditError::DocumentFull { most: 10 },
        ),
        (
            "1",
            3,
            insert(0, "abcdefghi"),
            EditError::OperationTooLarge { most: 8 },
        ),
        (
            "1",
            4,
            insert(0, "x"),
            EditError::UnknownVersion {
                base: 4,
                version: 3,
            },
        ),
        (
            "1",
            0,
            insert(0, "x"),
            EditError::TooOld {
                base: 0,
                version: 3,
            },
        ),
        ("", 3, insert(0, "x"), EditError::OperationId { most: 3 }),
        (
            "long",
            3,
            insert(0, "x"),
            EditError::OperationId { most: 3 },
        ),
    ] {
        let refused = document.edit(edit(ANN, id, base, operation.clone()));
        assert_eq!(refused, Err(error), "{operation:?} at {base}");
        let then = document.edit(edit(ANN, "2", 3, insert(0, "x")));
        assert_eq!(then, Err(EditError::OutOfStep));
        document.open(ANN).unwrap();
    }
    assert_eq!((document.text().as_str(), document.version()), ("中😀a", 3));
    let stranger = document.edit(edit(SessionId(3), "1", 3, insert(0, "x")));
    assert_eq!(stranger, Err(EditError::NotOpen));
}

#[test]
fn sessions_are_bounded() {
    let limits = Limits {
        sessions: 2,
        ..Limits::default()
    };
    let mut document = document(limits);
    assert_eq!(
        document.open(SessionId(3)),
        Err(TooManySessions { most: 2 })
    );
    document.open(BOB).unwrap();
    document.close(BOB);
    document.open(SessionId(3)).unwrap();
}

#[test]
fn updates_become_operations_in_the_same_order() {
    let mut document = document(Limits::default());
    document.edit(edit(ANN, "1", 0, insert(0, "a"))).unwrap();
    let update = update_of(7, "é😀");
    let author = "cem".into();
    let updated = document.update(&update, &author, 9).unwrap();
    assert_eq!(updated.changes.len(), 1);
    assert_eq!(updated.changes[0].version, 2);
    assert_eq!(updated.changes[0].author, author);
    assert_eq!(document.version(), 2);
    let again = document.update(&update, &author, 9).unwrap();
    assert_eq!(again, Updated::default(), "nothing of it is new");
    let lacks = document.difference(&document.state_vector()).unwrap();
    assert_eq!(lacks, [0, 0]);
}

#[test]
fn an_update_that_rests_on_something_missing_is_not_kept() {
    let doc = Doc::with_client_id(7);
    let text = doc.get_or_insert_text("content");
    text.insert(&mut doc.transact_mut(), 0, "a");
    let mut transaction = doc.transact_mut();
    text.insert(&mut transaction, 1, "b");
    let second = transaction.encode_update_v1();
    drop(transaction);
    let nothing = StateVector::default();
    let all = doc.transact().encode_state_as_update_v1(&nothing);
    let mut document = document(Limits::default());
    let author = "cem".into();
    let updated = document.update(&second, &author, 0).unwrap();
    assert!(updated.incomplete && updated.changes.is_empty());
    assert_eq!(document.text(), "");
    assert!(!document.update(&all, &author, 0).unwrap().incomplete);
    assert_eq!(document.text(), "ab");
}

#[test]
fn updates_are_bounded_and_read_with_care() {
    let limits = Limits {
        state_bytes: 40,
        ..Limits::default()
    };
    let mut document = document(limits);
    let author = "cem".into();
    let update = update_of(7, "a text that is in it");
    document.update(&update, &author, 0).unwrap();
    // What is known already does not count.
    document.update(&update, &author, 0).unwrap();
    let full = UpdateError::DocumentFull { most: 40 };
    let more = update_of(8, "some more text");
    assert_eq!(document.update(&more, &author, 0), Err(full));
    for malformed in [&[][..], &[1], &[0xff, 0xff, 0xff, 0x7f], &[9, 9, 9, 9]] {
        let refused = document.update(malformed, &author, 0);
        assert!(
            matches!(refused, Err(UpdateError::Malformed(_))),
            "{malformed:x?}: {refused:?}"
        );
        assert!(document.difference(&[0xff, 0xff, 0x7f]).is_err());
    }
}

#[test]
fn positions_move_with_the_text() {
    let mut document = document(Limits::default());
    document.edit(edit(ANN, "1", 0, insert(0, "abc"))).unwrap();
    document.edit(edit(BOB, "1", 1, insert(0, "> "))).unwrap();
    for (base, position, place) in [
        (1, 2, Some(4)),
        (1, 0, Some(0)),
        (2, 2, Some(2)),
        (2, 6, None),
        (3, 0, None),
        (2, usize::MAX, None),
    ] {
        assert_eq!(
            document.locate(ANN, base, position),
            place,
            "{base} {position}"
        );
    }
    assert_eq!(document.locate(SessionId(9), 2, 0), None);
}

#[test]
fn damaged_pieces_do_not_load() {
    let limits = Limits::default();
    let mut document = document(limits);
    let first = record(&mut document, edit(ANN, "1", 0, insert(0, "abc")));
    let second = record(&mut document, edit(ANN, "2", 1, insert(3, "d")));
    let load = |records: &[&[u8]]| {
        let loaded = Document::load(5, limits, None, records.iter().copied());
        loaded.map(|it| it.text())
    };
    assert_eq!(load(&[&first, &second]), Ok("abcd".to_owned()));
    let gap = |expected, found| Err(LoadError::Gap { expected, found });
    assert_eq!(load(&[&second]), gap(0, 1));
    assert_eq!(load(&[&first, &first]), gap(1, 0));
    for length in 0..first.len() {
        let cut = load(&[&first[..length]]);
        assert!(matches!(cut, Err(LoadError::Unreadable(_))), "{length}");
    }
    let snapshot = document.snapshot();
    for length in 0..snapshot.len() {
        let cut = Document::load(6, limits, Some(&snapshot[..length]), []);
        assert!(cut.is_err(), "{length}");
    }
}
