//! One event on its way to any number of sockets, encoded at most once per encoding.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tidings_protocol::{
    args::Args,
    envelope::{self, Format},
    event_stream,
    socket::{self, Parser},
    websocket::Opcode,
};

use super::{batch, encoding::Encoding, recovery::Offset};
use crate::transport::frame::Frame;

/// The name of the event that tells a client how far it has come; see [`Publication::offset`].
const OFFSET_EVENT: &str = "tidings:offset";

/// What is published.
#[derive(Debug)]
pub(crate) enum Content {
    Event {
        namespace: Arc<str>,
        name: Box<str>,
        args: Args,
        /// The id under which an acknowledgement is expected.
        id: Option<u64>,
    },
    /// A WebSocket message for raw sockets.
    Message { opcode: Opcode, payload: Bytes },
}

#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) content: Content,
    compress: bool,
    /// The place in the recovery log that a client has reached with this event.
    ///
    /// It travels in an event of its own, in the same write right behind this one, so that the
    /// user's arguments stay what they are. Stock clients keep the last argument of any event
    /// they receive as their offset if it is a string, so the marker needs nothing of them.
    offset: Option<Offset>,
    frames: [OnceLock<Option<Arc<Frame>>>; Encoding::COUNT],
}

impl Publication {
    pub(crate) fn new(content: Content, compress: bool, offset: Option<Offset>) -> Self {
        Self {
            content,
            compress,
            offset,
            frames: Default::default(),
        }
    }

    pub(crate) fn may_compress(&self) -> bool {
        self.compress
    }

    /// The arguments, when this is an event.
    pub(crate) fn event(&self) -> Option<(&str, &Args)> {
        match &self.content {
            Content::Event { name, args, .. } => Some((name, args)),
            Content::Message { .. } => None,
        }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let encoded = self.frames.iter().filter_map(|frame| frame.get()?.as_ref());
        let frames: usize = encoded.map(|frame| frame.len()).sum();
        let content = match &self.content {
            Content::Event { args, .. } => args.to_json().map_or(0, |(json, attachments)| {
                json.len() + attachments.iter().map(Bytes::len).sum::<usize>()
            }),
            Content::Message { payload, .. } => payload.len(),
        };
        size_of::<Self>() + frames + content
    }

    /// The frame for that encoding, for those who batch an item if it can be one; `None` when the
    /// encoding cannot express this publication.
    pub(crate) fn frame(&self, encoding: Encoding) -> Option<&Arc<Frame>> {
        self.encoded(encoding).or_else(|| {
            let alone = encoding.alone();
            (alone != encoding).then(|| self.encoded(alone))?
        })
    }

    fn encoded(&self, encoding: Encoding) -> Option<&Arc<Frame>> {
        self.frames[encoding.index()?]
            .get_or_init(|| {
                if let (Encoding::BatchedSocketIo { parser, .. }, Some((_, args))) =
                    (encoding, self.event())
                    && parser == Parser::Json
                {
                    // Attachments would have to be counted anew in every packet of several.
                    let is_item = !args.has_binary();
                    let item = is_item.then_some(Encoding::BatchedEnvelope(Format::Json));
                    return self.encoded(item?).cloned();
                }
                let frame = self.encode(encoding)?.marked(self.offset);
                Some(Arc::new(if self.compress {
                    frame
                } else {
                    frame.uncompressed()
                }))
            })
            .as_ref()
    }

    fn encode(&self, encoding: Encoding) -> Option<Frame> {
        match (&self.content, encoding) {
            (
                Content::Event {
                    namespace,
                    name,
                    args,
                    id,
                },
                Encoding::SocketIo { parser, recovery },
            ) => {
                let frame = encode_event(parser, namespace, *id, name, args)?;
                match self.offset {
                    Some(offset) if recovery => {
                        Some(frame.followed_by(&encode_mark(parser, namespace, offset)?))
                    }
                    _ => Some(frame),
                }
            }
            (
                Content::Event {
                    namespace,
                    name,
                    args,
                    id: None,
                },
                Encoding::BatchedSocketIo { .. } | Encoding::BatchedEnvelope(_),
            ) => {
                let format = batch::format_of(encoding)?;
                let mut out = Vec::new();
                envelope::encode_event(format, &mut out, name, args).ok()?;
                let item = Frame::raw(opcode_of(format), &out);
                Some(item.item_about(Arc::clone(namespace)))
            }
            (
                Content::Event {
                    name,
                    args,
                    id: None,
                    ..
                },
                Encoding::Envelope(format),
            ) => {
                let mut out = Vec::new();
                envelope::encode_event(format, &mut out, name, args).ok()?;
                Some(Frame::raw(opcode_of(format), &out))
            }
            (
                Content::Event {
                    name,
                    args,
                    id: None,
                    ..
                },
                Encoding::EventStream,
            ) => {
                let mut out = Vec::new();
                let id = self.offset.as_ref().map(Offset::to_string);
                event_stream::encode_event(&mut out, name, id.as_deref(), args).ok()?;
                Some(Frame::raw(Opcode::Text, &out))
            }
            (Content::Message { opcode, payload }, Encoding::Raw) => {
                Some(Frame::raw(*opcode, payload))
            }
            _ => None,
        }
    }
}

/// The event that tells a client how far it has come.
pub(super) fn encode_mark(parser: Parser, namespace: &str, offset: Offset) -> Option<Frame> {
    let offset = Args::one(&offset.to_string()).ok()?;
    encode_event(parser, namespace, None, OFFSET_EVENT, &offset)
}

/// The kind of WebSocket message that an envelope format travels in.
pub(crate) fn opcode_of(format: envelope::Format) -> Opcode {
    match format {
        envelope::Format::Json => Opcode::Text,
        envelope::Format::MessagePack => Opcode::Binary,
    }
}

fn encode_event(
    parser: Parser,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: &Args,
) -> Option<Frame> {
    Some(match parser {
        Parser::Json => {
            let (json, attachments) = args.to_json().ok()?;
            Frame::with_attachments(
                |out| {
                    out.push(b'4');
                    socket::encode_event(out, namespace, id, name, &json, attachments.len());
                },
                &attachments,
            )
        }
        Parser::MessagePack => {
            let items = args.to_msgpack().ok()?;
            Frame::binary(|out| {
                socket::msgpack::encode_event(out, namespace, id, name, &items, args.len());
            })
        }
    })
}

/// An acknowledgement as Socket.IO sends it.
pub(crate) fn encode_ack(parser: Parser, namespace: &str, id: u64, args: &Args) -> Option<Frame> {
    Some(match parser {
        Parser::Json => {
            let (json, attachments) = args.to_json().ok()?;
            Frame::with_attachments(
                |out| {
                    out.push(b'4');
                    socket::encode_ack(out, namespace, id, &json, attachments.len());
                },
                &attachments,
            )
        }
        Parser::MessagePack => {
            let items = args.to_msgpack().ok()?;
            Frame::binary(|out| {
                socket::msgpack::encode_ack(out, namespace, id, &items, args.len());
            })
        }
    })
}
