//! Keeping bytes under a name, and giving them back once.

use rusqlite::{OptionalExtension, params};

use super::super::{fault::Fault, job::Request, session::Session};

/// Keep these bytes.
#[derive(Debug)]
pub(in super::super) struct PutSnapshot {
    pub(in super::super) name: Box<str>,
    pub(in super::super) bytes: Vec<u8>,
}

impl Request for PutSnapshot {
    type Answer = ();

    fn apply(&self, session: &mut Session<'_>) -> Result<(), Fault> {
        session
            .connection
            .prepare_cached(
                "INSERT INTO snapshots (name, bytes) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes",
            )?
            .execute(params![self.name, self.bytes])?;
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.name.len() + self.bytes.len()
    }
}

/// Give the bytes of that name, and forget them.
#[derive(Debug)]
pub(in super::super) struct TakeSnapshot {
    pub(in super::super) name: Box<str>,
}

impl Request for TakeSnapshot {
    type Answer = Option<Vec<u8>>;

    fn apply(&self, session: &mut Session<'_>) -> Result<Option<Vec<u8>>, Fault> {
        let bytes = session
            .connection
            .prepare_cached("DELETE FROM snapshots WHERE name = ?1 RETURNING bytes")?
            .query_row([&self.name], |row| row.get(0))
            .optional()?;
        Ok(bytes)
    }

    fn bytes(&self) -> usize {
        self.name.len()
    }
}
