//! The `{"_placeholder":true,"num":0}` objects that stand for attachments in JSON text.
//!
//! They are found by walking the raw text, so that arguments can be cut apart, joined and
//! renumbered without being parsed and printed again.
use super::json::{self, Visitor};
use bytes::Bytes;
use std::io::Write as _;
use std::ops::Range;

/// One object of the text whose `_placeholder` is `true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder {
    /// Where the object stands, braces included.
    pub(crate) range: Range<usize>,
    /// The attachment that it names, unless `num` is no integer from zero up.
    pub(crate) num: Option<usize>,
}

/// Finds the placeholders of a list of items joined by commas, the outermost when they nest.
pub(crate) fn find(text: &str) -> Vec<Placeholder> {
    let mut finder = Finder::new(text);
    let mut at = 0;
    // The text was checked when it came in; a fault here only ends the search.
    while let Ok(end) = json::walk(text.as_bytes(), at, json::MAX_DEPTH, &mut finder) {
        at = json::skip_space(text.as_bytes(), end) + 1;
    }
    finder.found
}

/// Writes the text again with each placeholder replaced by what `replace` writes for its number.
pub(crate) fn rewrite(text: &str, mut replace: impl FnMut(&mut Vec<u8>, Option<usize>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut copied = 0;
    for placeholder in find(text) {
        out.extend_from_slice(&text.as_bytes()[copied..placeholder.range.start]);
        replace(&mut out, placeholder.num);
        copied = placeholder.range.end;
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
    out
}

/// Keeps only the attachments that the text names and numbers them anew from zero.
pub(crate) fn renumber(text: &str, attachments: &[Bytes]) -> (Vec<u8>, Vec<Bytes>) {
    let mut kept = Vec::new();
    let text = rewrite(text, |out, num| {
        match num.and_then(|num| attachments.get(num)) {
            Some(bytes) => {
                write(out, kept.len());
                kept.push(bytes.clone());
            }
            None => out.extend_from_slice(b"null"),
        }
    });
    (text, kept)
}

/// Appends the placeholder of attachment `num`.
pub(crate) fn write(out: &mut Vec<u8>, num: usize) {
    write!(out, r#"{{"_placeholder":true,"num":{num}}}"#).expect("a Vec accepts every write");
}

/// Which entry of an object the next value belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Mark,
    Num,
    Other,
}

struct Level {
    start: usize,
    key: Key,
    marked: bool,
    num: Option<usize>,
    /// How many placeholders were known when this level began.
    before: usize,
}

/// Finds the placeholders of the text that it is shown.
pub(crate) struct Finder<'a> {
    text: &'a str,
    levels: Vec<Level>,
    /// The outermost placeholders so far, in order of appearance.
    pub(crate) found: Vec<Placeholder>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            levels: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Notes the value of the entry at hand; the last of equal keys wins, as in JavaScript.
    fn value(&mut self, raw: &str) {
        if let Some(level) = self.levels.last_mut() {
            match level.key {
                Key::Mark => level.marked = raw == "true",
                Key::Num => level.num = index(raw),
                Key::Other => {}
            }
        }
    }
}

impl Visitor for Finder<'_> {
    fn open(&mut self, at: usize, _object: bool) {
        self.value("");
        self.levels.push(Level {
            start: at,
            key: Key::Other,
            marked: false,
            num: None,
            before: self.found.len(),
        });
    }

    fn key(&mut self, raw: Range<usize>) {
        let name = json::unescape(&self.text[raw]);
        if let Some(level) = self.levels.last_mut() {
            level.key = match &*name {
                "_placeholder" => Key::Mark,
                "num" => Key::Num,
                _ => Key::Other,
            };
        }
    }

    fn scalar(&mut self, raw: Range<usize>) {
        let text = self.text;
        self.value(&text[raw]);
    }

    fn close(&mut self, end: usize) {
        let Some(level) = self.levels.pop() else {
            return;
        };
        if level.marked {
            self.found.truncate(level.before);
            self.found.push(Placeholder {
                range: level.start..end,
                num: level.num,
            });
        }
    }
}

/// Reads the number of an attachment; `1.0` and `1e0` are integers here, as in JavaScript.
fn index(raw: &str) -> Option<usize> {
    if !raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let number: f64 = raw.parse().ok()?;
    let fits = number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX);
    fits.then_some(number as usize)
}
