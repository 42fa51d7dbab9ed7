//! Plain WebSocket endpoints: raw messages for a handler of your own, or the `{type, data, id}`
//! envelope for the handlers of a namespace.

pub(crate) mod endpoint;
pub(crate) mod envelope;
pub(crate) mod raw;

pub use endpoint::WebSocketConfig;
pub use raw::WebSocketHandler;
