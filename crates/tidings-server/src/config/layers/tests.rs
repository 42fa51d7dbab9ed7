use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::config::DEFAULT_TOML;

const SECRET: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";

/// Loads settings of which one layer is a file with this text. Told places have no folder.
fn load_file(text: &str, mut inputs: Inputs) -> Result<Loaded, Vec<String>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, text).unwrap();
    inputs.file = Some(path);
    let folder = format!("{}/", folder.path().display());
    load(&inputs).map_err(|problems| {
        let lines = problems.to_string().replace(&folder, "");
        lines.lines().map(str::to_owned).collect()
    })
}

fn dev() -> Inputs {
    Inputs {
        dev: true,
        ..Inputs::default()
    }
}

fn variables(list: &[(&str, &str)]) -> Inputs {
    Inputs {
        variables: list.iter().map(|(a, b)| (a.into(), b.into())).collect(),
        ..dev()
    }
}

#[test]
fn the_file_of_defaults_is_what_it_says() {
    let loaded = load_file(DEFAULT_TOML, dev()).unwrap();
    assert_eq!(loaded.config, Config::default());
    // Every setting stands there, as one that is made or one that could be.
    let mut section = String::new();
    let mut named = Vec::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if line.starts_with("#[[") {
            named.push(line.trim_matches(['#', '[', ']']).to_owned());
            section = "an element, whose fields are no settings.".to_owned();
        } else if let Some((name, _)) = line.trim_start_matches('#').split_once(" = ")
            && !name.contains(' ')
        {
            named.push(format!("{section}{name}"));
        }
    }
    named.retain(|name| !name.contains("no settings"));
    named.sort_unstable();
    let known: Vec<_> = keys::all().iter().map(|key| key.name.clone()).collect();
    assert_eq!(named, known);
}

#[test]
fn what_is_commented_out_can_be_taken_in() {
    let text: String = DEFAULT_TOML
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let mut settings = Vec::new();
    let mut problems = Vec::new();
    assert!(file::read(
        Path::new(FILE),
        &text,
        &mut settings,
        &mut problems
    ));
    assert_eq!(problems, []);
    for setting in &settings {
        fit(setting).unwrap();
    }
    assert_eq!(settings.len(), keys::all().len());
}

#[test]
fn each_layer_goes_over_the_one_before() {
    let text = "listen = \"127.0.0.1:1\"\n[limits]\nconnections = 1\nattachments = 1\n\
                connections_per_ip = 1\n";
    let mut inputs = variables(&[
        ("TIDINGS_LIMITS_CONNECTIONS", "2"),
        ("TIDINGS_LIMITS_ATTACHMENTS", "2"),
        ("TIDINGS_LISTEN", "127.0.0.1:2"),
        ("HOME", "/"),
    ]);
    inputs.set = vec![
        "limits.connections=3".to_owned(),
        "listen=127.0.0.1:3".to_owned(),
    ];
    inputs.listen = Some("localhost:4".to_owned());
    let loaded = load_file(text, inputs).unwrap();
    let Config { listen, limits, .. } = &loaded.config;
    assert_eq!(listen.to_string(), "127.0.0.1:4");
    assert_eq!(
        (
            limits.connections,
            limits.attachments,
            limits.connections_per_ip
        ),
        (3, 2, 1)
    );
    assert_eq!(limits.connections_per_user, 20);
    for (key, place) in [
        ("listen", "--listen"),
        ("limits.connections", "--set limits.connections"),
        ("limits.attachments", "TIDINGS_LIMITS_ATTACHMENTS"),
        ("limits.connections_per_user", "default"),
    ] {
        assert_eq!(loaded.source(key).to_string(), place);
    }
    let place = loaded.source("limits.connections_per_ip").to_string();
    assert!(place.ends_with("tidings.toml:5"), "{place}");
}

#[test]
fn a_text_outside_a_file_is_read_as_the_setting_needs_it() {
    let inputs = variables(&[
        ("TIDINGS_AUTH_SECRET", SECRET),
        ("TIDINGS_AUTH_ISSUER", "5"),
        ("TIDINGS_AUTH_LEEWAY", "1m"),
        ("TIDINGS_LIMITS_COMMAND_BYTES", "2048"),
        ("TIDINGS_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("TIDINGS_ROOMS_PUBLIC", "[\"lobby\", \"a, b\"]"),
        ("TIDINGS_ALLOWED_ORIGINS", ""),
        (
            "TIDINGS_ROOMS_RETENTION",
            "[{pattern = \"*\", max_count = 5}]",
        ),
        // What Kubernetes puts beside a service.
        ("TIDINGS_SERVICE_HOST", "10.0.0.1"),
        ("TIDINGS_SERVICE_PORT_HTTP", "80"),
        ("TIDINGS_PORT", "tcp://10.0.0.1:80"),
        ("TIDINGS_PORT_80_TCP_ADDR", "10.0.0.1"),
    ]);
    let config = load_file("", inputs).unwrap().config;
    assert_eq!(config.auth.secret.unwrap().reveal(), SECRET);
    assert_eq!(config.auth.issuer.unwrap(), "5");
    assert_eq!(config.auth.leeway.as_secs(), 60);
    assert_eq!(config.limits.command_bytes, 2048);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert!(config.rooms.public.matches("a, b"));
    assert_eq!(config.rooms.retention[0].max_count, Some(5));
    for key in keys::all() {
        assert!(!is_service_link(&key.variable), "{}", key.variable);
    }
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let text = "\
colour = 1
limits = 5
[auth]
secrt = \"x\"
secret = 123456
timeout = 10
leeway = \"1 hour\"
[limmits]
[[rooms.retention]]
pattern = \"a\"
[[rooms.retention]]
patern = \"b\"
[[rooms.retention]]
pattern = \"c*d\"
";
    let mut inputs = variables(&[
        ("TIDINGS_LIMITS_CONECTIONS", "5"),
        ("TIDINGS_LIMITS_CONNECTIONS", "-5"),
        ("TIDINGS_BANANA", "yellow"),
        ("TIDINGS_STORE_SYNC", "sometimes"),
    ]);
    inputs.dev = false;
    inputs.set = vec![
        "hunter2".to_owned(),
        "auth.secret2=hunter2".to_owned(),
        "heartbeat.timeout=0s".to_owned(),
    ];
    inputs.listen = Some("everywhere".to_owned());
    let mut told = load_file(text, inputs).unwrap_err();
    told.sort_unstable();
    let mut expected = vec![
        "tidings.toml:1: there is no setting colour; remove it, or find its name with: tidings \
         config default",
        "tidings.toml:2: limits is a section: write [limits] and its settings below",
        "tidings.toml:4: there is no setting auth.secrt; did you mean auth.secret?",
        "tidings.toml:5: auth.secret: it has to be a string, in quotes",
        "tidings.toml:6: auth.timeout: write a duration such as 500ms, 30s, 5m, 2h or 7d",
        "tidings.toml:7: auth.leeway is 1h, and has to be between 0s and 5m",
        "tidings.toml:8: there is no section limmits; remove it, or find its name with: tidings \
         config default",
        "tidings.toml:11: rooms.retention: unknown field `patern`, expected one of `pattern`, \
         `max_age`, `max_count`",
        "tidings.toml:13: rooms.retention: \"c*d\": a * stands only at the end, as in team:*",
        "TIDINGS_LIMITS_CONECTIONS: there is no such setting; did you mean \
         TIDINGS_LIMITS_CONNECTIONS?",
        "TIDINGS_LIMITS_CONNECTIONS: limits.connections: invalid value: integer `-5`, expected a \
         whole number from 0",
        "TIDINGS_BANANA: there is no such setting; unset it, or find its name with: tidings \
         config show",
        "TIDINGS_STORE_SYNC: store.sync: unknown variant `sometimes`, expected `full` or `normal`",
        "--set: write --set key=value, for instance --set limits.connections=500",
        "--set auth.secret2: there is no setting auth.secret2; did you mean auth.secret?",
        "--set heartbeat.timeout: heartbeat.timeout is 0s, and has to be between 1s and 1h",
        "--listen: listen: write it as 127.0.0.1:3000, [::1]:3000 or unix:/run/tidings.sock",
    ];
    expected.sort_unstable();
    assert_eq!(told, expected);
}

#[test]
fn what_is_no_toml_is_told_by_line_and_nothing_is_guessed() {
    let told = load_file("[auth]\nsecret = \n", Inputs::default()).unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("tidings.toml:2: this is no TOML: "),
        "{told:?}"
    );
}

#[test]
fn a_file_that_is_named_has_to_be_there() {
    for inputs in [
        Inputs {
            file: Some("/nowhere/tidings.toml".into()),
            ..dev()
        },
        variables(&[("TIDINGS_CONFIG", "/nowhere/tidings.toml")]),
    ] {
        let told = load(&inputs).unwrap_err().to_string();
        assert!(
            told.starts_with("cannot read the settings in /nowhere/tidings.toml: "),
            "{told}"
        );
    }
    assert!(load(&dev()).unwrap().file.is_none());
}
