//! Server-Sent Events: a response that goes on for as long as its client reads it.
//!
//! The response body is all that there is of a stream: it is polled by the HTTP connection, takes
//! what waits in the outbox, and ends the connection when it is dropped.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE, request::Parts,
};
use http_body_util::BodyExt;
use tidings_protocol::envelope::Format;

use super::{
    answer::{Failure, share, unasked, uncached},
    audience::{Audience, Caller},
    client::Arrival,
    config::StreamConfig,
};
use crate::{
    hub::encoding::Encoding,
    id::PrivateId,
    reason::CloseReason,
    server::{BoxError, body::Body},
    transport::{
        connection::{Connection, HeartbeatConfig, Wire},
        outbox::Sink,
        streaming::{EventSink, Hangup},
    },
};

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One mounted endpoint of event streams.
pub(crate) struct EventsEndpoint {
    pub(crate) audience: Arc<Audience>,
    pub(crate) config: StreamConfig,
}

impl EventsEndpoint {
    /// Answers a request.
    pub(crate) async fn handle(&self, parts: &Parts) -> Response<Body> {
        let cors = self.config.cors.as_ref();
        let response = match unasked(parts, &Method::GET, cors) {
            Some(response) => response,
            None => match self.open(parts).await {
                Ok(stream) => respond(stream),
                Err(failure) => failure.respond(Format::Json),
            },
        };
        share(response, parts, cors)
    }

    async fn open(&self, parts: &Parts) -> Result<EventBody, Failure> {
        let Caller { session, cursor } = Caller::of(parts)?;
        let hangup = parts.extensions.get::<Hangup>().cloned();
        let live = self.audience.open(
            parts,
            Wire::EventStream,
            Sink::EventStream(Box::new(EventSink::new(hangup))),
            HeartbeatConfig {
                interval: self.config.keep_alive,
                timeout: self.config.keep_alive * 2,
            },
            Some(session.unwrap_or_else(PrivateId::random)),
        )?;
        // From here on the connection ends with the request, and then with its response.
        let body = EventBody(live.connection);
        let arrival = Arrival {
            encoding: Encoding::EventStream,
            named: session.is_some(),
            place: cursor.and_then(|it| it.place),
            retry: self.config.retry,
        };
        live.client.join(&body.0, arrival).await?;
        Ok(body)
    }
}

fn respond(stream: EventBody) -> Response<Body> {
    let mut response = Response::new(stream.boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    uncached(&mut response);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies of the nginx kind would wait for more.
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// The body of an event stream.
struct EventBody(Arc<Connection>);

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        self.0
            .poll_chunk(context)
            .map(|chunk| Some(chunk?.map(http_body::Frame::data)))
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.0.transport_gone(CloseReason::TransportClose);
    }
}
