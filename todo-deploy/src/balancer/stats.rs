//! What is counted: per target and in total, cumulative, without locks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets per doubling of the latency: a percentile is within 3 % of the true value.
const SUB_BITS: u32 = 4;
const SUB: usize = 1 << SUB_BITS;
/// Longer latencies count as 2^36 µs, which are 19 hours.
const LONGEST_BITS: u32 = 36;
const BUCKETS: usize = (LONGEST_BITS - SUB_BITS + 1) as usize * SUB;

/// Counters that one thread adds to and others read: on cache lines of their own.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Counters {
    requests: AtomicU64,
    /// By first digit; 0 holds what ended without a status.
    statuses: [AtomicU64; 6],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    pub(super) connects_failed: AtomicU64,
    pub(super) retries: AtomicU64,
    latency: Box<[AtomicU64]>,
    latency_sum_us: AtomicU64,
}

/// One finished request, for the counters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// What the client was answered; 0 when it was not.
    pub(super) status: u16,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) latency: Duration,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            requests: AtomicU64::new(0),
            statuses: Default::default(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            connects_failed: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            latency: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            latency_sum_us: AtomicU64::new(0),
        }
    }
}

/// Counters with a place for each worker, so that no two threads write to the same memory.
#[derive(Debug)]
pub(super) struct Sharded(Box<[Counters]>);

impl Sharded {
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers.max(1)).map(|_| Counters::default()).collect())
    }

    pub(super) fn of(&self, worker: usize) -> &Counters {
        &self.0[worker % self.0.len()]
    }

    pub(super) fn snapshot(&self) -> Counts {
        self.0.iter().map(Counters::snapshot).fold(Counts::default(), |sum, counts| sum.and(&counts))
    }
}

impl Counters {
    pub(super) fn count(&self, tally: &Tally) {
        let class = usize::from(tally.status / 100).min(5);
        let micros = u64::try_from(tally.latency.as_micros()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Relaxed);
        self.statuses[class].fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(tally.bytes_in, Relaxed);
        self.bytes_out.fetch_add(tally.bytes_out, Relaxed);
        self.latency[bucket(micros)].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(micros, Relaxed);
    }

    fn snapshot(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Counts {
            requests: read(&self.requests),
            statuses: std::array::from_fn(|class| read(&self.statuses[class])),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            connects_failed: read(&self.connects_failed),
            retries: read(&self.retries),
            latency: Latency {
                counts: self.latency.iter().map(read).collect(),
                sum: Duration::from_micros(read(&self.latency_sum_us)),
            },
        }
    }
}

/// Cumulative counts at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Requests (in network mode connections) that ended, however they did.
    pub requests: u64,
    /// By the first digit of what the client was answered; index 0 counts those that were not answered.
    pub statuses: [u64; 6],
    /// Bytes read from clients and written to them, heads included.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Connections that a target refused or did not accept in time.
    pub connects_failed: u64,
    /// Requests that went to a second target (counted at the first).
    pub retries: u64,
    /// From the end of the request's head to the last byte of the answer.
    pub latency: Latency,
}

impl Counts {
    fn and(mut self, more: &Self) -> Self {
        self.requests += more.requests;
        for (class, count) in self.statuses.iter_mut().zip(more.statuses) {
            *class += count;
        }
        self.bytes_in += more.bytes_in;
        self.bytes_out += more.bytes_out;
        self.connects_failed += more.connects_failed;
        self.retries += more.retries;
        for (bucket, count) in self.latency.counts.iter_mut().zip(&more.latency.counts) {
            *bucket += count;
        }
        self.latency.sum += more.latency.sum;
        self
    }
}

/// A histogram of latencies.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    counts: Vec<u64>,
    /// Of all latencies.
    pub sum: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], sum: Duration::ZERO }
    }
}

impl Latency {
    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then));
        Self { counts: counts.collect(), sum: self.sum.saturating_sub(earlier.sum) }
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The latency that `percent` of all do not exceed, to 3 %; none when there are none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let total = self.total();
        let rank = ((percent / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        let at = self.counts.iter().position(|&count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(low(at).midpoint(low(at + 1))))
    }

    /// How many were at most `limit`, to the width of a bucket: for the cumulative buckets of Prometheus.
    #[must_use]
    pub fn at_most(&self, limit: Duration) -> u64 {
        let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        self.counts[..=bucket(micros)].iter().sum()
    }
}

fn bucket(micros: u64) -> usize {
    let micros = micros.min((1 << LONGEST_BITS) - 1);
    let octave = micros.max(1).ilog2().saturating_sub(SUB_BITS);
    // Octave 0 holds 0..32 in steps of one: its linear part and the first power of two.
    octave as usize * SUB + (micros >> octave) as usize
}

/// The least value of a bucket.
const fn low(index: usize) -> u64 {
    if index < 2 * SUB {
        return index as u64;
    }
    let octave = index / SUB - 1;
    ((index - octave * SUB) as u64) << octave
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_their_bounds_agree() {
        let mut micros = 0u64;
        while micros < 1 << LONGEST_BITS {
            let at = bucket(micros);
            assert!(low(at) <= micros && micros < low(at + 1), "{micros}");
            micros = micros * 101 / 100 + 1;
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_within_three_percent() {
        let counters = Counters::default();
        for millis in 1..=1000 {
            let latency = Duration::from_millis(millis);
            counters.count(&Tally { status: 200, bytes_in: 1, bytes_out: 2, latency });
        }
        let counts = counters.snapshot();
        assert_eq!((counts.requests, counts.statuses[2], counts.bytes_out), (1000, 1000, 2000));
        for (percent, millis) in [(50.0, 500.0), (99.0, 990.0), (100.0, 1000.0)] {
            let found = counts.latency.percentile(percent).expect("there are some").as_secs_f64() * 1e3;
            assert!((found / millis - 1.0).abs() < 0.035, "{percent}: {found}");
        }
        assert_eq!(counts.latency.since(&counts.latency).percentile(50.0), None);
    }
}
