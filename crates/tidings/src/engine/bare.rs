//! Engine.IO with nothing on top.

use std::sync::Arc;

use crate::{
    reason::CloseReason,
    transport::{Acceptor, Malformed, Receiver, connection::Connection},
};

/// What is done with the messages of a bare Engine.IO endpoint. The methods must not block.
///
/// ```
/// use std::sync::Arc;
/// use tidings::{Connection, EngineConfig, EngineHandler, Server};
///
/// struct Echo;
///
/// impl EngineHandler for Echo {
///     fn text(&self, connection: &Arc<Connection>, text: &str) {
///         connection.send_text(text);
///     }
///
///     fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) {
///         connection.send_binary(bytes);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().engine("/engine.io/", EngineConfig::new(), Echo).build()?;
/// # server.close().await;
/// # Ok(()) }
/// ```
pub trait EngineHandler: Send + Sync + 'static {
    /// A session began. What is sent now leaves with the first write.
    fn opened(&self, connection: &Arc<Connection>) {
        let _ = connection;
    }

    /// A text message came.
    fn text(&self, connection: &Arc<Connection>, text: &str) {
        let _ = (connection, text);
    }

    /// A binary message came.
    fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) {
        let _ = (connection, bytes);
    }

    /// The session ended.
    fn closed(&self, connection: &Arc<Connection>, reason: CloseReason) {
        let _ = (connection, reason);
    }
}

pub(crate) struct BareAcceptor(pub(crate) Arc<dyn EngineHandler>);

impl Acceptor for BareAcceptor {
    fn accept(&self, connection: &Arc<Connection>) -> Arc<dyn Receiver> {
        self.0.opened(connection);
        Arc::new(BareReceiver(Arc::clone(&self.0)))
    }
}

struct BareReceiver(Arc<dyn EngineHandler>);

impl Receiver for BareReceiver {
    fn text(&self, connection: &Arc<Connection>, text: &str) -> Result<bool, Malformed> {
        self.0.text(connection, text);
        Ok(false)
    }

    fn binary(&self, connection: &Arc<Connection>, bytes: &[u8]) -> Result<bool, Malformed> {
        self.0.binary(connection, bytes);
        Ok(false)
    }

    fn closed(&self, connection: &Arc<Connection>, reason: CloseReason) {
        self.0.closed(connection, reason);
    }
}
