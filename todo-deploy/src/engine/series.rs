//! Metric aggregation: samples of single instances in, points of the whole group out, visible late.
//!
//! Models CloudWatch's group dimension: each instance contributes one value per base period (its mean, or its
//! sum for counters), the group's point holds their count, sum, minimum and maximum, stamped at the start of its
//! period (CloudWatch concepts, EC2 metrics). Points become visible `metric_lag` after their period (M).
//!
//! Left out: percentiles over points (a latency metric arrives as a percentile already), units, dimensions
//! other than the group, points that arrive out of order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::deployment::{Metric, Statistic};
use crate::time::Time;
use crate::timeline::InstanceId;

/// One measurement. It describes the time up to the moment it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub metric: Metric,
    /// Which instance it is of; none for something measured at the balancer or elsewhere.
    pub instance: Option<InstanceId>,
    pub value: f64,
}

/// Count, sum and extremes of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stats {
    pub(crate) count: u32,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Stats {
    pub(crate) const NONE: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    pub(crate) fn add(&mut self, value: f64) {
        self.merge(Self { count: 1, sum: value, min: value, max: value });
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Both together.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.merge(other);
        self
    }

    pub(crate) fn value(&self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Average => self.sum / f64::from(self.count.max(1)),
            Statistic::Minimum => self.min,
            Statistic::Maximum => self.max,
            Statistic::Sum => self.sum,
            Statistic::SampleCount => f64::from(self.count),
        }
    }
}

/// The points of one metric, as far back as any alarm looks.
#[derive(Debug)]
pub(crate) struct Series {
    period: Duration,
    lag: Duration,
    keep: Duration,
    is_counter: bool,
    /// Start of the period being filled, and what each source contributed to it.
    open: Option<Time>,
    filling: BTreeMap<Option<InstanceId>, Stats>,
    points: VecDeque<(Time, Stats)>,
}

impl Series {
    pub(crate) fn new(metric: &Metric, period: Duration, lag: Duration, keep: Duration) -> Self {
        let is_counter = matches!(metric, Metric::NetworkIn | Metric::NetworkOut | Metric::RequestsPerTarget);
        let keep = keep + lag + period;
        Self { period, lag, keep, is_counter, open: None, filling: BTreeMap::new(), points: VecDeque::new() }
    }

    /// This one, where its points are what `fresh` would collect; otherwise that.
    pub(crate) fn kept_for(self, fresh: Self) -> Self {
        let is_alike = self.period == fresh.period && self.lag == fresh.lag;
        if is_alike { Self { keep: fresh.keep, ..self } } else { fresh }
    }

    pub(crate) fn observe(&mut self, now: Time, instance: Option<InstanceId>, value: f64) {
        // The sample describes time before `now`, so that one at the boundary belongs to the period that ends.
        let start = now.back(Duration::from_nanos(1)).next_multiple(self.period).back(self.period);
        if self.open != Some(start) {
            self.close();
            self.open = Some(start);
        }
        self.filling.entry(instance).or_insert(Stats::NONE).add(value);
    }

    fn close(&mut self) {
        let Some(start) = self.open.take() else { return };
        let mut group = Stats::NONE;
        for source in self.filling.values() {
            group.add(source.value(if self.is_counter { Statistic::Sum } else { Statistic::Average }));
        }
        self.filling.clear();
        self.points.push_back((start, group));
        while self.points.front().is_some_and(|(stamp, _)| *stamp + self.keep < start) {
            self.points.pop_front();
        }
    }

    /// The newest `count` windows of `length` that end at `now` minus the lag, oldest first.
    ///
    /// The windows slide with `now`; they are not aligned to multiples of their length (vector A10).
    pub(crate) fn windows(&mut self, now: Time, length: Duration, count: usize) -> Vec<Option<Stats>> {
        if self.open.is_some_and(|start| start + self.period <= now) {
            self.close();
        }
        let mut windows = vec![None; count];
        let end = now.back(self.lag);
        for (stamp, stats) in &self.points {
            if *stamp >= end || *stamp + self.period + self.lag > now {
                continue;
            }
            let age = (end.since(*stamp).as_nanos() - 1) / length.as_nanos().max(1);
            if let Some(from_newest) = usize::try_from(age).ok().filter(|age| *age < count) {
                windows[count - 1 - from_newest].get_or_insert(Stats::NONE).merge(*stats);
            }
        }
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn averages(series: &mut Series, now: u64, length: Duration, count: usize) -> Vec<Option<f64>> {
        let windows = series.windows(Time::from_secs(now), length, count);
        windows.into_iter().map(|window| window.map(|stats| stats.value(Statistic::Average))).collect()
    }

    #[test]
    fn a_point_is_the_mean_over_instances_of_their_means() {
        let mut series = Series::new(&Metric::Cpu, MINUTE, Duration::ZERO, MINUTE);
        for second in 1..=60 {
            series.observe(Time::from_secs(second), Some(InstanceId(1)), 10.0);
        }
        series.observe(Time::from_secs(60), Some(InstanceId(2)), 30.0);
        assert_eq!(averages(&mut series, 60, MINUTE, 1), [Some(20.0)]);
    }

    #[test]
    fn points_are_visible_after_the_lag_and_windows_slide() {
        let mut series = Series::new(&Metric::Cpu, MINUTE, MINUTE, 4 * MINUTE);
        for (minute, value) in [(1, 10.0), (2, 20.0), (3, 30.0)] {
            series.observe(Time::from_secs(60 * minute), None, value);
        }
        assert_eq!(averages(&mut series, 60, MINUTE, 2), [None, None]);
        assert_eq!(averages(&mut series, 120, MINUTE, 2), [None, Some(10.0)]);
        assert_eq!(averages(&mut series, 180, 2 * MINUTE, 2), [None, Some(15.0)]);
        assert_eq!(averages(&mut series, 240, 2 * MINUTE, 2), [Some(10.0), Some(25.0)]);
    }

    #[test]
    fn five_minute_points_leave_most_two_minute_windows_empty() {
        let mut series = Series::new(&Metric::Cpu, 5 * MINUTE, MINUTE, 10 * MINUTE);
        series.observe(Time::from_secs(300), None, 40.0);
        assert_eq!(averages(&mut series, 300, 2 * MINUTE, 4), [None; 4]);
        assert_eq!(averages(&mut series, 360, 2 * MINUTE, 4), [None, Some(40.0), None, None]);
    }

    #[test]
    fn old_points_are_forgotten() {
        let mut series = Series::new(&Metric::Cpu, MINUTE, MINUTE, 5 * MINUTE);
        for minute in 1..10_000 {
            series.observe(Time::from_secs(60 * minute), Some(InstanceId(1)), 1.0);
        }
        assert!(series.points.len() < 12, "{}", series.points.len());
    }
}
