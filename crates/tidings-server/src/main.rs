//! `tidings`, the realtime server: reads the command line, runs the command, and says by the exit
//! code how it went: 0 well, 1 it could not run, 2 it was asked for something that it refuses.

mod access;
mod admin;
mod api;
mod app;
mod batching;
mod channel;
mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod deadlines;
mod delivered;
mod departures;
mod device;
mod documents;
mod events;
mod fault;
mod guard;
mod health;
mod identity;
mod limits;
mod message;
mod metrics;
mod names;
mod origin;
mod outgoing;
mod pages;
mod presence;
mod private;
mod registry;
mod retention;
mod rooms;
mod routes;
mod serve;
mod session;
mod typing;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(options) => serve::run(&options).await,
        Command::Protocol => {
            cli::print(&registry::reference(&commands::registry()));
            Ok(())
        }
        Command::Api => {
            cli::print(&api::reference());
            Ok(())
        }
        Command::Chat(options) => return cli::chat::run(&options).await,
        Command::Token(options) => return cli::token::run(&options),
        Command::Config(options) => return cli::config::run(&options),
        Command::Publish(options) => return cli::backend::publish(&options).await,
        Command::Send(options) => return cli::backend::send(&options).await,
        Command::Notify(options) => return cli::backend::notify(&options).await,
        Command::Disconnect(options) => return cli::backend::disconnect(&options).await,
        Command::Doctor(options) => return cli::doctor::run(&options).await,
        Command::Completions(options) => return cli::shell::completions(&options),
        Command::Man => {
            cli::print(&cli::shell::manual());
            Ok(())
        }
        Command::Version => {
            cli::say(format_args!("tidings {}", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tidings: {failure}");
            failure.exit_code()
        }
    }
}
