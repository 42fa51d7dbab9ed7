//! Writing nothing, to learn when everything before it is done.

use super::super::{fault::Fault, job::Request, session::Session};

/// Nothing.
#[derive(Debug)]
pub(in super::super) struct Barrier;

impl Request for Barrier {
    type Answer = ();

    fn apply(&self, _: &mut Session<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn bytes(&self) -> usize {
        0
    }
}
