//! Whether a client wants its events several at a time, as its handshake says: in what Socket.IO
//! clients authenticate with, or in the URL of any. Asked once, before anything is sent.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use tidings::Socket;

use crate::fault::{Code, Fault};

/// What `size` and `interval` are when they are left out, and the most that each may be.
const SIZE: u64 = 100;
const INTERVAL: u64 = 50;
const MOST: u64 = 1000;

/// How a client wants its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    /// Events in one batch.
    pub(crate) size: usize,
    /// For how long the first of them waits.
    pub(crate) interval: Duration,
}

impl Batching {
    /// What the handshake asks for.
    pub(crate) fn asked_by(socket: &Socket) -> Result<Option<Self>, Fault> {
        let of_auth = Self::of_auth(socket.auth().map_or("{}", |auth| auth.get()))?;
        if of_auth.is_some() {
            return Ok(of_auth);
        }
        let of_url = socket.handshake().query("batch");
        of_url.map(|it| Self::of_url(&it)).transpose()
    }

    fn of_auth(auth: &str) -> Result<Option<Self>, Fault> {
        #[derive(Deserialize)]
        struct Given {
            batch: Option<Value>,
        }
        // Whatever else is wrong with it is for others to say.
        let given = serde_json::from_str(auth).unwrap_or(Given { batch: None });
        match given.batch {
            None => Ok(None),
            Some(Value::Object(fields)) => {
                let size = field(&fields, "size", SIZE);
                let interval = field(&fields, "interval", INTERVAL);
                Self::new(size, interval).map(Some)
            }
            Some(_) => Err(Fault::new(
                Code::BadRequest,
                "The field batch has to be an object with size and interval.",
            )),
        }
    }

    fn of_url(text: &str) -> Result<Self, Fault> {
        let (size, interval) = text.split_once(',').ok_or_else(|| {
            Fault::new(
                Code::BadRequest,
                "The parameter batch has to be a size and an interval, as in batch=100,50.",
            )
        })?;
        Self::new(size.parse().ok(), interval.parse().ok())
    }

    fn new(size: Option<u64>, interval: Option<u64>) -> Result<Self, Fault> {
        let within = |number: Option<u64>| number.filter(|it| (1..=MOST).contains(it));
        let size = within(size).and_then(|it| usize::try_from(it).ok());
        Ok(Self {
            size: size.ok_or_else(|| out_of_bounds("size", ""))?,
            interval: within(interval)
                .map(Duration::from_millis)
                .ok_or_else(|| out_of_bounds("interval", " of milliseconds"))?,
        })
    }
}

/// A number, or none if it is no number.
fn field(fields: &Map<String, Value>, name: &str, default: u64) -> Option<u64> {
    fields.get(name).map_or(Some(default), Value::as_u64)
}

fn out_of_bounds(field: &str, of_what: &str) -> Fault {
    Fault::new(
        Code::BadRequest,
        format!("The {field} of batch has to be a whole number{of_what} from 1 to {MOST}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: Result<Option<Batching>, Fault>, expected: Result<Option<(usize, u64)>, &str>) {
        match (read, expected) {
            (Ok(read), Ok(expected)) => {
                let expected = expected.map(|(size, milliseconds)| Batching {
                    size,
                    interval: Duration::from_millis(milliseconds),
                });
                assert_eq!(read, expected);
            }
            (Err(fault), Err(said)) => {
                assert_eq!(fault.code(), Code::BadRequest);
                assert!(fault.sentence().contains(said), "{fault}");
            }
            (read, expected) => panic!("{read:?} and not {expected:?}"),
        }
    }

    #[test]
    fn it_is_read_from_auth_within_bounds() {
        for (auth, expected) in [
            ("{}", Ok(None)),
            (r#"{"token":"x","batch":null}"#, Ok(None)),
            (r#"{"batch":{}}"#, Ok(Some((100, 50)))),
            (
                r#"{"batch":{"size":1,"interval":1000}}"#,
                Ok(Some((1, 1000))),
            ),
            (r#"{"batch":{"size":1000}}"#, Ok(Some((1000, 50)))),
            (r#"{"batch":{"size":0}}"#, Err("size of batch")),
            (r#"{"batch":{"size":1001}}"#, Err("size of batch")),
            (r#"{"batch":{"size":"10"}}"#, Err("size of batch")),
            (r#"{"batch":{"interval":0}}"#, Err("interval of batch")),
            (r#"{"batch":{"interval":1001}}"#, Err("interval of batch")),
            (r#"{"batch":{"interval":1.5}}"#, Err("interval of batch")),
            (r#"{"batch":true}"#, Err("field batch")),
            (r#"{"batch":[100,50]}"#, Err("field batch")),
        ] {
            check(Batching::of_auth(auth), expected);
        }
    }

    #[test]
    fn it_is_read_from_the_url_within_bounds() {
        for (text, expected) in [
            ("100,50", Ok(Some((100, 50)))),
            ("1,1000", Ok(Some((1, 1000)))),
            ("0,50", Err("size of batch")),
            ("1001,50", Err("size of batch")),
            ("-1,50", Err("size of batch")),
            ("100,0", Err("interval of batch")),
            ("100,1001", Err("interval of batch")),
            ("100,50ms", Err("interval of batch")),
            ("100", Err("parameter batch")),
            ("", Err("parameter batch")),
        ] {
            check(Batching::of_url(text).map(Some), expected);
        }
    }
}
