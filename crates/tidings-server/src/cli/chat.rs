//! `tidings chat`: a room in a terminal, or in a script.
//!
//! With a terminal, lines are read with a prompt and what others say appears above it. Without
//! one, each line of the input is sent, and the command ends when all of them are stored. Either
//! way a lost connection is made again, and what was said meanwhile follows, once and in order.

mod lines;
mod show;

use std::{
    collections::{HashMap, VecDeque},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use self::{
    lines::{Input, Lines},
    show::Show,
};
use super::link::{Incoming, Link, LinkError, Target, failure};

/// Chat in a room: type to talk, /help for more. In a script, each line of the input is a message.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The room.
    #[arg(default_value = "lobby")]
    room: String,

    /// Messages to show of what was said before.
    #[arg(long, value_name = "N", default_value_t = 20)]
    history: u32,

    /// Print everything that happens as JSON, a line each.
    #[arg(long)]
    json: bool,

    /// Stay when the input has ended, and print what others say.
    #[arg(long)]
    follow: bool,

    #[command(flatten)]
    target: Target,
}

/// A message of ours that is not stored yet.
#[derive(Debug)]
struct Draft {
    content: String,
    client_message_id: String,
}

/// Messages of ours that may wait; no more lines are read then.
const AHEAD: usize = 64;

/// What an answer will be about.
#[derive(Debug)]
enum Asked {
    Send,
    Members,
    Private(String),
    Nothing,
}

#[derive(Debug)]
struct Chat<'a> {
    options: &'a Options,
    show: Show,
    /// The last number of the room that was shown.
    last: Option<u64>,
    /// In the order in which they were written. One is sent after the other, so that they are
    /// stored in that order whatever happens to one of them.
    drafts: VecDeque<Draft>,
    /// When the first of them may be sent; `None` while it is under way.
    send_at: Option<Instant>,
    asked: HashMap<u64, Asked>,
    refused: bool,
    /// No more lines will come.
    input_ended: bool,
}

/// Why the conversation on one connection ended.
enum End {
    Done,
    Lost(LinkError),
}

/// Runs the command.
pub(crate) async fn run(options: &Options) -> ExitCode {
    let (lines, show) = Lines::open(options.json);
    let mut chat = Chat {
        options,
        show,
        last: None,
        drafts: VecDeque::new(),
        send_at: Some(Instant::now()),
        asked: HashMap::new(),
        refused: false,
        input_ended: false,
    };
    let outcome = chat.go(lines).await;
    match outcome {
        Ok(()) if chat.refused => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidings: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Chat<'_> {
    /// Talks until there is nothing more to say, over as many connections as it takes.
    async fn go(&mut self, mut lines: Lines) -> Result<(), LinkError> {
        let mut attempt = 0;
        loop {
            let lost = match Link::open(&self.options.target).await {
                Ok(link) => match self.on(link, &mut lines, &mut attempt).await? {
                    End::Done => return Ok(()),
                    End::Lost(error) => error,
                },
                // Who has never been there has nothing to come back to.
                Err(error) if self.last.is_none() || !error.is_passing() => return Err(error),
                Err(error) => error,
            };
            // Full jitter: all clients of a server come back at different times.
            let most = Duration::from_secs(1 << attempt.min(5)).min(Duration::from_secs(30));
            let pause = most.mul_f64(fastrand::f64());
            self.show.note(&format!(
                "{lost}; trying again in {:.1} s",
                pause.as_secs_f64()
            ));
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Talks on one connection.
    async fn on(
        &mut self,
        link: Link,
        lines: &mut Lines,
        attempt: &mut u32,
    ) -> Result<End, LinkError> {
        match self.talk(link, lines, attempt).await {
            Ok(()) => Ok(End::Done),
            Err(error) if error.is_passing() => Ok(End::Lost(error)),
            Err(error) => Err(error),
        }
    }

    async fn talk(
        &mut self,
        mut link: Link,
        lines: &mut Lines,
        attempt: &mut u32,
    ) -> Result<(), LinkError> {
        self.asked.clear();
        let again = self.last.is_some();
        let joined = self.join(&mut link).await?;
        if again {
            self.show.note("back again");
        } else {
            let members = joined["memberCount"].as_u64().unwrap_or(1);
            let room = &self.options.room;
            self.show.note(&format!(
                "in {room} at {} as {}, {members} here; /help says what else there is",
                self.options.target.place(),
                link.user_id,
            ));
        }
        *attempt = 0;
        self.send_at = Some(Instant::now());
        loop {
            if self.input_ended
                && self.drafts.is_empty()
                && self.asked.is_empty()
                && !self.options.follow
            {
                link.close().await;
                return Ok(());
            }
            let send_at = self.send_at.filter(|_| !self.drafts.is_empty());
            let may_read = !self.input_ended && self.drafts.len() < AHEAD;
            tokio::select! {
                incoming = link.next() => self.hear(incoming?),
                () = sleep_until(send_at.unwrap_or_else(Instant::now)), if send_at.is_some() => {
                    self.send(&mut link).await?;
                }
                input = lines.next(), if may_read => match input {
                    Input::Line(line) => self.read(&mut link, &line).await?,
                    Input::Typing => {
                        let id = link.command("typing:start", json!(self.options.room)).await?;
                        self.asked.insert(id, Asked::Nothing);
                    }
                    Input::End => self.input_ended = true,
                },
            }
        }
    }

    /// Enters the room, and shows what was said since.
    async fn join(&mut self, link: &mut Link) -> Result<Value, LinkError> {
        let mut data = json!({ "roomId": self.options.room, "limit": self.options.history.max(1) });
        if let Some(last) = self.last {
            data = json!({ "roomId": self.options.room, "after": last });
        }
        let joined = link.ask("room:join", data).await?;
        if let Some(error) = failure(&joined) {
            return Err(LinkError::Refused(error));
        }
        if self.last.is_some() && joined["recovered"] == false {
            self.show
                .note("more was said meanwhile than is told at once; these are the last messages");
        }
        let shown = self.last.is_some() || self.options.history > 0;
        for message in joined["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|_| shown)
        {
            self.show.event("chat:message", message);
        }
        self.last = Some(joined["lastSeq"].as_u64().unwrap_or(0));
        Ok(joined)
    }

    fn hear(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Answer(id, answer) => self.answered(id, &answer),
            Incoming::Event(name, data) => {
                let of_room = data["roomId"] == self.options.room.as_str();
                let numbered = name.starts_with("chat:") && name != "chat:receipt";
                if of_room && numbered {
                    let number = data["changeSeq"].as_u64().or_else(|| data["seq"].as_u64());
                    // What is known from joining is not said twice.
                    if number.is_some() && number <= self.last {
                        return;
                    }
                    self.last = number.or(self.last);
                }
                self.show.event(&name, &data);
            }
        }
    }

    fn answered(&mut self, id: u64, answer: &Value) {
        let Some(asked) = self.asked.remove(&id) else {
            return;
        };
        let failed = failure(answer);
        match (asked, failed) {
            (Asked::Send, failed) => self.sent(failed, answer["retryAfterMs"].as_u64()),
            (Asked::Nothing, _) => {}
            (_, Some(error)) => self.show.trouble(&error),
            (Asked::Members, None) => self.show.members(answer),
            (Asked::Private(to), None) => self.show.note(&format!("told {to}")),
        }
    }

    /// Does what a line says.
    async fn read(&mut self, link: &mut Link, line: &str) -> Result<(), LinkError> {
        let line = line.trim_end();
        let Some(command) = line.strip_prefix('/') else {
            if !line.is_empty() {
                self.say(line);
            }
            return Ok(());
        };
        let room = &self.options.room;
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        let (asked, id) = match name {
            "who" => (
                Asked::Members,
                link.command("room:members", json!({ "roomId": room }))
                    .await?,
            ),
            "away" | "back" => {
                let status = if name == "away" { "away" } else { "online" };
                let id = link
                    .command("presence:set", json!({ "status": status }))
                    .await?;
                (Asked::Nothing, id)
            }
            "to" => {
                let Some((to, content)) = rest.split_once(' ') else {
                    self.show.trouble("write /to USER TEXT");
                    return Ok(());
                };
                let data = json!({ "to": to, "content": content, "clientMessageId": new_id() });
                (
                    Asked::Private(to.to_owned()),
                    link.command("chat:private", data).await?,
                )
            }
            "quit" => {
                self.input_ended = true;
                return Ok(());
            }
            // As elsewhere, so that a message can begin with a slash.
            "" | "/" => {
                self.say(rest);
                return Ok(());
            }
            _ => {
                self.show.note(
                    "/who is here, /to USER TEXT, /away, /back, /quit; anything else is said",
                );
                return Ok(());
            }
        };
        self.asked.insert(id, asked);
        Ok(())
    }

    /// Has a message sent when its turn has come.
    fn say(&mut self, content: &str) {
        self.drafts.push_back(Draft {
            content: content.to_owned(),
            client_message_id: new_id(),
        });
    }

    /// Sends the first message that waits.
    async fn send(&mut self, link: &mut Link) -> Result<(), LinkError> {
        let Some(draft) = self.drafts.front() else {
            return Ok(());
        };
        let message = json!({
            "roomId": self.options.room,
            "content": draft.content,
            "clientMessageId": draft.client_message_id,
        });
        let id = link.command("chat:send", message).await?;
        self.asked.insert(id, Asked::Send);
        self.send_at = None;
        Ok(())
    }

    /// The first message is stored, or will not be, or has to be sent again.
    fn sent(&mut self, failed: Option<String>, retry_after_ms: Option<u64>) {
        self.send_at = Some(Instant::now());
        match (failed, retry_after_ms) {
            (Some(_), Some(wait)) => {
                self.send_at = Some(Instant::now() + Duration::from_millis(wait));
            }
            (failed, _) => {
                let draft = self.drafts.pop_front();
                if let (Some(error), Some(draft)) = (failed, draft) {
                    self.refused = true;
                    let begun: String = draft.content.chars().take(40).collect();
                    self.show.trouble(&format!("not sent: {begun}: {error}"));
                }
            }
        }
    }
}

/// An id that no other message has.
fn new_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}
