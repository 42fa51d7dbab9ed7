//! The text as thin clients see it: a rope that is addressed in UTF-16 units.
//!
//! The replica of the CRDT has the same text, but has to walk through it to find a position.

use ropey::Rope;

use crate::Operation;

/// The visible text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text(Rope);

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        Self(Rope::from_str(text))
    }

    /// UTF-16 units.
    pub(crate) fn len(&self) -> usize {
        self.0.len_utf16_cu()
    }

    /// Whether a position is in the text, at its end at most.
    pub(crate) fn contains(&self, position: usize) -> bool {
        position <= self.len()
    }

    /// Whether a position within the text is between two characters.
    pub(crate) fn is_boundary(&self, position: usize) -> bool {
        let character = self.0.utf16_cu_to_char(position);
        self.0.char_to_utf16_cu(character) == position
    }

    /// Whether an operation is within the text and cuts no character in two.
    pub(crate) fn fits(&self, operation: &Operation) -> bool {
        let (start, end) = match operation {
            Operation::Insert { position, .. } => (*position, *position),
            Operation::Delete { position, length } => (*position, position.saturating_add(*length)),
        };
        self.contains(end) && self.is_boundary(start) && self.is_boundary(end)
    }

    /// Applies an operation that [fits](Self::fits).
    pub(crate) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Insert { position, content } => {
                let character = self.0.utf16_cu_to_char(*position);
                self.0.insert(character, content);
            }
            Operation::Delete { position, length } => {
                let start = self.0.utf16_cu_to_char(*position);
                let end = self.0.utf16_cu_to_char(position + length);
                self.0.remove(start..end);
            }
        }
    }

    /// What has to be done so that the text becomes that one: one deletion, and one insertion.
    pub(crate) fn difference(&self, wanted: &str) -> Vec<Operation> {
        let have = self.0.to_string();
        let same = have.chars().zip(wanted.chars());
        let before: usize = same
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum();
        let (start, have, wanted) = (&have[..before], &have[before..], &wanted[before..]);
        let same = have.chars().rev().zip(wanted.chars().rev());
        let after: usize = same
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum();
        let have = &have[..have.len() - after];
        let wanted = &wanted[..wanted.len() - after];
        let position = crate::utf16_len(start);
        let mut operations = Vec::new();
        if !have.is_empty() {
            operations.push(Operation::Delete {
                position,
                length: crate::utf16_len(have),
            });
        }
        if !wanted.is_empty() {
            operations.push(Operation::Insert {
                position,
                content: wanted.into(),
            });
        }
        operations
    }

    /// Whether some character in it takes two units.
    pub(crate) fn has_pairs(&self) -> bool {
        self.0.len_utf16_cu() != self.0.len_chars()
    }

    /// Bytes of UTF-8.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len_bytes()
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chunks().try_for_each(|it| f.write_str(it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_not_cut_in_two() {
        let text = Text::new("a😀中");
        let boundaries: Vec<_> = (0..=4).map(|it| text.is_boundary(it)).collect();
        assert_eq!(boundaries, [true, true, false, true, true]);
        assert!(text.contains(4) && !text.contains(5));
    }

    #[test]
    fn the_difference_makes_one_text_of_the_other() {
        for (have, wanted, count) in [
            ("", "", 0),
            ("", "a", 1),
            ("a😀b", "ab", 1),
            ("a😀b", "a😁b", 2),
            ("aa", "aaa", 1),
            ("中文", "文中", 2),
        ] {
            let mut text = Text::new(have);
            let operations = text.difference(wanted);
            assert_eq!(operations.len(), count, "{have} {wanted}");
            for operation in &operations {
                assert!(text.fits(operation), "{operation:?}");
                text.apply(operation);
            }
            assert_eq!(text.to_string(), wanted, "{have}");
        }
    }
}
