//! What something that can be asked for takes and answers, as JSON Schema.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};

type Describe = fn(&mut SchemaGenerator) -> Schema;

/// The types of an input and an output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    input: Describe,
    output: Describe,
}

impl Shape {
    /// From an `I` to an `O`.
    pub(crate) fn of<I: JsonSchema, O: JsonSchema>() -> Self {
        Self {
            input: |generator| I::json_schema(generator),
            output: |generator| O::json_schema(generator),
        }
    }

    /// What it takes.
    pub(crate) fn input(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.input)(generator)
    }

    /// What it answers, beside `success`.
    pub(crate) fn output(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.output)(generator)
    }
}

/// What makes schemas that stand for themselves, without references to others.
pub(crate) fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|it| it.inline_subschemas = true)
        .into_generator()
}
