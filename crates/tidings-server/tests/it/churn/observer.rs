//! Somebody who hears of everybody who comes and goes.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{ROOM, sign_in, user::User};
use crate::client::Client;

pub(super) struct Observer {
    client: Client,
    /// For each user, who was online (and who offline) in which order.
    heard: Vec<Vec<bool>>,
    /// For each user, the last status that was told.
    statuses: Vec<String>,
    /// Tells each user how many of its events were heard.
    tell: Vec<watch::Sender<usize>>,
}

impl Observer {
    /// Joins the room, and says to each user by what it learns how many of its events were heard.
    pub(super) async fn new(address: &str, users: usize) -> (Self, Vec<watch::Receiver<usize>>) {
        let mut client = sign_in(address, "observer").await;
        let joined = client.ask("room:join", json!(ROOM)).await;
        assert_eq!(joined["success"], true, "{joined}");
        let (tell, told) = (0..users).map(|_| watch::channel(0)).unzip();
        let observer = Self {
            client,
            heard: vec![Vec::new(); users],
            statuses: vec!["offline".to_owned(); users],
            tell,
        };
        (observer, told)
    }

    /// Listens until it is finished, and everything that was sent until then is heard.
    pub(super) async fn observe(mut self, mut finished: watch::Receiver<bool>) -> Self {
        loop {
            tokio::select! {
                frame = self.client.try_next() => self.hear(&frame.expect("it is connected")),
                _ = finished.changed() => break,
            }
        }
        // Whatever was sent before is heard before the answer.
        let last = json!({ "type": "presence:get", "data": { "userIds": [] }, "id": "last" });
        self.client.send(last).await;
        loop {
            let frame = self.client.try_next().await.expect("it is connected");
            if frame["id"] == "last" {
                return self;
            }
            self.hear(&frame);
        }
    }

    fn hear(&mut self, frame: &Value) {
        let data = &frame["data"];
        let id = data["userId"].as_str().unwrap_or_default();
        let Some(number) = User::number_of(id) else {
            return;
        };
        let online = match frame["type"].as_str() {
            Some("user:online") => true,
            Some("user:offline") => false,
            Some("presence:changed") => {
                self.statuses[number] = data["status"].as_str().expect("it is there").to_owned();
                return;
            }
            _ => return,
        };
        let heard = &mut self.heard[number];
        let before = heard.last().copied().unwrap_or(false);
        assert_ne!(before, online, "{id}: the same twice");
        heard.push(online);
        self.tell[number].send_replace(heard.len());
    }

    /// How many events it has heard in which somebody came or went.
    pub(super) fn events(&self) -> usize {
        self.heard.iter().map(Vec::len).sum()
    }

    /// What was heard of a user is what had to be heard.
    pub(super) fn compare(&self, number: usize, user: &User) {
        let (id, heard) = (user.id(), &self.heard[number]);
        let status = user.presence().status;
        assert_eq!(self.statuses[number], status, "{id}");
        let online = heard.last().copied().unwrap_or(false);
        assert_eq!(online, status != "offline", "{id}");
        if user.late == 0 {
            assert_eq!(heard, &user.expected, "{id}");
        }
    }
}
