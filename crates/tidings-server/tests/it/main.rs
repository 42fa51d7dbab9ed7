//! The real binary, spoken to from outside.

mod chat;
mod client;
mod process;
mod settings;
mod start;
