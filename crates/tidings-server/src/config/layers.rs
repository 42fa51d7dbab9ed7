//! The layers of the settings, each over the one before: defaults, file, variables, flags.
//!
//! Every setting is tried by itself on top of the defaults, so that what is wrong is told all at
//! once, each with its place, and one wrong setting does not hide another.

use std::{collections::BTreeMap, env, ffi::OsString, fs, io, path::PathBuf};

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{
    Config,
    check::KINDS_OF_KEY,
    file,
    keys::{self, Key, PREFIX},
    problem::{Problem, Problems, Source},
};

/// The file that is read when none is named, if it is there.
const FILE: &str = "tidings.toml";

/// What commands that talk to a running server read: where it is, and with which key or token.
/// Whoever has them in the environment of a shell may start a server from there.
const OF_CLIENTS: [&str; 3] = ["TIDINGS_URL", "TIDINGS_API_KEY", "TIDINGS_TOKEN"];

/// What names the file instead of `--config`, for where there is no command line.
const FILE_VARIABLE: &str = "TIDINGS_CONFIG";

/// Where settings come from.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// `--config`.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// `--listen`.
    pub(crate) listen: Option<String>,
    /// `--set`, as `key=value`.
    pub(crate) set: Vec<String>,
    /// `--dev`.
    pub(crate) dev: bool,
    /// Whether tokens are signed with a key that is no setting, so that none is needed.
    pub(crate) key_is_elsewhere: bool,
}

impl Inputs {
    /// The environment of this process, and no flags.
    pub(crate) fn of_environment() -> Self {
        Self {
            variables: env::vars_os().collect(),
            ..Self::default()
        }
    }
}

/// One setting as somebody made it.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    /// What was written, in the readings that it may have: a text in a variable may be a number.
    /// The first that fits is taken.
    pub(super) candidates: Vec<Value>,
    pub(super) place: Source,
    /// For a list in a file: where each element stands.
    pub(super) elements: Vec<Source>,
}

/// The settings, and where each was made.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) config: Config,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    sources: BTreeMap<String, Source>,
}

impl Loaded {
    /// Where a setting was made.
    pub(crate) fn source(&self, key: &str) -> &Source {
        self.sources.get(key).unwrap_or(&Source::Default)
    }
}

/// Reads all layers and checks what comes of them.
///
/// # Errors
///
/// With everything that is wrong.
pub(crate) fn load(inputs: &Inputs) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let mut settings = Vec::new();
    let (file, whole) = read_file(inputs, &mut settings, &mut problems);
    read_variables(inputs, &mut settings, &mut problems);
    read_flags(inputs, &mut settings, &mut problems);

    let mut tree = keys::defaults();
    let mut sources = BTreeMap::new();
    for setting in settings {
        match fit(&setting) {
            Ok(value) => {
                insert(&mut tree, &setting.key, value);
                sources.insert(setting.key, setting.place);
            }
            Err(found) => problems.extend(found),
        }
    }
    let config = Config::deserialize(Value::Object(tree))
        .expect("settings that fit one by one fit together");
    let loaded = Loaded {
        config,
        file,
        sources,
    };
    // A file that could not be read to its end may hold what seems to be missing.
    if whole {
        let mut checked = loaded.config.check(inputs.dev);
        if inputs.key_is_elsewhere {
            checked.retain(|problem| problem.keys != KINDS_OF_KEY);
        }
        problems.extend(about_what_was_read(checked, &problems, &loaded));
    }
    if problems.is_empty() {
        Ok(loaded)
    } else {
        Err(Problems(problems))
    }
}

/// Gives problems their places, without those about settings that could not even be read.
fn about_what_was_read(found: Vec<Problem>, told: &[Problem], loaded: &Loaded) -> Vec<Problem> {
    let told = |key: &String| told.iter().any(|problem| problem.keys.contains(key));
    found
        .into_iter()
        .filter(|problem| !problem.keys.iter().any(told))
        .map(|mut problem| {
            let mut places = problem.keys.iter().map(|key| loaded.source(key));
            problem.place = places.find(|it| **it != Source::Default).cloned();
            problem
        })
        .collect()
}

fn read_file(
    inputs: &Inputs,
    settings: &mut Vec<Setting>,
    problems: &mut Vec<Problem>,
) -> (Option<PathBuf>, bool) {
    let variable = inputs
        .variables
        .iter()
        .find(|(name, _)| name == FILE_VARIABLE)
        .map(|(_, path)| PathBuf::from(path));
    let named = inputs.file.clone().or(variable);
    let path = named.clone().unwrap_or_else(|| FILE.into());
    match fs::read_to_string(&path) {
        Ok(text) => {
            let whole = file::read(&path, &text, settings, problems);
            (Some(path), whole)
        }
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => (None, true),
        Err(error) => {
            let sentence = format!("cannot read the settings in {}: {error}", path.display());
            problems.push(Problem::with(&[], sentence));
            (Some(path), false)
        }
    }
}

fn read_variables(inputs: &Inputs, settings: &mut Vec<Setting>, problems: &mut Vec<Problem>) {
    let ours = inputs.variables.iter().filter_map(|(name, value)| {
        let name = name.to_str()?;
        let is_other = name == FILE_VARIABLE || OF_CLIENTS.contains(&name) || is_service_link(name);
        (name.starts_with(PREFIX) && !is_other).then_some((name, value))
    });
    let mut ours: Vec<_> = ours.collect();
    ours.sort_unstable();
    for (name, value) in ours {
        let place = Source::Variable(name.to_owned());
        match (keys::by_variable(name), value.to_str()) {
            (Some(key), Some(text)) => settings.push(Setting {
                candidates: readings(key, text),
                key: key.name.clone(),
                place,
                elements: Vec::new(),
            }),
            (Some(key), None) => {
                problems.push(Problem::at(place, &key.name, "its value is not UTF-8"));
            }
            (None, _) => {
                let sentence = match keys::meant_by_variable(name) {
                    Some(Key { variable, .. }) => {
                        format!("there is no such setting; did you mean {variable}?")
                    }
                    None => "there is no such setting; unset it, or find its name with: \
                             tidings config show"
                        .to_owned(),
                };
                problems.push(Problem::at(place, "", sentence));
            }
        }
    }
}

/// Whether Kubernetes sets this variable in every container that runs beside a service by the
/// name of `tidings`. They are no settings, and nobody wrote them.
fn is_service_link(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    if rest == "SERVICE_HOST" || rest == "PORT" || rest.starts_with("SERVICE_PORT") {
        return true;
    }
    let Some(rest) = rest.strip_prefix("PORT_") else {
        return false;
    };
    let port = rest.split('_').next().unwrap_or_default();
    !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit())
}

fn read_flags(inputs: &Inputs, settings: &mut Vec<Setting>, problems: &mut Vec<Problem>) {
    for text in &inputs.set {
        let Some((name, value)) = text.split_once('=') else {
            // What was written may be a secret that somebody forgot to name.
            let place = Source::Flag("--set".to_owned());
            let sentence = "write --set key=value, for instance --set limits.connections=500";
            problems.push(Problem::at(place, "", sentence));
            continue;
        };
        let name = name.trim();
        let place = Source::Flag(format!("--set {name}"));
        match keys::find(name) {
            Some(key) => settings.push(Setting {
                key: key.name.clone(),
                candidates: readings(key, value),
                place,
                elements: Vec::new(),
            }),
            None => problems.push(Problem::at(place, name, file::unknown(name, false))),
        }
    }
    if let Some(listen) = &inputs.listen {
        settings.push(Setting {
            key: "listen".to_owned(),
            candidates: vec![listen.as_str().into()],
            place: Source::Flag("--listen".to_owned()),
            elements: Vec::new(),
        });
    }
}

/// What a text outside a file may mean: a list may be written with commas or as in TOML, a number
/// as a number, and everything else is a text.
fn readings(key: &Key, text: &str) -> Vec<Value> {
    let parsed = file::value(text.trim());
    if !key.default.is_array() {
        let scalar = parsed.filter(|it| it.is_number() || it.is_boolean());
        return [Value::from(text)].into_iter().chain(scalar).collect();
    }
    if let Some(list @ Value::Array(_)) = parsed {
        return vec![list];
    }
    let elements = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    vec![elements.map(Value::from).collect()]
}

/// Tries a setting on top of the defaults, in all its readings.
fn fit(setting: &Setting) -> Result<Value, Vec<Problem>> {
    let Setting {
        key,
        candidates,
        place,
        elements,
    } = setting;
    let mut refusal = String::new();
    for value in candidates {
        match attempt(key, value.clone()) {
            Ok(()) => return Ok(value.clone()),
            Err(sentence) => refusal = sentence,
        }
    }
    // Of a list, each wrong element is told of by itself.
    if let ([Value::Array(list)], false) = (&candidates[..], elements.is_empty()) {
        let found: Vec<_> = list
            .iter()
            .zip(elements)
            .filter_map(|(element, place)| {
                let sentence = attempt(key, Value::Array(vec![element.clone()])).err()?;
                Some(Problem::at(
                    place.clone(),
                    key,
                    format!("{key}: {sentence}"),
                ))
            })
            .collect();
        if !found.is_empty() {
            return Err(found);
        }
    }
    let sentence = format!("{key}: {refusal}");
    Err(vec![Problem::at(place.clone(), key, sentence)])
}

fn attempt(key: &str, value: Value) -> Result<(), String> {
    let mut tree = keys::defaults();
    insert(&mut tree, key, value);
    Config::deserialize(Value::Object(tree))
        .map(drop)
        .map_err(|error| {
            let sentence = error.to_string();
            // Types have no place in a sentence for people.
            ["expected usize", "expected u32", "expected u64"]
                .iter()
                .fold(sentence, |it, typed| {
                    it.replace(typed, "expected a whole number from 0")
                })
        })
}

/// Puts a value at a name with dots.
fn insert(tree: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            tree.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let section = tree
                .entry(section)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(section) = section {
                insert(section, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
