//! Which web pages may connect.
//!
//! Any page in a browser can open a WebSocket to any address, 127.0.0.1 among them, and a page
//! whose name is made to point there can even read what it gets. So a server looks at where a page
//! comes from (`Origin`), and a development server at the name by which it was reached (`Host`) as
//! well. Programs that are no browsers send no `Origin`, and pass.

use std::net::IpAddr;

use http::{HeaderMap, header};
use tidings::Handshake;

use crate::config::origins::Origins;

/// Whether a client with that handshake may connect.
pub(crate) fn is_welcome(handshake: &Handshake, allowed: &Origins, dev: bool) -> bool {
    let host = handshake.header("host");
    if dev && !host.is_none_or(is_local_authority) {
        return false;
    }
    let welcome = |origin| allowed.allow(origin, host) || (dev && is_local_origin(origin));
    handshake.header("origin").is_none_or(welcome)
}

/// Whether a request comes from a page of the server itself, reached by a name of this machine, or
/// from no page at all.
pub(crate) fn is_own_and_local(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    let host = text(header::HOST);
    let is_own = |origin: &str| origin.split_once("://").map(|(_, place)| place) == host;
    host.is_none_or(is_local_authority) && text(header::ORIGIN).is_none_or(is_own)
}

/// Whether a page from there may read the answers to its requests. Those of the same host need no
/// leave for that.
pub(crate) fn may_read(origin: &str, allowed: &Origins, dev: bool) -> bool {
    allowed.allow(origin, None) || (dev && is_local_origin(origin))
}

/// Whether a page from there is one of this machine. A page that is being developed is served from
/// another port.
fn is_local_origin(origin: &str) -> bool {
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
        .is_some_and(is_local_authority)
}

/// Whether `host` or `host:port` is this machine.
fn is_local_authority(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()) => {
            host
        }
        _ => authority,
    };
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse()
        .is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_anybody_else_is_not_the_servers_own() {
        for (host, origin, own) in [
            ("127.0.0.1:3000", None, true),
            ("localhost:3000", Some("http://localhost:3000"), true),
            ("127.0.0.1:3000", Some("https://127.0.0.1:3000"), true),
            ("127.0.0.1:3000", Some("http://localhost:3000"), false),
            ("127.0.0.1:3000", Some("http://127.0.0.1:5173"), false),
            ("127.0.0.1:3000", Some("https://evil.example"), false),
            ("127.0.0.1:3000", Some("null"), false),
            // A name that was made to point here.
            ("evil.example:3000", Some("http://evil.example:3000"), false),
            ("evil.example:3000", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(is_own_and_local(&headers), own, "{host} {origin:?}");
        }
    }

    #[test]
    fn only_pages_of_this_machine_are_local() {
        for (origin, local) in [
            ("http://localhost:5173", true),
            ("https://localhost", true),
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:3000", true),
            ("http://LOCALHOST:1", true),
            ("http://localhost.evil.example", false),
            ("http://127.0.0.1.evil.example:3000", false),
            ("http://evil.example:3000", false),
            ("http://localhost:3000@evil.example", false),
            ("http://192.168.0.7:3000", false),
            ("file://localhost", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_local_origin(origin), local, "{origin}");
        }
    }
}
