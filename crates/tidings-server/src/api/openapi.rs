//! The description of the API for programs: OpenAPI 3.1, whose schemas are JSON Schema 2020-12 and
//! those that the inputs are read by.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::method::{Method, Methods};
use crate::fault::Code;

/// The statuses of refusals, with what each means here.
const REFUSALS: [(&str, &str); 8] = [
    ("400", "The body does not fit; `error` names the field."),
    ("401", "There is no key, or it is none of this server."),
    ("403", "The key is not for this."),
    ("404", "What it is about is not there."),
    ("409", "Another request had this `Idempotency-Key`."),
    ("413", "There is too much of it."),
    (
        "429",
        "The key has asked too often: again after `Retry-After`.",
    ),
    (
        "503",
        "Not now: the server has too much to do, or is shutting down.",
    ),
];

/// The document.
pub(super) fn document(methods: &Methods, generator: &mut SchemaGenerator) -> Value {
    let paths: Map<_, _> = methods
        .iter()
        .map(|method| {
            let path = format!("/api/{}", method.name);
            (path, json!({ "post": operation(method, generator) }))
        })
        .collect();
    let refusals: Map<_, _> = REFUSALS
        .iter()
        .map(|(status, says)| {
            let content = json!({
                "application/json": { "schema": { "$ref": "#/components/schemas/Failure" } },
            });
            let refusal = json!({ "description": says, "content": content });
            ((*status).to_owned(), refusal)
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidings",
            "summary": "The HTTP API for backends",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "security": [{ "key": [] }, { "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
                "bearer": { "type": "http", "scheme": "bearer" },
            },
            "parameters": {
                "IdempotencyKey": {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "A name for this request, by which it is known when it is sent again.",
                    "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
                },
            },
            "responses": refusals,
            "schemas": { "Failure": failure(generator) },
        },
    })
}

fn operation(method: &Method, generator: &mut SchemaGenerator) -> Value {
    let example: Value = serde_json::from_str(method.example).unwrap_or_default();
    let mut responses: Map<_, _> = REFUSALS
        .iter()
        .map(|(status, _)| {
            let place = format!("#/components/responses/{status}");
            ((*status).to_owned(), json!({ "$ref": place }))
        })
        .collect();
    let answer = success(method.shape.output(generator));
    let content = json!({ "application/json": { "schema": answer } });
    let done = json!({ "description": "It is done.", "content": content });
    responses.insert("200".to_owned(), done);
    json!({
        "operationId": method.name,
        "summary": method.summary,
        "parameters": [{ "$ref": "#/components/parameters/IdempotencyKey" }],
        "requestBody": {
            "required": true,
            "content": {
                "application/json": { "schema": bare(method.shape.input(generator)), "example": example },
            },
        },
        "responses": responses,
    })
}

/// An output with its `success`.
fn success(schema: Schema) -> Value {
    let mut schema = bare(schema);
    add(&mut schema, "success", json!({ "const": true }));
    schema
}

fn failure(generator: &mut SchemaGenerator) -> Value {
    let code = generator.subschema_for::<Code>();
    json!({
        "type": "object",
        "properties": {
            "success": { "const": false },
            "error": { "type": "string", "description": "A sentence for a person." },
            "code": code,
            "retryAfterMs": { "type": "integer", "minimum": 0 },
        },
        "required": ["success", "error", "code"],
    })
}

/// A schema without what only a whole document has.
fn bare(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
    }
    schema
}

/// Adds a field that is always there.
fn add(schema: &mut Value, name: &str, field: Value) {
    schema["type"] = "object".into();
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    schema["properties"][name] = field;
    if !schema["required"].is_array() {
        schema["required"] = json!([]);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(name.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::methods, registry::shape};

    #[test]
    fn every_method_is_described_with_what_it_takes_and_answers() {
        let methods = methods::methods();
        let document = document(&methods, &mut shape::generator());
        for method in methods.iter() {
            let operation = &document["paths"][format!("/api/{}", method.name)]["post"];
            let schema = |part: &Value| part["content"]["application/json"]["schema"].clone();
            let input = schema(&operation["requestBody"]);
            assert_eq!(input["type"], "object", "{}", method.name);
            assert_eq!(input["additionalProperties"], false, "{}", method.name);
            let output = schema(&operation["responses"]["200"]);
            assert_eq!(output["properties"]["success"]["const"], true);
        }
        let message = &document["paths"]["/api/message"]["post"]["responses"]["200"];
        let fields = &message["content"]["application/json"]["schema"]["properties"];
        for field in ["sent", "messageId", "seq", "timestamp", "duplicate"] {
            assert!(fields[field].is_object(), "{field}: {fields}");
        }
    }
}
