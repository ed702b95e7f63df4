//! Measurements in bounded memory: equal bins of time that either merge in pairs or slide.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deployment::Statistic;
use crate::engine::Stats;
use crate::time::Time;

/// Values at equal distances, ready to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Start of the first bin, in seconds since the start of the run.
    pub start: f64,
    /// Length of a bin in seconds.
    pub step: f64,
    /// One value per bin; `null` where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// What happens when the bins are full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// Neighbours merge, so that all of the past stays, coarser.
    Merge,
    /// The oldest is forgotten.
    Slide,
}

#[derive(Debug, Clone)]
pub(crate) struct Bins {
    step: Duration,
    statistic: Statistic,
    when_full: WhenFull,
    most: usize,
    /// The number of the first bin, counted from the start of the run.
    first: u128,
    bins: VecDeque<Option<Stats>>,
}

impl Bins {
    /// At most `most` bins (at least two) of `step` or, once merged, a power of two times it.
    pub(crate) fn new(step: Duration, statistic: Statistic, when_full: WhenFull, most: usize) -> Self {
        let step = step.max(Duration::from_millis(1));
        Self { step, statistic, when_full, most: most.max(2), first: 0, bins: VecDeque::new() }
    }

    /// A value that is no number is left out.
    pub(crate) fn add(&mut self, at: Time, value: f64) {
        if !value.is_finite() {
            return;
        }
        while self.when_full == WhenFull::Merge && self.reaches(at) >= self.most as u128 {
            self.merge();
        }
        let number = self.number(at);
        if self.bins.is_empty() {
            self.first = number;
        }
        // A value that comes later than its bin was forgotten is too late.
        let Some(place) = number.checked_sub(self.first) else { return };
        if place >= (self.bins.len() + self.most) as u128 {
            self.bins.clear();
            self.first = number;
        }
        while number >= self.first + self.bins.len() as u128 {
            self.bins.push_back(None);
            if self.bins.len() > self.most {
                self.bins.pop_front();
                self.first += 1;
            }
        }
        let place = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        if let Some(bin) = self.bins.get_mut(place) {
            bin.get_or_insert(Stats::NONE).add(value);
        }
    }

    pub(crate) fn grid(&self) -> Grid {
        let value = |bin: &Option<Stats>| bin.map(|stats| rounded(stats.value(self.statistic)));
        let step = self.step.as_secs_f64();
        Grid { start: self.first as f64 * step, step, values: self.bins.iter().map(value).collect() }
    }

    fn number(&self, at: Time) -> u128 {
        at.since_start().as_nanos() / self.step.as_nanos()
    }

    /// The place that a value at this time would have.
    fn reaches(&self, at: Time) -> u128 {
        let first = if self.bins.is_empty() { self.number(at) } else { self.first };
        self.number(at).saturating_sub(first)
    }

    fn merge(&mut self) {
        self.step *= 2;
        // Pairs begin at even numbers, so that bins of every step lie on one raster.
        if !self.first.is_multiple_of(2) {
            self.bins.push_front(None);
            self.first -= 1;
        }
        self.first /= 2;
        let bins: Vec<Option<Stats>> = self.bins.drain(..).collect();
        self.bins = bins.chunks(2).map(|pair| pair.iter().flatten().copied().reduce(Stats::and)).collect();
    }
}

/// Four significant digits, and at least two after the point: enough to draw, and half the bytes.
pub(crate) fn rounded(value: f64) -> f64 {
    let factor = match value.abs() {
        size if size >= 100.0 => 10.0,
        _ => 1000.0,
    };
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn filled(when_full: WhenFull, statistic: Statistic, seconds: std::ops::Range<u64>) -> Grid {
        let mut bins = Bins::new(SECOND, statistic, when_full, 4);
        seconds.for_each(|second| bins.add(Time::from_secs(second), second as f64));
        bins.grid()
    }

    #[test]
    fn full_bins_merge_or_slide() {
        let whole = filled(WhenFull::Merge, Statistic::Average, 0..8);
        assert_eq!((whole.start, whole.step), (0.0, 2.0));
        assert_eq!(whole.values, [Some(0.5), Some(2.5), Some(4.5), Some(6.5)]);
        let most = filled(WhenFull::Merge, Statistic::Maximum, 3..9);
        assert_eq!((most.start, most.step), (2.0, 2.0), "pairs begin at even seconds");
        assert_eq!(most.values, [Some(3.0), Some(5.0), Some(7.0), Some(8.0)]);
        let recent = filled(WhenFull::Slide, Statistic::Average, 0..8);
        assert_eq!((recent.start, recent.step), (4.0, 1.0));
        assert_eq!(recent.values, [4.0, 5.0, 6.0, 7.0].map(Some));
    }

    #[test]
    fn gaps_stay_gaps_and_late_values_are_dropped() {
        let mut bins = Bins::new(SECOND, Statistic::Average, WhenFull::Slide, 4);
        for second in [10, 12, 9] {
            bins.add(Time::from_secs(second), 1.0);
        }
        assert_eq!(bins.grid(), Grid { start: 10.0, step: 1.0, values: vec![Some(1.0), None, Some(1.0)] });
        bins.add(Time::from_secs(1_000_000), 2.0);
        bins.add(Time::from_secs(5), f64::NAN);
        assert_eq!(bins.grid(), Grid { start: 1e6, step: 1.0, values: vec![Some(2.0)] });
    }

    #[test]
    fn a_week_by_the_second_stays_small() {
        let mut bins = Bins::new(SECOND, Statistic::Average, WhenFull::Merge, 300);
        for second in (0..7 * 86_400).step_by(7) {
            bins.add(Time::from_secs(second), 1.0);
        }
        let grid = bins.grid();
        assert!((150..=300).contains(&grid.values.len()), "{}", grid.values.len());
        assert!(grid.values.iter().all(|value| *value == Some(1.0)));
    }
}
