//! Metric aggregation: samples of single instances in, points of the whole group out, visible late.
//!
//! Models CloudWatch's group dimension: each instance contributes one value per base period (its mean, or its
//! sum for counters), the group's point holds their count, sum, minimum and maximum, stamped at the start of its
//! period (CloudWatch concepts, EC2 metrics). A five-minute point of a gauge is made of the one-minute values in it, so
//! that an instance counts by the minutes it was there (M). Points become visible `metric_lag` after their period (M).
//!
//! A percentile is one over the instances' values of all periods in the window (by nearest rank); a latency metric
//! arrives as a percentile already.
//!
//! Left out: units, dimensions other than the group, points that arrive out of order.

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
            // A percentile needs the single values; see `Series::statistics`.
            Statistic::Average | Statistic::Percentile(_) => self.sum / f64::from(self.count.max(1)),
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
    /// What a source contributes one value to; the period itself, or a part of it.
    step: Duration,
    /// Start of the period being filled, and what the steps before the open one brought.
    open: Option<Time>,
    group: Stats,
    group_values: Vec<f64>,
    /// Start of the step being filled, and what each source contributed to it.
    open_step: Option<Time>,
    filling: BTreeMap<Option<InstanceId>, Stats>,
    points: VecDeque<(Time, Stats)>,
    /// The values behind each point, where a percentile of them is wanted.
    values: Option<VecDeque<Vec<f64>>>,
}

impl Series {
    pub(crate) fn new(metric: &Metric, period: Duration, lag: Duration, keep: Duration) -> Self {
        let is_counter = matches!(metric, Metric::NetworkIn | Metric::NetworkOut | Metric::RequestsPerTarget);
        let keep = keep + lag + period;
        let (filling, points) = (BTreeMap::new(), VecDeque::new());
        Self {
            period,
            lag,
            keep,
            is_counter,
            step: period,
            open: None,
            group: Stats::NONE,
            group_values: Vec::new(),
            open_step: None,
            filling,
            points,
            values: None,
        }
    }

    /// A source contributes one value per `step`, except to a counter, which is one sum per period.
    pub(crate) fn in_steps(mut self, step: Duration) -> Self {
        if !self.is_counter {
            self.step = step.min(self.period);
        }
        self
    }

    /// Keeps what percentiles need.
    pub(crate) fn keep_values(&mut self) {
        self.values.get_or_insert_default();
    }

    /// This one, where its points are what `fresh` would collect; otherwise that.
    pub(crate) fn kept_for(self, fresh: Self) -> Self {
        let is_alike = self.period == fresh.period && self.lag == fresh.lag;
        if is_alike { Self { keep: fresh.keep, ..self } } else { fresh }
    }

    pub(crate) fn observe(&mut self, now: Time, instance: Option<InstanceId>, value: f64) {
        // The sample describes time before `now`, so that one at the boundary belongs to the period that ends.
        let start_of =
            |length: Duration| now.back(Duration::from_nanos(1)).next_multiple(length).back(length);
        let (start, step) = (start_of(self.period), start_of(self.step));
        if self.open != Some(start) {
            self.close();
            self.open = Some(start);
        }
        if self.open_step != Some(step) {
            self.close_step();
            self.open_step = Some(step);
        }
        self.filling.entry(instance).or_insert(Stats::NONE).add(value);
    }

    fn close(&mut self) {
        let Some(start) = self.open.take() else { return };
        self.close_step();
        self.points.push_back((start, std::mem::replace(&mut self.group, Stats::NONE)));
        if let Some(values) = &mut self.values {
            values.push_back(std::mem::take(&mut self.group_values));
        }
        while self.points.front().is_some_and(|(stamp, _)| *stamp + self.keep < start) {
            self.points.pop_front();
            self.values.as_mut().and_then(VecDeque::pop_front);
        }
    }

    fn close_step(&mut self) {
        let of_source = if self.is_counter { Statistic::Sum } else { Statistic::Average };
        for source in self.filling.values() {
            let value = source.value(of_source);
            self.group.add(value);
            if self.values.is_some() {
                self.group_values.push(value);
            }
        }
        self.filling.clear();
        self.open_step = None;
    }

    /// The newest `count` windows of `length` that end at `now` minus the lag, oldest first.
    ///
    /// The windows slide with `now`; they are not aligned to multiples of their length (vector A10).
    pub(crate) fn windows(&mut self, now: Time, length: Duration, count: usize) -> Vec<Option<Stats>> {
        self.close_if_over(now);
        let mut windows = vec![None; count];
        for (stamp, stats) in &self.points {
            if let Some(window) = self.window_of(*stamp, now, length, count) {
                windows[window].get_or_insert(Stats::NONE).merge(*stats);
            }
        }
        windows
    }

    /// The same, as one number per window.
    pub(crate) fn statistics(
        &mut self,
        now: Time,
        length: Duration,
        count: usize,
        statistic: Statistic,
    ) -> Vec<Option<f64>> {
        let Statistic::Percentile(percent) = statistic else {
            let windows = self.windows(now, length, count);
            return windows.iter().map(|window| window.map(|stats| stats.value(statistic))).collect();
        };
        self.close_if_over(now);
        let mut windows = vec![Vec::new(); count];
        for ((stamp, _), values) in self.points.iter().zip(self.values.iter().flatten()) {
            if let Some(window) = self.window_of(*stamp, now, length, count) {
                windows[window].extend_from_slice(values);
            }
        }
        windows.into_iter().map(|values| nearest_rank(values, percent)).collect()
    }

    fn close_if_over(&mut self, now: Time) {
        if self.open.is_some_and(|start| start + self.period <= now) {
            self.close();
        }
    }

    /// Which window the point lies in, if it is visible and in any.
    fn window_of(&self, stamp: Time, now: Time, length: Duration, count: usize) -> Option<usize> {
        let end = now.back(self.lag);
        if stamp >= end || stamp + self.period + self.lag > now {
            return None;
        }
        let age = (end.since(stamp).as_nanos() - 1) / length.as_nanos().max(1);
        usize::try_from(age).ok().filter(|age| *age < count).map(|age| count - 1 - age)
    }
}

/// The smallest value that `percent` of them do not exceed.
fn nearest_rank(mut values: Vec<f64>, percent: u8) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() * usize::from(percent)).div_ceil(100).max(1);
    values.get(rank - 1).copied()
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

    /// Two instances busy for a minute of five, one idle for three minutes: not 40 / 3 but 200 / 13.
    #[test]
    fn a_five_minute_point_weighs_instances_by_minutes() {
        let mut series = Series::new(&Metric::Cpu, 5 * MINUTE, Duration::ZERO, 5 * MINUTE).in_steps(MINUTE);
        for minute in 1..=5 {
            let now = Time::from_secs(60 * minute);
            for id in [1, 2] {
                series.observe(now, Some(InstanceId(id)), if minute == 1 { 100.0 } else { 0.0 });
            }
            if minute > 2 {
                series.observe(now, Some(InstanceId(3)), 0.0);
            }
        }
        let point = averages(&mut series, 300, 5 * MINUTE, 1)[0].expect("there is data");
        assert!((point - 200.0 / 13.0).abs() < 1e-9, "{point}");
        let mut counter =
            Series::new(&Metric::NetworkIn, 5 * MINUTE, Duration::ZERO, 5 * MINUTE).in_steps(MINUTE);
        for minute in 1..=5 {
            counter.observe(Time::from_secs(60 * minute), Some(InstanceId(1)), 10.0);
        }
        assert_eq!(averages(&mut counter, 300, 5 * MINUTE, 1), [Some(50.0)]);
    }

    #[test]
    fn a_percentile_is_over_the_instances() {
        let mut series = Series::new(&Metric::Cpu, MINUTE, Duration::ZERO, 2 * MINUTE);
        series.keep_values();
        for minute in 1..=20 {
            for id in 1..=10 {
                series.observe(Time::from_secs(60 * minute), Some(InstanceId(id)), f64::from(id));
            }
        }
        let now = Time::from_secs(1200);
        let of = |series: &mut Series, percent| {
            series.statistics(now, 2 * MINUTE, 1, Statistic::Percentile(percent))
        };
        assert_eq!(of(&mut series, 90), [Some(9.0)]);
        assert_eq!((of(&mut series, 1), of(&mut series, 100)), (vec![Some(1.0)], vec![Some(10.0)]));
        assert_eq!(series.values.as_ref().map(VecDeque::len), Some(series.points.len()));
        let mut empty = Series::new(&Metric::Cpu, MINUTE, Duration::ZERO, 2 * MINUTE);
        empty.keep_values();
        assert_eq!(of(&mut empty, 50), [None]);
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
