//! Which settings a running server takes over from another reading of them.

use super::{Config, keys};

/// What comes of reading the settings again.
#[derive(Debug)]
pub(crate) struct Reloaded {
    /// The settings from now on.
    pub(crate) config: Config,
    /// The names of those that have changed and are not among them before the server starts anew.
    pub(crate) postponed: Vec<String>,
    /// Whether tokens are checked with other keys, or in another way.
    pub(crate) reads_tokens_anew: bool,
}

impl Config {
    /// These settings, with everything of `new` that can change while the server runs.
    pub(crate) fn reloaded(&self, new: &Self) -> Reloaded {
        let mut config = self.clone();
        // Key sets are fetched by a task of their own, which stays with what it has begun with.
        if self.auth.jwks_url.is_none() && new.auth.jwks_url.is_none() {
            config.auth = new.auth.clone();
        }
        config.rooms.public = new.rooms.public.clone();
        config.rooms.retention = new.rooms.retention.clone();
        let (limits, fresh) = (&mut config.limits, &new.limits);
        limits.command_bytes = fresh.command_bytes;
        limits.connections_per_user = fresh.connections_per_user;
        limits.connections_per_ip = fresh.connections_per_ip;
        limits.unauthenticated_per_ip = fresh.unauthenticated_per_ip;
        let tracked = limits.rate.tracked;
        limits.rate = fresh.rate.clone();
        limits.rate.tracked = tracked;
        config.presence = new.presence.clone();
        config.chat = new.chat.clone();
        config.notifications = new.notifications.clone();
        config.api.keys = new.api.keys.clone();
        config.api.rate = new.api.rate;
        config.metrics = new.metrics.clone();
        config.admin.password = new.admin.password.clone();
        config.shutdown = new.shutdown.clone();
        config.log.level = new.log.level.clone();

        let mut postponed: Vec<_> = keys::of(&config)
            .into_iter()
            .zip(keys::of(new))
            .filter(|(now, wanted)| now != wanted)
            .map(|((name, _), _)| name)
            .collect();
        // Secrets look alike, and are compared by themselves.
        if config.webhooks != new.webhooks && !postponed.iter().any(|it| it.starts_with("webhooks"))
        {
            postponed.push("webhooks".to_owned());
        }
        if config.auth != new.auth && !postponed.iter().any(|it| it.starts_with("auth")) {
            postponed.push("auth".to_owned());
        }
        Reloaded {
            reads_tokens_anew: config.auth != self.auth,
            config,
            postponed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_change_does_and_the_rest_is_named() {
        let old = Config::default();
        let mut new = old.clone();
        new.auth.secret = Some("5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6".into());
        new.limits.rate.user.per_second = 7;
        new.limits.rate.tracked = 7;
        new.limits.connections = 7;
        new.store.queue = 7;
        let Reloaded {
            config,
            postponed,
            reads_tokens_anew,
        } = old.reloaded(&new);
        assert_eq!(config.auth, new.auth);
        assert!(reads_tokens_anew);
        assert_eq!(config.limits.rate.user.per_second, 7);
        assert_eq!(
            postponed,
            ["limits.connections", "limits.rate.tracked", "store.queue"]
        );
        assert_eq!(config.limits.connections, old.limits.connections);
        assert_eq!(config.store, old.store);
    }

    #[test]
    fn keys_that_are_fetched_stay_as_they_are() {
        let mut old = Config::default();
        old.auth.jwks_url = Some("https://login.example/jwks".to_owned());
        let mut new = Config::default();
        new.auth.secret = Some("5f2b7c1d9e8a4b6035d1c7e9f0a2b4c6".into());
        let reloaded = old.reloaded(&new);
        assert_eq!(reloaded.config.auth, old.auth);
        assert!(!reloaded.reads_tokens_anew);
        assert_eq!(reloaded.postponed, ["auth.jwks_url", "auth.secret"]);
    }
}
