//! What cannot be right about the metrics.

use crate::{
    config::{Config, Problem},
    private,
};

const ROOM: &str = "metrics.room";

impl Config {
    pub(super) fn check_metrics(&self, problems: &mut Vec<Problem>) {
        let Some(room) = &self.metrics.room else {
            return;
        };
        if private::is_private(room) {
            let sentence = format!(
                "{ROOM} is {room}, which is the name of a conversation of two; choose another, \
                 such as server:metrics"
            );
            problems.push(Problem::with(&[ROOM], sentence));
        }
        let most = self.rooms.name_bytes;
        if room.as_str().len() > most {
            let sentence = format!(
                "{ROOM} is longer than rooms.name_bytes, which is {most}, so nobody could enter it"
            );
            problems.push(Problem::with(&[ROOM, "rooms.name_bytes"], sentence));
        }
    }
}
