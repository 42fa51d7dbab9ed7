//! Several events as one: the event `batch` of clients that asked for it.
//!
//! An event is encoded once as the item `{type, data}` for all of them, whatever their protocol;
//! which items stand together differs from client to client, and so each has its own frame of them
//! (see `transport/gathering.rs`). An item's subject is its namespace.

use std::sync::Arc;

use tidings_protocol::{
    envelope::{self, Format},
    socket::{self, Parser},
    websocket::Opcode,
};

use super::{
    encoding::Encoding,
    publication::{encode_mark, opcode_of},
};
use crate::transport::{frame::Frame, gathering::Compose};

/// The name of the event.
const NAME: &str = "batch";

/// How items become a message for those who batch; `None` for any other.
pub(super) fn composer(encoding: Encoding) -> Option<Compose> {
    match encoding {
        Encoding::BatchedSocketIo { .. } => Some(packet),
        Encoding::BatchedEnvelope(_) => Some(whole_envelope),
        _ => None,
    }
}

/// The format of the items of those who batch.
pub(super) fn format_of(encoding: Encoding) -> Option<Format> {
    match encoding {
        Encoding::BatchedSocketIo {
            parser: Parser::Json,
            ..
        } => Some(Format::Json),
        Encoding::BatchedSocketIo {
            parser: Parser::MessagePack,
            ..
        } => Some(Format::MessagePack),
        Encoding::BatchedEnvelope(format) => Some(format),
        _ => None,
    }
}

/// A Socket.IO packet, with the place that a client which has it has reached.
fn packet(items: &[Arc<Frame>]) -> Frame {
    let namespace = items.first().and_then(|item| item.subject());
    let namespace = namespace.map_or("/", |it| it);
    let mut list = Vec::new();
    envelope::encode_list(format(items), &mut list, payloads(items));
    let (parser, frame) = match format(items) {
        Format::Json => {
            let list = str::from_utf8(&list).expect("items in JSON are text");
            let packet = Frame::text(|out| {
                out.push(b'4');
                socket::encode_event(out, namespace, None, NAME, list, 0);
            });
            (Parser::Json, packet)
        }
        Format::MessagePack => {
            let packet = Frame::binary(|out| {
                socket::msgpack::encode_event(out, namespace, None, NAME, &list, 1);
            });
            (Parser::MessagePack, packet)
        }
    };
    // It is there when the namespace recovers sessions.
    let mark = items.last().and_then(|item| item.mark());
    let mark = mark.and_then(|mark| encode_mark(parser, namespace, mark));
    as_compressible_as(
        items,
        match mark {
            Some(mark) => frame.followed_by(&mark),
            None => frame,
        },
    )
}

fn whole_envelope(items: &[Arc<Frame>]) -> Frame {
    let format = format(items);
    let mut out = Vec::new();
    envelope::encode_events(format, &mut out, NAME, payloads(items));
    as_compressible_as(items, Frame::raw(opcode_of(format), &out))
}

fn format(items: &[Arc<Frame>]) -> Format {
    match items.first().and_then(|item| item.opcode()) {
        Some(Opcode::Binary) => Format::MessagePack,
        _ => Format::Json,
    }
}

fn payloads(items: &[Arc<Frame>]) -> impl ExactSizeIterator<Item = &[u8]> {
    items.iter().map(|item| item.payload())
}

fn as_compressible_as(items: &[Arc<Frame>], frame: Frame) -> Frame {
    if items.iter().all(|item| item.may_compress()) {
        frame
    } else {
        frame.uncompressed()
    }
}
