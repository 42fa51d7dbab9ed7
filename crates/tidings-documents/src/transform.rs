//! Operational transformation: what becomes of an operation when another one, made without
//! knowledge of it, was applied before.
//!
//! Two operations on the same text, `incoming` and `settled`, become two others such that
//! `settled` and then `incoming'` gives the same text as `incoming` and then `settled'`. One order
//! of all operations exists, that of the document, so that this one property is enough.
//!
//! Where both insert at the same place, the incoming one goes **before** the one that is settled.
//! The other way round converges too, but tears apart what two people type at the same place: the
//! second letter of a word would go behind the first letter of the other's.

use smallvec::{SmallVec, smallvec};

/// Where an operation is and how long, without its text, which transformation does not look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An insertion.
    Insert { position: usize, length: usize },
    /// A deletion.
    Delete { position: usize, length: usize },
}

/// What becomes of one operation: itself, nothing, or a deletion in two pieces.
type Pieces = SmallVec<[Shape; 2]>;

/// Transforms two sequences against each other. Each is in the order in which it is applied.
pub(crate) fn cross(incoming: Vec<Shape>, mut settled: Vec<Shape>) -> (Vec<Shape>, Vec<Shape>) {
    let mut moved = Vec::with_capacity(incoming.len());
    for one in incoming {
        let (ones, rest) = cross_one(one, settled);
        moved.extend(ones);
        settled = rest;
    }
    (moved, settled)
}

fn cross_one(one: Shape, settled: Vec<Shape>) -> (Vec<Shape>, Vec<Shape>) {
    let mut ones = vec![one];
    let mut moved = Vec::with_capacity(settled.len());
    for other in settled {
        let others = match ones.as_slice() {
            [one] => {
                let (pieces, others) = cross_pair(*one, other);
                ones = pieces.into_vec();
                others.into_vec()
            }
            _ => {
                let (pieces, others) = cross(ones, vec![other]);
                ones = pieces;
                others
            }
        };
        moved.extend(others);
    }
    (ones, moved)
}

fn cross_pair(incoming: Shape, settled: Shape) -> (Pieces, Pieces) {
    match (incoming, settled) {
        (Shape::Insert { position: a, .. }, Shape::Insert { position: b, .. }) => {
            if a <= b {
                (smallvec![incoming], smallvec![moved(settled, incoming)])
            } else {
                (smallvec![moved(incoming, settled)], smallvec![settled])
            }
        }
        (Shape::Insert { .. }, Shape::Delete { .. }) => (
            smallvec![moved(incoming, settled)],
            around(settled, incoming),
        ),
        (Shape::Delete { .. }, Shape::Insert { .. }) => (
            around(incoming, settled),
            smallvec![moved(settled, incoming)],
        ),
        (Shape::Delete { .. }, Shape::Delete { .. }) => {
            (rest(incoming, settled), rest(settled, incoming))
        }
    }
}

/// An insertion after something before it, or at a place that went.
fn moved(insertion: Shape, other: Shape) -> Shape {
    Shape::Insert {
        position: match other {
            Shape::Insert { length, .. } => insertion.position() + length,
            Shape::Delete { .. } => shift(insertion.position(), other),
        },
        length: insertion.length(),
    }
}

/// A deletion, which leaves what was inserted within it.
fn around(deletion: Shape, insertion: Shape) -> Pieces {
    let (position, length) = (deletion.position(), deletion.length());
    let (place, inserted) = (insertion.position(), insertion.length());
    if place <= position {
        smallvec![Shape::Delete {
            position: position + inserted,
            length,
        }]
    } else if place >= position + length {
        smallvec![deletion]
    } else {
        let before = place - position;
        smallvec![
            Shape::Delete {
                position,
                length: before,
            },
            // The first piece has gone when this one is applied.
            Shape::Delete {
                position: position + inserted,
                length: length - before,
            },
        ]
    }
}

/// What is left to delete when some of it may have gone already.
fn rest(deletion: Shape, other: Shape) -> Pieces {
    let start = deletion.position().max(other.position());
    let end = deletion.end().min(other.end());
    match deletion.length() - end.saturating_sub(start) {
        0 => Pieces::new(),
        length => smallvec![Shape::Delete {
            position: shift(deletion.position(), other),
            length,
        }],
    }
}

impl Shape {
    fn position(self) -> usize {
        let (Self::Insert { position, .. } | Self::Delete { position, .. }) = self;
        position
    }

    /// UTF-16 units that come or go.
    pub(crate) fn length(self) -> usize {
        let (Self::Insert { length, .. } | Self::Delete { length, .. }) = self;
        length
    }

    fn end(self) -> usize {
        self.position() + self.length()
    }
}

/// Where a position is after a settled operation. One at the place of an insertion stays before
/// it, as an insertion there would.
pub(crate) fn shift(position: usize, settled: Shape) -> usize {
    match settled {
        Shape::Insert {
            position: place,
            length,
        } if place < position => position + length,
        Shape::Delete {
            position: place,
            length,
        } if place < position => position - length.min(position - place),
        _ => position,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Applies shapes to a text whose insertions are told apart by their letter.
    fn apply(text: &mut Vec<char>, shapes: &[Shape], letter: char) {
        for shape in shapes {
            match *shape {
                Shape::Insert { position, length } => {
                    text.splice(position..position, std::iter::repeat_n(letter, length));
                }
                Shape::Delete { position, length } => {
                    text.drain(position..position + length);
                }
            }
        }
    }

    /// A sequence of shapes for a text of that length, from arbitrary numbers.
    fn shapes(seeds: &[(bool, usize, usize)], mut length: usize) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for &(insert, place, size) in seeds {
            let position = place % (length + 1);
            if insert {
                let size = size % 3 + 1;
                length += size;
                shapes.push(Shape::Insert {
                    position,
                    length: size,
                });
            } else if position < length {
                let size = size % (length - position) + 1;
                length -= size;
                shapes.push(Shape::Delete {
                    position,
                    length: size,
                });
            }
        }
        shapes
    }

    fn seeds() -> impl Strategy<Value = Vec<(bool, usize, usize)>> {
        prop::collection::vec((any::<bool>(), 0..30_usize, 0..30_usize), 0..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn both_orders_give_the_same_text(length in 0..20_usize, a in seeds(), b in seeds()) {
            let (incoming, settled) = (shapes(&a, length), shapes(&b, length));
            let (incoming_after, settled_after) = cross(incoming.clone(), settled.clone());
            let mut one = vec!['.'; length];
            let mut other = one.clone();
            apply(&mut one, &settled, 's');
            apply(&mut one, &incoming_after, 'i');
            apply(&mut other, &incoming, 'i');
            apply(&mut other, &settled_after, 's');
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn what_is_inserted_at_the_same_place_goes_before_what_is_settled() {
        let insert = |position| Shape::Insert {
            position,
            length: 2,
        };
        assert_eq!(
            cross(vec![insert(5)], vec![insert(5)]),
            (vec![insert(5)], vec![insert(7)])
        );
    }

    #[test]
    fn a_deletion_leaves_what_was_inserted_within_it() {
        let delete = |position, length| Shape::Delete { position, length };
        let insert = Shape::Insert {
            position: 4,
            length: 3,
        };
        assert_eq!(
            cross(vec![delete(2, 5)], vec![insert]).0,
            [delete(2, 2), delete(5, 3)]
        );
    }

    #[test]
    fn a_position_stays_where_it_was_in_the_text() {
        let insert = |position| Shape::Insert {
            position,
            length: 2,
        };
        let delete = |position, length| Shape::Delete { position, length };
        for (shape, moved) in [
            (insert(4), 7),
            (insert(5), 5),
            (insert(6), 5),
            (delete(0, 2), 3),
            (delete(3, 9), 3),
            (delete(5, 2), 5),
        ] {
            assert_eq!(shift(5, shape), moved, "{shape:?}");
        }
    }
}
