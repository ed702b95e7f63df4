//! Response times in bounded memory, percentiles within 0.1 % of their value.
//!
//! Log-linear, as `HdrHistogram` does it: below 512 ns every value has a bucket of its own, above that every
//! power of two is divided into 512. Counts are exact, so merging loses nothing.

use super::queue::Nanos;

const SUB_BITS: u32 = 9;
const SUB: usize = 1 << SUB_BITS;
/// Longer times count as this one: 2^42 ns are 73 minutes.
const LONGEST_BITS: u32 = 42;
const BUCKETS: usize = (LONGEST_BITS - SUB_BITS + 1) as usize * SUB;

/// Counts of durations.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Nanos,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, longest: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, value: Nanos) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.longest = self.longest.max(value);
    }

    /// Adds all counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.total, self.longest) = (0, 0);
    }

    /// How many durations were counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The longest duration, exactly.
    #[must_use]
    pub const fn longest(&self) -> Nanos {
        self.longest
    }

    /// The duration that `percent` of all do not exceed (nearest rank); zero when there are none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Nanos {
        let rank = ((percent / 100.0 * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(index).min(self.longest);
            }
        }
        0
    }
}

fn bucket(value: Nanos) -> usize {
    let value = value.min((1 << LONGEST_BITS) - 1);
    let octave = value.max(1).ilog2().saturating_sub(SUB_BITS - 1).saturating_sub(1);
    // Octave 0 holds 0..1024 in steps of one, which is its linear part and the first power of two.
    octave as usize * SUB + (value >> octave) as usize
}

fn middle(index: usize) -> Nanos {
    if index < 2 * SUB {
        return index as Nanos;
    }
    let octave = index / SUB - 1;
    let low = ((index - octave * SUB) as Nanos) << octave;
    low + (1 << octave) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found_again_within_a_tenth_of_a_percent() {
        let mut value = 1u64;
        while value < 1 << 41 {
            let back = middle(bucket(value));
            assert!(back.abs_diff(value) as f64 <= 0.001 * value as f64, "{value} came back as {back}");
            value = value * 1001 / 1000 + 1;
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), 0);
        for value in 1..=200 {
            histogram.record(value);
        }
        assert_eq!([50.0, 95.0, 99.0, 100.0].map(|p| histogram.percentile(p)), [100, 190, 198, 200]);
        let mut other = Histogram::default();
        other.record(1_000_000);
        other.merge(&histogram);
        assert_eq!((other.total(), other.longest(), other.percentile(50.0)), (201, 1_000_000, 101));
    }
}
