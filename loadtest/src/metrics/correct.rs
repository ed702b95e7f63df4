//! Coordinated omission, named and corrected.
//!
//! In a closed model a VU that waits for a slow answer sends nothing meanwhile: the requests that a visitor of the
//! same pace would have sent, and that would have waited too, are missing from the raw latencies. The correction is
//! `HdrHistogram`'s: a VU means to send every `interval`, taken as the median length of its iterations; a request that
//! took longer stands for further ones of `latency - interval`, `latency - 2 * interval` and so on.

use super::hist::Hist;
use super::totals::Totals;

/// Requests that one slow request may stand for. Reached only by absurdly short intervals.
const ADDED_MAX: f64 = 100_000.0;

/// Raw and corrected latencies of the requests of closed scenarios.
#[derive(Debug, Clone)]
pub struct Corrected {
    pub raw: Hist,
    pub corrected: Hist,
}

/// Corrects the scenarios for which `is_closed` holds. `None` where there is nothing to correct: no requests, or no
/// iteration long enough to have hidden one.
pub fn correct(totals: &Totals, is_closed: impl Fn(&str) -> bool) -> Option<Corrected> {
    let mut result = Corrected { raw: Hist::default(), corrected: Hist::default() };
    for (name, _, stats) in totals.scenarios.rows() {
        if !is_closed(name) {
            continue;
        }
        result.raw.merge(&stats.request_ms);
        result.corrected.merge(&stats.request_ms);
        let interval = stats.iteration_ms.percentile(50.0);
        if interval <= 0.0 {
            continue;
        }
        for (latency, count) in stats.request_ms.ascending() {
            let missing = (latency / interval - 1.0).ceil().clamp(0.0, ADDED_MAX) as u64;
            for step in 1..=missing {
                result.corrected.add_many(latency - interval * step as f64, count);
            }
        }
    }
    (result.raw.count() > 0).then_some(result)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::registry::Registry;

    #[test]
    fn a_stall_counts_for_the_requests_it_kept_from_being_sent() {
        let registry = Registry::new([], &serde_json::Map::new()).expect("builds");
        let mut totals = Totals::new(Arc::new(registry));
        let stats = totals.scenarios.row("default", "", 0);
        // 99 iterations of 100 ms with a request of 1 ms, one in which the server stalls for 10 s.
        (0..99).for_each(|_| stats.iteration_ms.add(100.0));
        stats.iteration_ms.add(10_099.0);
        (0..99).for_each(|_| stats.request_ms.add(1.0));
        stats.request_ms.add(10_000.0);
        let corrected = correct(&totals, |_| true).expect("has requests");
        assert_eq!(corrected.raw.percentile(95.0), 1.0);
        assert_eq!(corrected.corrected.count(), 199);
        assert!(corrected.corrected.percentile(95.0) > 8500.0);
        assert!(correct(&totals, |_| false).is_none());
    }
}
