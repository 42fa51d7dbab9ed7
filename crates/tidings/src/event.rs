//! What can be sent with an event.

use serde::Serialize;
use tidings_protocol::args::{Args, EncodeError};

/// What can be the arguments of an event or an acknowledgement.
///
/// A reference to anything that serialises is one argument; [`args!`](crate::args!) builds any
/// number of them; [`Args`] that were received pass on as they came.
///
/// ```
/// use tidings::{args, Args, IntoArgs};
///
/// let one = (&"hello").into_args()?;
/// let three = args!["hello", 1, true].into_args()?;
/// let none = args![].into_args()?;
/// assert_eq!((one.len(), three.len(), none.len()), (1, 3, 0));
/// # Ok::<(), tidings::EncodeError>(())
/// ```
pub trait IntoArgs {
    /// The arguments.
    ///
    /// # Errors
    ///
    /// When a value cannot be serialised, such as a map whose keys are not strings.
    fn into_args(self) -> Result<Args, EncodeError>;
}

impl IntoArgs for Args {
    fn into_args(self) -> Result<Args, EncodeError> {
        Ok(self)
    }
}

impl IntoArgs for Result<Args, EncodeError> {
    fn into_args(self) -> Result<Args, EncodeError> {
        self
    }
}

impl<T: Serialize + ?Sized> IntoArgs for &T {
    fn into_args(self) -> Result<Args, EncodeError> {
        Args::one(self)
    }
}
