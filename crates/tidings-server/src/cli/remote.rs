//! A running server, as the commands that talk to it see it: one request of its HTTP API.

use std::{io, process::ExitCode, time::Duration};

use bytes::Bytes;
use clap::Args;
use http::{Request, Uri, header};
use http_body_util::Full;
use serde_json::Value;
use thiserror::Error;

use super::say;
use crate::outgoing::{self, Outgoing, Schemes};

/// Longer than a server takes, unless it is set to take longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Which server, and with which key.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Where the server is.
    #[arg(
        long,
        value_name = "URL",
        env = "TIDINGS_URL",
        default_value = "http://127.0.0.1:3000"
    )]
    url: Uri,

    /// A key of its HTTP API; better given as a variable, which others on the machine cannot see.
    #[arg(
        long,
        value_name = "KEY",
        env = "TIDINGS_API_KEY",
        hide_env_values = true
    )]
    key: Option<String>,

    /// A name for this request: sent again under the same name, it is done once.
    #[arg(long, value_name = "NAME")]
    idempotency_key: Option<String>,
}

/// Why nothing was done.
#[derive(Debug, Error)]
enum Failure {
    #[error(
        "there is no key: give one with --key, or in the variable TIDINGS_API_KEY. The setting \
         api.keys of the server has it; tidings serve --dev prints one"
    )]
    NoKey,
    #[error("{0} is no address of a server; write it as http://127.0.0.1:3000")]
    Address(Uri),
    #[error("the request cannot be written: {0}")]
    Request(#[from] http::Error),
    #[error("cannot read the certificates of this machine: {0}")]
    Roots(io::Error),
    #[error("cannot reach the server at {0}: {1}; is it running, and is that where? See --url")]
    Unreachable(Uri, String),
    #[error("the server at {0} did not answer within {seconds} s", seconds = PATIENCE.as_secs())]
    Timeout(Uri),
    #[error("what answers at {0} is no Tidings server: {1}")]
    NoServer(Uri, String),
    #[error("the server refused: {0}")]
    Refused(String),
}

impl Failure {
    /// 2 when it was asked for something that it refuses, 1 when it could not ask.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoKey | Self::Address(_) | Self::Request(_) | Self::Refused(_) => {
                ExitCode::from(2)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

impl Remote {
    /// Asks for something, and prints what `print` makes of the answer: a line, or nothing.
    pub(super) async fn run(
        &self,
        method: &str,
        body: Value,
        print: impl FnOnce(&Value) -> String,
    ) -> ExitCode {
        match self.ask(method, &body).await {
            Ok(answer) => {
                let line = print(&answer);
                if !line.is_empty() {
                    say(format_args!("{line}"));
                }
                ExitCode::SUCCESS
            }
            Err(failure) => {
                eprintln!("tidings: {failure}");
                failure.exit_code()
            }
        }
    }

    async fn ask(&self, method: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.request(method, body)?;
        let asked = tokio::time::timeout(PATIENCE, self.send(request));
        let answered = asked.await;
        answered.unwrap_or_else(|_| Err(Failure::Timeout(self.url.clone())))
    }

    fn request(&self, method: &str, body: &Value) -> Result<Request<Full<Bytes>>, Failure> {
        let key = self.key.as_deref().ok_or(Failure::NoKey)?;
        let base = self.url.to_string();
        let base = base.trim_end_matches('/');
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Failure::Address(self.url.clone()));
        }
        let mut request = Request::post(format!("{base}/api/{method}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-api-key", key);
        if let Some(name) = &self.idempotency_key {
            request = request.header("idempotency-key", name);
        }
        Ok(request.body(Full::from(body.to_string()))?)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Value, Failure> {
        let schemes = match self.url.scheme_str() {
            Some("https") => Schemes::HttpsOnly,
            _ => Schemes::HttpOnly,
        };
        let outgoing = Outgoing::new(schemes, 0).map_err(Failure::Roots)?;
        let response = outgoing.send(request).await;
        let response = response.map_err(|why| Failure::Unreachable(self.url.clone(), why))?;
        let status = response.status();
        let no_server = |why: String| Failure::NoServer(self.url.clone(), why);
        let body = outgoing::read(response, ANSWER_BYTES).await;
        let body = body.ok_or_else(|| no_server("its answer breaks off".to_owned()))?;
        let answer: Value = serde_json::from_slice(&body)
            .map_err(|_| no_server(format!("it answers {status}, and no JSON")))?;
        match (&answer["success"], answer["error"].as_str()) {
            (Value::Bool(true), _) => Ok(answer),
            (Value::Bool(false), Some(sentence)) => Err(Failure::Refused(sentence.to_owned())),
            _ => Err(no_server(format!(
                "it answers {status}, and something else"
            ))),
        }
    }
}
