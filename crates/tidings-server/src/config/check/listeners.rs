//! What cannot be right about the addresses, and about TLS.

use crate::config::{Config, Problem, listen::Place};

const LISTEN: &str = "listen";
const INTERNAL: &str = "internal.listen";
const CERT: &str = "tls.cert";
const KEY: &str = "tls.key";

impl Config {
    pub(super) fn check_listeners(&self, dev: bool, problems: &mut Vec<Problem>) {
        let internal = self.internal.listen.as_ref();
        let internal = internal.map(|it| it.places()).unwrap_or_default();
        for (key, places) in [(LISTEN, self.listen.places()), (INTERNAL, internal)] {
            for place in places.iter().filter(|it| dev && !it.is_local()) {
                let port = match place {
                    Place::Address(address) => address.port(),
                    Place::Path(_) => 0,
                };
                let instead = match key {
                    LISTEN => format!("--listen 127.0.0.1:{port}"),
                    key => format!("{key} = \"127.0.0.1:{port}\""),
                };
                let sentence = format!(
                    "--dev lets anybody in, so it listens on this machine only, and {place} is \
                     not: use {instead}"
                );
                problems.push(Problem::with(&[key], sentence));
            }
        }
        let any_port = |place: &Place| matches!(place, Place::Address(it) if it.port() == 0);
        for place in internal {
            if self.listen.places().contains(place) && !any_port(place) {
                let sentence = format!(
                    "{INTERNAL} is {place}, which is where clients connect; choose another one, or \
                     leave it out"
                );
                problems.push(Problem::with(&[INTERNAL, LISTEN], sentence));
            }
        }
        for (set, other, there, missing) in [
            (CERT, KEY, &self.tls.cert, &self.tls.key),
            (KEY, CERT, &self.tls.key, &self.tls.cert),
        ] {
            if there.is_some() && missing.is_none() {
                let sentence = format!("{set} is set without {other}; set both, or neither");
                problems.push(Problem::with(&[set, other], sentence));
            }
        }
    }
}
