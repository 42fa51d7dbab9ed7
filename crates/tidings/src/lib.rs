//! Tidings, the library.
