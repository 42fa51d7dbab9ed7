//! Somebody who hears everything, and after each kill goes on where it was.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Address, PAGE, ROOMS, Said, connect};
use crate::client::Client;

/// How many messages each room has in the end, once that is known.
type Goal = watch::Receiver<Option<[usize; ROOMS.len()]>>;

pub(super) struct Listener {
    name: String,
    /// Room by room, in the order in which it came.
    pub(super) heard: [Vec<Said>; ROOMS.len()],
    /// How often it has joined a room.
    pub(super) joins: usize,
    /// Messages that it got as answers to that, and not as events.
    pub(super) recovered: usize,
}

impl Listener {
    pub(super) fn new(number: usize) -> Self {
        Self {
            name: format!("listener-{number}"),
            heard: [const { Vec::new() }; ROOMS.len()],
            joins: 0,
            recovered: 0,
        }
    }

    /// Listens until it has heard everything.
    pub(super) async fn listen(mut self, mut address: Address, mut goal: Goal) -> Self {
        loop {
            let client = connect(&mut address, &self.name).await;
            if self.listen_to(client, &mut goal).await.is_some() {
                return self;
            }
        }
    }

    /// Listens until it has heard everything, or the connection is over.
    async fn listen_to(&mut self, mut client: Client, goal: &mut Goal) -> Option<()> {
        for room in 0..ROOMS.len() {
            self.join(&mut client, room).await?;
        }
        while !self.is_there(goal) {
            tokio::select! {
                frame = client.try_next() => self.hear(&frame?),
                _ = goal.changed() => {}
            }
        }
        Some(())
    }

    fn is_there(&self, goal: &Goal) -> bool {
        let heard = self.heard.each_ref().map(Vec::len);
        goal.borrow().is_some_and(|goal| heard == goal)
    }

    /// Joins a room, and takes what the answer has to be: all that was missed.
    async fn join(&mut self, client: &mut Client, room: usize) -> Option<()> {
        let after = self.heard[room].len() as u64;
        let wanted = json!({ "roomId": ROOMS[room], "after": after, "limit": PAGE });
        let answer = client.try_ask("room:join", wanted).await?;
        assert_eq!(answer["success"], true, "{answer}");
        assert_eq!(answer["changed"], Value::Null, "nothing was changed");
        let last = answer["lastSeq"].as_u64().expect("it is there");
        self.joins += 1;
        if answer["recovered"] == true {
            self.take_all(room, &answer);
        } else {
            // More than one answer has. The rest is history.
            let missed = last.saturating_sub(after);
            assert!(missed > PAGE as u64, "{missed} after {after} are a gap");
            while (self.heard[room].len() as u64) < last {
                let after = self.heard[room].len();
                let wanted = json!({
                    "roomId": ROOMS[room], "after": after, "before": last + 1, "limit": PAGE,
                });
                let page = client.try_ask("chat:history", wanted).await?;
                self.take_all(room, &page);
            }
        }
        assert_eq!(self.heard[room].len() as u64, last, "the answer has a gap");
        Some(())
    }

    fn take_all(&mut self, room: usize, answer: &Value) {
        let messages = answer["messages"].as_array().expect("it has messages");
        assert!(
            messages.len() <= PAGE + 1_024,
            "a page, and what was said meanwhile"
        );
        for message in messages {
            self.take(room, message);
            self.recovered += 1;
        }
    }

    fn hear(&mut self, frame: &Value) {
        if frame["type"] != "chat:message" {
            return;
        }
        let message = &frame["data"];
        let room = ROOMS.iter().position(|it| message["roomId"] == *it);
        self.take(room.expect("it has joined no other"), message);
    }

    fn take(&mut self, room: usize, message: &Value) {
        let said = Said::new(room, message);
        let expected = self.heard[room].len() as u64 + 1;
        assert_eq!(said.seq, expected, "once and in order: {said:?}");
        self.heard[room].push(said);
    }
}
