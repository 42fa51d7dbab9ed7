//! How often each limit has refused somebody, for metrics. Counters only go up.

use std::sync::atomic::{AtomicU64, Ordering};

use super::counts::Full;

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A limit that refuses somebody.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Limit {
            $($(#[$doc])* $name,)*
        }

        impl Limit {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name among the metrics.
            pub(crate) fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

limits! {
    /// Connections of the node.
    Connections = "connections",
    /// Connections of a user.
    ConnectionsPerUser = "connections_per_user",
    /// Connections from an address.
    ConnectionsPerIp = "connections_per_ip",
    /// Connections from an address that have not signed in.
    UnauthenticatedPerIp = "unauthenticated_per_ip",
    /// Time to sign in.
    AuthTimeout = "auth_timeout",
    /// Commands of a connection.
    RatePerConnection = "rate_per_connection",
    /// Commands of a user.
    RatePerUser = "rate_per_user",
    /// Commands from an address.
    RatePerIp = "rate_per_ip",
    /// Refused commands until a connection is closed.
    CloseAfter = "close_after",
    /// Bytes of a command.
    CommandBytes = "command_bytes",
    /// Rooms of a connection.
    RoomsPerConnection = "rooms_per_connection",
    /// Requests of a key of the HTTP API.
    RatePerApiKey = "rate_per_api_key",
    /// Bytes of the body of a request of the HTTP API.
    ApiBodyBytes = "api_body_bytes",
    /// Requests that wait for a document.
    DocumentQueue = "document_queue",
    /// Memory for documents.
    DocumentMemory = "document_memory",
    /// Connections that have a document open.
    DocumentEditors = "document_editors",
    /// Documents of a connection.
    DocumentsPerConnection = "documents_per_connection",
    /// Writes that wait for the store.
    StoreQueue = "store_queue",
}

impl From<Full> for Limit {
    fn from(full: Full) -> Self {
        match full {
            Full::Node => Self::Connections,
            Full::Address => Self::ConnectionsPerIp,
            Full::Unauthenticated => Self::UnauthenticatedPerIp,
            Full::User => Self::ConnectionsPerUser,
        }
    }
}

/// A counter for each limit.
#[derive(Debug, Default)]
pub(crate) struct Meters([AtomicU64; Limit::ALL.len()]);

impl Meters {
    /// That limit has refused somebody.
    pub(crate) fn hit(&self, limit: Limit) {
        self.0[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each has.
    pub(crate) fn read(&self) -> impl Iterator<Item = (Limit, u64)> {
        let counters = self.0.iter().map(|counter| counter.load(Ordering::Relaxed));
        Limit::ALL.iter().copied().zip(counters)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_limit_is_counted_by_itself() {
        let meters = Meters::default();
        meters.hit(Limit::RatePerIp);
        meters.hit(Limit::RatePerIp);
        meters.hit(Full::User.into());
        for (limit, count) in meters.read() {
            let expected = match limit {
                Limit::RatePerIp => 2,
                Limit::ConnectionsPerUser => 1,
                _ => 0,
            };
            assert_eq!(count, expected, "{limit:?}");
        }
        let words: HashSet<_> = Limit::ALL.iter().map(|limit| limit.word()).collect();
        assert_eq!(words.len(), Limit::ALL.len());
    }
}
