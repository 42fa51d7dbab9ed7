//! Long-polling in JSON: a request that waits for events, and the next that acknowledges them.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode, request::Parts};
use tidings_protocol::envelope::Format;

use super::{
    answer::{Failure, share, unasked, uncached},
    audience::{Audience, Caller, Live},
    client::Arrival,
    config::StreamConfig,
};
use crate::{
    hub::encoding::Encoding,
    id::PrivateId,
    server::body::{Body, respond},
    transport::{
        connection::{HeartbeatConfig, Wire},
        longpoll::{Asked, LongPoll},
        outbox::Sink,
    },
};

/// One mounted endpoint of long-polling.
pub(crate) struct PollEndpoint {
    pub(crate) audience: Arc<Audience>,
    pub(crate) config: StreamConfig,
}

impl PollEndpoint {
    /// Answers a request.
    pub(crate) async fn handle(&self, parts: &Parts) -> Response<Body> {
        let cors = self.config.cors.as_ref();
        let response = match unasked(parts, &Method::GET, cors) {
            Some(response) => response,
            None => match self.answer(parts).await {
                Ok(body) => {
                    self.audience.stats().bytes_out.add(body.len() as u64);
                    let mut response = respond(StatusCode::OK, "application/json", body);
                    uncached(&mut response);
                    response
                }
                Err(failure) => failure.respond(Format::Json),
            },
        };
        share(response, parts, cors)
    }

    async fn answer(&self, parts: &Parts) -> Result<Bytes, Failure> {
        let caller = Caller::of(parts)?;
        let live = caller.session.and_then(|it| self.audience.find(it));
        if let Some(live) = live.filter(|it| it.connection.wire() == Wire::Poll) {
            // One that is still joining is not asked before it knows where it starts.
            live.client.socket().await?;
            match live.connection.ask(caller.cursor) {
                Some(Asked::Again(body)) => return Ok(body),
                Some(Asked::Wait(answer)) => {
                    return answer.await.map_err(|_| Failure::unknown_session());
                }
                // Its client knows of another time: that is for recovery to settle.
                Some(Asked::Stale) | None => {}
            }
        }
        let live = self.open(parts, &caller).await?;
        match live.connection.ask(caller.cursor) {
            Some(Asked::Wait(answer)) => answer.await.map_err(|_| Failure::unknown_session()),
            Some(Asked::Again(body)) => Ok(body),
            Some(Asked::Stale) | None => Err(Failure::unknown_session()),
        }
    }

    /// Opens a session.
    async fn open(&self, parts: &Parts, caller: &Caller) -> Result<Live, Failure> {
        let session = caller.session.unwrap_or_else(PrivateId::random);
        let live = self.audience.open(
            parts,
            Wire::Poll,
            Sink::LongPoll(Box::new(LongPoll::new(session, caller.cursor))),
            HeartbeatConfig {
                interval: self.config.poll_wait,
                timeout: self.config.session_timeout,
            },
            Some(session),
        )?;
        let arrival = Arrival {
            encoding: Encoding::Envelope(Format::Json),
            named: caller.session.is_some(),
            place: caller.cursor.and_then(|it| it.place),
            retry: self.config.retry,
        };
        Arc::clone(&live.client)
            .join(&live.connection, arrival)
            .await?;
        Ok(live)
    }
}
