//! `publish` and `broadcast`: events that are not stored.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};
use tidings::{Args, Broadcast, SocketId};

use crate::{
    api::request::Request,
    channel, events,
    fault::{Code, Fault},
    names::{ClientId, EventName, RoomId, UserId},
    registry::Done,
};

/// An event for a room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Publish {
    room_id: RoomId,
    /// Any name that is not one of the server's own.
    event: EventName,
    /// Anything. It is passed on as it is.
    #[serde(default, deserialize_with = "as_it_is")]
    #[schemars(with = "Value")]
    data: Option<Box<RawValue>>,
    /// Who does without.
    #[serde(default)]
    except: Option<Except>,
    /// Whether clients that cannot take it at once do without.
    #[serde(default)]
    volatile: bool,
}

/// An event for several rooms.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["roomIds"], "properties": {"roomIds": {"type": "array"}}},
    {"required": ["all"], "properties": {"all": {"const": true}}},
]))]
pub(super) struct ToMany {
    /// The rooms.
    #[schemars(length(min = 1, max = 1000))]
    room_ids: Option<Vec<RoomId>>,
    /// Or everybody.
    #[serde(default)]
    all: bool,
    /// Any name that is not one of the server's own.
    event: EventName,
    /// Anything. It is passed on as it is.
    #[serde(default, deserialize_with = "as_it_is")]
    #[schemars(with = "Value")]
    data: Option<Box<RawValue>>,
    /// Who does without.
    #[serde(default)]
    except: Option<Except>,
    /// Whether clients that cannot take it at once do without.
    #[serde(default)]
    volatile: bool,
}

/// Who does without an event.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Except {
    /// All devices of these users.
    #[schemars(length(max = 100))]
    user_ids: Vec<UserId>,
    /// These connections.
    #[schemars(length(max = 100))]
    client_ids: Vec<ClientId>,
}

/// Rooms that one broadcast may name.
const ROOMS_MAX: usize = 1_000;
/// Users, and connections, that one event may except.
const EXCEPT_MAX: usize = 100;

/// Takes a value that is there, whatever it is: `null` is one, too.
fn as_it_is<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

/// Sends an event to a room.
pub(super) async fn publish(request: Request, publish: Publish) -> Result<Done, Fault> {
    let Publish {
        room_id,
        event,
        data,
        except,
        volatile,
    } = publish;
    request.check_room(&room_id)?;
    let to = channel::hearers(&request.hub, &room_id);
    send(to, &event, data, except, volatile)
}

/// Sends an event to several rooms.
pub(super) async fn broadcast(request: Request, broadcast: ToMany) -> Result<Done, Fault> {
    let ToMany {
        room_ids,
        all,
        event,
        data,
        except,
        volatile,
    } = broadcast;
    let to = match (room_ids, all) {
        (None, true) if request.holder.is_for_all_rooms() => request.hub.to(channel::EVERYBODY),
        (None, true) => {
            let sentence = format!(
                "The key {} is for some rooms only; name them in roomIds.",
                request.holder.name
            );
            return Err(Fault::new(Code::PermissionDenied, sentence));
        }
        (Some(room_ids), false) => {
            let [first, others @ ..] = &room_ids[..] else {
                return Err(Fault::new(Code::BadRequest, "roomIds is empty."));
            };
            if room_ids.len() > ROOMS_MAX {
                let sentence = format!("roomIds may have {ROOMS_MAX} entries.");
                return Err(Fault::new(Code::BadRequest, sentence));
            }
            room_ids.iter().try_for_each(|it| request.check_room(it))?;
            let first = request.hub.to(channel::of_room(first));
            others
                .iter()
                .fold(first, |to, it| to.to(channel::of_room(it)))
        }
        (Some(_), true) | (None, false) => {
            let sentence = "Say in roomIds which rooms hear it, or that all do; one of the two.";
            return Err(Fault::new(Code::BadRequest, sentence));
        }
    };
    send(to, &event, data, except, volatile)
}

fn send(
    to: Broadcast,
    event: &EventName,
    data: Option<Box<RawValue>>,
    except: Option<Except>,
    volatile: bool,
) -> Result<Done, Fault> {
    if events::is_ours(event.as_str()) {
        return Err(Fault::new(
            Code::BadRequest,
            format!("The event {event} is the server's own; choose another name."),
        ));
    }
    let Except {
        user_ids,
        client_ids,
    } = except.unwrap_or_default();
    if user_ids.len() > EXCEPT_MAX || client_ids.len() > EXCEPT_MAX {
        let sentence = format!("except may have {EXCEPT_MAX} userIds and as many clientIds.");
        return Err(Fault::new(Code::BadRequest, sentence));
    }
    let to = user_ids
        .iter()
        .fold(to, |to, it| to.except(channel::of_user(it)));
    // What is no id of a connection is none that there is.
    let clients = client_ids
        .iter()
        .filter_map(|it| SocketId::parse(it.as_str()));
    let to = clients.fold(to, |to, it| to.except(it.as_str()));
    let args = match data {
        Some(data) => Args::one(&data),
        None => Ok(Args::new()),
    };
    let args = args
        .map_err(|error| Fault::new(Code::BadRequest, format!("data cannot be sent: {error}.")))?;
    let to = if volatile { to.volatile() } else { to };
    to.emit(event.as_str(), args).map_err(Fault::internal)?;
    Ok(Done {})
}
