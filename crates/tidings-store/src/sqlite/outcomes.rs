//! Handing out outcomes: one task calls everybody who is to be told, in the order of commits.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::{mpsc, watch};

use super::{counters::Counters, job::Job};
use crate::StoreError;

/// Calls between two of which the task lets others run.
const TURN: usize = 64;

/// What the writer sends.
pub(super) enum Outcomes {
    /// The writes of a transaction, done or failed.
    Of(Vec<Box<dyn Job>>),
    /// There will be no more: how letting go of the database went.
    Last(Result<(), StoreError>),
}

/// How closing went, once it is over.
pub(super) type Ended = Option<Result<(), StoreError>>;

/// Tells outcomes until there are no more, then says so.
pub(super) async fn hand_out(
    mut outcomes: mpsc::Receiver<Outcomes>,
    ended: watch::Sender<Ended>,
    counters: Arc<Counters>,
) {
    // A writer that went without a last word has panicked.
    let mut end = Err(StoreError::Closed);
    let mut turn = 0;
    while let Some(outcome) = outcomes.recv().await {
        match outcome {
            Outcomes::Of(jobs) => {
                for job in jobs {
                    if catch_unwind(AssertUnwindSafe(|| job.finish())).is_err() {
                        counters.panics.fetch_add(1, Ordering::Relaxed);
                        tracing::error!("whoever was told the outcome of a write panicked");
                    }
                    turn += 1;
                    if turn % TURN == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            }
            Outcomes::Last(how) => end = how,
        }
    }
    ended.send_replace(Some(end));
}
