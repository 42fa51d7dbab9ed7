//! Server-Sent Events: one event with the name of ours, its data as JSON in one line.
//!
//! The format is that of the [HTML standard, section 9.2.5]: lines end with CR, LF or both, and an
//! empty line ends an event. So neither the name nor the data may hold one.
//!
//! [HTML standard, section 9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
use crate::args::{Args, DecodeError};
use std::time::Duration;

/// A comment, which clients ignore: it keeps proxies from closing an idle stream.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// Appends an event.
///
/// No argument is `null`, since browsers drop an event without data; several become an array.
/// Binary data is a string of base64. Line ends in the name, which the format cannot express,
/// become spaces. The `id` is what a client that comes back sends as `Last-Event-ID`; it must hold
/// no line end.
///
/// # Errors
///
/// When an argument nests too deeply to be converted; nothing is appended then.
pub fn encode_event(
    out: &mut Vec<u8>,
    name: &str,
    id: Option<&str>,
    args: &Args,
) -> Result<(), DecodeError> {
    let data = args.to_json_base64()?;
    let (open, data, close) = match args.len() {
        0 => ("", "null", ""),
        1 => ("", &*data, ""),
        _ => ("[", &*data, "]"),
    };
    out.extend_from_slice(b"event: ");
    one_line(out, name);
    push_id(out, id);
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(open.as_bytes());
    // Between the tokens of JSON a line end is as good as a space; within them there is none.
    one_line(out, data);
    out.extend_from_slice(close.as_bytes());
    out.extend_from_slice(b"\n\n");
    Ok(())
}

/// Appends what a stream begins with: how long a client waits before it comes back, and the place
/// that it has reached. It is no event of its own.
pub fn encode_opening(out: &mut Vec<u8>, retry: Duration, id: Option<&str>) {
    out.extend_from_slice(b"retry: ");
    out.extend_from_slice(retry.as_millis().to_string().as_bytes());
    push_id(out, id);
    out.extend_from_slice(b"\n\n");
}

fn push_id(out: &mut Vec<u8>, id: Option<&str>) {
    if let Some(id) = id {
        out.extend_from_slice(b"\nid: ");
        one_line(out, id);
    }
}

fn one_line(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().map(|byte| match byte {
        b'\r' | b'\n' => b' ',
        other => other,
    }));
}
