//! The store as a server meets it: the behaviours that every store has, and those of SQLite's.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod conformance;
mod sqlite;
mod support;
