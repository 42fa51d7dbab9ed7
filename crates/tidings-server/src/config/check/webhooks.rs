//! Webhooks that cannot be right.

use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::{DAY, MINUTE, Problem, SECOND, weakness};
use crate::{
    config::{auth::Secret, duration, webhooks::WebhooksConfig},
    webhooks::call,
};

const ENDPOINTS: &str = "webhooks.endpoints";
const AUTHORIZE_URL: &str = "webhooks.authorize.url";
const AUTHORIZE_SECRET: &str = "webhooks.authorize.secret";
const AUTHORIZE_PREVIOUS: &str = "webhooks.authorize.previous_secret";
const COMMANDS: &str = "webhooks.commands";
const MILLISECOND: Duration = Duration::from_millis(1);

impl WebhooksConfig {
    /// Everything that is wrong with them.
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        self.check_numbers(problems);
        self.check_endpoints(problems);
        self.check_authorize(problems);
        self.check_commands(problems);
    }

    fn check_numbers(&self, problems: &mut Vec<Problem>) {
        let count = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
        for (key, number, least) in [
            ("webhooks.queue", count(self.queue), 100),
            ("webhooks.queue_bytes", self.queue_bytes, 1024 * 1024),
            ("webhooks.batch", self.batch, 1),
            ("webhooks.batch_bytes", self.batch_bytes, 1024),
            ("webhooks.in_flight", self.in_flight, 1),
            (
                "webhooks.breaker_failures",
                count(self.breaker_failures.into()),
                1,
            ),
            (
                "webhooks.authorize.cache_entries",
                count(self.authorize.cache_entries),
                1,
            ),
            ("webhooks.authorize.in_flight", self.authorize.in_flight, 1),
        ] {
            if number < least {
                let sentence = format!("{key} is {number}, and has to be {least} at least");
                problems.push(Problem::with(&[key], sentence));
            }
        }
        let mut between = |key: &str, value: Duration, least: Duration, most: Duration| {
            if value < least || value > most {
                let sentence = format!(
                    "{key} is {}, and has to be between {} and {}",
                    duration::format(value),
                    duration::format(least),
                    duration::format(most)
                );
                let key = if key.starts_with(COMMANDS) {
                    COMMANDS
                } else {
                    key
                };
                problems.push(Problem::with(&[key], sentence));
            }
        };
        between("webhooks.linger", self.linger, Duration::ZERO, SECOND);
        between(
            "webhooks.timeout",
            self.timeout,
            100 * MILLISECOND,
            10 * MINUTE,
        );
        between("webhooks.retry_min", self.retry_min, MILLISECOND, DAY);
        between("webhooks.retry_max", self.retry_max, self.retry_min, DAY);
        let authorize = &self.authorize;
        between(
            "webhooks.authorize.timeout",
            authorize.timeout,
            100 * MILLISECOND,
            MINUTE,
        );
        between(
            "webhooks.authorize.cache_ttl",
            authorize.cache_ttl,
            Duration::ZERO,
            DAY,
        );
        for command in &self.commands {
            let key = format!("{COMMANDS} of {}: timeout", command.pattern);
            // A request over plain HTTP is given up after half a minute.
            between(&key, command.timeout, 100 * MILLISECOND, 25 * SECOND);
        }
    }

    fn check_endpoints(&self, problems: &mut Vec<Problem>) {
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let name = endpoint.name();
            let what = format!("{ENDPOINTS} {name}");
            check_url(ENDPOINTS, &what, &endpoint.url, problems);
            let secrets = [Some(&endpoint.secret), endpoint.previous_secret.as_ref()];
            check_secrets(ENDPOINTS, &what, secrets, problems);
            let mut wrong = |sentence: String| problems.push(Problem::with(&[ENDPOINTS], sentence));
            if name.trim().is_empty() || name.len() > 255 {
                wrong(format!("{what}: a name has 1 to 255 bytes"));
            }
            if endpoint.events.is_empty() {
                wrong(format!(
                    "{what}: events is empty, so it would be told nothing; name some, or remove \
                     the line for all of them"
                ));
            }
            if self.endpoints[..index].iter().any(|it| it.name() == name) {
                wrong(format!(
                    "{what} is there twice, and what waits for one would go to the other; give \
                     each a name"
                ));
            }
        }
    }

    fn check_authorize(&self, problems: &mut Vec<Problem>) {
        let authorize = &self.authorize;
        match (&authorize.url, &authorize.secret) {
            (Some(url), Some(_)) => check_url(AUTHORIZE_URL, AUTHORIZE_URL, url, problems),
            (Some(_), None) => {
                let sentence = format!(
                    "{AUTHORIZE_URL} is set without {AUTHORIZE_SECRET}, with which questions are \
                     signed; {}",
                    weakness::ADVICE
                );
                problems.push(Problem::with(&[AUTHORIZE_SECRET, AUTHORIZE_URL], sentence));
            }
            (None, Some(_)) => {
                let sentence = format!(
                    "{AUTHORIZE_SECRET} is set without {AUTHORIZE_URL}; set both, or neither"
                );
                problems.push(Problem::with(&[AUTHORIZE_URL, AUTHORIZE_SECRET], sentence));
            }
            (None, None) => {}
        }
        let secrets = [authorize.secret.as_ref(), None];
        check_secrets(AUTHORIZE_SECRET, AUTHORIZE_SECRET, secrets, problems);
        let secrets = [authorize.previous_secret.as_ref(), None];
        check_secrets(AUTHORIZE_PREVIOUS, AUTHORIZE_PREVIOUS, secrets, problems);
    }

    fn check_commands(&self, problems: &mut Vec<Problem>) {
        for (index, command) in self.commands.iter().enumerate() {
            let pattern = &command.pattern;
            let what = format!("{COMMANDS} of {pattern}");
            check_url(COMMANDS, &what, &command.url, problems);
            let secrets = [Some(&command.secret), command.previous_secret.as_ref()];
            check_secrets(COMMANDS, &what, secrets, problems);
            let mut wrong = |sentence: String| problems.push(Problem::with(&[COMMANDS], sentence));
            if command.in_flight == 0 || command.in_flight_per_client == 0 {
                wrong(format!("{what}: nothing may be in flight; let 1 at least"));
            }
            let before = &self.commands[..index];
            if let Some(hides) = before.iter().find(|it| it.pattern.covers(pattern)) {
                wrong(format!(
                    "{what} is never asked, since {} stands before it; put it first",
                    hides.pattern
                ));
            }
        }
    }
}

fn check_url(key: &str, what: &str, url: &str, problems: &mut Vec<Problem>) {
    if let Err(sentence) = call::read_url(url) {
        problems.push(Problem::with(&[key], format!("{what}: {sentence}")));
    }
}

fn check_secrets(
    key: &str,
    what: &str,
    secrets: [Option<&Secret>; 2],
    problems: &mut Vec<Problem>,
) {
    for (secret, called) in secrets.into_iter().zip(["secret", "previous_secret"]) {
        if let Some(secret) = secret
            && let Some(weakness) = weakness::of(secret.reveal(), Algorithm::HS256)
        {
            let what = if key == what {
                what.to_owned()
            } else {
                format!("{what}: {called}")
            };
            let sentence = format!("{what} {weakness}; {}", weakness::ADVICE);
            problems.push(Problem::with(&[key], sentence));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6";
    const URL: &str = "https://backend.test/hook";

    /// Asserts that there is one problem, which says so, or none.
    #[track_caller]
    fn check(settings: Value, said: &str) {
        let config: WebhooksConfig = serde_json::from_value(settings.clone()).unwrap();
        let mut told = Vec::new();
        config.check(&mut told);
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        match &told[..] {
            [] => assert_eq!(said, "", "{settings}"),
            [one] => assert!(!said.is_empty() && one.contains(said), "{settings}: {one}"),
            _ => panic!("{settings}: {told:?}"),
        }
        assert!(!told.concat().contains(SECRET), "{told:?}");
    }

    #[test]
    fn endpoints_have_an_address_a_secret_and_a_name_of_their_own() {
        let good = json!({"url": URL, "secret": SECRET});
        let with = |key: &str, value: Value| {
            let mut endpoint = good.clone();
            endpoint[key] = value;
            json!({ "endpoints": [endpoint] })
        };
        for (settings, said) in [
            (json!({}), ""),
            (json!({ "endpoints": [good] }), ""),
            (with("events", json!(["message", "connect"])), ""),
            (with("events", json!([])), "would be told nothing"),
            (with("url", json!("backend.test")), "it is no URL"),
            (with("url", json!("https://a:b@c.test")), "password"),
            (with("secret", json!("short")), "secret has 5 bytes"),
            (
                with("previous_secret", json!("short")),
                "previous_secret has 5 bytes",
            ),
            (with("name", json!(" ")), "1 to 255 bytes"),
            (json!({ "endpoints": [good, good] }), "is there twice"),
        ] {
            check(settings, said);
        }
        let unknown = with("events", json!(["massage"]));
        let error = serde_json::from_value::<WebhooksConfig>(unknown).unwrap_err();
        assert!(error.to_string().contains("massage"), "{error}");
    }

    #[test]
    fn whoever_is_asked_has_an_address_and_a_secret() {
        for (authorize, said) in [
            (json!({"url": URL, "secret": SECRET}), ""),
            (json!({ "url": URL }), "without webhooks.authorize.secret"),
            (
                json!({ "secret": SECRET }),
                "without webhooks.authorize.url",
            ),
            (json!({"url": "x", "secret": SECRET}), "it is no URL"),
            (
                json!({"url": URL, "secret": "short"}),
                "webhooks.authorize.secret has 5 bytes",
            ),
            (
                json!({"url": URL, "secret": SECRET, "timeout": "2m"}),
                "webhooks.authorize.timeout is 2m",
            ),
        ] {
            check(json!({ "authorize": authorize }), said);
        }
    }

    #[test]
    fn every_pattern_of_commands_counts() {
        let of = |pattern: &str| json!({"pattern": pattern, "url": URL, "secret": SECRET});
        let mut slow = of("a:*");
        slow["timeout"] = json!("1m");
        let mut none = of("a:*");
        none["in_flight"] = json!(0);
        for (commands, said) in [
            (json!([of("order:new"), of("order:*"), of("*")]), ""),
            (json!([of("order:*"), of("order:new")]), "put it first"),
            (json!([slow]), "timeout is 1m"),
            (json!([none]), "nothing may be in flight"),
        ] {
            check(json!({ "commands": commands }), said);
        }
    }

    #[test]
    fn numbers_are_within_bounds() {
        for (settings, said) in [
            (json!({"batch": 0}), "webhooks.batch is 0"),
            (json!({"queue": 1}), "100 at least"),
            (json!({"linger": "2s"}), "webhooks.linger is 2s"),
            (
                json!({"retry_min": "1m", "retry_max": "1s"}),
                "webhooks.retry_max is 1s",
            ),
        ] {
            check(settings, said);
        }
    }
}
