//! The encoding of `lib0`: numbers in groups of seven bits, the lowest first, each but the last
//! with its high bit set; bytes and texts after their length.
//!
//! A reader borrows from what it reads and allocates nothing, so that a length that lies costs
//! nothing.

use thiserror::Error;

/// The largest number that JavaScript has exactly, and `lib0` writes.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// They end too early.
    #[error("it ends too early")]
    End,
    /// A number is larger than any that JavaScript has exactly.
    #[error("a number in it is too large")]
    TooLarge,
    /// A text is not UTF-8.
    #[error("a text in it is not UTF-8")]
    NotText,
    /// What was read is none of those that there are.
    #[error("it is of an unknown kind")]
    Unknown,
}

/// Reads bytes from their beginning.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads these.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// When there is none, or it is larger than [`NUMBER_MAX`].
    pub fn number(&mut self) -> Result<u64, CodecError> {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let (&byte, rest) = self.0.split_first().ok_or(CodecError::End)?;
            self.0 = rest;
            // Bits beyond the largest number may be there only if they are not set.
            let bits = u64::from(byte & 0x7f);
            if shift > 56 || (shift == 56 && bits != 0) {
                return Err(CodecError::TooLarge);
            }
            number |= bits << shift;
            if number > NUMBER_MAX {
                return Err(CodecError::TooLarge);
            }
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    /// A number that counts or measures something in memory.
    ///
    /// # Errors
    ///
    /// As [`number`](Self::number).
    pub fn size(&mut self) -> Result<usize, CodecError> {
        usize::try_from(self.number()?).map_err(|_| CodecError::TooLarge)
    }

    /// Bytes with their length before them.
    ///
    /// # Errors
    ///
    /// When fewer are there.
    pub fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.size()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CodecError::End)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A text with its length in bytes before it.
    ///
    /// # Errors
    ///
    /// When it is shorter, or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError::NotText)
    }
}

/// Appends a number.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends bytes with their length before them.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a text with its length in bytes before it.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(number in 0..=NUMBER_MAX, bytes: Vec<u8>, text: String) {
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_bytes(&mut out, &bytes);
            put_text(&mut out, &text);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.bytes(), Ok(&*bytes));
            prop_assert_eq!(reader.text(), Ok(&*text));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.text().is_ok() {}
            while reader.number().is_ok() {}
        }
    }

    #[test]
    fn numbers_that_javascript_does_not_have_are_refused() {
        for (bytes, read) in [
            (&[0x00][..], Ok(0)),
            (&[0x7f], Ok(127)),
            (&[0x80, 0x01], Ok(128)),
            (&[0x80], Err(CodecError::End)),
            (&[], Err(CodecError::End)),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
                Ok(NUMBER_MAX),
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f],
                Err(CodecError::TooLarge),
            ),
            (&[0x80; 40], Err(CodecError::TooLarge)),
        ] {
            assert_eq!(Reader::new(bytes).number(), read, "{bytes:x?}");
        }
    }

    #[test]
    fn a_length_that_lies_is_refused() {
        let mut bytes = Vec::new();
        put_number(&mut bytes, NUMBER_MAX);
        bytes.push(1);
        assert_eq!(Reader::new(&bytes).bytes(), Err(CodecError::End));
    }
}
