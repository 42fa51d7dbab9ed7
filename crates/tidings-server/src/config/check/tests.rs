use serde_json::{Value, json};

use super::*;

const SECRET: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";
const OTHER: &str = "q8Zr+TnVw3LkYpXc0/BmHsJd5UeGf7Ai";
const PUBLIC: &str = include_str!("../../../tests/keys/p256.pub.pem");

fn problems(settings: Value, dev: bool) -> Vec<String> {
    let config: Config = serde_json::from_value(settings).unwrap();
    let problems = config.check(dev).into_iter();
    problems.map(|problem| problem.to_string()).collect()
}

/// Asserts that there is one problem, which begins so, or none.
#[track_caller]
fn check(auth: &Value, said: &str) {
    let told = problems(json!({ "auth": auth }), false);
    match &told[..] {
        [] => assert_eq!(said, "", "{auth}"),
        [one] => assert!(!said.is_empty() && one.starts_with(said), "{auth}: {one}"),
        _ => panic!("{auth}: {told:?}"),
    }
}

#[test]
fn there_is_one_key_and_it_is_for_its_algorithm() {
    let url = "https://login.example/jwks";
    for (auth, said) in [
        (
            json!({}),
            "there is no key to check tokens with: set auth.secret",
        ),
        (json!({"secret": SECRET}), ""),
        (json!({"secret": SECRET, "previous_secret": OTHER}), ""),
        (json!({"public_key": PUBLIC, "algorithm": "ES256"}), ""),
        (json!({"jwks_url": url, "issuer": "us"}), ""),
        (
            json!({"jwks_url": url, "audience": "us", "algorithm": "RS256"}),
            "",
        ),
        (
            json!({"jwks_url": "http://[::1]:80/jwks", "audience": "us"}),
            "",
        ),
        (
            json!({"secret": SECRET, "public_key": PUBLIC}),
            "auth.secret and auth.public_key are both set",
        ),
        (
            json!({"secret": SECRET, "jwks_url": url, "issuer": "us"}),
            "auth.secret and auth.jwks_url are both set",
        ),
        (
            json!({"secret": SECRET, "algorithm": "ES256"}),
            "auth.algorithm is not one of a secret",
        ),
        (
            json!({"public_key": PUBLIC}),
            "auth.public_key needs auth.algorithm",
        ),
        (
            json!({"public_key": PUBLIC, "algorithm": "HS256"}),
            "auth.algorithm is one of a secret",
        ),
        (
            json!({"public_key": PUBLIC, "algorithm": "RS256"}),
            "auth.public_key is no public key in PEM that RS256 can use",
        ),
        (
            json!({"public_key": "/nowhere.pem", "algorithm": "RS256"}),
            "auth.public_key: cannot read /nowhere.pem",
        ),
        (
            json!({"jwks_url": url, "issuer": "us", "algorithm": "HS256"}),
            "auth.algorithm is one of a secret, and keys that are published",
        ),
        (
            json!({"jwks_url": url}),
            "auth.jwks_url without auth.issuer or auth.audience",
        ),
        (
            json!({"jwks_url": "http://login.example/jwks", "issuer": "us"}),
            "auth.jwks_url: over http anybody",
        ),
        (
            json!({"jwks_url": "http://localhost.evil.example/jwks", "issuer": "us"}),
            "auth.jwks_url: over http anybody",
        ),
        (
            json!({"jwks_url": "login.example/jwks", "issuer": "us"}),
            "auth.jwks_url: login.example/jwks is no URL",
        ),
        (
            json!({"previous_secret": SECRET, "public_key": PUBLIC, "algorithm": "ES256"}),
            "auth.previous_secret is set without auth.secret",
        ),
        (
            json!({"secret": SECRET, "previous_secret": SECRET}),
            "auth.previous_secret is the same",
        ),
        (
            json!({"secret": "hunter2"}),
            "auth.secret has 7 bytes and HS256 needs 32",
        ),
        (
            json!({"secret": SECRET, "algorithm": "HS512"}),
            "auth.secret has 32 bytes and HS512 needs 64",
        ),
        (
            json!({"secret": SECRET, "previous_secret": "changeme-q8Zr+TnVw3LkYpXc0BmHsJd5"}),
            "auth.previous_secret looks like an example",
        ),
        (
            json!({"secret": SECRET, "issuer": " "}),
            "auth.issuer is empty",
        ),
    ] {
        check(&auth, said);
    }
}

#[test]
fn development_needs_no_key_and_stays_on_this_machine() {
    assert_eq!(problems(json!({}), true), [""; 0]);
    for (listen, fine) in [
        ("127.0.0.1:0", true),
        ("127.9.9.9:0", true),
        ("[::1]:0", true),
        ("[::ffff:127.0.0.1]:0", true),
        ("0.0.0.0:0", false),
        ("[::]:0", false),
        ("192.168.0.7:0", false),
    ] {
        let settings = json!({"listen": listen, "auth": {"secret": SECRET}});
        assert_eq!(
            problems(settings.clone(), true).is_empty(),
            fine,
            "{listen}"
        );
        assert_eq!(problems(settings, false), [""; 0]);
    }
}

#[test]
fn bounds_are_possible_and_agree() {
    for (settings, said) in [
        (
            json!({"limits": {"connections": 0}}),
            "limits.connections is 0",
        ),
        (json!({"limits": {"attachments": 0}}), ""),
        (
            json!({"limits": {"rate": {"user": {"per_second": 0, "burst": 1}}}}),
            "limits.rate.user.per_second is 0",
        ),
        (
            json!({"limits": {"command_bytes": "2MB"}}),
            "limits.command_bytes is 2MB and more than limits.payload_bytes, which is 1MB",
        ),
        (
            json!({"limits": {"outbox_bytes": "512KiB"}}),
            "limits.payload_bytes is 1MB and more than limits.outbox_bytes",
        ),
        (
            json!({"limits": {"header_bytes": "1KiB"}}),
            "limits.header_bytes is 1KiB",
        ),
        (
            json!({"recovery": {"log_bytes": "1KiB"}}),
            "recovery.session_bytes is 1MiB and more than recovery.log_bytes",
        ),
        (
            json!({"rooms": {"name_bytes": 256}}),
            "rooms.name_bytes is 256",
        ),
        (
            json!({"chat": {"history_page": 501}}),
            "chat.history_page is 501 and more than",
        ),
        (
            json!({"documents": {"text_units": 200_000}}),
            "documents.text_units is 200000, and has to be between 1 and 174762",
        ),
        (
            json!({"documents": {"idle": "0s"}}),
            "documents.idle is 0s, and has to be between",
        ),
        (
            json!({"documents": {"memory_bytes": "1KiB"}}),
            "documents.memory_bytes is 1KiB",
        ),
        (json!({"documents": {"versions": 0}}), ""),
        (json!({"presence": {"grace": "0s"}}), ""),
        (
            json!({"listen": ["127.0.0.1:1", "unix:t"], "internal": {"listen": "[::1]:1"}}),
            "",
        ),
        (
            json!({"listen": "unix:t", "internal": {"listen": ["[::1]:1", "unix:t"]}}),
            "internal.listen is unix:t, which is where clients connect",
        ),
        (
            json!({"internal": {"listen": "0.0.0.0:1"}}),
            "--dev lets anybody in, so it listens on this machine only, and 0.0.0.0:1 is not: use \
             internal.listen",
        ),
        (
            json!({"shutdown": {"drain": "29s"}}),
            "shutdown.timeout is 30s and leaves less than 2s after shutdown.drain, which is 29s",
        ),
        (
            json!({"tls": {"cert": "/c.pem"}}),
            "tls.cert is set without tls.key",
        ),
        (
            json!({"tls": {"key": "/k.pem"}}),
            "tls.key is set without tls.cert",
        ),
        (json!({"admin": {"enabled": true}}), ""),
        (json!({"admin": {"enabled": true, "password": OTHER}}), ""),
        (
            json!({"admin": {"enabled": true, "password": "0123456789abcde"}}),
            "admin.password has fewer than 16 characters",
        ),
        (
            json!({"metrics": {"room": "server:metrics", "token": OTHER}}),
            "",
        ),
        (
            json!({"metrics": {"token": "0123456789abcde"}}),
            "metrics.token has fewer than 16 characters",
        ),
        (
            json!({"metrics": {"room": "dm:ana:bo"}}),
            "metrics.room is dm:ana:bo, which is the name of a conversation",
        ),
        (
            json!({"metrics": {"room": "server:metrics"}, "rooms": {"name_bytes": 5}}),
            "metrics.room is longer than rooms.name_bytes, which is 5",
        ),
        (
            json!({"heartbeat": {"interval": "100ms"}}),
            "heartbeat.interval is 100ms",
        ),
        (json!({"trusted_proxies": ["10.0.0.0/8"]}), ""),
        (
            json!({"trusted_proxies": ["0.0.0.0/0"]}),
            "trusted_proxies: 0.0.0.0/0 is everybody",
        ),
        (
            json!({"rooms": {"retention": [
                {"pattern": "team:*", "max_age": "1d"},
                {"pattern": "team:a", "max_count": 5},
            ]}}),
            "rooms.retention of team:a never counts, since team:* stands before it",
        ),
        (
            json!({"rooms": {"retention": [{"pattern": "*", "max_count": 0}]}}),
            "rooms.retention of * keeps nothing",
        ),
        (
            json!({"rooms": {"retention": [
                {"pattern": "team:a", "max_count": 5},
                {"pattern": "*"},
            ]}}),
            "",
        ),
    ] {
        let told = problems(settings.clone(), true);
        match &told[..] {
            [] => assert_eq!(said, "", "{settings}"),
            [one] => assert!(!said.is_empty() && one.starts_with(said), "{one}"),
            _ => panic!("{told:?}"),
        }
    }
}

#[test]
fn keys_of_the_api_are_strong_and_different_and_good_for_something() {
    let one = json!({"name": "one", "key": SECRET});
    let with = |more: Value| {
        let mut key = one.clone();
        let (key_fields, more) = (key.as_object_mut().unwrap(), more.as_object().unwrap());
        key_fields.extend(more.clone());
        key
    };
    for (keys, said) in [
        (json!([one, {"name": "two", "key": OTHER}]), ""),
        (
            json!([one, {"name": "one", "key": OTHER}]),
            "two keys have the name",
        ),
        (
            json!([one, {"name": "two", "key": SECRET}]),
            "two and one have the same key",
        ),
        (
            json!([{"name": "weak", "key": "short"}]),
            "the key of weak has 5 bytes and a key needs 32",
        ),
        (json!([{"name": "", "key": SECRET}]), "the name is empty"),
        (
            json!([with(json!({"methods": ["message"], "rooms": ["team:*"]}))]),
            "",
        ),
        (
            json!([with(json!({"methods": ["mesage"]}))]),
            "a method \"mesage\", and there are only: publish",
        ),
        (
            json!([with(json!({"methods": []}))]),
            "one is for no method",
        ),
        (json!([with(json!({"rooms": []}))]), "one is for no room"),
        (
            json!([with(json!({"methods": ["notify"], "rooms": ["a"]}))]),
            "notify is about more",
        ),
    ] {
        let told = problems(
            json!({"auth": {"secret": SECRET}, "api": {"keys": keys}}),
            false,
        );
        match &told[..] {
            [] => assert_eq!(said, "", "{keys}"),
            [one] => assert!(!said.is_empty() && one.contains(said), "{keys}: {one}"),
            _ => panic!("{keys}: {told:?}"),
        }
    }
}
