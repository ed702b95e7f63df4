//! What happened in each second: the data of the report's charts, and what progress shows.
//!
//! Latencies go to coarse buckets (eight to a power of two, so within 7 %): good for a chart, not for a threshold.
//! Bounded: a run longer than [`SECONDS_MAX`] halves its resolution each time it would outgrow it.

/// Slices that are kept.
pub const SECONDS_MAX: usize = 7200;
/// Buckets from 1 µs to 67 s.
pub const BUCKETS: usize = 8 * 26;

/// One slice of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    pub requests: u64,
    pub failed: u64,
    pub iterations: u64,
    pub dropped: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// VUs running at the end of the slice.
    pub vus: u64,
    /// Requests by latency bucket.
    pub latency: Box<[u32; BUCKETS]>,
}

impl Default for Slice {
    fn default() -> Self {
        Self {
            requests: 0,
            failed: 0,
            iterations: 0,
            dropped: 0,
            bytes_sent: 0,
            bytes_received: 0,
            vus: 0,
            latency: Box::new([0; BUCKETS]),
        }
    }
}

impl Slice {
    /// Adds what happened in another slice; the VUs are the most of both.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.iterations += other.iterations;
        self.dropped += other.dropped;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.vus = self.vus.max(other.vus);
        self.latency.iter_mut().zip(other.latency.iter()).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// The latency in milliseconds below which `percent` of the requests stayed; `None` without requests.
    pub fn percentile_ms(&self, percent: f64) -> Option<f64> {
        let total: u64 = self.latency.iter().map(|count| u64::from(*count)).sum();
        let rank = ((percent / 100.0) * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let at = self.latency.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        });
        at.filter(|_| total > 0).map(bucket_ms)
    }
}

/// The bucket of a latency in milliseconds: the power of two and the next three bits of it in microseconds.
pub fn bucket_of(latency_ms: f64) -> usize {
    let bits = (latency_ms * 1000.0).max(1.0).to_bits() - 1.0_f64.to_bits();
    ((bits >> 49) as usize).min(BUCKETS - 1)
}

/// The middle of a bucket in milliseconds.
pub fn bucket_ms(bucket: usize) -> f64 {
    let (power, eighth) = ((bucket / 8) as i32, (bucket % 8) as f64);
    2.0_f64.powi(power) * (1.0 + (eighth + 0.5) / 8.0) / 1000.0
}

/// Slices from the start of the test on.
#[derive(Debug, Clone)]
pub struct Series {
    /// Length of a slice in seconds; a power of two.
    pub slice_s: u64,
    pub slices: Vec<Slice>,
}

impl Default for Series {
    fn default() -> Self {
        Self { slice_s: 1, slices: Vec::new() }
    }
}

impl Series {
    /// The slice of an instant, in nanoseconds since the start.
    pub fn at(&mut self, at_ns: u64) -> &mut Slice {
        let second = at_ns / 1_000_000_000;
        while second / self.slice_s >= SECONDS_MAX as u64 {
            self.halve();
        }
        let index = (second / self.slice_s) as usize;
        if index >= self.slices.len() {
            self.slices.resize_with(index + 1, Slice::default);
        }
        &mut self.slices[index]
    }

    /// Adds another thread's slices.
    pub fn merge(&mut self, other: &Self) {
        while self.slice_s < other.slice_s {
            self.halve();
        }
        for (index, slice) in other.slices.iter().enumerate() {
            self.at(index as u64 * other.slice_s * 1_000_000_000).add(slice);
        }
    }

    fn halve(&mut self) {
        self.slice_s *= 2;
        let slices = std::mem::take(&mut self.slices);
        for pair in slices.chunks(2) {
            let mut sum = pair[0].clone();
            pair[1..].iter().for_each(|other| sum.add(other));
            self.slices.push(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_stays_bounded_and_loses_nothing() {
        let mut series = Series::default();
        for second in 0..30_000_u64 {
            series.at(second * 1_000_000_000).requests += 1;
        }
        assert_eq!(series.slice_s, 8);
        assert!(series.slices.len() <= SECONDS_MAX);
        assert_eq!(series.slices.iter().map(|slice| slice.requests).sum::<u64>(), 30_000);
        let mut short = Series::default();
        short.at(5_000_000_000).requests += 7;
        short.merge(&series);
        assert_eq!(short.slices[0].requests, 15);
    }

    #[test]
    fn buckets_are_within_seven_percent() {
        for latency_ms in [0.002, 0.1, 1.0, 3.7, 250.0, 60_000.0] {
            let middle = bucket_ms(bucket_of(latency_ms));
            assert!((middle / latency_ms - 1.0).abs() < 0.07, "{latency_ms} {middle}");
        }
        let mut slice = Slice::default();
        (1..=100).for_each(|ms| slice.latency[bucket_of(f64::from(ms))] += 1);
        let p50 = slice.percentile_ms(50.0).expect("has requests");
        assert!((p50 / 50.0 - 1.0).abs() < 0.1);
    }
}
