//! A request at a time, over a connection of its own.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// What was answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks for a path, with these headers.
pub(crate) fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let line = TcpStream::connect(address).expect("somebody listens");
    get_over(line, address, path, headers)
}

/// Asks for a path over something that is connected already.
pub(crate) fn get_over(
    mut line: impl Read + Write,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    write!(line, "{request}\r\n").expect("it is read");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("it is text");
    read(&answer)
}

/// Takes an answer apart.
fn read(answer: &str) -> Response {
    let (head, body) = answer.split_once("\r\n\r\n").expect("the head ends");
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Response {
        status: status.expect("there is a status"),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}
