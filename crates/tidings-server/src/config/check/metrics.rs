//! What cannot be right about the metrics.

use crate::{
    config::{Config, Problem, weakness},
    private,
};

const ROOM: &str = "metrics.room";
const TOKEN: &str = "metrics.token";
const TOKEN_BYTES: usize = 16;

impl Config {
    pub(super) fn check_metrics(&self, problems: &mut Vec<Problem>) {
        if let Some(token) = &self.metrics.token
            && token.reveal().len() < TOKEN_BYTES
        {
            let sentence = format!(
                "{TOKEN} has fewer than {TOKEN_BYTES} characters, so it could be guessed; {}",
                weakness::ADVICE
            );
            problems.push(Problem::with(&[TOKEN], sentence));
        }
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
