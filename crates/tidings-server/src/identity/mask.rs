//! Keeping tokens out of what is written down.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Parameters of a query that are tokens.
const PARAMETERS: [&str; 2] = ["token", "access_token"];

const MASK: &str = "***";

/// The target of a request, or a whole URL, without the tokens in its query, however they are
/// written: `/sse?token=abc&room=lobby` becomes `/sse?token=***&room=lobby`.
pub(crate) fn url(text: &str) -> Cow<'_, str> {
    let Some((path, query)) = text.split_once('?') else {
        return Cow::Borrowed(text);
    };
    let mut masked = false;
    let parameters: Vec<_> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            // A server reads `%74oken` and `token` as the same, and `+` as a space.
            Some((name, _)) if is_token(name) => {
                masked = true;
                Cow::Owned(format!("{name}={MASK}"))
            }
            _ => Cow::Borrowed(parameter),
        })
        .collect();
    if masked {
        Cow::Owned(format!("{path}?{}", parameters.join("&")))
    } else {
        Cow::Borrowed(text)
    }
}

fn is_token(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    PARAMETERS.iter().any(|it| name.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_however_they_are_written() {
        for (text, masked) in [
            ("/sse", "/sse"),
            ("/sse?room=lobby", "/sse?room=lobby"),
            ("/sse?token=abc.def", "/sse?token=***"),
            ("/sse?a=1&token=abc&b=2", "/sse?a=1&token=***&b=2"),
            ("/sse?token=a&token=b", "/sse?token=***&token=***"),
            ("/sse?%74oken=abc", "/sse?%74oken=***"),
            ("/sse?TOKEN=abc", "/sse?TOKEN=***"),
            ("/sse?access_token=abc", "/sse?access_token=***"),
            ("/sse?a=?token&token=b?c=d", "/sse?a=?token&token=***"),
            ("wss://h/ws?token=abc=def#x", "wss://h/ws?token=***"),
            ("/sse?token", "/sse?token"),
            ("/sse?tokens=3", "/sse?tokens=3"),
        ] {
            assert_eq!(url(text), masked, "{text}");
        }
    }
}
