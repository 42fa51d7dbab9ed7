//! The bounds on what one read gives. What a queue may hold is in the options of the store.

/// Messages or notifications that one read gives at most, whatever it asked for.
pub const PAGE_MAX: usize = 1_000;

/// Receipts of a room that one read gives at most.
pub const RECEIPTS_MAX: usize = 1_000;

/// Rooms of a user that one read gives at most.
pub const ROOMS_MAX: usize = 10_000;
