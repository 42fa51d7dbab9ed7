//! Opening the file: whose it is, whether it can be used, and who else has it.
//!
//! One process may have a store open, since the clocks of rooms are kept in memory. It holds a
//! lock on a file beside the database, which the system releases when the process ends, however
//! it ends. SQLite's own exclusive mode would do as well, but would lock out our readers, and
//! whoever looks into the file with `sqlite3` while the server runs.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    migrations,
    options::{SqliteOptions, SyncMode},
};

/// How long to wait for another program that holds SQLite's lock, such as a backup.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared; there are fewer.
const STATEMENTS: usize = 64;

/// Why a store was not opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be created, read or written.
    #[error(
        "cannot open {}: {source}; check that its folder exists and that this user may write \
         there", path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has the store open.
    #[error(
        "{} is in use by {}; stop it, or give this server another file", path.display(),
        pid.as_ref().map_or("another process".to_owned(), |it| format!("process {it}"))
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// Which process, if it said so.
        pid: Option<u32>,
    },
    /// The file is something else than a store.
    #[error(
        "{} is not a Tidings database; give another path, or move that file away", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version has written to the file.
    #[error(
        "{} is of version {found}, and this program knows versions up to {known}; run the newer \
         program, or restore a backup from before the upgrade", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// The file is damaged.
    #[error(
        "{} is damaged: {source}; restore a backup, or save what is left with \
         `sqlite3 FILE .recover`", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file system cannot share memory between connections, as network file systems cannot.
    #[error(
        "{} cannot keep a write-ahead log; put it on a disk of this machine", path.display()
    )]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
    },
    /// There is no Tokio runtime to hand out outcomes.
    #[error("a store is opened within a Tokio runtime, and there is none")]
    NoRuntime,
    /// Something else in SQLite failed.
    #[error("cannot open {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// An open database.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) readers: Vec<Connection>,
    /// To be kept for as long as the writer.
    pub(super) lock: Option<File>,
}

/// Opens a file, which is created if there is none.
pub(super) fn file(path: &Path, options: &SqliteOptions) -> Result<Opened, OpenError> {
    let io = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    create(path).map_err(io)?;
    // Under whatever name it was given, it is locked under one.
    let path = fs::canonicalize(path).map_err(io)?;
    let lock = lock(&path)?;

    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_WRITE;
    let explain = |source| explain(&path, source);
    let mut writer = Connection::open_with_flags(&path, flags).map_err(explain)?;
    writer.busy_timeout(PATIENCE).map_err(explain)?;
    // Before the first write to what may be somebody else's.
    migrations::check(&writer).map_err(|it| not_migrated(&path, it))?;
    let mode: String = writer
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(explain)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(OpenError::NoWriteAheadLog { path });
    }
    prepare_writer(&mut writer, options, &path)?;

    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_ONLY;
    let readers = (0..options.readers.max(1))
        .map(|_| {
            let reader = Connection::open_with_flags(&path, flags)?;
            prepare_reader(&reader)?;
            Ok(reader)
        })
        .collect::<Result<_, _>>()
        .map_err(explain)?;
    Ok(Opened {
        writer,
        readers,
        lock: Some(lock),
    })
}

/// Opens a database in memory, which is gone with its last connection.
pub(super) fn memory(options: &SqliteOptions) -> Result<Opened, OpenError> {
    static OPENED: AtomicU64 = AtomicU64::new(0);

    let number = OPENED.fetch_add(1, Ordering::Relaxed);
    let path = PathBuf::from(format!("file:/tidings-{number}?vfs=memdb"));
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI;
    let explain = |source| explain(&path, source);
    let open = || {
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    };
    let mut writer = open().map_err(explain)?;
    prepare_writer(&mut writer, options, &path)?;
    // One only: there is no write-ahead log in memory, so that readers hold up the writer, and
    // several that take turns could hold it up for ever.
    let reader = open().map_err(explain)?;
    prepare_reader(&reader).map_err(explain)?;
    Ok(Opened {
        writer,
        readers: vec![reader],
        lock: None,
    })
}

/// Creates the file if there is none, for the eyes of its owner only. SQLite gives the files that
/// it puts beside it the same rights.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Locks the file that stands beside the database for that purpose, and writes into it who did.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push("-lock");
    let beside = PathBuf::from(beside);
    let io = |source| OpenError::Io {
        path: beside.clone(),
        source,
    };
    create(&beside).map_err(io)?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&beside)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Only for the message.
            let _ = file.read_to_string(&mut text);
            return Err(OpenError::InUse {
                path: path.to_owned(),
                pid: text.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io)?;
    Ok(file)
}

fn prepare_writer(
    writer: &mut Connection,
    options: &SqliteOptions,
    path: &Path,
) -> Result<(), OpenError> {
    let explain = |source| explain(path, source);
    migrations::run(writer).map_err(|it| not_migrated(path, it))?;
    let sync = match options.sync {
        SyncMode::Full => "FULL",
        SyncMode::Normal => "NORMAL",
    };
    writer
        .pragma_update(None, "synchronous", sync)
        // Where `fsync` alone does not reach the disk, which is macOS.
        .and_then(|()| writer.pragma_update(None, "fullfsync", options.sync == SyncMode::Full))
        .map_err(explain)?;
    if let Some(bytes) = options.max_bytes {
        let page: u64 = writer
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .map_err(explain)?;
        let pages = (bytes / page.max(1)).clamp(1, u32::MAX.into());
        // It answers with the size that it then takes, which is the present one if that is more.
        writer
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .map_err(explain)?;
    }
    writer.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn prepare_reader(reader: &Connection) -> rusqlite::Result<()> {
    reader.busy_timeout(PATIENCE)?;
    reader.pragma_update(None, "query_only", true)?;
    reader.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// Says what an error of SQLite means for a file.
fn explain(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, source },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::InUse { path, pid: None }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::Io {
                path,
                source: io::Error::other(source),
            }
        }
        _ => OpenError::Sqlite { path, source },
    }
}

/// Says what it means that a file was not brought up to date.
fn not_migrated(path: &Path, failure: migrations::Failure) -> OpenError {
    let owned = || path.to_owned();
    match failure {
        migrations::Failure::Foreign => OpenError::Foreign { path: owned() },
        migrations::Failure::Newer { found, known } => OpenError::Newer {
            path: owned(),
            found,
            known,
        },
        migrations::Failure::Sqlite(source) => explain(path, source),
    }
}
