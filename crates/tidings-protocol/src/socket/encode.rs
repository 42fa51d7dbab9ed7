//! Encoding packets in the JSON encoding.
use crate::args::write_json_string;
use serde_json::value::RawValue;
use std::io::Write as _;

/// Appends an event.
///
/// `args_json` holds the arguments joined by commas; with attachments, which must be sent right
/// after this text, the packet says how many.
pub fn encode_event(
    out: &mut Vec<u8>,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args_json: &str,
    attachments: usize,
) {
    out.reserve(name.len() + args_json.len() + 32);
    head(out, b'2', namespace, attachments);
    if let Some(id) = id {
        number(out, id);
    }
    out.push(b'[');
    write_json_string(out, name);
    if !args_json.is_empty() {
        out.push(b',');
        out.extend_from_slice(args_json.as_bytes());
    }
    out.push(b']');
}

/// Appends an acknowledgement, with arguments and attachments as in [`encode_event`].
pub fn encode_ack(
    out: &mut Vec<u8>,
    namespace: &str,
    id: u64,
    args_json: &str,
    attachments: usize,
) {
    head(out, b'3', namespace, attachments);
    number(out, id);
    out.push(b'[');
    out.extend_from_slice(args_json.as_bytes());
    out.push(b']');
}

/// Appends the answer to a client that has joined, with the id for recovery if there is one.
pub fn encode_connect(out: &mut Vec<u8>, namespace: &str, sid: &str, pid: Option<&str>) {
    head(out, b'0', namespace, 0);
    out.extend_from_slice(br#"{"sid":"#);
    write_json_string(out, sid);
    if let Some(pid) = pid {
        out.extend_from_slice(br#","pid":"#);
        write_json_string(out, pid);
    }
    out.push(b'}');
}

/// Appends the notice that the server removed the client from a namespace.
pub fn encode_disconnect(out: &mut Vec<u8>, namespace: &str) {
    head(out, b'1', namespace, 0);
}

/// Appends the refusal to let a client join.
pub fn encode_connect_error(
    out: &mut Vec<u8>,
    namespace: &str,
    message: &str,
    data: Option<&RawValue>,
) {
    head(out, b'4', namespace, 0);
    out.extend_from_slice(br#"{"message":"#);
    write_json_string(out, message);
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data.get().as_bytes());
    }
    out.push(b'}');
}

/// Writes the type, three higher with attachments, their count, and the namespace.
fn head(out: &mut Vec<u8>, kind: u8, namespace: &str, attachments: usize) {
    if attachments == 0 {
        out.push(kind);
    } else {
        out.push(kind + 3);
        number(out, attachments as u64);
        out.push(b'-');
    }
    if namespace != "/" {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
}

fn number(out: &mut Vec<u8>, number: u64) {
    write!(out, "{number}").expect("a Vec accepts every write");
}
