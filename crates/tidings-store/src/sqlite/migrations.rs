//! The tables, and how a file of an older version gets them.
//!
//! Migrations are numbered from 1 without gaps, and are never changed once released. A file says
//! in its `user_version` which was its last. Each one is a transaction together with that number.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// All of them, in order.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_beginning.sql"),
    include_str!("migrations/0002_outbox.sql"),
    include_str!("migrations/0003_documents.sql"),
    include_str!("migrations/0004_notification_keys.sql"),
];

/// Marks a file as ours: `TIDG`.
const APPLICATION_ID: i64 = 0x5449_4447;

/// Why a file was not brought up to date. It is as it was before.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another program's database.
    Foreign,
    /// A newer program has written to it.
    Newer { found: i64, known: i64 },
    /// SQLite failed.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether this file is ours to write to, new or of a version that we know. Only reads.
pub(super) fn check(connection: &Connection) -> Result<(), Failure> {
    check_against(connection, MIGRATIONS)
}

/// Runs what has not been run.
pub(super) fn run(connection: &mut Connection) -> Result<(), Failure> {
    run_all(connection, MIGRATIONS)
}

fn check_against(connection: &Connection, migrations: &[&str]) -> Result<(), Failure> {
    let known = number(migrations.len());
    let found = version(connection)?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application != 0 || found != 0 || tables != 0 {
            return Err(Failure::Foreign);
        }
    }
    if found > known {
        return Err(Failure::Newer { found, known });
    }
    Ok(())
}

fn run_all(connection: &mut Connection, migrations: &[&str]) -> Result<(), Failure> {
    check_against(connection, migrations)?;
    for (number, sql) in (1..).zip(migrations) {
        let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
        // Asked again inside, where it cannot change any more.
        if version(&transaction)? < number {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).expect("there are fewer migrations than that")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(connection: &Connection) -> Vec<String> {
        connection
            .prepare("SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn each_is_run_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        connection
            .execute("INSERT INTO rooms (name) VALUES ('lobby')", [])
            .unwrap();
        let before = schema(&connection);
        run(&mut connection).unwrap();
        assert_eq!(schema(&connection), before);
        let rooms: i64 = connection
            .query_row("SELECT count(*) FROM rooms", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rooms, 1);
        assert_eq!(version(&connection).unwrap(), number(MIGRATIONS.len()));
    }

    #[test]
    fn an_older_file_gets_what_it_lacks() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = MIGRATIONS[0];
        run_all(&mut connection, &[first]).unwrap();
        let second = "ALTER TABLE rooms ADD COLUMN topic TEXT";
        run_all(&mut connection, &[first, second]).unwrap();
        run_all(&mut connection, &[first, second]).unwrap();
        connection
            .execute("INSERT INTO rooms (name, topic) VALUES ('a', 'b')", [])
            .unwrap();
    }

    #[test]
    fn one_that_fails_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = MIGRATIONS[0];
        let broken = "CREATE TABLE half (a); CREATE TABLE rooms (a)";
        let failure = run_all(&mut connection, &[first, broken]).unwrap_err();
        assert!(matches!(failure, Failure::Sqlite(_)), "{failure:?}");
        assert_eq!(version(&connection).unwrap(), 1);
        assert!(!schema(&connection).iter().any(|it| it.starts_with("half")));
        run_all(&mut connection, &[first]).unwrap();
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            check(&connection),
            Err(Failure::Newer { found: 99, .. })
        ));
        for sql in [
            "CREATE TABLE other (a)",
            "PRAGMA application_id = 7",
            "PRAGMA user_version = 1",
        ] {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            assert!(matches!(check(&connection), Err(Failure::Foreign)), "{sql}");
        }
    }
}
