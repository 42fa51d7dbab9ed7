//! The methods of the API. One file a subject; a new method is a function in one of them and an
//! entry in [`methods()`].

mod batch;
mod connections;
mod info;
mod membership;
mod message;
mod notify;
mod presence;
mod publish;
mod rooms;
mod user;

use schemars::JsonSchema;
use serde::Deserialize;

use super::method::{About, Methods, Scope};

/// Nothing has to be said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Every method there is.
pub(super) fn methods() -> Methods {
    use Scope::{Everywhere, Rooms};
    Methods::default()
        .method(
            About {
                name: "publish",
                summary: "Sends an event of any name to everybody in a room, on every transport. It is \
                          not stored: clients that are away for a moment hear it when they are back, \
                          unless it is `volatile`.",
                scope: Rooms,
                cost: 1,
                example: r#"{"roomId":"lobby","event":"price","data":{"symbol":"TDN","value":42}}"#,
            },
            publish::publish,
        )
        .method(
            About {
                name: "broadcast",
                summary: "Sends an event to several rooms, or to everybody who has signed in. Who is \
                          in more than one of the rooms hears it once.",
                scope: Rooms,
                cost: 1,
                example: r#"{"all":true,"event":"notice","data":"Back in five minutes"}"#,
            },
            publish::broadcast,
        )
        .method(
            About {
                name: "message",
                summary: "Sends a message to a room: stored when this is answered, with the next \
                          number of the room, and heard there as `chat:message`. The short form \
                          `{\"roomId\":…,\"text\":…}` does. Without `senderId` the sender has the name of \
                          the key. The same `clientMessageId` of the same sender, or the same \
                          `Idempotency-Key`, is answered with the first message.",
                scope: Rooms,
                cost: 1,
                example: r#"{"roomId":"lobby","text":"The build has passed."}"#,
            },
            message::message,
        )
        .method(
            About {
                name: "notify",
                summary: "Leaves a notification in the inbox of one user or several, and shows it on \
                          every device as `notification`. Whoever is offline finds it with \
                          `notification:list`.",
                scope: Everywhere,
                cost: 1,
                example: r#"{"userId":"ann","title":"Invoice 17 is paid","data":{"invoice":17}}"#,
            },
            notify::notify,
        )
        .method(
            About {
                name: "join",
                summary: "Makes a user a member of a room, who may enter it from now on. Devices that \
                          are connected are in it at once, and hear `room:added`.",
                scope: Rooms,
                cost: 1,
                example: r#"{"userId":"ann","roomId":"team:red"}"#,
            },
            membership::join,
        )
        .method(
            About {
                name: "leave",
                summary: "Ends a user's membership of a room. Devices that are connected are out at \
                          once, and hear `room:removed`; they may come back where a token or the \
                          settings let them in.",
                scope: Rooms,
                cost: 1,
                example: r#"{"userId":"ann","roomId":"team:red"}"#,
            },
            membership::leave,
        )
        .method(
            About {
                name: "disconnect",
                summary: "Closes the connections of a user, or one. They are to stay away, unless \
                          `reconnect` or the code says otherwise; that a token is good no longer is \
                          for whoever makes tokens to see to.",
                scope: Everywhere,
                cost: 1,
                example: r#"{"userId":"ann","reason":"Your account was closed."}"#,
            },
            connections::disconnect,
        )
        .method(
            About {
                name: "user",
                summary: "Changes what a connected user is called, and what others are shown of the \
                          user, until the next token says otherwise. Rooms hear of another name by \
                          `room:user-joined`.",
                scope: Everywhere,
                cost: 1,
                example: r#"{"userId":"ann","username":"Ann B.","info":{"role":"editor"}}"#,
            },
            user::update,
        )
        .method(
            About {
                name: "presence",
                summary: "Says who is online, and when the others were last seen.",
                scope: Everywhere,
                cost: 1,
                example: r#"{"userIds":["ann","bob"]}"#,
            },
            presence::presence,
        )
        .method(
            About {
                name: "members",
                summary: "Lists who is in a room.",
                scope: Rooms,
                cost: 1,
                example: r#"{"roomId":"lobby"}"#,
            },
            rooms::members,
        )
        .method(
            About {
                name: "history",
                summary: "Reads messages of a room, oldest first: the last ones, or those before or \
                          after a number.",
                scope: Rooms,
                cost: 1,
                example: r#"{"roomId":"lobby","limit":10}"#,
            },
            rooms::history,
        )
        .method(
            About {
                name: "rooms",
                summary: "Lists the rooms that somebody is in, by name. Of a key that is for some \
                          rooms, those.",
                scope: Rooms,
                cost: 2,
                example: r#"{"prefix":"team:","limit":50}"#,
            },
            rooms::rooms,
        )
        .method(
            About {
                name: "connections",
                summary: "Lists connections, in the order of their ids: all, those of a user, those in \
                          a room, those from an address, one.",
                scope: Everywhere,
                cost: 5,
                example: r#"{"userId":"ann"}"#,
            },
            connections::connections,
        )
        .method(
            About {
                name: "info",
                summary: "Says which nodes there are, how long they have been running, and how much \
                          is going on.",
                scope: Everywhere,
                cost: 1,
                example: "{}",
            },
            info::info,
        )
        .method(
            About {
                name: "batch",
                summary: "Does several things in one request, one after the other, or with `parallel` \
                          all at once. Each is one of the methods with its fields, and has its answer \
                          in the same place; that one fails does not keep the next from being done.",
                scope: Rooms,
                cost: 1,
                example: r#"{"commands":[{"method":"join","userId":"ann","roomId":"team:red"},{"method":"message","roomId":"team:red","text":"Ann is here."}]}"#,
            },
            batch::batch,
        )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_method_has_a_name_of_its_own_and_an_example() {
        let methods = methods();
        let names: HashSet<_> = methods.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), methods.iter().count());
        for method in methods.iter() {
            let example: serde_json::Value = serde_json::from_str(method.example).unwrap();
            assert!(example.is_object(), "{}", method.name);
        }
    }
}
