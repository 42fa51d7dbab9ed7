//! Who may use the API and how often, and what is kept of it between requests: the part of it that
//! lives as long as the server does, whatever listeners there are.

use std::{collections::HashMap, sync::Arc, time::Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use super::{
    exposition::Counts,
    idempotency::Answers,
    keys::{Holder, Keys},
};
use crate::{
    config::api::ApiConfig,
    fault::{Code, Fault},
    limits::bucket::{Bucket, Rate},
};

/// The keys, what each may still ask for, and the answers that are kept for requests that are sent
/// again.
#[derive(Debug)]
pub(crate) struct Gate {
    settings: ArcSwap<Settings>,
    /// By the name of the key. Never more than there are keys.
    buckets: Mutex<HashMap<Arc<str>, Bucket>>,
    pub(super) answers: Answers,
    pub(super) counts: Counts,
    /// Requests that are carried out even if nobody waits for them any longer.
    pub(super) tasks: TaskTracker,
}

#[derive(Debug)]
struct Settings {
    keys: Keys,
    rate: Rate,
}

impl Settings {
    fn new(config: &ApiConfig) -> Self {
        Self {
            keys: Keys::new(&config.keys),
            rate: config.rate.into(),
        }
    }
}

impl Gate {
    /// A gate that nobody has passed yet.
    pub(crate) fn new(config: &ApiConfig) -> Self {
        Self {
            settings: ArcSwap::from_pointee(Settings::new(config)),
            buckets: Mutex::default(),
            answers: Answers::new(&config.idempotency),
            counts: Counts::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Takes other keys and another rate from now on. Requests under way are carried out.
    pub(crate) fn reload(&self, config: &ApiConfig) {
        self.settings.store(Arc::new(Settings::new(config)));
        let names: Vec<_> = config.keys.iter().map(|it| it.name.as_str()).collect();
        self.buckets
            .lock()
            .retain(|name, _| names.contains(&&**name));
    }

    /// Whether there is a key, without which there is no API.
    pub(crate) fn is_on(&self) -> bool {
        !self.settings.load().keys.is_empty()
    }

    /// Who has that key.
    ///
    /// # Errors
    ///
    /// When nobody has.
    pub(super) fn holder(&self, key: Option<&str>) -> Result<Arc<Holder>, Fault> {
        let Some(key) = key else {
            return Err(Fault::new(
                Code::Unauthenticated,
                "The request has no key. Send it in the header X-API-Key.",
            ));
        };
        let settings = self.settings.load();
        settings.keys.holder(key).map(Arc::clone).ok_or_else(|| {
            Fault::new(
                Code::Unauthenticated,
                "The key is none of this server. The setting api.keys has those that are.",
            )
        })
    }

    /// Takes what a method costs from the bucket of a key.
    ///
    /// # Errors
    ///
    /// When there is not enough left, with the time to wait.
    pub(super) fn take(&self, holder: &Holder, cost: u32) -> Result<(), Fault> {
        let rate = self.settings.load().rate;
        let mut buckets = self.buckets.lock();
        let bucket = buckets.entry(Arc::clone(&holder.name)).or_default();
        bucket
            .try_take(&rate, cost, Instant::now())
            .map_err(|wait| {
                let sentence = format!(
                    "The key {} has asked too often. Wait, and send it again; the setting api.rate \
                 says how often is often.",
                    holder.name
                );
                Fault::new(Code::RateLimited, sentence).after(wait)
            })
    }

    /// Waits for what is still being carried out.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
