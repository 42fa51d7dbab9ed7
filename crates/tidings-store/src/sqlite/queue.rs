//! The writes that wait for the writer, bounded in number and in bytes.
//!
//! Not a channel, since a channel gives one item for each lock, and knows no bytes: the writer
//! takes all that waits at once. The lock is held to move some pointers, never while anything is
//! woken or written.

use std::{collections::VecDeque, fmt};

use parking_lot::{Condvar, Mutex};

use super::job::Job;
use crate::StoreError;

/// Writes that wait.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Signalled when something begins to wait, and when the queue is closed.
    changed: Condvar,
    max: usize,
    max_bytes: usize,
}

struct State {
    jobs: VecDeque<Box<dyn Job>>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn new(max: usize, max_bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                bytes: 0,
                closed: false,
            }),
            changed: Condvar::new(),
            max,
            max_bytes,
        }
    }

    /// Queues a write of a client. One that is larger than the bound on bytes is taken when
    /// nothing else waits.
    pub(super) fn push(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.add(job, false)
    }

    /// Queues a write of the house, whose number does not depend on clients.
    pub(super) fn push_beyond_bounds(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.add(job, true)
    }

    fn add(&self, job: Box<dyn Job>, beyond_bounds: bool) -> Result<(), StoreError> {
        let bytes = job.bytes();
        let mut state = self.state.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        let waiting = !state.jobs.is_empty();
        let full =
            state.jobs.len() >= self.max || (waiting && state.bytes + bytes > self.max_bytes);
        if full && !beyond_bounds {
            return Err(StoreError::Overloaded);
        }
        state.bytes += bytes;
        state.jobs.push_back(job);
        drop(state);
        if !waiting {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits until there is something, and takes up to so many. `None` when the queue is closed
    /// and nothing waits.
    pub(super) fn take(&self, max: usize) -> Option<Vec<Box<dyn Job>>> {
        let mut state = self.state.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
        let count = state.jobs.len().min(max);
        let jobs: Vec<_> = state.jobs.drain(..count).collect();
        state.bytes -= jobs.iter().map(|it| it.bytes()).sum::<usize>();
        Some(jobs)
    }

    /// Takes nothing more. What waits can still be taken out.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many wait, and their bytes.
    pub(super) fn len(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.jobs.len(), state.bytes)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, bytes) = self.len();
        f.debug_struct("Queue")
            .field("length", &length)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::session::Session, *};

    struct Sized(usize);

    impl Job for Sized {
        fn apply(&mut self, _: &mut Session<'_>) -> rusqlite::Result<()> {
            Ok(())
        }
        fn fail(&mut self, _: StoreError) {}
        fn finish(self: Box<Self>) {}
        fn bytes(&self) -> usize {
            self.0
        }
    }

    fn push(queue: &Queue, bytes: usize) -> bool {
        match queue.push(Box::new(Sized(bytes))) {
            Ok(()) => true,
            Err(StoreError::Overloaded) => false,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn it_is_bounded_in_number_and_in_bytes() {
        let queue = Queue::new(3, 10);
        assert!(push(&queue, 50), "alone it may be of any size");
        assert!(!push(&queue, 1));
        assert_eq!(queue.take(9).map(|it| it.len()), Some(1));
        assert_eq!(
            [4, 5, 2, 1, 0].map(|it| push(&queue, it)),
            [true, true, false, true, false]
        );
        assert_eq!(queue.len(), (3, 10));
        queue.push_beyond_bounds(Box::new(Sized(7))).unwrap();
        assert_eq!(queue.take(3).map(|it| it.len()), Some(3));
        assert_eq!(queue.len(), (1, 7));
    }

    #[test]
    fn closed_it_gives_what_is_in_it_and_takes_nothing() {
        let queue = Queue::new(3, 10);
        assert!(push(&queue, 1));
        queue.close();
        let refused = queue.push(Box::new(Sized(1)));
        assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
        assert_eq!(queue.take(9).map(|it| it.len()), Some(1));
        assert!(queue.take(9).is_none());
    }
}
