//! When does iteration *i* start: the open models' schedule, exact and without drift.
//!
//! Constant rate: iteration `n` (from 0) is due at `n * period`, the period being truncated to nanoseconds as k6
//! does. Ramping rate: iteration `n` (from 1) is due when the integral of the piecewise linear rate reaches `n`;
//! fractions carry across stages. Pure functions of the profile; nothing here waits.

use std::time::Duration;

use crate::profile::{Executor, Stage};

/// The due times of an open executor in ascending order, counted from its start. Empty for closed models.
#[derive(Debug, Clone)]
pub struct Pacer {
    plan: Plan,
}

#[derive(Debug, Clone)]
enum Plan {
    Closed,
    Constant { next: u64, period: Duration, end: Duration },
    Ramping(Ramp),
}

/// Position in a ramping rate. Rates are in iterations per nanosecond.
#[derive(Debug, Clone)]
struct Ramp {
    stages: std::vec::IntoIter<Stage>,
    time_unit: f64,
    /// Number of the next iteration, from 1.
    next: f64,
    stage: Option<Piece>,
    from: f64,
    begin: Duration,
    /// The integral up to the start of the current stage.
    done: f64,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    to: f64,
    duration: Duration,
    /// The integral up to the end of this stage.
    end: f64,
}

impl Pacer {
    pub fn new(executor: &Executor) -> Self {
        let plan = match executor {
            Executor::ConstantArrivalRate { rate, time_unit, duration, .. } if *rate > 0 => {
                let nanos = time_unit.as_nanos() / u128::from(*rate);
                let period = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX).max(1));
                Plan::Constant { next: 0, period, end: *duration }
            }
            Executor::RampingArrivalRate { start_rate, time_unit, stages, .. } => {
                let time_unit = time_unit.as_nanos() as f64;
                Plan::Ramping(Ramp {
                    stages: stages.clone().into_iter(),
                    time_unit,
                    next: 1.0,
                    stage: None,
                    from: *start_rate as f64 / time_unit,
                    begin: Duration::ZERO,
                    done: 0.0,
                })
            }
            _ => Plan::Closed,
        };
        Self { plan }
    }
}

impl Iterator for Pacer {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match &mut self.plan {
            Plan::Closed => None,
            Plan::Constant { next, period, end } => {
                let nanos = u128::from(*next) * period.as_nanos();
                let due = Duration::from_nanos(u64::try_from(nanos).ok()?);
                *next += 1;
                (due < *end).then_some(due)
            }
            Plan::Ramping(ramp) => ramp.next(),
        }
    }
}

impl Ramp {
    fn next(&mut self) -> Option<Duration> {
        loop {
            let piece = match self.stage {
                Some(piece) => piece,
                None => self.enter()?,
            };
            if self.next <= piece.end {
                let due = self.begin + Duration::from_nanos(self.offset(piece).round() as u64);
                self.next += 1.0;
                return Some(due);
            }
            self.done = piece.end;
            self.from = piece.to;
            self.begin += piece.duration;
            self.stage = None;
        }
    }

    fn enter(&mut self) -> Option<Piece> {
        let stage = self.stages.next()?;
        let to = stage.target as f64 / self.time_unit;
        let duration = stage.duration.as_nanos() as f64;
        let end = self.done + duration * ((to - self.from) / 2.0 + self.from);
        let piece = Piece { to, duration: stage.duration, end };
        self.stage = Some(piece);
        Some(piece)
    }

    /// Nanoseconds into the stage at which the integral reaches the next iteration: the root of a quadratic.
    fn offset(&self, piece: Piece) -> f64 {
        let wanted = self.next - self.done;
        let (from, slope) = (self.from, piece.to - self.from);
        if slope == 0.0 {
            return wanted / piece.to;
        }
        let duration = piece.duration.as_nanos() as f64;
        let root = (duration * (from * from * duration + 2.0 * wanted * slope)).max(0.0).sqrt();
        ((root - from * duration) / slope).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::OpenVus;

    const VUS: OpenVus = OpenVus { pre_allocated: 1, max: 1 };

    fn ramp(start_rate: u64, stages: &[(u64, u64)]) -> Vec<Duration> {
        let stages =
            stages.iter().map(|&(s, target)| Stage { duration: Duration::from_secs(s), target }).collect();
        let time_unit = Duration::from_secs(1);
        Pacer::new(&Executor::RampingArrivalRate { start_rate, time_unit, stages, vus: VUS }).collect()
    }

    #[test]
    fn constant_rate_starts_at_zero_and_ends_before_the_end() {
        let executor = Executor::ConstantArrivalRate {
            rate: 3,
            time_unit: Duration::from_secs(1),
            duration: Duration::from_secs(1),
            vus: VUS,
        };
        let due: Vec<u64> = Pacer::new(&executor).map(|due| due.as_nanos() as u64).collect();
        assert_eq!(due, [0, 333_333_333, 666_666_666, 999_999_999]);
    }

    #[test]
    fn two_per_second_held_has_its_first_after_half_a_second() {
        let due = ramp(2, &[(5, 2), (5, 3)]);
        assert_eq!(due[0], Duration::from_millis(500));
        assert_eq!(due[9], Duration::from_secs(5));
        // 10 in the first stage, (2 + 3) / 2 * 5 = 12.5 in the second.
        assert_eq!(due.len(), 22);
        // The 12th: the integral 2x + x²/10 reaches 2 within the second stage.
        let x = (-2.0 + (4.0_f64 + 0.8).sqrt()) * 5.0;
        assert!((due[11].as_secs_f64() - 5.0 - x).abs() < 1e-6);
    }

    #[test]
    fn fractions_carry_across_stages() {
        // 1.5 iterations in the first stage; the second one is due a quarter into the next (rate 2).
        let stages = vec![
            Stage { duration: Duration::from_millis(1500), target: 1 },
            Stage { duration: Duration::ZERO, target: 2 },
            Stage { duration: Duration::from_secs(1), target: 2 },
        ];
        let time_unit = Duration::from_secs(1);
        let executor = Executor::RampingArrivalRate { start_rate: 1, time_unit, stages, vus: VUS };
        let due: Vec<u128> = Pacer::new(&executor).map(|due| due.as_millis()).collect();
        assert_eq!(due, [1000, 1750, 2250]);
    }

    #[test]
    fn down_to_zero_counts_the_triangle() {
        assert_eq!(ramp(10, &[(10, 0)]).len(), 50);
        assert_eq!(ramp(0, &[(10, 10)]).len(), 50);
        assert_eq!(ramp(0, &[(10, 0)]).len(), 0);
    }

    #[test]
    fn closed_models_pace_nothing() {
        let executor = Executor::ConstantVus { vus: 3, duration: Duration::from_secs(3) };
        assert_eq!(Pacer::new(&executor).count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn due_times_ascend_and_count_the_integral(
            start in 0_u64..2000,
            stages in proptest::collection::vec((0_u64..20, 0_u64..2000), 1..6),
        ) {
            let due = ramp(start, &stages);
            proptest::prop_assert!(due.is_sorted());
            let mut from = start as f64;
            let mut area = 0.0;
            for &(seconds, target) in &stages {
                area += seconds as f64 * (from + target as f64) / 2.0;
                from = target as f64;
            }
            proptest::prop_assert!((due.len() as f64 - area).abs() <= 1.0 + area * 1e-9);
            let end = Duration::from_secs(stages.iter().map(|stage| stage.0).sum());
            proptest::prop_assert!(due.last().is_none_or(|last| *last <= end + Duration::from_micros(1)));
        }
    }
}
