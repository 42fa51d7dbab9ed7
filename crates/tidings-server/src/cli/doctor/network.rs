//! Who can be reached from here, and who can reach us.

use std::{fs, io, net::TcpListener};

use super::Finding;
use crate::{
    config::{Config, Listen, listen::Place},
    identity::verifier::Verifier,
};

/// Connections that may wait to be accepted; ours ask for as many (`tokio::net::TcpListener`).
const BACKLOG: u32 = 1024;

pub(super) fn backlog() -> Finding {
    const SUBJECT: &str = "backlog";
    const FILE: &str = "/proc/sys/net/core/somaxconn";
    let most = fs::read_to_string(FILE)
        .ok()
        .and_then(|it| it.trim().parse::<u32>().ok());
    match most {
        None => Finding::doubtful(SUBJECT, format!("cannot read {FILE}"), "look yourself"),
        Some(most) if most < BACKLOG => Finding::doubtful(
            SUBJECT,
            format!("{most} connections may wait to be accepted"),
            format!("when thousands come back at once: sysctl -w net.core.somaxconn={BACKLOG}"),
        ),
        Some(most) => Finding::good(
            SUBJECT,
            format!("{most} connections may wait to be accepted"),
        ),
    }
}

/// Whether the addresses can be listened on.
pub(super) fn listen(config: &Config) -> Vec<Finding> {
    const SUBJECT: &str = "listen";
    let internal = config.internal.listen.as_ref();
    let places = internal.map(Listen::places).unwrap_or_default();
    let places = config.listen.places().iter().chain(places);
    let addresses = places.filter_map(|place| match place {
        Place::Address(address) => Some(*address),
        Place::Path(_) => None,
    });
    addresses
        .map(|address| match TcpListener::bind(address) {
            Ok(_) => Finding::good(SUBJECT, format!("{address} is free")),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Finding::doubtful(
                SUBJECT,
                format!("{address} is taken"),
                "by a Tidings that runs already, or by somebody else: ss -ltnp says by whom",
            ),
            Err(error) => Finding::bad(
                SUBJECT,
                format!("{address}: {error}"),
                "choose an address of this machine, and a port above 1023",
            ),
        })
        .collect()
}

/// Whether tokens can be checked: the keys are good, and those elsewhere within reach.
pub(super) async fn keys(config: &Config) -> Option<Finding> {
    const SUBJECT: &str = "tokens";
    let verifier = match Verifier::new(&config.auth) {
        // With --dev, a key is made when the server starts.
        Err(_) if !config.auth.has_key() => return None,
        Err(error) => {
            return Some(Finding::bad(
                SUBJECT,
                error.to_string(),
                "see the section [auth]",
            ));
        }
        Ok(verifier) => verifier,
    };
    let Some(keys) = verifier.key_set() else {
        return Some(Finding::good(SUBJECT, "the key is good"));
    };
    Some(match keys.refresh().await {
        Ok(()) => Finding::good(SUBJECT, "the key set is within reach"),
        Err(error) => Finding::bad(
            SUBJECT,
            error.to_string(),
            "auth.jwks_url has to answer from here, or the server does not start",
        ),
    })
}
