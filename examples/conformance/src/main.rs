//! A server on the library for protocol suites and clients in other languages, driven by
//! environment variables. `PROFILE` chooses what it serves; it prints `READY <port>` once it
//! listens, and ends on SIGTERM.

mod app;
mod bench;
mod engine_client;
mod listen;
mod protocol;
mod settings;
mod socketio_client;
mod tokens;
mod ws_echo;

use anyhow::bail;

use self::settings::Settings;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let settings = Settings::from_env()?;
    let server = match settings.profile.as_str() {
        "app" => app::server(&settings)?,
        "bench" => bench::server(&settings)?,
        "eio-client" => engine_client::server(&settings)?,
        "protocol" => protocol::server(&settings)?,
        "sio-client" => socketio_client::server(&settings)?,
        "ws-echo" => ws_echo::server(&settings)?,
        other => bail!(
            "there is no profile {other:?}; there are app, bench, eio-client, protocol, \
             sio-client and ws-echo"
        ),
    };
    listen::run(&settings, server).await
}
