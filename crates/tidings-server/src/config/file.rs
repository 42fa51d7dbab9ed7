//! Reading `tidings.toml` into settings that know their line.

use std::path::Path;

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    keys,
    layers::Setting,
    problem::{Problem, Source},
};

/// Reads the settings of a file. What cannot be read is told of, and the rest is still read.
/// Returns whether the text is TOML as a whole: where it is not, more may be missing than is told.
pub(super) fn read(
    path: &Path,
    text: &str,
    settings: &mut Vec<Setting>,
    problems: &mut Vec<Problem>,
) -> bool {
    let mut reader = Reader {
        path,
        text,
        settings,
        problems,
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        reader.table("", table.get_ref());
        return true;
    }
    for error in errors {
        let place = reader.place(error.span().map_or(0, |span| span.start));
        reader.problem(place, "", format!("this is no TOML: {}", error.message()));
    }
    false
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    settings: &'a mut Vec<Setting>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> Source {
        let before = self.text.as_bytes().iter().take(offset);
        Source::File {
            path: self.path.to_owned(),
            line: 1 + before.filter(|byte| **byte == b'\n').count(),
        }
    }

    fn problem(&mut self, place: Source, key: &str, sentence: String) {
        self.problems.push(Problem::at(place, key, sentence));
    }

    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let place = self.place(name.span().start);
            let name = name.get_ref();
            let key = if section.is_empty() {
                name.to_string()
            } else {
                format!("{section}.{name}")
            };
            if keys::find(&key).is_some() {
                self.setting(key, place, value);
            } else if !keys::is_section(&key) {
                let sentence = unknown(&key, matches!(value.get_ref(), DeValue::Table(_)));
                self.problem(place, &key, sentence);
            } else if let DeValue::Table(table) = value.get_ref() {
                self.table(&key, table);
            } else {
                let sentence = format!("{key} is a section: write [{key}] and its settings below");
                self.problem(place, &key, sentence);
            }
        }
    }

    fn setting(&mut self, key: String, place: Source, value: &Spanned<DeValue<'_>>) {
        let elements = match value.get_ref() {
            DeValue::Array(elements) => elements
                .iter()
                .map(|element| self.place(element.span().start))
                .collect(),
            _ => Vec::new(),
        };
        match json(value.get_ref()) {
            Ok(value) => self.settings.push(Setting {
                key,
                candidates: vec![value],
                place,
                elements,
            }),
            Err(sentence) => {
                let sentence = format!("{key}: {sentence}");
                self.problem(place, &key, sentence);
            }
        }
    }
}

/// What to say of a name that there is not.
pub(super) fn unknown(key: &str, section: bool) -> String {
    let what = if section { "section" } else { "setting" };
    match keys::meant(key).filter(|_| !section) {
        Some(meant) => format!("there is no setting {key}; did you mean {}?", meant.name),
        None => format!(
            "there is no {what} {key}; remove it, or find its name with: tidings config default"
        ),
    }
}

/// Reads one TOML value, for instance from a variable.
pub(super) fn value(text: &str) -> Option<Value> {
    json(DeValue::parse(text).ok()?.get_ref()).ok()
}

fn json(value: &DeValue<'_>) -> Result<Value, &'static str> {
    Ok(match value {
        DeValue::String(text) => Value::from(&**text),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| "the number is too large")?
            .into(),
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_err(|_| "the number cannot be read")?
            .into(),
        DeValue::Boolean(it) => Value::from(*it),
        DeValue::Datetime(_) => return Err("no setting is a date; put the value into quotes"),
        DeValue::Array(elements) => array(elements)?,
        DeValue::Table(fields) => {
            let mut object = Map::new();
            for (name, value) in fields {
                object.insert(name.get_ref().to_string(), json(value.get_ref())?);
            }
            Value::Object(object)
        }
    })
}

fn array(elements: &DeArray<'_>) -> Result<Value, &'static str> {
    let elements = elements.iter().map(|element| json(element.get_ref()));
    Ok(Value::Array(elements.collect::<Result<_, _>>()?))
}
