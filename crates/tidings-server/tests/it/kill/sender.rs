//! Somebody who sends at full speed, and sends again what was not acknowledged.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Address, ROOMS, Said, connect};
use crate::client::Client;

/// Messages that are sent before the first of them is acknowledged.
const OUTSTANDING: usize = 4;

pub(super) struct Sender {
    name: String,
    rng: Rng,
    /// How many messages it has sent, each of which counts once.
    pub(super) sent: u64,
    /// How often it has sent one again.
    pub(super) sent_again: u64,
    /// How often the answer was that it was stored before.
    pub(super) duplicates: u64,
    /// In the order in which they were sent first.
    pub(super) acknowledged: Vec<Said>,
    /// The rooms of those that are not acknowledged, by their numbers.
    outstanding: BTreeMap<u64, usize>,
    /// Those that were acknowledged before an earlier one was.
    early: BTreeMap<u64, Said>,
}

impl Sender {
    pub(super) fn new(number: usize, rng: Rng) -> Self {
        Self {
            name: format!("sender-{number}"),
            rng,
            sent: 0,
            sent_again: 0,
            duplicates: 0,
            acknowledged: Vec::new(),
            outstanding: BTreeMap::new(),
            early: BTreeMap::new(),
        }
    }

    /// Sends while it is `running`, and until everything is acknowledged.
    pub(super) async fn send(mut self, mut address: Address, running: Arc<AtomicBool>) -> Self {
        loop {
            let client = connect(&mut address, &self.name).await;
            if self.send_to(client, &running).await.is_some() {
                return self;
            }
        }
    }

    /// Sends until all is done, or the connection is over.
    async fn send_to(&mut self, mut client: Client, running: &AtomicBool) -> Option<()> {
        for (number, room) in self.outstanding.clone() {
            self.sent_again += 1;
            client.try_send(&self.frame(number, room)).await?;
        }
        loop {
            while running.load(Ordering::Relaxed) && self.outstanding.len() < OUTSTANDING {
                self.sent += 1;
                let room = self.rng.usize(..ROOMS.len());
                self.outstanding.insert(self.sent, room);
                client.try_send(&self.frame(self.sent, room)).await?;
            }
            if self.outstanding.is_empty() {
                return Some(());
            }
            let frame = client.try_next().await?;
            if frame["type"] == "ack" {
                self.acknowledge(&frame);
            }
        }
    }

    fn acknowledge(&mut self, frame: &Value) {
        let number = frame["id"].as_u64().expect("our ids are numbers");
        let answer = &frame["data"];
        assert_eq!(answer["success"], true, "{answer}");
        let room = self.outstanding.remove(&number);
        let room = room.expect("it is acknowledged once on a connection");
        assert_eq!(answer["roomId"], ROOMS[room]);
        self.duplicates += u64::from(answer["duplicate"] == true);
        let mut answer = answer.clone();
        answer["clientMessageId"] = self.client_message_id(number).into();
        self.early.insert(number, Said::new(room, &answer));
        while let Some(first) = self.early.first_entry()
            && self.outstanding.keys().all(|it| it > first.key())
        {
            self.acknowledged.push(first.remove());
        }
    }

    fn frame(&self, number: u64, room: usize) -> Value {
        json!({
            "type": "chat:send",
            "data": {
                "roomId": ROOMS[room],
                "content": "早上好",
                "clientMessageId": self.client_message_id(number),
            },
            "id": number,
        })
    }

    fn client_message_id(&self, number: u64) -> String {
        format!("{}-{number}", self.name)
    }
}
