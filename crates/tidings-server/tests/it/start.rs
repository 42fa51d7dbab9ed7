//! Starting and ending.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::process::{Server, run};

#[test]
fn what_is_not_safe_does_not_start() {
    for (args, said) in [
        (&["serve"][..], "auth.secret"),
        (
            &["serve", "--dev", "--listen", "0.0.0.0:0"],
            "--listen 127.0.0.1:0",
        ),
        (&["serve", "--dev", "--listen", "nowhere"], "127.0.0.1:3000"),
    ] {
        let output = run(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_taken_port_is_no_fault_of_the_settings() {
    let server = Server::start();
    let output = run(&["serve", "--dev", "--listen", &server.address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains(&server.address)
    );
}

#[test]
fn the_version_is_printed() {
    let output = run(&["version"]);
    assert!(output.status.success());
    let line = format!("tidings {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), line);
}

#[test]
fn it_says_what_is_loose_and_ends_when_asked() {
    let server = Server::start();
    for said in ["guests", "every room is open", "tidings.db"] {
        assert!(
            server.introduction.contains(said),
            "{}",
            server.introduction
        );
    }
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn only_pages_of_this_machine_may_read_the_answers() {
    let server = Server::start();
    for (origin, allowed) in [
        ("http://localhost:5173", true),
        ("http://localhost.evil.example", false),
    ] {
        let mut line = TcpStream::connect(&server.address).unwrap();
        write!(
            line,
            "OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Headers: x-a\r\nConnection: close\r\n\r\n",
            server.address
        )
        .unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        let header = format!("access-control-allow-origin: {origin}\r\n");
        assert_eq!(answer.contains(&header), allowed, "{answer}");
    }
}
