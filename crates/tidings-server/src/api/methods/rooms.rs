//! `members`, `history` and `rooms`: what there is in rooms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api::{request::Request, whole},
    commands::{
        chat::{self, History, Wanted},
        rooms::{self, Members},
    },
    fault::Fault,
    names::RoomId,
};

/// Rooms of one page, unless another number is asked for, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// A room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct In {
    room_id: RoomId,
}

/// Which messages of a room are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Page {
    room_id: RoomId,
    /// Only messages before that number: the last ones of those.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schemars(range(max = whole::MAX))]
    before: Option<u64>,
    /// Only messages after that number: the first ones of those.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schemars(range(max = whole::MAX))]
    after: Option<u64>,
    /// How many at most.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schemars(range(max = 1000))]
    limit: Option<u32>,
}

/// Which rooms are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    /// Only rooms whose names begin so.
    prefix: Option<String>,
    /// Only rooms after that one, in the order of their names: the last one of the page before.
    after: Option<String>,
    /// How many at most: 100, if it is not said; never more than 1000.
    #[serde(default, deserialize_with = "whole::optional")]
    #[schemars(range(max = 1000))]
    limit: Option<u32>,
}

/// Rooms that somebody is in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Occupied {
    rooms: Vec<OccupiedRoom>,
    /// Whether there are more after the last one.
    has_more: bool,
}

/// A room that somebody is in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OccupiedRoom {
    room_id: RoomId,
    /// Users who are in it.
    members: usize,
    /// Devices of theirs that are.
    devices: usize,
}

/// Lists who is in a room.
pub(super) async fn members(request: Request, room: In) -> Result<Members, Fault> {
    request.check_room(&room.room_id)?;
    Ok(rooms::who_is_in(&request.app, &room.room_id))
}

/// Reads messages of a room.
pub(super) async fn history(request: Request, page: Page) -> Result<History, Fault> {
    let Page {
        room_id,
        before,
        after,
        limit,
    } = page;
    request.check_room(&room_id)?;
    let wanted = Wanted {
        room_id,
        before,
        after,
        limit: limit.map(as_usize),
    };
    chat::look_back(&request.app, wanted).await
}

/// Lists rooms.
pub(super) async fn rooms(request: Request, which: Which) -> Result<Occupied, Fault> {
    let Which {
        prefix,
        after,
        limit,
    } = which;
    let limit = limit.map_or(PAGE, as_usize).min(PAGE_MAX);
    let prefix = prefix.unwrap_or_default();
    let is_wanted = |room_id: &RoomId| {
        let name = room_id.as_str();
        name.starts_with(&prefix)
            && after.as_deref().is_none_or(|after| name > after)
            && request.holder.is_for(room_id)
    };
    let (found, has_more) = request.app.rooms().first(limit, is_wanted);
    let rooms = found.into_iter().map(|it| OccupiedRoom {
        room_id: it.room_id,
        members: it.members,
        devices: it.devices,
    });
    Ok(Occupied {
        rooms: rooms.collect(),
        has_more,
    })
}

fn as_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
