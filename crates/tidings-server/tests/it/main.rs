//! The real binary, spoken to from outside.

mod batching;
mod chat;
mod churn;
mod client;
mod doctor;
mod drain;
mod http;
mod kill;
mod listeners;
mod operate;
mod process;
mod reload;
mod settings;
mod start;
