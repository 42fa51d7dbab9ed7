//! Forgetting what is older, or more, than the configuration lets the store keep.

use std::time::Duration;

use tidings_store::{Keep, Retention, RoomRetention};

use crate::{app::App, clock, config::Config};

/// How often the store is looked through.
const EVERY: Duration = Duration::from_secs(60);

/// Trims the store now and then, for as long as it is polled.
pub(crate) async fn keep(app: &App) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let policy = policy(&app.config());
        match app.store().trim(&policy, clock::now()).await {
            Ok(trimmed) => tracing::debug!(?trimmed, "the store was trimmed"),
            Err(error) => tracing::warn!(%error, "the store could not be trimmed"),
        }
    }
}

fn policy(config: &Config) -> Retention {
    Retention {
        rooms: config
            .rooms
            .retention
            .iter()
            .map(|rule| RoomRetention {
                pattern: rule.pattern.to_string(),
                keep: Keep {
                    max_age: rule.max_age,
                    max_count: rule.max_count,
                },
            })
            .collect(),
        notifications: Keep {
            max_age: Some(config.notifications.max_age),
            max_count: Some(config.notifications.max_count),
        },
    }
}
