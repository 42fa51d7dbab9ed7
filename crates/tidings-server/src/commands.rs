//! The commands: what clients may ask for, whatever their transport.
//!
//! One file a subject. A new command is a function in one of them and an entry in [`registry()`].
//!
//! Commands of one client begin in the order in which they came, and those that others build on
//! (`auth`, `room:join`) are finished before the next begins; so a client need not await one answer
//! before it sends the next command. Others that wait for the store may be overtaken.

pub(crate) mod chat;
mod connect;
mod documents;
mod emit;
pub(crate) mod members;
pub(crate) mod notifications;
pub(crate) mod presence;
mod receipts;
pub(crate) mod rooms;
mod sign_in;
mod typing;

use std::sync::Arc;

use tidings::{Ack, Args, EventName, Namespace, Socket, State};

pub(crate) use self::{
    connect::{dismiss, on_due},
    presence::see,
    typing::expire as expire_typing,
};
use crate::{
    app::App,
    registry::{self, About, Permission, Registry},
};

/// The commands of the server, as the namespace that every transport speaks for.
pub(crate) fn namespace(app: App) -> Namespace {
    let mut namespace = Namespace::new()
        .middleware(connect::middleware)
        .on_connect(connect::connected)
        .on_disconnect(connect::gone)
        .fallback(
            |socket: Socket, State(app): State<App>, EventName(name), args: Args, ack| async move {
                registry::unknown(app, socket, &name, args, ack).await;
            },
        );
    for spec in registry().specs() {
        let spec = Arc::clone(spec);
        namespace = namespace.on(
            spec.name,
            move |socket: Socket, State(app): State<App>, args: Args, ack: Option<Ack>| {
                let spec = Arc::clone(&spec);
                async move { spec.handle(app, socket, args, ack).await }
            },
        );
    }
    namespace.with_state(app)
}

/// Every command there is.
pub(crate) fn registry() -> Registry {
    use Permission::{Admin, Anybody, MayJoin, MayRead, MaySend, MayWrite, Member, Reader, User};
    Registry::default()
        .answering(
            About {
                name: "auth",
                summary: "Signs in, or gives a new token before the old one expires. A server in \
                          development lets guests in under any id.",
                permission: Anybody,
                cost: 5,
                events: &["welcome", "user:online"],
            },
            sign_in::auth,
        )
        .answering(
            About {
                name: "room:join",
                summary: "Enters a room. The answer and the events after it are the whole story: \
                          with `after`, from that number on if `recovered` says so.",
                permission: MayJoin,
                cost: 1,
                events: &["room:user-joined"],
            },
            rooms::join,
        )
        .command(
            About {
                name: "room:leave",
                summary: "Leaves a room. Leaving one that was not joined is no fault.",
                permission: User,
                cost: 1,
                events: &["room:user-left"],
            },
            rooms::leave,
        )
        .command(
            About {
                name: "room:members",
                summary: "Lists who is in a room.",
                permission: MayJoin,
                cost: 2,
                events: &[],
            },
            rooms::members,
        )
        .command(
            About {
                name: "room:list",
                summary: "Lists the rooms that the user is stored as a member of, private \
                          conversations among them: where to look after having been away.",
                permission: User,
                cost: 2,
                events: &[],
            },
            members::list,
        )
        .command(
            About {
                name: "room:emit",
                summary: "Sends an event of any name to the others in a room; it is not stored. \
                          With `volatile`, clients that cannot take it at once do without.",
                permission: Member,
                cost: 1,
                events: &[],
            },
            emit::emit,
        )
        .answering(
            About {
                name: "room:add-member",
                summary: "Makes a user a member of a room, who may enter it from now on.",
                permission: Admin,
                cost: 1,
                events: &[],
            },
            members::add,
        )
        .answering(
            About {
                name: "room:remove-member",
                summary: "Ends a user's membership. Devices that nothing else lets in are out.",
                permission: Admin,
                cost: 1,
                events: &["room:removed", "room:user-left"],
            },
            members::remove,
        )
        .answering(
            About {
                name: "chat:send",
                summary: "Sends a message. It is stored when this is answered; the same \
                          `clientMessageId` again is answered with the first message.",
                permission: MaySend,
                cost: 1,
                events: &["chat:message"],
            },
            chat::send,
        )
        .answering(
            About {
                name: "chat:private",
                summary: "Sends a message to one user, in the room of the two.",
                permission: User,
                cost: 1,
                events: &["chat:message"],
            },
            chat::private,
        )
        .answering(
            About {
                name: "chat:edit",
                summary: "Changes what a message of one's own says.",
                permission: MaySend,
                cost: 1,
                events: &["chat:edited"],
            },
            chat::edit,
        )
        .answering(
            About {
                name: "chat:delete",
                summary: "Deletes a message of one's own; with the claim `admin`, any.",
                permission: MaySend,
                cost: 1,
                events: &["chat:deleted"],
            },
            chat::delete,
        )
        .command(
            About {
                name: "chat:history",
                summary: "Reads messages of a room, oldest first: the last ones, or those before \
                          or after a number.",
                permission: MayJoin,
                cost: 2,
                events: &[],
            },
            chat::history,
        )
        .answering(
            About {
                name: "chat:read",
                summary: "Says that the user has read a room up to a number.",
                permission: MayJoin,
                cost: 1,
                events: &["chat:receipt"],
            },
            chat::read,
        )
        .command(
            About {
                name: "chat:receipts",
                summary: "Reads how far users have come in a room; in one of more members than \
                          `chat.receipts_max_members`, only how far oneself has.",
                permission: MayJoin,
                cost: 2,
                events: &[],
            },
            receipts::list,
        )
        .command(
            About {
                name: "typing:start",
                summary: "Says that the user is typing. Whoever goes on says so again.",
                permission: Member,
                cost: 1,
                events: &["typing:user", "typing:stopped"],
            },
            typing::start,
        )
        .command(
            About {
                name: "typing:stop",
                summary: "Says that the user has stopped typing.",
                permission: User,
                cost: 1,
                events: &["typing:stopped"],
            },
            typing::stop,
        )
        .command(
            About {
                name: "presence:set",
                summary: "Chooses what others see: online or away, at this device, or invisible.",
                permission: User,
                cost: 1,
                events: &["presence:changed", "user:online", "user:offline"],
            },
            presence::set,
        )
        .command(
            About {
                name: "presence:get",
                summary: "Asks who is online, and when the others were last seen.",
                permission: User,
                cost: 2,
                events: &[],
            },
            presence::get,
        )
        .answering(
            About {
                name: "doc:join",
                summary: "Opens a collaborative text. The answer and the events after it are the \
                          whole story; with `version`, only what happened after it is told, if \
                          that is still known.",
                permission: MayRead,
                cost: 2,
                events: &[],
            },
            documents::join,
        )
        .command(
            About {
                name: "doc:leave",
                summary: "Closes a text. Closing one that is not open is no fault.",
                permission: User,
                cost: 1,
                events: &["doc:cursor"],
            },
            documents::leave,
        )
        .answering(
            About {
                name: "doc:operation",
                summary: "Inserts or deletes at a position of a text, in UTF-16 units. The position \
                          is that in the text of `version`; what others did since is taken into \
                          account. It is stored when this is answered, and the same `operationId` \
                          again is answered with the first result. Wait for the answer before \
                          sending the next operation. Several may be on their way at a time, each \
                          in the text with those before it, but then any refusal, or a lost \
                          connection, means to begin anew with `doc:join`.",
                permission: MayWrite,
                cost: 1,
                events: &["doc:operation"],
            },
            documents::operation,
        )
        .command(
            About {
                name: "doc:cursor",
                summary: "Shows the others where the client's cursor is, in UTF-16 units.",
                permission: Reader,
                cost: 1,
                events: &["doc:cursor"],
            },
            documents::cursor,
        )
        .answering(
            About {
                name: "notification:send",
                summary: "Leaves a notification in a user's inbox.",
                permission: Admin,
                cost: 1,
                events: &["notification"],
            },
            notifications::send,
        )
        .command(
            About {
                name: "notification:list",
                summary: "Reads the user's inbox, newest first.",
                permission: User,
                cost: 2,
                events: &[],
            },
            notifications::list,
        )
        .answering(
            About {
                name: "notification:read",
                summary: "Marks notifications as read, on all devices: those with these ids, or \
                          all of them when no ids are given.",
                permission: User,
                cost: 1,
                events: &["notification:changed"],
            },
            notifications::read,
        )
}
