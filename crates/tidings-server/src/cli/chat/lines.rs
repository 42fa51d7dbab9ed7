//! Where lines come from: a terminal with a prompt, or whatever the input is.
//!
//! Reading blocks, so it is done on a thread of its own, which ends with the process.

use std::{
    borrow::Cow,
    io::{self, BufRead as _, IsTerminal as _},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use rustyline::{
    Context, Editor, Helper, completion::Completer, error::ReadlineError, highlight::Highlighter,
    hint::Hinter, history::MemHistory, validate::Validator,
};
use tokio::sync::mpsc;

use super::show::{Out, Show};

/// Lines that may wait to be sent; the input waits then.
const AHEAD: usize = 64;
/// How often others are told that somebody is typing; the server forgets it after some seconds.
const TYPING: Duration = Duration::from_secs(3);
/// Bytes of a line that are read; the server takes less.
const LONGEST: usize = 1024 * 1024;

/// What somebody did.
#[derive(Debug)]
pub(super) enum Input {
    Line(String),
    /// A key was pressed, and more will follow.
    Typing,
    /// There will be nothing more.
    End,
}

/// The lines.
#[derive(Debug)]
pub(super) struct Lines(mpsc::Receiver<Input>);

impl Lines {
    /// Begins to read, and says where to show things.
    pub(super) fn open(json: bool) -> (Self, Show) {
        let (sender, lines) = mpsc::channel(AHEAD);
        let out = if io::stdin().is_terminal() && io::stdout().is_terminal() && !json {
            prompt(sender.clone())
        } else {
            None
        };
        let out = out.unwrap_or_else(|| {
            thread::spawn(move || read(&sender));
            if json { Out::Json } else { Out::Plain }
        });
        (Self(lines), Show::new(out))
    }

    /// What is done next.
    pub(super) async fn next(&mut self) -> Input {
        self.0.recv().await.unwrap_or(Input::End)
    }
}

/// Reads lines as they are.
fn read(lines: &mpsc::Sender<Input>) {
    let mut input = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = io::Read::take(&mut input, LONGEST as u64).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            break;
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        if lines.blocking_send(Input::Line(line)).is_err() {
            return;
        }
    }
    let _ = lines.blocking_send(Input::End);
}

/// Reads lines with a prompt, where the terminal lets itself be written to above it.
fn prompt(lines: mpsc::Sender<Input>) -> Option<Out> {
    let mut editor =
        Editor::<Keys, MemHistory>::with_history(rustyline::Config::default(), MemHistory::new())
            .ok()?;
    editor.set_helper(Some(Keys {
        lines: lines.clone(),
        told: Mutex::new(None),
    }));
    let printer = editor.create_external_printer().ok()?;
    thread::spawn(move || {
        loop {
            let input = match editor.readline("> ") {
                Ok(line) => {
                    let _ = editor.add_history_entry(&line);
                    Input::Line(line)
                }
                // The window has another size now.
                Err(ReadlineError::Signal(_)) => continue,
                Err(_) => Input::End,
            };
            let ended = matches!(input, Input::End);
            if lines.blocking_send(input).is_err() || ended {
                return;
            }
        }
    });
    Some(Out::Terminal(Box::new(printer)))
}

/// Notices keys: the editor asks for a hint after each.
struct Keys {
    lines: mpsc::Sender<Input>,
    told: Mutex<Option<Instant>>,
}

impl Hinter for Keys {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        let mut told = self.told.lock().ok()?;
        if line.is_empty() {
            *told = None;
        } else if !line.starts_with('/') && told.is_none_or(|it| it.elapsed() > TYPING) {
            *told = Some(Instant::now());
            // A note that does not fit is no loss.
            let _ = self.lines.try_send(Input::Typing);
        }
        None
    }
}

impl Highlighter for Keys {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }
}

impl Completer for Keys {
    type Candidate = String;
}
impl Validator for Keys {}
impl Helper for Keys {}
