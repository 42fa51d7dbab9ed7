//! What is shown of a conversation: a line each for people, or JSON for programs.
//!
//! What others wrote may hold anything, and a terminal obeys what it is sent: control characters
//! are taken out of everything that is shown.

use std::{fmt, io::Write as _};

use jiff::{Timestamp, tz::TimeZone};
use rustyline::ExternalPrinter;
use serde_json::{Value, json};

/// Where lines go.
pub(super) enum Out {
    /// Above the prompt of a terminal.
    Terminal(Box<dyn ExternalPrinter + Send>),
    /// To the output, for whoever reads it.
    Plain,
    /// As JSON.
    Json,
}

/// What is shown, and how.
pub(super) struct Show {
    out: Out,
    colours: bool,
}

impl fmt::Debug for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Show").finish_non_exhaustive()
    }
}

impl Show {
    pub(super) fn new(out: Out) -> Self {
        // https://no-color.org
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        let colours = wanted && matches!(out, Out::Terminal(_));
        Self { out, colours }
    }

    /// Something happened.
    pub(super) fn event(&mut self, name: &str, data: &Value) {
        if matches!(self.out, Out::Json) {
            return self.line(&json!({ "type": name, "data": data }).to_string());
        }
        if let Some(line) = self.words(name, data) {
            self.line(&line);
        }
    }

    /// The event in words, where people want to know of it.
    fn words(&self, name: &str, data: &Value) -> Option<String> {
        let text = |key: &str| clean(data[key].as_str().unwrap_or_default());
        let who = || match text("senderName") {
            name if name.is_empty() => text("senderId"),
            name => name,
        };
        Some(match name {
            "chat:message" if data["deleted"] == true => {
                self.dim(&format!("{} {} has taken it back", time(data), who()))
            }
            "chat:message" => {
                let edited = if data["changeSeq"].is_null() {
                    ""
                } else {
                    " (edited)"
                };
                let content = clean(&content(&data["content"]));
                format!(
                    "{} {} {content}{}",
                    self.dim(&time(data)),
                    self.bold(&who()),
                    self.dim(edited)
                )
            }
            "chat:edited" => {
                let content = clean(&content(&data["content"]));
                self.dim(&format!("{} {} now says: {content}", time(data), who()))
            }
            "chat:deleted" => self.dim("a message was taken back"),
            "room:user-joined" => self.dim(&format!("{} has come", text("username"))),
            "room:user-left" => self.dim(&format!("{} has gone", text("username"))),
            "typing:user" => self.dim(&format!("{} is typing…", text("username"))),
            "notification" => self.bold(&format!("{}: {}", text("title"), text("body"))),
            "server:draining" => self.dim("the server is going down, and will be back"),
            "error" => text("message"),
            _ => return None,
        })
    }

    /// Who is in the room.
    pub(super) fn members(&mut self, answer: &Value) {
        if matches!(self.out, Out::Json) {
            return self.line(&json!({ "type": "room:members", "data": answer }).to_string());
        }
        for member in answer["members"].as_array().into_iter().flatten() {
            let text = |key: &str| clean(member[key].as_str().unwrap_or_default());
            let line = format!(
                "  {} ({}), {}",
                text("username"),
                text("userId"),
                text("status")
            );
            self.line(&line);
        }
    }

    /// Something about the conversation itself.
    pub(super) fn note(&mut self, text: &str) {
        if matches!(self.out, Out::Terminal(_)) {
            let line = self.dim(&clean(text));
            self.line(&line);
        }
    }

    /// Something went wrong. Whoever reads the output does not want it there.
    pub(super) fn trouble(&mut self, text: &str) {
        match self.out {
            Out::Terminal(_) => self.line(&clean(text)),
            Out::Plain | Out::Json => eprintln!("tidings: {}", clean(text)),
        }
    }

    fn line(&mut self, text: &str) {
        match &mut self.out {
            Out::Terminal(printer) => {
                let _ = printer.print(format!("{text}\n"));
            }
            Out::Plain | Out::Json => {
                let _ = writeln!(std::io::stdout(), "{text}");
            }
        }
    }

    fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    fn styled(&self, style: &str, text: &str) -> String {
        if self.colours && !text.is_empty() {
            format!("\x1b[{style}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The content of a message, which is a text or whatever else a page put there.
fn content(content: &Value) -> String {
    content
        .as_str()
        .map_or_else(|| content.to_string(), str::to_owned)
}

/// When it was said, by the clock on this wall.
fn time(data: &Value) -> String {
    let said = data["timestamp"]
        .as_str()
        .and_then(|it| it.parse::<Timestamp>().ok());
    let local = said.map(|it| {
        it.to_zoned(TimeZone::system())
            .strftime("%H:%M")
            .to_string()
    });
    local.unwrap_or_default()
}

/// The text without anything that a terminal would do.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => clean.push_str("\n      "),
            '\t' => clean.push(' '),
            c if c.is_control() => clean.push('\u{fffd}'),
            c => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_moves_the_terminal() {
        let show = Show::new(Out::Plain);
        let hostile = "a\x1b[2Jb\u{9b}31mc\rd\x07";
        let line = show
            .words(
                "chat:message",
                &json!({ "senderName": hostile, "content": hostile }),
            )
            .expect("a message is shown");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.contains("a\u{fffd}[2Jb"), "{line:?}");
        let names = [
            "chat:edited",
            "room:user-joined",
            "typing:user",
            "notification",
            "error",
        ];
        for name in names {
            let data = json!({
                "username": hostile, "title": hostile, "body": hostile, "message": hostile,
                "senderId": hostile, "content": hostile,
            });
            let line = show.words(name, &data).expect("it is shown");
            assert!(!line.chars().any(char::is_control), "{name}: {line:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_shown_as_what_it_is() {
        let show = Show::new(Out::Plain);
        let said = json!({ "senderId": "ana", "content": { "lat": 1 } });
        assert_eq!(
            show.words("chat:message", &said).as_deref(),
            Some(" ana {\"lat\":1}")
        );
        assert_eq!(show.words("price", &json!({})), None);
    }
}
