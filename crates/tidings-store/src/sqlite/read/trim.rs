//! Finding out what is to be trimmed: by readers, since the writer has better things to do.
//!
//! What is found stays right while others write: lists grow at their end, and only trimming
//! removes from their beginning.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{fault::Fault, write::Cut};
use crate::{Keep, Retention, Time};

/// Lists that are looked at in one read.
const LISTS: usize = 256;

/// What was found in some lists.
#[derive(Debug)]
pub(in super::super) struct Plan {
    /// What is to be removed of them.
    pub(in super::super) cuts: Vec<Cut>,
    /// The row of the last list that was looked at; `None` if there are no more.
    pub(in super::super) next: Option<u64>,
}

/// A kind of list: its table and its columns.
struct Lists {
    table: &'static str,
    list: &'static str,
    place: &'static str,
}

const MESSAGES: Lists = Lists {
    table: "messages",
    list: "room",
    place: "seq",
};
const NOTIFICATIONS: Lists = Lists {
    table: "notifications",
    list: "user",
    place: "place",
};

/// What is to be trimmed of the rooms after this row.
pub(in super::super) fn rooms(
    connection: &Connection,
    policy: &Retention,
    now: Time,
    after: u64,
) -> Result<Plan, Fault> {
    let rooms = connection
        .prepare_cached("SELECT id, last_seq, name FROM rooms WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![after, LISTS], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<Vec<(u64, u64, String)>>>()?;
    let lists = rooms
        .into_iter()
        .map(|(id, last, name)| (id, last, policy.of_room(&name)));
    plan(connection, &MESSAGES, lists, now)
}

/// What is to be trimmed of the notifications of users after this row.
pub(in super::super) fn notifications(
    connection: &Connection,
    keep: Keep,
    now: Time,
    after: u64,
) -> Result<Plan, Fault> {
    let users = connection
        .prepare_cached(
            "SELECT id, last_notification FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?
        .query_map(params![after, LISTS], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(u64, u64)>>>()?;
    let lists = users.into_iter().map(|(id, last)| (id, last, keep));
    plan(connection, &NOTIFICATIONS, lists, now)
}

fn plan(
    connection: &Connection,
    lists: &Lists,
    rows: impl ExactSizeIterator<Item = (u64, u64, Keep)>,
    now: Time,
) -> Result<Plan, Fault> {
    let more = rows.len() == LISTS;
    let mut plan = Plan {
        cuts: Vec::new(),
        next: None,
    };
    for (list, last, keep) in rows {
        if let Some(through) = lists.cut(connection, list, last, keep, now)? {
            plan.cuts.push(Cut { list, through });
        }
        plan.next = more.then_some(list);
    }
    Ok(plan)
}

impl Lists {
    /// The last place that is to be removed of a list, if anything is. `last` is no lower than
    /// its last place.
    fn cut(
        &self,
        connection: &Connection,
        list: u64,
        last: u64,
        keep: Keep,
        now: Time,
    ) -> rusqlite::Result<Option<u64>> {
        if keep.everything() {
            return Ok(None);
        }
        let Self {
            table,
            list: column,
            place,
        } = self;
        let Some(oldest) = first::<u64>(
            connection,
            &format!("SELECT {place} FROM {table} WHERE {column} = ?1 ORDER BY {place} LIMIT 1"),
            params![list],
        )?
        else {
            return Ok(None);
        };
        let mut through = 0;
        if let Some(age) = keep.max_age {
            // Found among the oldest rows, after as many steps as there are rows to be removed.
            let young = first::<u64>(
                connection,
                &format!(
                    "SELECT {place} FROM {table} WHERE {column} = ?1 AND at >= ?2
                     ORDER BY {place} LIMIT 1"
                ),
                params![list, now.before(age)],
            )?;
            through = young.map_or(last, |it| it.saturating_sub(1));
        }
        if let Some(count) = keep.max_count
            // As long as the list has fewer places than that, nobody needs to count.
            && last.saturating_sub(oldest) >= count
        {
            let surplus = first::<u64>(
                connection,
                &format!(
                    "SELECT {place} FROM {table} WHERE {column} = ?1
                     ORDER BY {place} DESC LIMIT 1 OFFSET ?2"
                ),
                params![list, count],
            )?;
            through = through.max(surplus.unwrap_or(0));
        }
        Ok((through >= oldest).then_some(through))
    }
}

fn first<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached(sql)?
        .query_row(params, |row| row.get(0))
        .optional()
}
