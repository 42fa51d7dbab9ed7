//! Commands over HTTP: the request is one command, the response its answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE, request::Parts,
};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tidings_protocol::{
    args::Args,
    envelope::{self, Command, Format},
};
use tokio::time::timeout;

use super::{
    answer::{Failure, respond_with, share, unasked},
    audience::{Audience, Caller},
    client::{Arrival, dispatch},
    config::RpcConfig,
};
use crate::{
    hub::{
        Socket,
        ack::{Answer, Outcome},
        encoding::Encoding,
    },
    reason::CloseReason,
    server::body::{Body, BoxError, empty},
    transport::{
        connection::{Connection, Goodbye, HeartbeatConfig, Wire},
        outbox::Sink,
    },
};

/// How many times larger than allowed a body may say that it is to be read to its end.
const FORGOTTEN: usize = 8;

/// One mounted endpoint for commands.
pub(crate) struct RpcEndpoint {
    pub(crate) audience: Arc<Audience>,
    pub(crate) config: RpcConfig,
}

impl RpcEndpoint {
    /// Answers a request.
    pub(crate) async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let cors = self.config.cors.as_ref();
        let response = match unasked(&parts, &Method::POST, cors) {
            Some(response) => response,
            None => match format_of(&parts.headers) {
                Err(failure) => failure.respond(Format::Json),
                Ok(format) => match self.answer(&parts, body, format).await {
                    Ok(Some(args)) if !args.is_empty() => {
                        respond_with(format, StatusCode::OK, &args)
                    }
                    Ok(_) => empty(StatusCode::NO_CONTENT),
                    Err(failure) => failure.respond(format),
                },
            },
        };
        let answered = response.body().size_hint().lower();
        self.audience.stats().bytes_out.add(answered);
        share(response, &parts, cors)
    }

    async fn answer<B>(
        &self,
        parts: &Parts,
        body: B,
        format: Format,
    ) -> Result<Option<Args>, Failure>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let body = self.read(body).await?;
        let command = decode(format, &body, self.audience.nesting())?;
        timeout(self.config.timeout, self.run(parts, command))
            .await
            .map_err(|_| {
                let error = "the command was not answered in time";
                Failure::new(StatusCode::GATEWAY_TIMEOUT, "timeout", error)
            })?
    }

    async fn read<B>(&self, body: B) -> Result<Bytes, Failure>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let limit = self.config.max_payload;
        let too_large = || {
            let error = format!("a command has {limit} bytes at most");
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error).closing()
        };
        let length = body.size_hint().lower();
        if length > limit as u64 {
            // Whoever is still writing when the connection is closed may never read the answer.
            if length <= limit.saturating_mul(FORGOTTEN) as u64 {
                let _ = timeout(self.config.timeout, forget(body)).await;
            }
            return Err(too_large());
        }
        match timeout(self.config.timeout, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => {
                let body = body.to_bytes();
                self.audience.stats().bytes_in.add(body.len() as u64);
                Ok(body)
            }
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(bad_request("the request could not be read").closing()),
            Err(_) => {
                let error = "the command did not arrive in time";
                Err(Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", error).closing())
            }
        }
    }

    async fn run(&self, parts: &Parts, command: Command<'_>) -> Result<Option<Args>, Failure> {
        let caller = Caller::of(parts).map_err(|_| Failure::unknown_session())?;
        if let Some(session) = caller.session {
            let live = self.audience.find(session);
            let live = live.ok_or_else(Failure::unknown_session)?;
            let socket = live.client.socket().await?;
            if live.connection.is_busy() {
                return Err(Failure::too_many_requests());
            }
            return ask(&socket, command).await;
        }
        let live = self.audience.open(
            parts,
            Wire::Rpc,
            Sink::Closed,
            HeartbeatConfig {
                interval: self.config.timeout,
                timeout: Duration::ZERO,
            },
            None,
        )?;
        // Whether it is answered, refused, late or given up: the client goes with its request.
        let passing = Passing(live.connection);
        let arrival = Arrival {
            encoding: Encoding::Silent,
            named: false,
            place: None,
            retry: Duration::ZERO,
        };
        let socket = live.client.join(&passing.0, arrival).await?;
        ask(&socket, command).await
    }
}

/// Ends the connection of a client that came for one command.
struct Passing(Arc<Connection>);

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.end(CloseReason::TransportClose, Goodbye::Cut);
    }
}

/// Has the command handled, and gives what it was answered, if it was.
async fn ask(socket: &Socket, command: Command<'_>) -> Result<Option<Args>, Failure> {
    let Command { name, args, .. } = command;
    if !socket.hub().handlers().hears(&name) {
        let error = format!("there is no command {name:?}");
        return Err(Failure::new(
            StatusCode::NOT_FOUND,
            "unknown_command",
            error,
        ));
    }
    let (answer, outcome) = Answer::new();
    dispatch(socket, &name, args, answer);
    match outcome.await {
        Ok(Outcome::Answered(args)) => Ok(Some(args)),
        Ok(Outcome::Panicked) => Err(Failure::internal()),
        Err(_) => Ok(None),
    }
}

fn bad_request(error: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "bad_request", error)
}

/// Reads a body to its end and keeps nothing of it.
async fn forget<B: HttpBody<Data = Bytes>>(body: B) {
    let mut body = std::pin::pin!(body);
    while let Some(Ok(_)) = body.frame().await {}
}

/// The format of a request's body, and of its answer.
fn format_of(headers: &HeaderMap) -> Result<Format, Failure> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return Ok(Format::Json);
    };
    let content_type = content_type.to_str().unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    match &*essence.to_ascii_lowercase() {
        "application/json" => Ok(Format::Json),
        "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
            Ok(Format::MessagePack)
        }
        _ => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "a command is application/json or application/msgpack",
        )
        .closing()),
    }
}

fn decode(format: Format, body: &[u8], nesting: usize) -> Result<Command<'_>, Failure> {
    let command = match format {
        Format::Json => std::str::from_utf8(body)
            .map_err(|_| envelope::Error::Malformed)
            .and_then(|text| envelope::decode_json(text, nesting)),
        Format::MessagePack => envelope::decode_msgpack(body, nesting),
    };
    command.map_err(|error| bad_request(error.to_string()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_content_type_says_the_format() {
        for (content_type, expected) in [
            (None, Some(Format::Json)),
            (Some("application/json"), Some(Format::Json)),
            (Some("Application/JSON; charset=utf-8"), Some(Format::Json)),
            (Some("application/msgpack"), Some(Format::MessagePack)),
            (Some("application/x-msgpack"), Some(Format::MessagePack)),
            (Some("text/plain"), None),
            (Some(""), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = content_type {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            assert_eq!(format_of(&headers).ok(), expected, "{content_type:?}");
        }
    }
}
