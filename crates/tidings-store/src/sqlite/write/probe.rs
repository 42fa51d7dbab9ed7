//! Finding out whether writes work.

use super::super::{fault::Fault, job::Request, session::Session};

/// The snapshot that is written to see whether it can be.
const NAME: &str = "";

/// Is the writer there, and does the disk take something?
#[derive(Debug)]
pub(in super::super) struct Probe {
    /// Whether to write. Otherwise an empty transaction is enough, which costs the disk nothing.
    pub(in super::super) write: bool,
}

impl Request for Probe {
    type Answer = ();

    fn apply(&self, session: &mut Session<'_>) -> Result<(), Fault> {
        if self.write {
            for sql in [
                "INSERT OR REPLACE INTO snapshots (name, bytes) VALUES (?1, zeroblob(8192))",
                "DELETE FROM snapshots WHERE name = ?1",
            ] {
                session.connection.prepare_cached(sql)?.execute([NAME])?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        0
    }
}
