//! The protocol reference, written from the registry.

use std::fmt::Write as _;

use schemars::SchemaGenerator;

use super::{
    Permission, Registry, Spec,
    page::{codes, fields},
    shape,
};
use crate::{
    documents,
    events::{self, Event},
    fault::Code,
    message::ChatMessage,
};

const HEAD: &str = "\
# Protocol

What clients send and hear, whatever their transport. This page is written by
`tidings protocol`; a test compares it with the server.

| | command up | answer | event down |
| --- | --- | --- | --- |
| Socket.IO, `/socket.io/` | `emit(name, data, ack)` | the callback's argument | `on(name, data)` |
| WebSocket, `/ws` | `{\"type\":name,\"data\":…,\"id\":7}` | `{\"type\":\"ack\",\"id\":7,\"data\":…}` | `{\"type\":name,\"data\":…}` |
| event stream, `/sse` | `POST /rpc` `{\"type\":name,\"data\":…}` | the response's body | `event: name`, `data: …`, `id: cursor` |
| long-polling, `/poll` | `POST /rpc` | the response's body | `{\"events\":[{\"type\":name,\"data\":…}],\"cursor\":…}` |

On `/ws`, the subprotocol `tidings.msgpack.v1` has MessagePack of the same maps. Ids are strings;
times are RFC 3339 in UTC with milliseconds. Unknown fields are passed over.

A command answers `{\"success\":true, …}`, or `{\"success\":false, \"error\", \"code\", \"retryAfterMs\"?}`.
A client that asks for no answer hears of a failure by the event `error`.

The commands of one connection are done in the order in which they came, whether or not the client
waits for answers. Those that a backend carries out (webhooks) keep nobody waiting; and requests to
`/rpc` have an order only if each waits for the one before.

## Batches

A client that expects very many small events may ask for several at a time when it connects: by
`auth.batch` of Socket.IO, `{\"size\":100,\"interval\":50}`, or by `?batch=100,50` in any URL. `size`
events (1 to 1000) or `interval` milliseconds (1 to 1000) are the most that it waits for; what it
leaves out of `auth.batch` is 100 and 50. It then hears the event `batch`, whose data is the list of
events in their order: `[{\"type\":name,\"data\":…}, …]`. An answer never overtakes the events before
it, so a shorter batch goes in front of it. On Socket.IO with its JSON parser, an event with binary
data comes alone, in its place. Batches change nothing on `/sse` and `/poll`.
";

/// The page.
pub(crate) fn reference(registry: &Registry) -> String {
    let mut page = HEAD.to_owned();
    let mut generator = shape::generator();
    page.push_str("\n## Commands\n");
    for spec in registry.specs() {
        command(&mut page, spec, &mut generator);
    }
    page.push_str("\n## Events\n");
    let mut writer = Events {
        page: &mut page,
        generator: &mut generator,
    };
    writer.write::<events::Welcome<'_>>();
    writer.write::<events::Expiring>();
    writer.write::<events::ErrorEvent<'_>>();
    writer.write::<events::UserJoined<'_>>();
    writer.write::<events::UserLeft<'_>>();
    writer.write::<events::Added<'_>>();
    writer.write::<events::Removed<'_>>();
    writer.write::<ChatMessage>();
    writer.write::<events::Edited<'_>>();
    writer.write::<events::Deleted<'_>>();
    writer.write::<events::Receipt<'_>>();
    writer.write::<events::Typing<'_>>();
    writer.write::<events::TypingStopped<'_>>();
    writer.write::<events::UserOnline<'_>>();
    writer.write::<events::UserOffline<'_>>();
    writer.write::<events::PresenceChanged<'_>>();
    writer.write::<events::Notification>();
    writer.write::<events::NotificationsRead<'_>>();
    writer.write::<documents::events::Sync<'_>>();
    writer.write::<documents::events::Operated>();
    writer.write::<documents::events::Cursor<'_>>();
    writer.write::<events::Draining>();
    writer.write::<events::ServerMetrics>();
    codes(&mut page, &generator.subschema_for::<Code>());
    page
}

fn command(page: &mut String, spec: &Spec, generator: &mut SchemaGenerator) {
    let who = match spec.permission {
        Permission::Anybody => "whoever is connected",
        Permission::User => "whoever has signed in",
        Permission::MayJoin => "whoever may enter the room",
        Permission::MaySend => "whoever may send to the room",
        Permission::Member => "whoever has joined the room with this connection",
        Permission::MayRead => "whoever may enter the room `doc:{documentId}`",
        Permission::MayWrite => "whoever may send to the room `doc:{documentId}`",
        Permission::Reader => "whoever has joined the document with this connection",
        Permission::Admin => "whoever has the claim `admin`",
    };
    let _ = write!(page, "\n### `{}`\n\n{}\n", spec.name, spec.summary);
    let _ = write!(page, "\nFor {who}; counts as {}.", commands(spec.cost));
    let names: Vec<_> = spec.events.iter().map(|it| format!("`{it}`")).collect();
    if !names.is_empty() {
        let _ = write!(page, " Others hear {}.", names.join(", "));
    }
    page.push('\n');
    fields(page, "data", &spec.shape.input(generator));
    fields(page, "answer", &spec.shape.output(generator));
}

fn commands(cost: u32) -> String {
    match cost {
        1 => "one command".to_owned(),
        many => format!("{many} commands"),
    }
}

struct Events<'a> {
    page: &'a mut String,
    generator: &'a mut SchemaGenerator,
}

impl Events<'_> {
    fn write<E: Event>(&mut self) {
        let _ = write!(self.page, "\n### `{}`\n\n{}\n", E::NAME, E::SUMMARY);
        let schema = self.generator.subschema_for::<E>();
        fields(self.page, "data", &schema);
    }
}

#[cfg(test)]
mod tests {
    use crate::commands;

    #[test]
    fn the_page_in_the_repository_is_what_the_server_does() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == super::reference(&commands::registry()),
            "docs/protocol.md is out of date: run `cargo run -- protocol > docs/protocol.md`"
        );
    }
}
