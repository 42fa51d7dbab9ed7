//! Listening on all loopback addresses, and ending on SIGTERM.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context as _;
use axum::{Router, routing::get};
use tidings::Server;
use tokio::{net::TcpListener, signal::unix};

use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, server: Server) -> anyhow::Result<()> {
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let listeners = bind(settings).await?;
    let port = listeners
        .first()
        .context("nothing to listen on")?
        .local_addr()?
        .port();
    let pages = Router::new().route("/healthz", get(|| async { "ok" }));
    for listener in listeners {
        let (server, pages, tls) = (server.clone(), pages.clone(), settings.tls.clone());
        tokio::spawn(async move {
            match tls {
                Some(tls) => server.serve_tls(listener, tls, pages).await,
                None => server.serve_with(listener, pages).await,
            }
        });
    }
    println!("READY {port}");
    terminate.recv().await;
    server.close().await;
    Ok(())
}

async fn bind(settings: &Settings) -> anyhow::Result<Vec<TcpListener>> {
    if let Some(host) = &settings.host {
        let listener = TcpListener::bind((host.as_str(), settings.port)).await;
        return Ok(vec![
            listener.with_context(|| format!("cannot listen on {host}"))?,
        ]);
    }
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    // A machine without IPv6 is served on IPv4 alone.
    let second = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    listeners.extend(TcpListener::bind(second).await);
    Ok(listeners)
}
