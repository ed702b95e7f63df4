//! Thresholds, judged.

use std::time::Duration;

use crate::metrics::sink::Sink;
use crate::metrics::threshold::Threshold;
use crate::metrics::totals::Totals;

/// One rule with its outcome.
#[derive(Debug, Clone)]
pub struct Verdict<'a> {
    /// Metric or sub-metric, as the user wrote it.
    pub metric: &'a str,
    /// The metric without tags.
    pub parent: &'a str,
    pub threshold: &'a Threshold,
    pub sink: &'a Sink,
    pub ok: bool,
}

/// Judges every threshold after `run_time` of the test; metrics by name, a metric before its sub-metrics.
pub fn judge(totals: &Totals, run_time: Duration) -> Vec<Verdict<'_>> {
    let seconds = run_time.as_secs_f64();
    let registry = &totals.registry;
    let mut verdicts = Vec::new();
    for (index, metric) in registry.metrics.iter().enumerate() {
        let sink = &totals.sinks[index];
        for threshold in &metric.thresholds {
            let ok = threshold.expression.holds(sink, seconds);
            verdicts.push(Verdict { metric: &metric.name, parent: &metric.name, threshold, sink, ok });
        }
        for sub in &metric.subs {
            let (sink, name) = (&totals.subs[*sub], &registry.subs[*sub].name);
            for threshold in &registry.subs[*sub].thresholds {
                let ok = threshold.expression.holds(sink, seconds);
                verdicts.push(Verdict { metric: name, parent: &metric.name, threshold, sink, ok });
            }
        }
    }
    verdicts.sort_by(|a, b| (a.parent, a.metric).cmp(&(b.parent, b.metric)));
    verdicts
}

/// The names of metrics with a failed threshold, without repeats.
pub fn crossed<'a>(verdicts: &[Verdict<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> =
        verdicts.iter().filter(|verdict| !verdict.ok).map(|verdict| verdict.metric).collect();
    names.dedup();
    names
}
