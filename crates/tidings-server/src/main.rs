//! `tidings`, the realtime server: reads the command line, runs the command, and says by the exit
//! code how it went: 0 well, 1 it could not run, 2 it was asked for something that it refuses.

mod app;
mod cli;
mod clock;
mod commands;
#[allow(dead_code, reason = "the server does not read all settings yet")]
mod config;
mod fault;
mod history;
#[allow(dead_code, reason = "tokens are made here, and not asked for yet")]
mod identity;
#[allow(dead_code, reason = "the server does not keep count yet")]
mod limits;
mod names;
mod origin;
mod pages;
mod receipts;
mod rooms;
mod serve;
mod typing;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(options) => serve::run(&options).await,
        Command::Token(options) => return cli::token::run(&options),
        Command::Config(options) => return cli::config::run(&options),
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
