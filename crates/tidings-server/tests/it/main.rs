//! The real binary, spoken to from outside.

mod batching;
mod chat;
mod churn;
mod client;
mod doctor;
mod kill;
mod process;
mod settings;
mod start;
