//! The sockets that the server listens on, and what is served on each.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{fs::FileTypeExt as _, net::UnixStream as StdUnixStream},
    path::{Path, PathBuf},
};

use axum::Router;
use tidings::{Listener, Server, Tls};
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinSet,
};

use super::Failure;
use crate::config::listen::{Listen, Place};

/// A socket that is listened on.
#[derive(Debug)]
pub(super) struct Bound {
    listener: Listener,
    /// Where it is, with the port that it was given.
    pub(super) place: Place,
    /// The file that goes when nobody listens any more.
    _file: Option<SocketFile>,
}

/// The file of a Unix socket, removed with this value.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have removed it already.
        let _ = fs::remove_file(&self.0);
    }
}

/// Listens at all of these places.
///
/// # Errors
///
/// When one of them is taken, or none of this machine.
pub(super) async fn bind(listen: &Listen) -> Result<Vec<Bound>, Failure> {
    let mut bound = Vec::new();
    for place in listen.places() {
        let one = match place {
            Place::Address(address) => bind_address(*address).await,
            Place::Path(path) => bind_path(path),
        };
        bound.push(one.map_err(|error| Failure::Listen {
            place: place.clone(),
            error,
        })?);
    }
    Ok(bound)
}

async fn bind_address(address: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(address).await?;
    Ok(Bound {
        place: Place::Address(listener.local_addr()?),
        listener: listener.into(),
        _file: None,
    })
}

fn bind_path(path: &Path) -> io::Result<Bound> {
    // What a server that was killed has left behind. One that lives answers.
    let left = fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    if left && StdUnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    Ok(Bound {
        listener: UnixListener::bind(path)?.into(),
        place: Place::Path(path.to_owned()),
        _file: Some(SocketFile(path.to_owned())),
    })
}

/// What a listener serves.
#[derive(Debug, Clone)]
pub(super) enum Doors {
    /// Clients and these pages, in TLS where there is some.
    Public(Router, Option<Tls>),
    /// These pages and no clients.
    Internal(Router),
}

/// Serves all of these, a task each, until the server is closed.
pub(super) fn serve(
    server: &Server,
    listeners: Vec<Bound>,
    doors: &Doors,
    serving: &mut JoinSet<io::Result<()>>,
) {
    for Bound {
        listener, _file, ..
    } in listeners
    {
        let (server, doors) = (server.clone(), doors.clone());
        serving.spawn(async move {
            let _file = _file;
            match (doors, listener) {
                (Doors::Public(pages, Some(tls)), Listener::Tcp(listener)) => {
                    server.serve_tls(listener, tls, pages).await
                }
                (Doors::Public(pages, _), listener) => server.serve_with(listener, pages).await,
                (Doors::Internal(pages), listener) => server.serve_pages(listener, pages).await,
            }
        });
    }
}
