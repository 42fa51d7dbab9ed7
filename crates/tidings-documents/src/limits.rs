//! Every bound on what clients can make a document hold.

/// The bounds of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// UTF-16 units of text.
    pub text_units: usize,
    /// Bytes of the replica, deleted content and formatting included, as far as its log tells.
    pub state_bytes: usize,
    /// UTF-16 units that one operation inserts.
    pub operation_units: usize,
    /// Bytes of an operation's id.
    pub operation_id_bytes: usize,
    /// Changes that are kept, so that operations against older versions can be transformed.
    pub history_changes: usize,
    /// Bytes of inserted text that these keep.
    pub history_bytes: usize,
    /// Sessions of thin clients.
    pub sessions: usize,
    /// Authors whose latest operations are remembered.
    pub authors: usize,
    /// Operations that are remembered of each author, so as to know them when they are sent again.
    pub operations_per_author: usize,
    /// Awareness states of all connections, those that have ended included.
    pub awareness_states: usize,
    /// Awareness states that one connection introduces.
    pub awareness_states_per_connection: usize,
    /// Bytes of one awareness state.
    pub awareness_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_units: 2 * 1024 * 1024,
            state_bytes: 20 * 1024 * 1024,
            operation_units: 64 * 1024,
            operation_id_bytes: 128,
            history_changes: 4_096,
            history_bytes: 256 * 1024,
            sessions: 200,
            authors: 1_000,
            operations_per_author: 128,
            awareness_states: 1_000,
            awareness_states_per_connection: 4,
            awareness_bytes: 8 * 1024,
        }
    }
}
