//! What was sent lately, so that a retry is answered with the first message and not sent again.
//!
//! The window is bounded in number, over all users together: a retry comes within seconds, and
//! what is older than the newest [`MAX`] named messages of the server is not remembered.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::names::{ClientMessageId, UserId};

/// Receipts that are kept.
pub(crate) const MAX: usize = 10_000;

type Key = (UserId, ClientMessageId);

/// The proof that a message was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) message_id: Arc<str>,
    pub(crate) timestamp: Arc<str>,
}

/// The receipts of the newest messages that their senders had named.
#[derive(Debug)]
pub(crate) struct Receipts {
    by_key: HashMap<Key, Receipt>,
    /// The same keys, oldest first.
    order: VecDeque<Key>,
    max: usize,
}

impl Receipts {
    /// No receipts, and room for so many.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            by_key: HashMap::new(),
            order: VecDeque::new(),
            max,
        }
    }

    /// The receipt of the message that this user gave that name.
    pub(crate) fn get(&self, user: &UserId, name: &ClientMessageId) -> Option<&Receipt> {
        self.by_key.get(&(user.clone(), name.clone()))
    }

    /// Keeps a receipt. The first one of a name stays.
    pub(crate) fn keep(&mut self, user: &UserId, name: &ClientMessageId, receipt: Receipt) {
        let key = (user.clone(), name.clone());
        if self.by_key.contains_key(&key) {
            return;
        }
        self.by_key.insert(key.clone(), receipt);
        self.order.push_back(key);
        while self.order.len() > self.max {
            if let Some(oldest) = self.order.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(id: &str) -> Receipt {
        Receipt {
            message_id: id.into(),
            timestamp: "2026-08-01T12:00:00.000Z".into(),
        }
    }

    #[test]
    fn a_name_is_the_users_own() {
        let mut receipts = Receipts::new(10);
        receipts.keep(&"ana".into(), &"1".into(), receipt("a"));
        receipts.keep(&"ana".into(), &"1".into(), receipt("b"));
        assert_eq!(
            receipts.get(&"ana".into(), &"1".into()),
            Some(&receipt("a"))
        );
        assert_eq!(receipts.get(&"ana".into(), &"2".into()), None);
        assert_eq!(receipts.get(&"ming".into(), &"1".into()), None);
    }

    #[test]
    fn the_window_is_bounded() {
        let mut receipts = Receipts::new(2);
        for name in ["1", "2", "3", "3"] {
            receipts.keep(&"ana".into(), &name.into(), receipt(name));
        }
        let known = |name: &str| receipts.get(&"ana".into(), &name.into()).is_some();
        assert_eq!(["1", "2", "3"].map(known), [false, true, true]);
        assert_eq!(receipts.by_key.len(), receipts.order.len());
    }
}
