//! What keeps one client, one user or one address from using up what is there for all.
//!
//! Pure mechanisms: time is passed in, nothing is spawned, no lock is held while anything waits.
//! What happens to whoever is refused is decided by those who ask. [`meters`] counts the refusals.

pub(crate) mod address;
pub(crate) mod bucket;
pub(crate) mod counts;
pub(crate) mod keyed;
pub(crate) mod meters;
