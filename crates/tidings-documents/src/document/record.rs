//! How documents are stored: a snapshot, and a record for each step since.
//!
//! Both begin with the number of their format. Numbers, bytes and texts are as in
//! [`codec`](crate::wire::codec). A record has the version that it was applied to, its time, its
//! author, the name of the operation if it was one, the update of the CRDT, and the changes of the
//! text. A snapshot has the version, the state of the CRDT as an update, the latest changes, and
//! the operations that are remembered.

use std::{collections::VecDeque, sync::Arc};

use super::{
    history::{Change, History},
    repeats::{Operations, Outcome, Repeats},
};
use crate::{
    LoadError, Operation,
    wire::codec::{CodecError, Reader, put_bytes, put_number, put_text},
};

const RECORD: u64 = 1;
const SNAPSHOT: u64 = 1;

const INSERT: u64 = 0;
const DELETE: u64 = 1;

/// A step of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) before: u64,
    pub(super) at: i64,
    pub(super) author: Arc<str>,
    pub(super) operation_id: Option<Arc<str>>,
    pub(super) update: &'a [u8],
    pub(super) operations: Vec<Operation>,
}

/// All of a document.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    pub(super) version: u64,
    pub(super) state: &'a [u8],
    pub(super) changes: Vec<Change>,
    pub(super) repeats: Repeats,
}

impl<'a> Record<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.update.len() + self.author.len() + 64);
        put_number(&mut out, RECORD);
        put_number(&mut out, self.before);
        put_time(&mut out, self.at);
        put_text(&mut out, &self.author);
        put_name(&mut out, self.operation_id.as_deref());
        put_bytes(&mut out, self.update);
        put_number(&mut out, self.operations.len() as u64);
        for operation in &self.operations {
            put_operation(&mut out, operation);
        }
        out
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new(bytes);
        let read = |reader: &mut Reader<'a>| {
            expect(reader, RECORD)?;
            Ok(Self {
                before: reader.number()?,
                at: time(reader)?,
                author: reader.text()?.into(),
                operation_id: name(reader)?,
                update: reader.bytes()?,
                operations: list(reader, operation)?,
            })
        };
        read(&mut reader).map_err(unreadable)
    }
}

/// Writes a snapshot.
pub(super) fn encode_snapshot(
    version: u64,
    state: &[u8],
    history: &History,
    repeats: &Repeats,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(state.len() + 1024);
    put_number(&mut out, SNAPSHOT);
    put_number(&mut out, version);
    put_bytes(&mut out, state);
    put_number(&mut out, history.iter().len() as u64);
    for change in history.iter() {
        put_number(&mut out, change.version);
        put_time(&mut out, change.at);
        put_text(&mut out, &change.author);
        put_name(&mut out, change.operation_id.as_deref());
        put_operation(&mut out, &change.operation);
    }
    put_number(&mut out, repeats.forgotten);
    put_number(&mut out, repeats.authors.len() as u64);
    for (author, operations) in &repeats.authors {
        put_text(&mut out, author);
        put_number(&mut out, operations.forgotten);
        put_number(&mut out, operations.latest.len() as u64);
        for (id, outcome) in &operations.latest {
            put_text(&mut out, id);
            put_number(&mut out, outcome.before);
            put_number(&mut out, outcome.version);
        }
    }
    out
}

impl<'a> Snapshot<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new(bytes);
        let read = |reader: &mut Reader<'a>| {
            expect(reader, SNAPSHOT)?;
            Ok(Self {
                version: reader.number()?,
                state: reader.bytes()?,
                changes: list(reader, change)?,
                repeats: Repeats {
                    forgotten: reader.number()?,
                    authors: list(reader, author)?.into_iter().collect(),
                },
            })
        };
        read(&mut reader).map_err(unreadable)
    }
}

fn change(reader: &mut Reader<'_>) -> Result<Change, CodecError> {
    Ok(Change {
        version: reader.number()?,
        at: time(reader)?,
        author: reader.text()?.into(),
        operation_id: name(reader)?,
        operation: operation(reader)?,
    })
}

fn author(reader: &mut Reader<'_>) -> Result<(Arc<str>, Operations), CodecError> {
    let author = reader.text()?.into();
    let operations = Operations {
        forgotten: reader.number()?,
        latest: VecDeque::from(list(reader, |reader| {
            let id = reader.text()?.into();
            let outcome = Outcome {
                before: reader.number()?,
                version: reader.number()?,
            };
            Ok((id, outcome))
        })?),
    };
    Ok((author, operations))
}

fn put_operation(out: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Insert { position, content } => {
            put_number(out, INSERT);
            put_number(out, *position as u64);
            put_text(out, content);
        }
        Operation::Delete { position, length } => {
            put_number(out, DELETE);
            put_number(out, *position as u64);
            put_number(out, *length as u64);
        }
    }
}

fn operation(reader: &mut Reader<'_>) -> Result<Operation, CodecError> {
    match reader.number()? {
        INSERT => Ok(Operation::Insert {
            position: reader.size()?,
            content: reader.text()?.into(),
        }),
        DELETE => Ok(Operation::Delete {
            position: reader.size()?,
            length: reader.size()?,
        }),
        _ => Err(CodecError::Unknown),
    }
}

fn put_name(out: &mut Vec<u8>, name: Option<&str>) {
    put_number(out, name.is_some().into());
    if let Some(name) = name {
        put_text(out, name);
    }
}

fn name(reader: &mut Reader<'_>) -> Result<Option<Arc<str>>, CodecError> {
    match reader.number()? {
        0 => Ok(None),
        1 => Ok(Some(reader.text()?.into())),
        _ => Err(CodecError::Unknown),
    }
}

/// Times before 1970 do not happen to documents, and are stored as that year's beginning.
fn put_time(out: &mut Vec<u8>, at: i64) {
    put_number(out, u64::try_from(at).unwrap_or(0));
}

fn time(reader: &mut Reader<'_>) -> Result<i64, CodecError> {
    i64::try_from(reader.number()?).map_err(|_| CodecError::TooLarge)
}

fn list<'a, T>(
    reader: &mut Reader<'a>,
    item: impl Fn(&mut Reader<'a>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let count = reader.size()?;
    (0..count).map(|_| item(reader)).collect()
}

fn expect(reader: &mut Reader<'_>, format: u64) -> Result<(), CodecError> {
    if reader.number()? == format {
        Ok(())
    } else {
        Err(CodecError::Unknown)
    }
}

fn unreadable(error: CodecError) -> LoadError {
    LoadError::Unreadable(error.to_string())
}
