//! The reference of the API, written from the list of its methods.

use std::fmt::Write as _;

use super::methods;
use crate::{
    fault::Code,
    registry::{
        page::{codes, fields},
        shape,
    },
};

const HEAD: &str = "\
# HTTP API

What a backend asks of the server, in any language. This page is written by `tidings api`; a test
compares it with the server, and another one runs its examples. `/api/openapi.json` says the same for
programs.

A method is `POST /api/<method>` with a JSON object as its body, and a key in the header `X-API-Key`
(or `Authorization: Bearer`). Keys stand in the settings; without one there is no API.

```toml
[[api.keys]]
name = \"backend\"
key = \"…\"                       # openssl rand -hex 32

[[api.keys]]                     # one that can do less
name = \"ci\"
key = \"…\"
methods = [\"message\"]            # only these
rooms = [\"team:*\"]               # only there, and only methods that are about rooms
```

`tidings serve --dev` makes a key for each run and prints it. The examples take the address and the
key from variables, as do `tidings publish`, `send`, `notify` and `disconnect`:

```sh
export TIDINGS_URL=http://127.0.0.1:3000
export TIDINGS_API_KEY=…
```

It answers `{\"success\":true, …}` with status 200, or `{\"success\":false, \"error\", \"code\",
\"retryAfterMs\"?}` with 400 (the body does not fit), 401 (no key, or a wrong one), 403 (the key is not
for this), 404, 409 (see below), 413 (too much), 429 (too often; `Retry-After` says when again) or 503
(not now). Fields that are not known are refused, so that a slip of the finger is found. A field that
is `null` is as one that is not there.

## Requests that are sent again

With the header `Idempotency-Key`, a name of your choice for the request, it may be sent again when its
answer did not arrive: the first one is carried out, those that come while it is wait for it, and later
ones have its answer, with the header `Idempotency-Replayed: true`. The same name with another method
or body is refused with 409 and the code `conflict`. A name belongs to the key that it came with. What
fails for the moment only (429, 500, 503) is not kept: send it again with the same name.

Answers are kept in memory, for `api.idempotency.max_age` and as many as `max_count` and `max_bytes`
allow. What `message` and `notify` store outlives a restart, a crash too: they are stored under a name
made of the request's, so that the same request is answered with the first message, `duplicate: true`,
and nobody hears it twice. After a restart another body under an old name is not noticed any more: it
is answered with what was stored first.
";

/// The page.
pub(crate) fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut generator = shape::generator();
    page.push_str("\n## Methods\n");
    for method in methods::methods().iter() {
        let _ = write!(page, "\n### `{}`\n\n{}\n", method.name, method.summary);
        let _ = write!(
            page,
            "\n```sh\ncurl $TIDINGS_URL/api/{} -H \"X-API-Key: $TIDINGS_API_KEY\" --json '{}'\n```\n",
            method.name, method.example
        );
        fields(&mut page, "body", &method.shape.input(&mut generator));
        fields(&mut page, "answer", &method.shape.output(&mut generator));
    }
    codes(&mut page, &generator.subschema_for::<Code>());
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_the_repository_is_what_the_server_does() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == super::reference(),
            "docs/api.md is out of date: run `cargo run -- api > docs/api.md`"
        );
    }
}
