//! The settings and the tokens, from the command line.

use std::{fs, path::Path, process::Output};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::tidings;

const SECRET: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");

/// Runs the binary to its end in a folder, with these variables and none else of ours.
fn run(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = tidings(args);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDINGS_") {
            command.env_remove(name);
        }
    }
    let variables = variables.iter().copied();
    command
        .current_dir(folder)
        .envs(variables)
        .output()
        .expect("the binary runs")
}

/// What it printed, where it went well and complained of nothing.
#[track_caller]
fn printed(output: Output) -> String {
    let error = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!((output.status.code(), error.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).expect("it is text")
}

/// What it complained of, where it refused.
#[track_caller]
fn refused(output: Output) -> String {
    let error = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(output.stdout.is_empty());
    error
}

#[test]
fn the_defaults_are_printed_and_are_right_but_for_a_key() {
    let folder = TempDir::new().unwrap();
    let text = printed(run(folder.path(), &["config", "default"], &[]));
    fs::write(folder.path().join("tidings.toml"), &text).unwrap();
    let error = refused(run(folder.path(), &["config", "check"], &[]));
    assert!(
        error.starts_with("tidings: there is no key to check tokens with: "),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
    for (args, variables) in [
        (&["config", "check", "--dev"][..], &[][..]),
        (&["config", "check"], &[("TIDINGS_AUTH_SECRET", SECRET)]),
    ] {
        assert_eq!(printed(run(folder.path(), args, variables)), "");
    }
}

#[test]
fn what_is_in_effect_is_shown_with_its_source() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("own.toml");
    fs::write(
        &path,
        format!("[auth]\nsecret = \"{SECRET}\"\n[chat]\nhistory_page = 9\n"),
    )
    .unwrap();
    let args = [
        "config",
        "show",
        "--config",
        "own.toml",
        "--set",
        "typing.timeout=9s",
    ];
    let shown = printed(run(folder.path(), &args, &[("TIDINGS_STORE_QUEUE", "9")]));
    for line in [
        "auth.secret = \"***\"  # own.toml:2",
        "chat.history_page = 9  # own.toml:4",
        "store.queue = 9  # TIDINGS_STORE_QUEUE",
        "typing.timeout = \"9s\"  # --set typing.timeout",
        "listen = \"127.0.0.1:3000\"  # default",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line}\n{shown}");
    }
    assert!(!shown.contains(SECRET));
}

#[test]
fn a_wrong_setting_is_refused_in_one_clear_line() {
    let key = format!("[auth]\nsecret = \"{SECRET}\"\n");
    for (text, args, line) in [
        (
            "colour = 1\n",
            &["--dev"][..],
            "tidings.toml:1: there is no setting colour; ",
        ),
        (
            "listen = 3000\n",
            &["--dev"],
            "tidings.toml:1: listen: invalid type: integer `3000`",
        ),
        ("[auth\n", &[], "tidings.toml:1: this is no TOML: "),
        (
            "[auth]\nsecret = \"hunter2\"\n",
            &[],
            "tidings.toml:2: auth.secret has 7 bytes and ",
        ),
        (
            "[auth]\nsecret = \"please-change-me-before-you-use-this\"\n",
            &[],
            "tidings.toml:2: auth.secret looks like an example, so it can be guessed; make one \
             with: openssl rand -hex 32",
        ),
        (
            &format!("{key}jwks_url = \"https://a.example/\"\nissuer = \"a\"\n"),
            &[],
            "tidings.toml:2: auth.secret and auth.jwks_url are both set; ",
        ),
        (
            &format!("{key}algorithm = \"none\"\n"),
            &[],
            "tidings.toml:3: auth.algorithm: unknown variant `none`",
        ),
        (
            &format!("{key}algorithm = \"ES256\"\n"),
            &[],
            "tidings.toml:3: auth.algorithm is not one of a secret; ",
        ),
        (
            &format!("{key}[limits]\ncommand_bytes = \"2MB\"\n"),
            &[],
            "tidings.toml:4: limits.command_bytes is 2MB and more than limits.payload_bytes",
        ),
        (
            &key,
            &["--set", "limits.connections=0"],
            "--set limits.connections: limits.connections is 0, and has to be 1 at least",
        ),
        (
            &format!("listen = \"0.0.0.0:3000\"\n{key}"),
            &["--dev"],
            "tidings.toml:1: --dev lets anybody in, so it listens on this machine only",
        ),
        (
            &key,
            &["--config", "other.toml"],
            "cannot read the settings in other.toml: ",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("tidings.toml"), text).unwrap();
        let args: Vec<_> = ["config", "check"].iter().chain(args).copied().collect();
        let error = refused(run(folder.path(), &args, &[]));
        assert!(
            error.starts_with(&format!("tidings: {line}")),
            "{line}\n{error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let folder = TempDir::new().unwrap();
    let variables = [("TIDINGS_AUTH_SECRT", "x"), ("TIDINGS_AUTH_LEEWAY", "5")];
    let error = refused(run(
        folder.path(),
        &["config", "check", "--dev"],
        &variables,
    ));
    assert_eq!(
        error,
        "tidings: TIDINGS_AUTH_SECRT: there is no such setting; did you mean \
         TIDINGS_AUTH_SECRET?\n\
         tidings: TIDINGS_AUTH_LEEWAY: auth.leeway: write a duration such as 500ms, 30s, 5m, 2h \
         or 7d\n"
    );
}

/// The claims of a token that this key has signed.
fn claims(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Value {
    let mut validation = Validation::new(algorithm);
    validation.validate_aud = false;
    let opened = jsonwebtoken::decode(token.trim_end(), key, &validation);
    opened.expect("it is valid").claims
}

#[test]
fn a_token_is_printed_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let args = [
        "token",
        "--sub",
        "ana",
        "--name",
        "Ana",
        "--expires",
        "1h",
        "--rooms",
        "lobby",
        "--rooms",
        "team:*",
        "--publish",
        "lobby",
        "--info",
        "{\"color\":\"red\"}",
        "--admin",
        "--set",
        "auth.audience=chat",
    ];
    let token = printed(run(
        folder.path(),
        &args,
        &[("TIDINGS_AUTH_SECRET", SECRET)],
    ));
    assert_eq!(token.lines().count(), 1);
    let mut said = claims(
        &token,
        &DecodingKey::from_secret(SECRET.as_bytes()),
        Algorithm::HS256,
    );
    let said = said.as_object_mut().unwrap();
    let (from, to) = (said.remove("iat").unwrap(), said.remove("exp").unwrap());
    assert_eq!(to.as_i64().unwrap() - from.as_i64().unwrap(), 3600);
    let expected = json!({
        "sub": "ana", "name": "Ana", "aud": "chat", "rooms": ["lobby", "team:*"],
        "publish": ["lobby"], "info": {"color": "red"}, "admin": true,
    });
    assert_eq!(Value::Object(said.clone()), expected);
}

#[test]
fn a_private_key_signs_what_its_public_half_opens() {
    let folder = TempDir::new().unwrap();
    let private = format!("{KEYS}/p256.pem");
    let public = format!("{KEYS}/p256.pub.pem");
    let set = |public: &str| format!("auth.public_key={public}");
    let with = [
        "token",
        "--sub",
        "ana",
        "--private-key",
        &private,
        "--key-id",
        "k1",
    ];
    let algorithm = ["--set", "auth.algorithm=ES256"];

    let matching = set(&public);
    let args = [&with[..], &algorithm, &["--set", &matching]].concat();
    let token = printed(run(folder.path(), &args, &[]));
    let key = DecodingKey::from_ec_pem(&fs::read(&public).unwrap()).unwrap();
    assert_eq!(claims(&token, &key, Algorithm::ES256)["sub"], "ana");
    let header = jsonwebtoken::decode_header(token.trim_end()).unwrap();
    assert_eq!(header.kid.as_deref(), Some("k1"));

    // Where only the public half is elsewhere, no other key is needed.
    printed(run(folder.path(), &[&with[..], &algorithm].concat(), &[]));
    let error = refused(run(folder.path(), &with, &[]));
    assert!(error.contains("--set auth.algorithm=ES256"), "{error}");

    let other = format!("{KEYS}/ed.pem");
    let args = [
        &["token", "--sub", "a", "--private-key", &other][..],
        &algorithm,
    ]
    .concat();
    let error = refused(run(folder.path(), &args, &[]));
    assert!(
        error.contains("the private key is none in PEM that ES256 can use"),
        "{error}"
    );
}

#[test]
fn no_token_is_made_that_would_be_refused() {
    let folder = TempDir::new().unwrap();
    for (args, said) in [
        (
            &["token", "--sub", "ana"][..],
            "there is no key to check tokens with",
        ),
        (
            &["token", "--sub", "ana", "--dev"],
            "there is no auth.secret to sign with",
        ),
        (&["token", "--sub", ""], "userId is empty"),
        (
            &["token", "--sub", "ana", "--rooms", "a*b"],
            "a * stands only at the end",
        ),
        (
            &["token", "--sub", "ana", "--expires", "5"],
            "write a duration such as",
        ),
        (&["token", "--sub", "ana", "--info", "{"], "this is no JSON"),
        (&["token"], "--sub"),
    ] {
        let error = refused(run(folder.path(), args, &[]));
        assert!(error.contains(said), "{args:?}: {error}");
    }
    let args = ["token", "--sub", "ana", "--expires", "0s"];
    let error = refused(run(
        folder.path(),
        &args,
        &[("TIDINGS_AUTH_SECRET", SECRET)],
    ));
    assert!(error.contains("longer"), "{error}");
}
