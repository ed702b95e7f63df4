//! A bounded sample store for trends: exact while small, then a log-linear histogram.
//!
//! The bucket of a value is its floating point exponent and the top ten bits of its mantissa, so a bucket is at most
//! 1/1024 of its value wide and its middle is within 0.05 % of every value in it, for any real number of either
//! sign. Count, minimum, maximum and sum are exact. Memory is bounded by the range of exponents seen (8 KiB for
//! each power of two), however many samples are added.

/// Samples kept as they are before the histogram takes over: small tests get exact percentiles.
const EXACT: usize = 1024;
/// Buckets in each power of two.
const PAGE: usize = 1024;
const PAGE_BITS: u32 = 10;
const MANTISSA_BITS: u32 = 52;

/// All samples of one trend metric.
#[derive(Debug, Clone)]
pub struct Hist {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    store: Store,
}

#[derive(Debug, Clone)]
enum Store {
    Exact(Vec<f64>),
    Pages(Pages),
}

/// Counts by bucket; a page holds one power of two of one sign.
#[derive(Debug, Clone, Default)]
struct Pages {
    /// Ascending by key, which ascends with the value. Few: most metrics stay within some powers of two.
    pages: Vec<(i32, Box<[u64; PAGE]>)>,
    zeros: u64,
    /// Index of the page that was used last.
    last: usize,
}

impl Default for Hist {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            store: Store::Exact(Vec::new()),
        }
    }
}

impl Hist {
    /// Adds one sample. A value that is no finite number is ignored.
    pub fn add(&mut self, value: f64) {
        self.add_many(value, 1);
    }

    /// Adds the same sample `times` times.
    pub fn add_many(&mut self, value: f64, times: u64) {
        if !value.is_finite() || times == 0 {
            return;
        }
        self.count += times;
        self.sum += value * times as f64;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if let Store::Exact(values) = &mut self.store {
            if values.len() as u64 + times <= EXACT as u64 {
                values.extend(std::iter::repeat_n(value, times as usize));
                return;
            }
            self.spill();
        }
        if let Store::Pages(pages) = &mut self.store {
            pages.add(value, times);
        }
    }

    /// Adds all samples of `other`.
    pub fn merge(&mut self, other: &Self) {
        if let (Store::Exact(mine), Store::Exact(theirs)) = (&mut self.store, &other.store)
            && mine.len() + theirs.len() <= EXACT
        {
            mine.extend_from_slice(theirs);
        } else {
            self.spill();
            if let Store::Pages(pages) = &mut self.store {
                match &other.store {
                    Store::Exact(values) => values.iter().for_each(|value| pages.add(*value, 1)),
                    Store::Pages(theirs) => pages.merge(theirs),
                }
            }
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Zero when there are no samples, as k6 has it.
    pub fn min(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.min }
    }

    pub fn max(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.max }
    }

    pub fn avg(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// The `percent`-th percentile (0 to 100), interpolated between the two nearest ranks as k6 does.
    pub fn percentile(&self, percent: f64) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let rank = (percent / 100.0).clamp(0.0, 1.0) * (self.count - 1) as f64;
        let (low, fraction) = (rank.floor(), rank.fract());
        let (low, high) = self.ranks(low as u64, rank.ceil() as u64);
        low + (high - low) * fraction
    }

    /// The samples of two ranks (from 0, `low <= high`), as exactly as they are known.
    fn ranks(&self, low: u64, high: u64) -> (f64, f64) {
        match &self.store {
            Store::Exact(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                let at = |rank: u64| sorted.get(rank as usize).copied().unwrap_or(self.max);
                (at(low), at(high))
            }
            Store::Pages(pages) => {
                let (mut seen, mut first) = (0, None);
                for (value, count) in pages.ascending() {
                    seen += count;
                    let value = value.clamp(self.min, self.max);
                    if seen > low {
                        let first = *first.get_or_insert(value);
                        if seen > high {
                            let lowest = if low == 0 { self.min } else { first };
                            return (lowest, if high + 1 == self.count { self.max } else { value });
                        }
                    }
                }
                (first.unwrap_or(self.max), self.max)
            }
        }
    }

    /// Every distinct value known, ascending, with its count.
    pub fn ascending(&self) -> Vec<(f64, u64)> {
        match &self.store {
            Store::Exact(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                sorted.into_iter().map(|value| (value, 1)).collect()
            }
            Store::Pages(pages) => pages.ascending().collect(),
        }
    }

    fn spill(&mut self) {
        if let Store::Exact(values) = &mut self.store {
            let mut pages = Pages::default();
            values.iter().for_each(|value| pages.add(*value, 1));
            self.store = Store::Pages(pages);
        }
    }
}

impl Pages {
    fn add(&mut self, value: f64, times: u64) {
        if value == 0.0 {
            self.zeros += times;
            return;
        }
        let (page, index) = bucket(value);
        self.page(page)[index] += times;
    }

    fn page(&mut self, key: i32) -> &mut [u64; PAGE] {
        if self.pages.get(self.last).is_none_or(|(last, _)| *last != key) {
            let found = self.pages.binary_search_by_key(&key, |(key, _)| *key);
            self.last = found.unwrap_or_else(|at| {
                self.pages.insert(at, (key, Box::new([0; PAGE])));
                at
            });
        }
        &mut self.pages[self.last].1
    }

    fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        for (page, theirs) in &other.pages {
            self.page(*page).iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| *mine += theirs);
        }
    }

    fn ascending<'a>(&'a self) -> impl Iterator<Item = (f64, u64)> + 'a {
        let (negative, positive) = self.pages.split_at(self.pages.partition_point(|(page, _)| *page < 0));
        let counts = |pages: &'a [(i32, Box<[u64; PAGE]>)]| {
            pages.iter().flat_map(|(page, counts)| {
                counts.iter().enumerate().map(|(index, count)| (middle(*page, index), *count))
            })
        };
        let (negative, positive) = (counts(negative), counts(positive));
        negative.chain(std::iter::once((0.0, self.zeros))).chain(positive).filter(|(_, count)| *count > 0)
    }
}

/// Page and index of a value other than zero. Negative values mirror: page `-1 - p`, index reversed.
fn bucket(value: f64) -> (i32, usize) {
    let bits = value.abs().to_bits();
    let page = (bits >> MANTISSA_BITS) as i32;
    let index = (bits >> (MANTISSA_BITS - PAGE_BITS)) as usize & (PAGE - 1);
    if value > 0.0 { (page, index) } else { (-1 - page, PAGE - 1 - index) }
}

/// The middle of a bucket.
fn middle(page: i32, index: usize) -> f64 {
    if page < 0 {
        return -middle(-1 - page, PAGE - 1 - index);
    }
    let bits = ((page as u64) << MANTISSA_BITS) | ((index as u64) << (MANTISSA_BITS - PAGE_BITS));
    let half = 1_u64 << (MANTISSA_BITS - PAGE_BITS - 1);
    f64::from_bits(bits | half)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// k6's percentile over all samples: interpolation at rank `p * (n - 1)`.
    fn exact(values: &mut [f64], percent: f64) -> f64 {
        values.sort_unstable_by(f64::total_cmp);
        let rank = percent / 100.0 * (values.len() - 1) as f64;
        let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
        low + (high - low) * rank.fract()
    }

    #[test]
    fn small_sets_are_exact() {
        let mut hist = Hist::default();
        (1..=10).for_each(|value| hist.add(f64::from(value)));
        assert_eq!(hist.percentile(50.0), 5.5);
        assert!((hist.percentile(95.0) - 9.55).abs() < 1e-12);
        assert_eq!((hist.min(), hist.max(), hist.avg(), hist.count()), (1.0, 10.0, 5.5, 10));
    }

    #[test]
    fn no_samples_are_zeros() {
        let hist = Hist::default();
        assert_eq!((hist.min(), hist.max(), hist.avg(), hist.percentile(99.0)), (0.0, 0.0, 0.0, 0.0));
    }

    #[test]
    fn memory_does_not_grow_with_samples() {
        let mut hist = Hist::default();
        (0..2_000_000_u64).for_each(|i| hist.add(0.5 + (i % 1000) as f64 / 100.0));
        let Store::Pages(pages) = &hist.store else { panic!("still exact") };
        assert!(pages.pages.len() <= 5);
        assert_eq!(hist.count(), 2_000_000);
    }

    proptest::proptest! {
        #[test]
        fn percentiles_are_within_a_tenth_of_a_percent(
            values in proptest::collection::vec(-1e6_f64..1e6, 1..3000),
            spread in 1e-9_f64..1e9,
            percent in 0.0_f64..=100.0,
            cut in 0_usize..3000,
        ) {
            let mut values: Vec<f64> = values.into_iter().map(|value| value * spread).collect();
            let (mut hist, mut other) = (Hist::default(), Hist::default());
            for (i, value) in values.iter().enumerate() {
                if i < cut { hist.add(*value) } else { other.add(*value) }
            }
            hist.merge(&other);
            let wanted = exact(&mut values, percent);
            let got = hist.percentile(percent);
            // Interpolating between two neighbours of opposite sign cancels: judge by the larger neighbour there.
            let rank = percent / 100.0 * (values.len() - 1) as f64;
            let scale = values[rank.floor() as usize].abs().max(values[rank.ceil() as usize].abs());
            proptest::prop_assert!((got - wanted).abs() <= scale * 0.001, "{got} {wanted}");
            proptest::prop_assert_eq!(hist.min(), values[0]);
            proptest::prop_assert_eq!(hist.max(), values[values.len() - 1]);
        }
    }
}
