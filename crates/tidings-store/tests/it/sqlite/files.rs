//! Files that can be opened, and files that cannot.

use std::{fs, path::Path};

use rusqlite::Connection;
use tidings_store::{OpenError, SqliteOptions, SqliteStore};

use super::Folder;
use crate::{
    conformance::Place,
    support::{append, message},
};

fn refusal(path: &Path) -> OpenError {
    SqliteStore::open(path, SqliteOptions::default()).unwrap_err()
}

#[tokio::test]
async fn one_process_has_a_file_at_a_time() {
    let folder = Folder::new();
    let store = folder.open();
    let refused = refusal(&folder.path());
    let own = std::process::id();
    assert!(
        matches!(refused, OpenError::InUse { pid: Some(pid), .. } if pid == own),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(text.contains(&format!("in use by process {own}")), "{text}");
    // Under another name it is the same file.
    #[cfg(unix)]
    {
        let link = folder.0.path().join("link.db");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let refused = refusal(&link);
        assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    }
    store.close().await.unwrap();
    folder.open().close().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_leaves_one_whole_file() {
    let folder = Folder::new();
    let store = folder.open();
    append(&*store, message("a", "ana", "hi")).await;
    store.close().await.unwrap();
    let names = fs::read_dir(folder.0.path()).unwrap();
    let mut names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["tidings.db", "tidings.db-lock"]);
    let file = Connection::open(folder.path()).unwrap();
    let check: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let store = folder.open();
    append(&*store, message("a", "ana", "hi")).await;
    for entry in fs::read_dir(folder.0.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let folder = Folder::new();
    fs::write(folder.path(), "a shopping list, and not a short one").unwrap();
    let refused = refusal(&folder.path());
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");

    fs::remove_file(folder.path()).unwrap();
    let other = Connection::open(folder.path()).unwrap();
    other
        .execute_batch("CREATE TABLE stock (item TEXT)")
        .unwrap();
    drop(other);
    let before = fs::read(folder.path()).unwrap();
    let refused = refusal(&folder.path());
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[tokio::test]
async fn a_newer_file_is_refused() {
    let folder = Folder::new();
    folder.open().close().await.unwrap();
    let file = Connection::open(folder.path()).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let refused = refusal(&folder.path());
    assert!(
        matches!(refused, OpenError::Newer { found: 99, .. }),
        "{refused:?}"
    );
    let text = refused.to_string();
    assert!(
        text.contains("version 99") && text.contains("newer program"),
        "{text}"
    );
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let folder = Folder::new();
    let store = folder.open();
    append(&*store, message("a", "ana", "hi")).await;
    store.close().await.unwrap();
    // The first page has the schema, behind a header of 100 bytes.
    let mut bytes = fs::read(folder.path()).unwrap();
    bytes[100..4_096].fill(0xA5);
    fs::write(folder.path(), bytes).unwrap();
    let refused = refusal(&folder.path());
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    assert!(refused.to_string().contains("restore a backup"));
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_refused() {
    let folder = Folder::new();
    for path in ["none/tidings.db", "."] {
        let refused = refusal(&folder.0.path().join(path));
        assert!(matches!(refused, OpenError::Io { .. }), "{refused:?}");
    }
}

#[test]
fn without_a_runtime_it_is_refused() {
    let folder = Folder::new();
    assert!(matches!(refusal(&folder.path()), OpenError::NoRuntime));
    assert!(!folder.path().exists());
}
