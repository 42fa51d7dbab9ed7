//! Frames in the order in which they are to be written.
//!
//! Most queues hold one frame, briefly: it stands in the queue itself, and nothing is allocated
//! for it.

use std::{collections::VecDeque, sync::Arc};

use super::frame::Frame;

/// Frames in the order in which they are to be written.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    first: Option<Arc<Frame>>,
    /// Empty while there is no first.
    rest: VecDeque<Arc<Frame>>,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(crate) fn first(&self) -> Option<&Arc<Frame>> {
        self.first.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Frame>> {
        self.first.iter().chain(&self.rest)
    }

    pub(crate) fn push(&mut self, frame: Arc<Frame>) {
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.rest.push_back(frame);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Arc<Frame>> {
        let first = self.first.take();
        self.first = self.rest.pop_front();
        first
    }

    /// Puts the frames of `later` behind these.
    pub(crate) fn append(&mut self, later: Queue) {
        if self.is_empty() {
            *self = later;
        } else {
            self.rest.extend(later.first);
            self.rest.extend(later.rest);
        }
    }
}
