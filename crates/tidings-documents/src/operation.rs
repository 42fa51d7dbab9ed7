//! What a thin client asks for: an insertion or a deletion at a position in UTF-16 units, which is
//! how JavaScript, Java, C# and Swift's bridges count text.

use std::sync::Arc;

use crate::transform::Shape;

/// A plain operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Puts text somewhere.
    Insert {
        /// UTF-16 units before it.
        position: usize,
        /// What is inserted.
        content: Arc<str>,
    },
    /// Takes text away.
    Delete {
        /// UTF-16 units before it.
        position: usize,
        /// UTF-16 units that go.
        length: usize,
    },
}

impl Operation {
    /// Where it is, without what it says.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Insert { position, content } => Shape::Insert {
                position: *position,
                length: utf16_len(content),
            },
            Self::Delete { position, length } => Shape::Delete {
                position: *position,
                length: *length,
            },
        }
    }

    /// The same operation somewhere else, or a part of a deletion.
    pub(crate) fn moved(&self, shape: Shape) -> Self {
        match (self, shape) {
            (Self::Insert { content, .. }, Shape::Insert { position, .. }) => Self::Insert {
                position,
                content: Arc::clone(content),
            },
            (_, Shape::Insert { position, length } | Shape::Delete { position, length }) => {
                Self::Delete { position, length }
            }
        }
    }

    /// Bytes of text in it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Insert { content, .. } => content.len(),
            Self::Delete { .. } => 0,
        }
    }
}

/// The UTF-16 units of a text, which is its `length` in JavaScript.
pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
