//! Schemas as a person reads them: tables of fields in Markdown.

use std::fmt::Write as _;

use schemars::Schema;
use serde_json::{Map, Value};

/// The fields of an object as a table.
pub(crate) fn fields(page: &mut String, title: &str, schema: &Schema) {
    let Some(object) = schema.as_object() else {
        return;
    };
    // An object that may be left out is described by one of two alternatives.
    let alternatives = object.get("anyOf").and_then(Value::as_array);
    let object = alternatives
        .and_then(|list| list.iter().find_map(Value::as_object))
        .unwrap_or(object);
    let empty = Map::new();
    let properties = object.get("properties").and_then(Value::as_object);
    let properties = properties.unwrap_or(&empty);
    let short = object.get("description").and_then(Value::as_str);
    if title == "data"
        && let Some(short) = short.filter(|it| it.contains("alone may stand"))
    {
        let _ = write!(page, "\n{short}\n");
    }
    if properties.is_empty() {
        return;
    }
    let required = object.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|it| it.iter().any(|it| it == name));
    let _ = write!(page, "\n| {title} | type | |\n| --- | --- | --- |\n");
    for (name, field) in properties {
        let optional = if is_required(name) { "" } else { "?" };
        let says = field
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or("");
        let says = says.replace('\n', " ");
        let _ = writeln!(page, "| `{name}{optional}` | {} | {says} |", kind(field));
    }
}

/// What a field may be, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(alternatives) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
        let list = alternatives.as_array().into_iter().flatten();
        let mut kinds: Vec<_> = list.map(kind).filter(|it| it != "null").collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(constant) = schema.get("const") {
        return format!("`{constant}`");
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<_> = values.iter().map(|it| format!("`{it}`")).collect();
        return values.join(" or ");
    }
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|it| *it != "null")
            .unwrap_or("anything"),
        _ => return "anything".to_owned(),
    };
    match name {
        "array" => format!(
            "list of {}",
            schema.get("items").map_or("anything".into(), kind)
        ),
        "object" => {
            let names = schema.get("properties").and_then(Value::as_object);
            let names: Vec<_> = names.into_iter().flat_map(Map::keys).cloned().collect();
            format!("{{{}}}", names.join(", "))
        }
        "string" => match schema.get("maxLength") {
            Some(most) => format!("string of 1 to {most} bytes"),
            None => "string".to_owned(),
        },
        other => other.to_owned(),
    }
}

/// The codes of failures.
pub(crate) fn codes(page: &mut String, schema: &Schema) {
    page.push_str("\n## Codes\n\n| code | |\n| --- | --- |\n");
    let list = schema.get("oneOf").and_then(Value::as_array);
    for code in list.into_iter().flatten() {
        let text = |key| code.get(key).and_then(Value::as_str).unwrap_or_default();
        let says = text("description").replace('\n', " ");
        let _ = writeln!(page, "| `{}` | {says} |", text("const"));
    }
}
