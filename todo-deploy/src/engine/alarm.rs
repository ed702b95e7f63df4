//! One alarm: M of the newest N periods breach a threshold.
//!
//! Models a CloudWatch metric alarm (user guide, "Using alarms", evaluation and missing data): evaluated every
//! minute on a sliding window, statistic first and threshold second, looking further back when points are
//! missing (`range_extra` periods (M)), both published tables of missing data. Auto Scaling actions are invoked
//! again once per minute while the alarm stays in ALARM.
//!
//! Left out: composite alarms, metric math, anomaly detection, actions other than scaling.

use std::time::Duration;

use super::config::AlarmConfig;
use super::series::Series;
use crate::deployment::MissingData;
use crate::time::Time;
use crate::timeline::{AlarmCause, AlarmState};

#[derive(Debug)]
pub(crate) struct Alarm {
    pub(crate) config: AlarmConfig,
    pub(crate) state: AlarmState,
    invoked: Option<Time>,
    points: Vec<Option<f64>>,
}

/// What one evaluation brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// The state before, where it changed.
    pub(crate) changed_from: Option<AlarmState>,
    /// Whether the scaling policy is to be invoked.
    pub(crate) invoke: bool,
}

impl Alarm {
    pub(crate) fn new(config: AlarmConfig) -> Self {
        Self { config, state: AlarmState::InsufficientData, invoked: None, points: Vec::new() }
    }

    pub(crate) fn evaluate(&mut self, now: Time, series: &mut Series) -> Evaluation {
        let config = &self.config;
        let range = (config.evaluation_periods + config.range_extra) as usize;
        self.points = series.statistics(now, config.period, range, config.statistic);
        let breaching: Vec<Option<bool>> =
            self.points.iter().map(|point| point.map(|value| config.when.holds(value))).collect();
        let to = decide(
            &breaching,
            config.evaluation_periods,
            config.datapoints_to_alarm,
            config.missing,
            self.state,
        );
        let from = std::mem::replace(&mut self.state, to);
        let due = self.invoked.is_none_or(|last| now.since(last) >= config.invoke_every);
        let invoke = to == AlarmState::Alarm && (from != to || due);
        self.invoked = match to {
            AlarmState::Alarm if invoke => Some(now),
            AlarmState::Alarm => self.invoked,
            AlarmState::Ok | AlarmState::InsufficientData => None,
        };
        Evaluation { changed_from: (from != to).then_some(from), invoke }
    }

    /// The newest real datapoint of the last evaluation.
    pub(crate) fn newest(&self) -> Option<f64> {
        self.points.iter().rev().find_map(|point| *point)
    }

    /// The datapoints that matter: the evaluation periods, and further back only where a real one is used.
    pub(crate) fn cause(&self) -> AlarmCause {
        let wanted = self.config.evaluation_periods as usize;
        let newest = &self.points[self.points.len().saturating_sub(wanted)..];
        let points = match newest.iter().any(Option::is_none) {
            true => {
                let first = self.points.iter().position(Option::is_some).unwrap_or(self.points.len());
                let first = first.min(self.points.len().saturating_sub(wanted));
                self.points[first..].to_vec()
            }
            false => newest.to_vec(),
        };
        AlarmCause { points, when: self.config.when, period_s: self.config.period.as_secs_f64() }
    }

    /// When this alarm is evaluated next.
    pub(crate) fn next_evaluation(&self, after: Time) -> Time {
        after.next_multiple(self.config.cadence)
    }

    /// How far back it looks.
    pub(crate) fn reach(config: &AlarmConfig) -> Duration {
        config.period * (config.evaluation_periods + config.range_extra)
    }
}

/// The state that follows from a range of periods, oldest first: breaching, not breaching, or without data.
fn decide(
    range: &[Option<bool>],
    evaluation_periods: u32,
    datapoints_to_alarm: u32,
    missing: MissingData,
    state: AlarmState,
) -> AlarmState {
    let (n, m) = (evaluation_periods as usize, datapoints_to_alarm as usize);
    let alarm_if = |raised: bool| if raised { AlarmState::Alarm } else { AlarmState::Ok };
    // Age counts periods from the newest, which is 1.
    let real: Vec<(usize, bool)> =
        range.iter().rev().enumerate().filter_map(|(i, bad)| bad.map(|bad| (i + 1, bad))).collect();
    if real.len() >= n {
        return alarm_if(real[..n].iter().filter(|(_, bad)| *bad).count() >= m);
    }
    let bad = real.iter().filter(|(_, bad)| *bad).count();
    let fillers = n - real.len();
    match missing {
        MissingData::Breaching => alarm_if(bad + fillers >= m),
        MissingData::NotBreaching => alarm_if(bad >= m),
        MissingData::Missing | MissingData::Ignore => {
            let Some((oldest_age, _)) = real.last() else {
                return if missing == MissingData::Missing { AlarmState::InsufficientData } else { state };
            };
            match () {
                () if bad >= m => AlarmState::Alarm,
                () if bad < real.len() => AlarmState::Ok,
                // Every real point breaches, but there are too few: raise only once they are old enough that
                // no better ones will come, and never under `ignore` [M].
                () if *oldest_age >= m && missing == MissingData::Missing => AlarmState::Alarm,
                () => state,
            }
        }
    }
}

#[cfg(test)]
mod tests;
