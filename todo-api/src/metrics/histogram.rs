//! A histogram of durations in fixed buckets: two atomic additions per observation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// Upper bounds in microseconds, from a health check on a quiet machine to the default request timeout.
const BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

#[derive(Debug, Default)]
pub(super) struct Durations {
    /// One bucket per bound and one above them all; not cumulative.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Durations {
    pub(super) fn observe(&self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < took_us);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(took_us, Ordering::Relaxed);
    }
}

/// Writes the histograms of all routes as one metric.
pub(super) fn encode<'a>(
    durations: impl Iterator<Item = (&'a &'static str, &'a Durations)>,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), std::fmt::Error> {
    let help = "Time from a request's head until its response is ready, by route template";
    let unit = Some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor("http_request_duration", help, unit, MetricType::Histogram)?;
    for (route, durations) in durations {
        let counts = durations.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        let bounds = BOUNDS_US.iter().map(|bound_us| *bound_us as f64 / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let sum_s = durations.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        let labels = [("route", *route)];
        let mut metric = family.encode_family(&labels)?;
        metric.encode_histogram::<NoLabelSet>(sum_s, counts.iter().sum(), &buckets, None)?;
    }
    Ok(())
}
