//! What `tidings doctor` says of this machine, and of one that cannot run the server.

use std::{fs, net::TcpListener, path::Path};

use tempfile::TempDir;

use crate::process::tidings;

const SECRET: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";

/// What it found, and with which status it ended.
fn doctor(folder: &Path, args: &[&str]) -> (String, Option<i32>) {
    let all = [&["doctor"], args].concat();
    let output = tidings(&all)
        .current_dir(folder)
        .env("TIDINGS_AUTH_SECRET", SECRET)
        .output()
        .expect("the binary runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("it is text");
    (said, output.status.code())
}

#[test]
fn a_machine_that_can_run_the_server_is_told_so_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let (said, status) = doctor(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert_eq!(status, Some(0), "{said}");
    for subject in [
        "settings",
        "open files",
        "memory",
        "clock",
        "backlog",
        "listen",
        "tokens",
        "store",
    ] {
        let found = |line: &str| line.get(6..).is_some_and(|it| it.starts_with(subject));
        assert!(said.lines().any(found), "{subject} in {said}");
    }
    assert!(!said.contains("BAD"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_stands_against_the_server_is_named_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, says, status) in [
        (
            // An address of documentation (RFC 5737), which no machine has.
            &["--listen", "192.0.2.1:3000"][..],
            "BAD   listen       192.0.2.1:3000",
            1,
        ),
        (&["--listen", &taken], "by a Tidings that runs already", 0),
        (
            &["--set", "store.path=missing/tidings.db"],
            "there is no folder missing",
            1,
        ),
        (&["--set", "store.path=/proc/tidings.db"], "cannot write", 1),
        (
            &["--set", "limits.connections=2000000000"],
            "wants 2000000100",
            0,
        ),
        (&["--set", "store.pth=x"], "did you mean", 2),
    ] {
        let listens = args.contains(&"--listen");
        let port = ["--listen", "127.0.0.1:0"];
        let args = [args, if listens { &[] } else { &port }].concat();
        let (said, ended) = doctor(folder.path(), &args);
        assert!(said.contains(says), "{args:?}: {said}");
        assert_eq!(ended, Some(status), "{args:?}: {said}");
    }
}
