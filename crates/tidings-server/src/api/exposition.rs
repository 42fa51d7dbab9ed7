//! What the API shows on the page of metrics. No label has a value that a caller can choose.

use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use http::StatusCode;

use super::methods;
use crate::{
    app::App,
    metrics::page::{Page, Source},
};

/// The method of requests for none that there is.
const NONE: &str = "none";
const OUTCOMES: [&str; 3] = ["done", "refused", "failed"];

/// Requests, by method and outcome. They only go up.
#[derive(Debug)]
pub(super) struct Counts(BTreeMap<&'static str, [AtomicU64; OUTCOMES.len()]>);

impl Counts {
    pub(super) fn new() -> Self {
        let methods = methods::methods();
        let names = methods.iter().map(|it| it.name).chain([NONE]);
        Self(names.map(|name| (name, Default::default())).collect())
    }

    /// A request for that method was answered.
    pub(super) fn note(&self, method: &str, status: StatusCode) {
        let outcome = match status {
            status if status.is_success() => 0,
            status if status.is_client_error() => 1,
            _ => 2,
        };
        let of_method = self.0.get(method).or_else(|| self.0.get(NONE));
        if let Some(counter) = of_method.and_then(|it| it.get(outcome)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.0.iter().flat_map(|(method, counters)| {
            let counted = OUTCOMES.iter().zip(counters);
            counted.map(|(outcome, it)| (*method, *outcome, it.load(Ordering::Relaxed)))
        })
    }
}

/// The API of a server.
#[derive(Debug)]
pub(crate) struct Exposed(pub(crate) App);

impl Source for Exposed {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let gate = self.0.api();
        page.counters_of_two(
            "tidings_api_requests",
            "Requests of the HTTP API that were answered",
            ["method", "outcome"],
            gate.counts.read(),
        )?;
        let (count, bytes) = gate.answers.size();
        page.gauge(
            "tidings_api_answers_kept",
            "Answers that are kept for requests that are sent again",
            count,
        )?;
        page.gauge("tidings_api_answers_kept_bytes", "Bytes of those", bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_not_is_counted_under_one_name() {
        let counts = Counts::new();
        counts.note("publish", StatusCode::OK);
        counts.note("publish", StatusCode::CONFLICT);
        counts.note("anything", StatusCode::NOT_FOUND);
        counts.note("info", StatusCode::SERVICE_UNAVAILABLE);
        let counted: Vec<_> = counts.read().filter(|it| it.2 > 0).collect();
        let expected = [
            ("info", "failed", 1),
            ("none", "refused", 1),
            ("publish", "done", 1),
            ("publish", "refused", 1),
        ];
        assert_eq!(counted, expected);
    }
}
