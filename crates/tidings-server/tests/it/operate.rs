//! What whoever operates the server sees of it.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Client,
    http::{self, Response},
    process::Server,
};

const SECRET: &str = "auth.secret=5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";
const TOKEN: &str = "d1c7e9f0a2b4c65f2b7c1d9e8a4b6035";

fn json(response: &Response) -> Value {
    serde_json::from_str(&response.body).expect("it is JSON")
}

/// The value of a sample, by everything that stands before it.
#[track_caller]
fn sample(page: &str, series: &str) -> f64 {
    let line = page.lines().find(|line| {
        line.strip_prefix(series)
            .is_some_and(|rest| rest.starts_with(' '))
    });
    let value = line.and_then(|line| line.rsplit(' ').next());
    let value = value.unwrap_or_else(|| panic!("no {series} in:\n{page}"));
    value.parse().expect("it is a number")
}

#[test]
fn a_server_that_runs_is_alive_and_ready() {
    let server = Server::start();
    let alive = http::get(&server.address, "/healthz", &[]);
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok"));
    let ready = http::get(&server.address, "/readyz", &[]);
    assert_eq!(ready.status, 200);
    assert_eq!(json(&ready), json!({"ready": true, "reasons": []}));
    assert!(
        ready.head.contains("cache-control: no-store"),
        "{}",
        ready.head
    );
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = Server::start();
    let mut ana = Client::enter(&server.address, "ana", "Ana", "lobby").await;
    let sent = json!({"roomId": "lobby", "content": "hello"});
    ana.ask("chat:send", sent).await;
    for name in ["no:such", "command"] {
        ana.ask(name, json!({})).await;
    }
    let page = http::get(&server.address, "/metrics", &[]);
    assert_eq!(page.status, 200);
    assert!(
        page.head
            .contains("application/openmetrics-text; version=1.0.0"),
        "{}",
        page.head
    );
    let page = page.body;
    assert!(page.ends_with("# EOF\n"), "{page}");
    assert!(!page.contains("no:such"), "a client chose that name");
    let mut families: Vec<_> = page.lines().filter(|it| it.starts_with("# TYPE")).collect();
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), count, "each family is there once");
    for (series, value) in [
        ("tidings_connections{transport=\"ws\"}", 1.0),
        ("tidings_connections{transport=\"socketio\"}", 0.0),
        ("tidings_connections_opened_total", 1.0),
        ("tidings_sockets", 1.0),
        ("tidings_users", 1.0),
        ("tidings_rooms", 1.0),
        ("tidings_messages_total", 1.0),
        (
            "tidings_limits_hit_total{limit=\"rate_per_connection\"}",
            0.0,
        ),
        ("tidings_store_queue_length", 0.0),
        (
            "tidings_commands_total{command=\"chat:send\",outcome=\"ok\"}",
            1.0,
        ),
        (
            "tidings_commands_total{command=\"unknown\",outcome=\"unknown_command\"}",
            2.0,
        ),
        ("tidings_command_seconds_count{command=\"chat:send\"}", 1.0),
        (
            "tidings_command_seconds_bucket{le=\"+Inf\",command=\"chat:send\"}",
            1.0,
        ),
        ("tidings_build_info{version=\"0.1.0\"}", 1.0),
    ] {
        assert_eq!(sample(&page, series), value, "{series}");
    }
    for series in [
        "tidings_received_bytes_total",
        "tidings_sent_bytes_total",
        "tidings_deliveries_total",
        "tidings_store_commits_total",
        "tidings_store_writes_total",
        "tidings_store_commit_seconds_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
    ] {
        assert!(sample(&page, series) > 0.0, "{series}");
    }
}

#[test]
fn metrics_are_for_those_who_have_the_token() {
    let home = TempDir::new().unwrap();
    let closed = Server::start_in(home.path(), &["--set", SECRET]);
    let nobodys = http::get(&closed.address, "/metrics", &[]);
    assert_eq!(nobodys.status, 404);
    let nothing = http::get(&closed.address, "/nothing", &[]);
    assert_eq!(nobodys.body, nothing.body, "as if there were no such page");
    assert_eq!(http::get(&closed.address, "/readyz", &[]).status, 200);
    drop(closed);

    let token = format!("metrics.token={TOKEN}");
    let server = Server::start_in(home.path(), &["--set", SECRET, "--set", &token]);
    for (presented, status) in [
        (format!("Bearer {TOKEN}"), 200),
        ("Bearer guessed".to_owned(), 404),
        (String::new(), 404),
    ] {
        let answer = http::get(
            &server.address,
            "/metrics",
            &[("Authorization", &presented)],
        );
        assert_eq!(answer.status, status, "{presented}");
    }
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/grafana/tidings.json"
    );
    let board = std::fs::read_to_string(path).unwrap();
    let server = Server::start();
    let page = http::get(&server.address, "/metrics", &[]).body;
    let names = board.split(|it: char| !it.is_ascii_lowercase() && it != '_');
    let names = names.filter(|it| it.starts_with("tidings_") || it.starts_with("process_"));
    let mut asked = 0;
    for name in names {
        let family = ["_total", "_bucket", "_info"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        let there = page.contains(&format!("# TYPE {family} "));
        assert!(there, "{name} is no family of:\n{page}");
        asked += 1;
    }
    assert!(asked > 30, "{asked}");
}
