//! All numbers of the server, as a page that Prometheus reads.
//!
//! Another part of the server that has numbers implements [`Source`] and stands in [`of`].

use std::{fmt, sync::Arc};

use prometheus_client::{encoding::text, registry::Registry};
use tidings::{Hub, Server};

use super::{
    commands,
    page::{Collected, Source},
    sources::{Clients, Process, Stored},
};
use crate::{api, app::App, webhooks::exposition::Exposed};

/// The type of the page.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The page, to be written anew whenever somebody asks.
#[derive(Debug, Clone)]
pub(crate) struct Exposition(Arc<Registry>);

impl Exposition {
    /// A page with the numbers of all these.
    pub(crate) fn new(sources: Vec<Box<dyn Source>>) -> Self {
        let mut registry = Registry::default();
        for source in sources {
            registry.register_collector(Box::new(Collected(source)));
        }
        Self(Arc::new(registry))
    }

    /// The page as it is now. It may take some milliseconds, with many connections.
    ///
    /// # Errors
    ///
    /// When a source cannot write its numbers.
    pub(crate) fn write(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.0)?;
        Ok(page)
    }
}

/// Everything that a server counts.
pub(crate) fn of(app: &App, server: &Server, hub: &Hub) -> Exposition {
    Exposition::new(vec![
        Box::new(Clients {
            app: app.clone(),
            server: server.clone(),
            hub: hub.clone(),
        }),
        Box::new(commands::Exposed(app.clone())),
        Box::new(Stored(Arc::clone(app.store()))),
        Box::new(Exposed(app.clone())),
        Box::new(api::exposition::Exposed(app.clone())),
        Box::new(Process),
    ])
}
