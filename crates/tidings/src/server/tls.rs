//! What a TLS listener presents to its clients, replaceable while it serves.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// The protocol that is spoken within TLS (RFC 7301), the only one that a WebSocket can be
/// upgraded from.
const ALPN: &[u8] = b"http/1.1";

/// The certificates and settings of a TLS listener. Clones are the same, so that one can be kept
/// to [replace](Self::replace) certificates while the listener serves.
#[derive(Debug, Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl Tls {
    /// TLS with these settings. Their ALPN protocols are set to `http/1.1`, which is what the
    /// listeners speak.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(prepared(config))))
    }

    /// Replaces the settings for connections from now on; those that are open go on as they are.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write() = prepared(config);
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0.read()).into()
    }
}

fn prepared(mut config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    if config.alpn_protocols != [ALPN] {
        Arc::make_mut(&mut config).alpn_protocols = vec![ALPN.to_vec()];
    }
    config
}
