//! A method of the API: what it takes and answers, and how it is run.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::request::Request;
use crate::{
    fault::{Code, Fault},
    registry::{Located, Success, shape::Shape},
};

/// What a method answers, `success` in it.
pub(super) type Answered = Result<Box<RawValue>, Fault>;
pub(super) type Running = Pin<Box<dyn Future<Output = Answered> + Send>>;
type Runner = Box<dyn Fn(Request, Bytes) -> Running + Send + Sync>;

/// What a method is about, which decides whether a key for some rooms may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Rooms that it names, or of which it shows those that the key is for.
    Rooms,
    /// Users, connections, the server.
    Everywhere,
}

/// What a method is called and what others have to know of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) scope: Scope,
    /// Tokens that it takes from the bucket of the key.
    pub(super) cost: u32,
    /// A body that does something on any server in development, as JSON.
    pub(super) example: &'static str,
}

/// One method.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) scope: Scope,
    pub(super) cost: u32,
    pub(super) example: &'static str,
    pub(super) shape: Shape,
    run: Runner,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Method").field(&self.name).finish()
    }
}

impl Method {
    /// Runs it with a body that is JSON, or nothing, which stands for an object without fields.
    pub(super) fn run(&self, request: Request, body: Bytes) -> Running {
        (self.run)(request, body)
    }
}

/// All methods. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Methods(Arc<Vec<Method>>);

impl Methods {
    /// Adds a method.
    pub(super) fn method<I, O, F, Fut>(self, about: About, run: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + Send + 'static,
        F: Fn(Request, I) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Fault>> + Send + 'static,
    {
        let About {
            name,
            summary,
            scope,
            cost,
            example,
        } = about;
        let runner = move |request: Request, body: Bytes| -> Running {
            Box::pin(async move {
                let output = run(request, read(name, &body)?).await?;
                to_raw_value(&Success::new(&output)).map_err(Fault::internal)
            })
        };
        let mut methods = Arc::into_inner(self.0).expect("nobody shares a list that is being made");
        methods.push(Method {
            name,
            summary,
            scope,
            cost,
            example,
            shape: Shape::of::<I, O>(),
            run: Box::new(runner),
        });
        Self(Arc::new(methods))
    }

    /// The methods, in the order in which they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Method> {
        self.0.iter()
    }

    /// The method of that name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn find(&self, name: &str) -> Result<&Method, Fault> {
        self.iter().find(|it| it.name == name).ok_or_else(|| {
            // A name may be as long as a URL.
            let shown: String = name.chars().take(64).collect();
            let names: Vec<_> = self.iter().map(|it| it.name).collect();
            Fault::new(
                Code::UnknownMethod,
                format!("There is no method {shown:?}, but: {}.", names.join(", ")),
            )
        })
    }
}

fn read<I: DeserializeOwned>(method: &str, body: &[u8]) -> Result<I, Fault> {
    let body = if body.trim_ascii().is_empty() {
        b"{}"
    } else {
        body
    };
    let misfit = |reason: &str| {
        let sentence = format!("The body of {method} does not fit: {reason}.");
        Fault::new(Code::BadRequest, sentence)
    };
    // Where the text is no JSON, the place in it helps; where a value does not fit, its field does,
    // and is named already.
    let text: &RawValue =
        serde_json::from_slice(body).map_err(|error| misfit(&format!("it is no JSON: {error}")))?;
    let read = serde_json::from_str(text.get());
    let Located(input) = read.map_err(|error| {
        let reason = error.to_string();
        misfit(reason.split(" at line ").next().unwrap_or_default())
    })?;
    Ok(input)
}
