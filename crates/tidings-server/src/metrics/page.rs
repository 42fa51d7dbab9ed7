//! Writing numbers as OpenMetrics: one call a family.

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet},
    metrics::MetricType,
};

/// A part of the server that has numbers to show. Asked at every scrape, on a thread that may
/// block.
pub(crate) trait Source: fmt::Debug + Send + Sync + 'static {
    /// Writes all of them.
    ///
    /// # Errors
    ///
    /// Those of the page.
    fn write(&self, page: &mut Page<'_>) -> fmt::Result;
}

/// A source, as the library of Prometheus knows it.
#[derive(Debug)]
pub(super) struct Collected(pub(super) Box<dyn Source>);

impl Collector for Collected {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.write(&mut Page(encoder))
    }
}

/// Where numbers are written. Names are whole, without the ending `_total` of counters, which is
/// added; the values of labels come from the settings or the source, and never from a client.
#[derive(Debug)]
pub(crate) struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// A number that only grows.
    pub(crate) fn counter(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// Numbers that only grow, told apart by a label.
    pub(crate) fn counters<L: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (which, value) in values {
            let labels = [(label, which.as_ref())];
            let mut metric = family.encode_family(&labels)?;
            metric.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// A number that goes up and down.
    pub(crate) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        let kind = MetricType::Gauge;
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        metric.encode_gauge(&value)
    }

    /// Numbers that go up and down, told apart by a label.
    pub(crate) fn gauges<L: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let kind = MetricType::Gauge;
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (which, value) in values {
            let labels = [(label, which.as_ref())];
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// How long something took, told apart by a label: all times together, and how many fell into
    /// each bucket, of which each has its upper bound in seconds.
    pub(crate) fn histograms<L: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, Duration, Vec<(f64, u64)>)>,
    ) -> fmt::Result {
        let kind = MetricType::Histogram;
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (which, sum, buckets) in values {
            let labels = [(label, which.as_ref())];
            let count = buckets.iter().map(|(_, count)| count).sum();
            let mut metric = family.encode_family(&labels)?;
            metric.encode_histogram::<NoLabelSet>(sum.as_secs_f64(), count, &buckets, None)?;
        }
        Ok(())
    }

    /// Numbers that only grow, told apart by two labels.
    pub(crate) fn counters_of_two<K: AsRef<str>, L: AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; 2],
        values: impl IntoIterator<Item = (K, L, u64)>,
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (one, other, value) in values {
            let labels = [(labels[0], one.as_ref()), (labels[1], other.as_ref())];
            let mut metric = family.encode_family(&labels)?;
            metric.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// What something is, as labels of a number that is always 1.
    pub(crate) fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) -> fmt::Result {
        let kind = MetricType::Info;
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        metric.encode_info(&labels)
    }
}
