//! `presence`: who is online.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    api::request::Request,
    commands::presence::{self, Users},
    fault::Fault,
    names::UserId,
};

/// Whose presence is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    #[schemars(length(max = 500))]
    user_ids: Vec<UserId>,
}

/// Says who is online.
pub(super) async fn presence(request: Request, get: Get) -> Result<Users, Fault> {
    presence::look_up(&request.app, get.user_ids).await
}
