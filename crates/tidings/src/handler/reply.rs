//! What handlers return.

use std::fmt::Display;

use serde::Serialize;
use tidings_protocol::args::{Args, EncodeError};

use super::{extract::Rejection, namespace::ConnectRefused};
use crate::{event::IntoArgs, hub::JoinError};

/// What a handler may return: its answer to the client, if the client asked for one.
pub trait IntoReply {
    /// The arguments of the acknowledgement; `None` when the handler gives none, or has taken
    /// the [`Ack`](crate::Ack) itself.
    ///
    /// # Errors
    ///
    /// The sentence that the client is answered as `{error}`.
    fn into_reply(self) -> Result<Option<Args>, String>;
}

/// A value as the one argument of the acknowledgement.
#[derive(Debug, Clone, Copy)]
pub struct Reply<T>(pub T);

impl IntoReply for () {
    fn into_reply(self) -> Result<Option<Args>, String> {
        Ok(None)
    }
}

impl IntoReply for Args {
    fn into_reply(self) -> Result<Option<Args>, String> {
        Ok(Some(self))
    }
}

impl<T: Serialize> IntoReply for Reply<T> {
    fn into_reply(self) -> Result<Option<Args>, String> {
        (&self.0)
            .into_args()
            .map(Some)
            .map_err(|error: EncodeError| error.to_string())
    }
}

impl<T: IntoReply, E: Display> IntoReply for Result<T, E> {
    fn into_reply(self) -> Result<Option<Args>, String> {
        self.map_err(|error| error.to_string())?.into_reply()
    }
}

/// What middleware of a namespace may return.
pub trait IntoConnectResult {
    /// Whether the client may join.
    ///
    /// # Errors
    ///
    /// What it is told when it may not.
    fn into_connect_result(self) -> Result<(), ConnectRefused>;
}

impl IntoConnectResult for () {
    fn into_connect_result(self) -> Result<(), ConnectRefused> {
        Ok(())
    }
}

impl<E: Into<ConnectRefused>> IntoConnectResult for Result<(), E> {
    fn into_connect_result(self) -> Result<(), ConnectRefused> {
        self.map_err(Into::into)
    }
}

impl From<JoinError> for ConnectRefused {
    fn from(error: JoinError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<Rejection> for ConnectRefused {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.to_string())
    }
}
