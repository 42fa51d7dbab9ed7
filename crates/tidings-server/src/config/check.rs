//! Settings that are each well-formed and cannot be right: weak, contradictory, or out of bounds.

mod admin;
mod api;
mod listeners;
mod metrics;
mod shutdown;
mod webhooks;

use std::time::Duration;

use jsonwebtoken::{Algorithm, AlgorithmFamily};

use super::{AuthConfig, Config, DocumentsConfig, Problem, duration, size, weakness};
use crate::{
    identity::{jwks, verifier::Verifier},
    names::RoomId,
};

const SECRET: &str = "auth.secret";
const PREVIOUS_SECRET: &str = "auth.previous_secret";
const PUBLIC_KEY: &str = "auth.public_key";
const JWKS_URL: &str = "auth.jwks_url";
const ALGORITHM: &str = "auth.algorithm";

/// The settings of which one at least is needed.
pub(super) const KINDS_OF_KEY: [&str; 3] = [SECRET, PUBLIC_KEY, JWKS_URL];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Config {
    /// Everything that is wrong, for a server started with `--dev` or without.
    pub(crate) fn check(&self, dev: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_listeners(dev, &mut problems);
        self.check_proxies(&mut problems);
        self.auth.check(dev, &mut problems);
        self.check_counts(&mut problems);
        self.check_sizes(&mut problems);
        self.check_documents(&mut problems);
        self.check_durations(&mut problems);
        self.check_retention(&mut problems);
        self.check_metrics(&mut problems);
        self.check_admin(dev, &mut problems);
        self.check_shutdown(&mut problems);
        self.api.check(&mut problems);
        self.webhooks.check(&mut problems);
        problems
    }

    fn check_proxies(&self, problems: &mut Vec<Problem>) {
        for network in &self.trusted_proxies {
            if network.is_everything() {
                let sentence = format!(
                    "trusted_proxies: {network} is everybody, and then everybody can give \
                     himself any address; list the addresses of your proxies"
                );
                problems.push(Problem::with(&["trusted_proxies"], sentence));
            }
        }
    }

    fn check_counts(&self, problems: &mut Vec<Problem>) {
        let Self {
            rooms,
            store,
            limits,
            chat,
            documents,
            notifications,
            api,
            ..
        } = self;
        let rate = &limits.rate;
        let as_usize = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        for (key, count) in [
            ("rooms.max_per_connection", rooms.max_per_connection),
            ("rooms.name_bytes", rooms.name_bytes),
            ("store.queue", store.queue),
            ("limits.connections", limits.connections),
            ("limits.connections_per_user", limits.connections_per_user),
            ("limits.connections_per_ip", limits.connections_per_ip),
            (
                "limits.unauthenticated_per_ip",
                limits.unauthenticated_per_ip,
            ),
            (
                "limits.rate.connection.per_second",
                as_usize(rate.connection.per_second),
            ),
            (
                "limits.rate.connection.burst",
                as_usize(rate.connection.burst),
            ),
            (
                "limits.rate.user.per_second",
                as_usize(rate.user.per_second),
            ),
            ("limits.rate.user.burst", as_usize(rate.user.burst)),
            ("limits.rate.ip.per_second", as_usize(rate.ip.per_second)),
            ("limits.rate.ip.burst", as_usize(rate.ip.burst)),
            ("limits.rate.close_after", as_usize(rate.close_after)),
            ("limits.rate.tracked", rate.tracked),
            ("chat.history_page", chat.history_page),
            ("api.rate.per_second", as_usize(api.rate.per_second)),
            ("api.rate.burst", as_usize(api.rate.burst)),
            ("api.batch", api.batch),
            ("api.idempotency.max_count", api.idempotency.max_count),
            ("documents.editors", documents.editors),
            ("documents.max_per_connection", documents.max_per_connection),
            ("documents.queue", documents.queue),
            ("documents.history", documents.history),
            (
                "notifications.max_count",
                usize::try_from(notifications.max_count).unwrap_or(usize::MAX),
            ),
        ] {
            if count == 0 {
                let sentence = format!("{key} is 0, and has to be 1 at least");
                problems.push(Problem::with(&[key], sentence));
            }
        }
        if rooms.name_bytes > RoomId::MAX_BYTES {
            let sentence = format!(
                "rooms.name_bytes is {}, and the most that there can be is {}",
                rooms.name_bytes,
                RoomId::MAX_BYTES
            );
            problems.push(Problem::with(&["rooms.name_bytes"], sentence));
        }
        if chat.history_page > chat.history_max {
            let sentence = format!(
                "chat.history_page is {} and more than chat.history_max, which is {}; change one",
                chat.history_page, chat.history_max
            );
            let keys = ["chat.history_page", "chat.history_max"];
            problems.push(Problem::with(&keys, sentence));
        }
    }

    fn check_sizes(&self, problems: &mut Vec<Problem>) {
        let Self {
            limits,
            recovery,
            api,
            ..
        } = self;
        for (key, bytes, least) in [
            ("limits.command_bytes", limits.command_bytes, 1024),
            ("limits.payload_bytes", limits.payload_bytes, 1024),
            ("limits.outbox_bytes", limits.outbox_bytes, 16 * 1024),
            ("api.body_bytes", api.body_bytes, 1024),
            (
                "documents.memory_bytes",
                self.documents.memory_bytes,
                1 << 20,
            ),
            // The HTTP library reads no less at once.
            ("limits.header_bytes", limits.header_bytes, 8 * 1024),
        ] {
            if bytes < least {
                let sentence = format!(
                    "{key} is {}, and has to be {} at least",
                    size::format(bytes),
                    size::format(least)
                );
                problems.push(Problem::with(&[key], sentence));
            }
        }
        for (small, bytes, large, most) in [
            (
                "limits.command_bytes",
                limits.command_bytes,
                "limits.payload_bytes",
                limits.payload_bytes,
            ),
            (
                "limits.payload_bytes",
                limits.payload_bytes,
                "limits.outbox_bytes",
                limits.outbox_bytes,
            ),
            (
                "recovery.session_bytes",
                recovery.session_bytes,
                "recovery.log_bytes",
                recovery.log_bytes,
            ),
        ] {
            if bytes > most {
                let sentence = format!(
                    "{small} is {} and more than {large}, which is {}; change one",
                    size::format(bytes),
                    size::format(most)
                );
                problems.push(Problem::with(&[small, large], sentence));
            }
        }
    }

    fn check_documents(&self, problems: &mut Vec<Problem>) {
        let outbox = self.limits.outbox_bytes;
        let most = DocumentsConfig::text_units_max(outbox);
        if let Some(units) = self.documents.text_units
            && (units == 0 || units > most)
        {
            let sentence = format!(
                "documents.text_units is {units}, and has to be between 1 and {most}: whoever joins a \
                 document gets up to six bytes for each, and limits.outbox_bytes is {}",
                size::format(outbox)
            );
            let keys = ["documents.text_units", "limits.outbox_bytes"];
            problems.push(Problem::with(&keys, sentence));
        }
    }

    fn check_durations(&self, problems: &mut Vec<Problem>) {
        let Self { auth, limits, .. } = self;
        let year = 366 * DAY;
        for (key, value, least, most) in [
            ("auth.leeway", auth.leeway, Duration::ZERO, 5 * MINUTE),
            ("auth.timeout", auth.timeout, SECOND, 10 * MINUTE),
            (
                "auth.expiring_notice",
                auth.expiring_notice,
                SECOND,
                60 * MINUTE,
            ),
            (
                "limits.header_timeout",
                limits.header_timeout,
                SECOND,
                10 * MINUTE,
            ),
            (
                "limits.attachment_timeout",
                limits.attachment_timeout,
                SECOND,
                10 * MINUTE,
            ),
            (
                "heartbeat.interval",
                self.heartbeat.interval,
                SECOND,
                60 * MINUTE,
            ),
            (
                "heartbeat.timeout",
                self.heartbeat.timeout,
                SECOND,
                60 * MINUTE,
            ),
            (
                "presence.grace",
                self.presence.grace,
                Duration::ZERO,
                5 * MINUTE,
            ),
            ("documents.idle", self.documents.idle, SECOND, 60 * MINUTE),
            (
                "documents.version_interval",
                self.documents.version_interval,
                SECOND,
                year,
            ),
            ("typing.timeout", self.typing.timeout, SECOND, 10 * MINUTE),
            (
                "notifications.max_age",
                self.notifications.max_age,
                MINUTE,
                100 * year,
            ),
            ("api.timeout", self.api.timeout, SECOND, 10 * MINUTE),
            (
                "api.idempotency.max_age",
                self.api.idempotency.max_age,
                MINUTE,
                30 * DAY,
            ),
            (
                "recovery.max_disconnection",
                self.recovery.max_disconnection,
                Duration::ZERO,
                DAY,
            ),
        ] {
            if value < least || value > most {
                let sentence = format!(
                    "{key} is {}, and has to be between {} and {}",
                    duration::format(value),
                    duration::format(least),
                    duration::format(most)
                );
                problems.push(Problem::with(&[key], sentence));
            }
        }
    }

    fn check_retention(&self, problems: &mut Vec<Problem>) {
        const KEY: &str = "rooms.retention";
        for (index, rule) in self.rooms.retention.iter().enumerate() {
            let pattern = &rule.pattern;
            if rule.max_age == Some(Duration::ZERO) || rule.max_count == Some(0) {
                let sentence = format!(
                    "rooms.retention of {pattern} keeps nothing; a limit has to be 1 at least"
                );
                problems.push(Problem::with(&[KEY], sentence));
            }
            let before = &self.rooms.retention[..index];
            if let Some(hides) = before.iter().find(|it| it.pattern.covers(pattern)) {
                let sentence = format!(
                    "rooms.retention of {pattern} never counts, since {} stands before it; \
                     put it first",
                    hides.pattern
                );
                problems.push(Problem::with(&[KEY], sentence));
            }
        }
    }
}

impl AuthConfig {
    fn check(&self, dev: bool, problems: &mut Vec<Problem>) {
        let before = problems.len();
        self.check_kinds(dev, problems);
        if problems.len() == before {
            self.check_algorithm(problems);
        }
        self.check_secrets(problems);
        self.check_names(problems);
        // Only now does it make sense to open the key.
        if problems.len() == before
            && self.has_key()
            && let Err(error) = Verifier::new(self)
        {
            problems.push(Problem::with(&[PUBLIC_KEY, ALGORITHM], error.to_string()));
        }
    }

    /// At most one kind of key, and one at least unless everybody is a guest.
    fn check_kinds(&self, dev: bool, problems: &mut Vec<Problem>) {
        let kinds = [
            (SECRET, self.secret.is_some()),
            (PUBLIC_KEY, self.public_key.is_some()),
            (JWKS_URL, self.jwks_url.is_some()),
        ];
        let set: Vec<_> = kinds.iter().filter(|it| it.1).map(|it| it.0).collect();
        match &set[..] {
            [] if !dev => {
                let sentence = format!(
                    "there is no key to check tokens with: set auth.secret, auth.public_key or \
                     auth.jwks_url ({}), or try it out with --dev; \
                     tidings token --help says how to make tokens",
                    weakness::ADVICE
                );
                problems.push(Problem::with(&KINDS_OF_KEY, sentence));
            }
            [] | [_] => {}
            [first, .., last] => {
                let sentence =
                    format!("{first} and {last} are both set; keep the one that makes your tokens");
                problems.push(Problem::with(&set, sentence));
            }
        }
        if self.previous_secret.is_some() && self.secret.is_none() {
            let sentence = "auth.previous_secret is set without auth.secret; set both, or neither";
            problems.push(Problem::with(&[PREVIOUS_SECRET, SECRET], sentence));
        }
    }

    fn check_algorithm(&self, problems: &mut Vec<Problem>) {
        let symmetric = self
            .algorithm
            .map(|algorithm| algorithm.family() == AlgorithmFamily::Hmac);
        let (key, sentence) = match symmetric {
            Some(false) if self.secret.is_some() => (
                SECRET,
                "auth.algorithm is not one of a secret; use HS256, HS384 or HS512",
            ),
            Some(true) if self.public_key.is_some() => (
                PUBLIC_KEY,
                "auth.algorithm is one of a secret, and there is a public key; use that of the \
                 key: RS256, PS256, ES256, ES384 or EdDSA",
            ),
            Some(true) if self.jwks_url.is_some() => (
                JWKS_URL,
                "auth.algorithm is one of a secret, and keys that are published are not secret; \
                 remove it, or use RS256, PS256, ES256, ES384 or EdDSA",
            ),
            None if self.public_key.is_some() => (
                PUBLIC_KEY,
                "auth.public_key needs auth.algorithm: RS256, PS256, ES256, ES384 or EdDSA",
            ),
            _ => return,
        };
        problems.push(Problem::with(&[ALGORITHM, key], sentence));
    }

    fn check_secrets(&self, problems: &mut Vec<Problem>) {
        let algorithm = self.algorithm.unwrap_or(Algorithm::HS256);
        for (key, secret) in [
            (SECRET, &self.secret),
            (PREVIOUS_SECRET, &self.previous_secret),
        ] {
            if let Some(secret) = secret
                && let Some(weakness) = weakness::of(secret.reveal(), algorithm)
            {
                let sentence = format!("{key} {weakness}; {}", weakness::ADVICE);
                problems.push(Problem::with(&[key], sentence));
            }
        }
        if self.secret.is_some() && self.secret == self.previous_secret {
            let sentence = "auth.previous_secret is the same as auth.secret; remove it";
            problems.push(Problem::with(&[PREVIOUS_SECRET, SECRET], sentence));
        }
    }

    fn check_names(&self, problems: &mut Vec<Problem>) {
        for (key, name) in [
            ("auth.issuer", &self.issuer),
            ("auth.audience", &self.audience),
        ] {
            if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
                let sentence = format!("{key} is empty; remove it, or say what it has to be");
                problems.push(Problem::with(&[key], sentence));
            }
        }
        let Some(url) = &self.jwks_url else {
            return;
        };
        if let Err(sentence) = jwks::check_url(url) {
            let sentence = format!("auth.jwks_url: {sentence}");
            problems.push(Problem::with(&[JWKS_URL], sentence));
        }
        if self.issuer.is_none() && self.audience.is_none() {
            let sentence = "auth.jwks_url without auth.issuer or auth.audience would take the \
                            tokens that its keys sign for others; set one of them";
            problems.push(Problem::with(
                &[JWKS_URL, "auth.issuer", "auth.audience"],
                sentence,
            ));
        }
    }
}

#[cfg(test)]
mod tests;
