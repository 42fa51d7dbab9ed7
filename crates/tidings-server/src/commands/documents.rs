//! `doc:join`, `doc:leave`, `doc:operation`, `doc:cursor`: a client has a text open, and edits it.
//!
//! Who may do so is who may enter, or send to, the room `doc:{documentId}`: the same claims,
//! patterns and memberships as for any room.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidings::Socket;
use tidings_documents::Operation;
use tokio::sync::oneshot;

use crate::{
    app::App,
    channel,
    client::Client,
    documents::{Caller, Joined, OperationAnswer, Place, Request, Submission, events::Kind},
    fault::{Code, Fault},
    limits::meters::Limit,
    names::{DocumentId, OperationId},
    registry::{Answer, Call, Done},
    session::Session,
};

/// Which document to open, and what the client knows of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Join {
    document_id: DocumentId,
    /// The version that the client has; what came after it is answered, if it is still known.
    version: Option<u64>,
}

/// Which document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Leave {
    document_id: DocumentId,
}

/// Which document was closed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Left {
    document_id: DocumentId,
}

/// A change of a text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operate {
    document_id: DocumentId,
    /// The last version that the client has seen.
    version: u64,
    /// The user's own name for the operation, by which a retry is known.
    operation_id: OperationId,
    #[serde(rename = "type")]
    kind: Kind,
    /// UTF-16 units before it.
    position: usize,
    /// What to insert. Of control characters it may have tabs and line ends.
    content: Option<String>,
    /// How many UTF-16 units to delete.
    length: Option<usize>,
}

/// Where a cursor is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    document_id: DocumentId,
    /// UTF-16 units before it.
    position: usize,
    /// The version of the text in which that is so; the present one when it is left out.
    version: Option<u64>,
}

/// Opens a document. The commands that come after wait for that.
pub(super) async fn join(call: Call, join: Join, answer: Answer<Joined>) -> Result<(), Fault> {
    let session = call.session()?;
    let Join {
        document_id: id,
        version,
    } = join;
    let room = id.room();
    let access = call.app.access();
    access.enter(&session, &room).await?;
    let most = call.app.config().documents.max_per_connection;
    let known = call.client.has_document(&id);
    if !call.client.add_document(&id, most) {
        call.app.guard().hit(Limit::DocumentsPerConnection);
        return Err(Fault::new(
            Code::TooManyRooms,
            format!(
                "Document {id} cannot be joined: this connection has {most} documents open. Leave \
                 another one first."
            ),
        ));
    }
    let (entered, wait) = oneshot::channel();
    let request = Request::Join {
        caller: caller(&call, &session),
        known: version,
        read_only: access.send(&session, &room, true).await.is_err(),
        answer,
        entered,
    };
    let asked = ask(&call, &id, request);
    if asked.is_err() && !known {
        call.client.remove_document(&id);
    }
    asked?;
    // It is dropped in any case.
    let _ = wait.await;
    // As in `be_in`.
    if !call.socket.is_connected() {
        be_out(&call.app, &call.client, &session, &id).await;
    }
    Ok(())
}

/// Closes a document.
pub(super) async fn leave(call: Call, leave: Leave) -> Result<Left, Fault> {
    let session = call.session()?;
    let id = leave.document_id;
    call.socket.leave(channel::of_document(&id));
    be_out(&call.app, &call.client, &session, &id).await;
    Ok(Left { document_id: id })
}

/// Changes a text. Who has it open was let in already.
pub(super) async fn operation(
    call: Call,
    operate: Operate,
    answer: OperationAnswer,
) -> Result<(), Fault> {
    let session = call.session()?;
    let id = operate.document_id.clone();
    let submission = operate.submission()?;
    let inside = call.client.has_document(&id);
    let access = call.app.access();
    access.send(&session, &id.room(), inside).await?;
    let request = Request::Edit {
        caller: caller(&call, &session),
        submission,
        answer,
    };
    ask(&call, &id, request)
}

impl Operate {
    fn submission(self) -> Result<Submission, Fault> {
        let position = self.position;
        let operation = match (self.kind, self.content, self.length) {
            (Kind::Insert, Some(content), None) => {
                // JSON takes six bytes for each of these, which the bounds do not provide for.
                if let Some(found) = content.chars().find(|it| is_unwelcome(*it)) {
                    return Err(Fault::new(
                        Code::BadRequest,
                        format!("content has the control character {found:?} in it."),
                    ));
                }
                Operation::Insert {
                    position,
                    content: content.into(),
                }
            }
            (Kind::Delete, None, Some(length)) => Operation::Delete { position, length },
            (kind, ..) => {
                let (needed, beside) = match kind {
                    Kind::Insert => ("content", "length"),
                    Kind::Delete => ("length", "content"),
                };
                return Err(Fault::new(
                    Code::BadRequest,
                    format!("An operation of this type has the field {needed}, and not {beside}."),
                ));
            }
        };
        Ok(Submission {
            operation_id: self.operation_id.shared(),
            version: self.version,
            operation,
        })
    }
}

fn is_unwelcome(character: char) -> bool {
    character < ' ' && !matches!(character, '\t' | '\n' | '\r')
}

/// Shows a cursor.
pub(super) async fn cursor(call: Call, cursor: Cursor) -> Result<Done, Fault> {
    let session = call.session()?;
    let Cursor {
        document_id: id,
        position,
        version,
    } = cursor;
    if !call.client.has_document(&id) {
        let sentence = format!("You have not joined document {id}. Send doc:join first.");
        return Err(Fault::new(Code::NotAMember, sentence));
    }
    let request = Request::Cursor {
        caller: caller(&call, &session),
        place: Place { position, version },
    };
    ask(&call, &id, request)?;
    Ok(Done {})
}

fn caller(call: &Call, session: &Session) -> Caller {
    Caller {
        socket: call.socket.clone(),
        client: Arc::clone(&call.client),
        user_id: session.user_id().clone(),
    }
}

fn ask(call: &Call, id: &DocumentId, request: Request) -> Result<(), Fault> {
    let documents = call.app.documents();
    documents.ask(&call.app, call.socket.hub(), id, request)
}

/// A session that is continued has its documents open, and has heard what happened to them.
pub(super) async fn be_in(
    app: &App,
    socket: &Socket,
    client: &Arc<Client>,
    session: &Session,
    id: &DocumentId,
) {
    client.add_document(id, usize::MAX);
    let request = Request::Continue {
        caller: Caller {
            socket: socket.clone(),
            client: Arc::clone(client),
            user_id: session.user_id().clone(),
        },
    };
    // Otherwise the first operation says that the document has to be joined again.
    if let Err(fault) = app.documents().ask(app, socket.hub(), id, request) {
        tracing::debug!("a document was not opened again: {fault}");
    }
    // It may have gone meanwhile, and is not heard of again.
    if !socket.is_connected() {
        be_out(app, client, session, id).await;
    }
}

/// A connection has a document open no longer.
async fn be_out(app: &App, client: &Client, session: &Session, id: &DocumentId) {
    if client.remove_document(id) {
        let request = Request::Leave {
            device: client.device,
            user_id: session.user_id().clone(),
        };
        app.documents().tell(id, request).await;
    }
}

/// A connection has gone.
pub(super) async fn be_out_of_all(app: &App, client: &Client, session: &Session) {
    for id in client.take_documents() {
        let request = Request::Leave {
            device: client.device,
            user_id: session.user_id().clone(),
        };
        app.documents().tell(&id, request).await;
    }
}
