//! A write in the queue: what is asked, who is told, and in between what came of it.

use super::{fault::Fault, session::Session};
use crate::{Done, StoreError};

/// Something to be written.
///
/// It may be applied more than once, each time to a database that knows nothing of the time
/// before, until one of the transactions is committed.
pub(super) trait Request: Send + 'static {
    /// What is answered.
    type Answer: Send + 'static;

    /// Writes it, in the transaction of the session.
    ///
    /// # Errors
    ///
    /// [`Fault::Refused`] is an answer too: nothing has been written then, and the transaction
    /// goes on. [`Fault::Sqlite`] fails the transaction.
    fn apply(&self, session: &mut Session<'_>) -> Result<Self::Answer, Fault>;

    /// Bytes of text in it.
    fn bytes(&self) -> usize;
}

/// A write in the queue, whatever it is.
pub(super) trait Job: Send {
    /// Applies it, and keeps the answer until the transaction is committed.
    fn apply(&mut self, session: &mut Session<'_>) -> rusqlite::Result<()>;

    /// Its transaction has failed.
    fn fail(&mut self, error: StoreError);

    /// Tells the outcome.
    fn finish(self: Box<Self>);

    /// Bytes of text in it.
    fn bytes(&self) -> usize;
}

/// A request, and who is told.
pub(super) struct Asked<R: Request> {
    request: R,
    done: Done<R::Answer>,
    outcome: Option<Result<R::Answer, StoreError>>,
}

impl<R: Request> Asked<R> {
    /// Puts a request into the form in which it is queued.
    pub(super) fn boxed(request: R, done: Done<R::Answer>) -> Box<dyn Job> {
        Box::new(Self {
            request,
            done,
            outcome: None,
        })
    }
}

impl<R: Request> Job for Asked<R> {
    fn apply(&mut self, session: &mut Session<'_>) -> rusqlite::Result<()> {
        self.outcome = Some(match self.request.apply(session) {
            Ok(answer) => Ok(answer),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Sqlite(error)) => return Err(error),
        });
        Ok(())
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error));
    }

    fn finish(self: Box<Self>) {
        // Whatever leaves the writer has been applied or failed.
        (self.done)(self.outcome.unwrap_or(Err(StoreError::Closed)));
    }

    fn bytes(&self) -> usize {
        self.request.bytes()
    }
}
