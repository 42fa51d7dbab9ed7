//! `batch`: several methods in one request.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::task::JoinSet;

use crate::{
    api::{
        method::{Answered, Running},
        request::Request,
    },
    fault::{Code, Fault},
    limits::meters::Limit,
    registry::Failure,
};

/// What is to be done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// Each a method by its name, with its fields beside it.
    commands: Vec<Command>,
    /// Whether they are done all at once, rather than one after the other.
    #[serde(default)]
    parallel: bool,
}

/// A method by its name, with its fields beside it, which are passed on as they are.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Command(BTreeMap<String, Box<RawValue>>);

impl JsonSchema for Command {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": { "method": { "type": "string" } },
            "required": ["method"],
        })
    }
}

/// What each was answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Replies {
    /// In the order of the commands.
    #[schemars(with = "Vec<Reply>")]
    replies: Vec<Box<RawValue>>,
}

/// The answer of a method, as it would be for a request of its own.
#[derive(JsonSchema)]
#[allow(
    dead_code,
    reason = "what is said of an answer that is written already"
)]
struct Reply {
    success: bool,
}

/// Does several things.
pub(super) async fn batch(request: Request, batch: Batch) -> Result<Replies, Fault> {
    let Batch { commands, parallel } = batch;
    let most = request.app.config().api.batch;
    if commands.len() > most {
        let sentence = format!("A batch may have {most} commands; the setting api.batch says so.");
        return Err(Fault::new(Code::TooLarge, sentence));
    }
    let commands: Vec<_> = commands
        .into_iter()
        .enumerate()
        .map(|(number, command)| command.split(number))
        .collect::<Result<_, _>>()?;
    let mut running = commands.into_iter().enumerate().map(|(number, command)| {
        let request = Request {
            name: request.name.map(|name| name.of_item(number)),
            ..request.clone()
        };
        (number, run(request, command))
    });
    let mut replies = Vec::new();
    if parallel {
        let mut tasks = JoinSet::new();
        for (number, running) in running {
            tasks.spawn(async move { (number, running.await) });
        }
        replies = tasks.join_all().await;
        replies.sort_unstable_by_key(|(number, _)| *number);
    } else {
        for (number, running) in running.by_ref() {
            replies.push((number, running.await));
        }
    }
    let replies = replies.into_iter().map(|(_, answered)| written(answered));
    Ok(Replies {
        replies: replies.collect::<Result<_, _>>()?,
    })
}

impl Command {
    /// Which method, and its body.
    fn split(self, number: usize) -> Result<(String, Bytes), Fault> {
        let Self(mut fields) = self;
        let method = fields.remove("method");
        let method = method.and_then(|it| serde_json::from_str::<String>(it.get()).ok());
        let method = method.ok_or_else(|| {
            let sentence =
                format!("commands[{number}] has no method; name one of those there are.");
            Fault::new(Code::BadRequest, sentence)
        })?;
        let body = serde_json::to_vec(&fields).map_err(Fault::internal)?;
        Ok((method, body.into()))
    }
}

/// Runs one, with the rights and at the cost that it would have alone.
fn run(request: Request, (method, body): (String, Bytes)) -> Running {
    Box::pin(async move {
        if method == "batch" {
            let sentence = "A batch has no batches in it.";
            return Err(Fault::new(Code::BadRequest, sentence));
        }
        let methods = request.methods.clone();
        let method = methods.find(&method)?;
        request.holder.check_method(method.name, method.scope)?;
        let app = request.app.clone();
        app.api()
            .take(&request.holder, method.cost)
            .inspect_err(|_| app.guard().hit(Limit::RatePerApiKey))?;
        method.run(request, body).await
    })
}

fn written(answered: Answered) -> Answered {
    match answered {
        Ok(answer) => Ok(answer),
        Err(fault) => to_raw_value(&Failure::new(&fault)).map_err(Fault::internal),
    }
}
