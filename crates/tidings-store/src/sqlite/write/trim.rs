//! Removing the beginning of lists, some rows at a time.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{fault::Fault, job::Request, session::Session};

/// Rows that one step removes at most, so that it holds up other writes for a few milliseconds.
const ROWS: u64 = 500;

/// What is to be removed of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Cut {
    /// The row of the room or of the user.
    pub(in super::super) list: u64,
    /// The last place that is removed.
    pub(in super::super) through: u64,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Step {
    /// Rows that were removed.
    pub(in super::super) rows: u64,
    /// Cuts at the beginning that are done with.
    pub(in super::super) cuts: usize,
}

/// Remove messages, as many as one step may.
#[derive(Debug)]
pub(in super::super) struct TrimRooms(pub(in super::super) Vec<Cut>);

/// Remove notifications, as many as one step may.
#[derive(Debug)]
pub(in super::super) struct TrimNotifications(pub(in super::super) Vec<Cut>);

impl Request for TrimRooms {
    type Answer = Step;

    fn apply(&self, session: &mut Session<'_>) -> Result<Step, Fault> {
        let connection = session.connection;
        step(&self.0, |cut, rows| {
            let through = end(connection, "messages", "room", "seq", cut, rows)?;
            let (removed, last, last_change) = connection
                .prepare_cached(
                    "SELECT count(*), coalesce(max(seq), 0), coalesce(max(change_seq), 0)
                     FROM messages WHERE room = ?1 AND seq <= ?2",
                )?
                .query_row(params![cut.list, through], |row| {
                    Ok((row.get(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?))
                })?;
            connection
                .prepare_cached("DELETE FROM messages WHERE room = ?1 AND seq <= ?2")?
                .execute(params![cut.list, through])?;
            connection
                .prepare_cached(
                    "UPDATE rooms SET trimmed_seq = max(trimmed_seq, ?2),
                                      trimmed_change = max(trimmed_change, ?3)
                     WHERE id = ?1",
                )?
                .execute(params![cut.list, last, last_change])?;
            Ok(removed)
        })
    }

    fn bytes(&self) -> usize {
        0
    }
}

impl Request for TrimNotifications {
    type Answer = Step;

    fn apply(&self, session: &mut Session<'_>) -> Result<Step, Fault> {
        let connection = session.connection;
        step(&self.0, |cut, rows| {
            let through = end(connection, "notifications", "user", "place", cut, rows)?;
            connection
                .prepare_cached(
                    "UPDATE users SET unread = unread - (
                       SELECT count(*) FROM notifications
                       WHERE user = ?1 AND place <= ?2 AND read_at IS NULL)
                     WHERE id = ?1",
                )?
                .execute(params![cut.list, through])?;
            let removed = connection
                .prepare_cached("DELETE FROM notifications WHERE user = ?1 AND place <= ?2")?
                .execute(params![cut.list, through])?;
            Ok(removed as u64)
        })
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// Makes cuts until a step has removed enough. `remove` removes up to so many rows.
fn step(
    cuts: &[Cut],
    mut remove: impl FnMut(&Cut, u64) -> rusqlite::Result<u64>,
) -> Result<Step, Fault> {
    let mut step = Step::default();
    for cut in cuts {
        let left = ROWS - step.rows;
        let removed = remove(cut, left)?;
        step.rows += removed;
        if removed == left {
            // There may be more in this list; if not, the next step finds nothing.
            return Ok(step);
        }
        step.cuts += 1;
    }
    Ok(step)
}

/// The last place of a cut when it may remove up to so many rows.
fn end(
    connection: &Connection,
    table: &str,
    list: &str,
    place: &str,
    cut: &Cut,
    rows: u64,
) -> rusqlite::Result<u64> {
    let last = connection
        .prepare_cached(&format!(
            "SELECT {place} FROM {table} WHERE {list} = ?1 AND {place} <= ?2
             ORDER BY {place} LIMIT 1 OFFSET ?3"
        ))?
        .query_row(
            params![cut.list, cut.through, rows.saturating_sub(1)],
            |row| row.get(0),
        )
        .optional()?;
    Ok(last.unwrap_or(cut.through))
}
