//! How many virtual users a ramp wants, and from when.
//!
//! k6's `ramping-vus` to the nanosecond: going up from `F` to `T` over a stage of length `d` that ends at `E`,
//! user `n` starts at `E − d·(T−n)/(T−F)`; going down, the count drops to `n−1` at `E − d·(n−1−T)/(F−T)`, so
//! that the last user leaves exactly at `E`. A stage of no length jumps. The steps are computed one by one: a
//! ramp to 100,000 users, repeated all day, needs no table.

use super::queue::Nanos;

/// A straight piece of a ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// How long it takes.
    pub length: Nanos,
    /// Users at its end.
    pub target: u32,
}

/// The steps of a ramp in order: from this time on, so many users.
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    stages: std::slice::Iter<'a, Stage>,
    /// The stage at hand: where it started, and the number of users then.
    stage: Stage,
    start: Nanos,
    from: u32,
    /// Users after the last step given out; none before the first.
    count: Option<u32>,
}

impl<'a> Steps<'a> {
    /// The steps of these stages after `start` users at time zero.
    #[must_use]
    pub fn new(start: u32, stages: &'a [Stage]) -> Self {
        let stage = Stage { length: 0, target: start };
        Self { stages: stages.iter(), stage, start: 0, from: start, count: None }
    }
}

impl Iterator for Steps<'_> {
    type Item = (Nanos, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let Some(count) = self.count else {
            self.count = Some(self.from);
            return Some((0, self.from));
        };
        if count == self.stage.target {
            self.start += self.stage.length;
            self.from = count;
            self.stage = *self.stages.find(|stage| {
                // A stage that holds has no steps, but takes its time.
                let holds = stage.target == count;
                if holds {
                    self.start += stage.length;
                }
                !holds
            })?;
        }
        let Stage { length, target } = self.stage;
        let span = u128::from(target.abs_diff(self.from));
        let (next, left) = if self.stage.length == 0 {
            (target, 0)
        } else if target > count {
            (count + 1, u128::from(target - count - 1))
        } else {
            (count - 1, u128::from(count - 1 - target))
        };
        self.count = Some(next);
        let before_end = u128::from(length) * left / span;
        Some((self.start + length - u64::try_from(before_end).unwrap_or(length), next))
    }
}

/// How long all stages take.
#[must_use]
pub fn length(stages: &[Stage]) -> Nanos {
    stages.iter().map(|stage| stage.length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(start: u32, stages: &[(Nanos, u32)]) -> Vec<(Nanos, u32)> {
        let stages: Vec<_> = stages.iter().map(|&(length, target)| Stage { length, target }).collect();
        Steps::new(start, &stages).collect()
    }

    #[test]
    fn goes_up_as_k6_does() {
        assert_eq!(steps(1, &[(6, 4)]), [(0, 1), (2, 2), (4, 3), (6, 4)]);
        assert_eq!(steps(0, &[(10, 2), (5, 2), (10, 3)]), [(0, 0), (5, 1), (10, 2), (25, 3)]);
    }

    #[test]
    fn goes_down_with_the_last_at_the_end() {
        assert_eq!(steps(4, &[(8, 0)]), [(0, 4), (2, 3), (4, 2), (6, 1), (8, 0)]);
        assert_eq!(steps(2, &[(10, 4), (9, 1)]), [(0, 2), (5, 3), (10, 4), (13, 3), (16, 2), (19, 1)]);
    }

    #[test]
    fn a_stage_of_no_length_jumps() {
        assert_eq!(steps(1, &[(0, 3), (10, 3), (0, 1)]), [(0, 1), (0, 3), (10, 1)]);
    }

    #[test]
    fn the_practical_starts_a_user_every_sixty_and_every_150_milliseconds() {
        let stages =
            [Stage { length: 60_000_000_000, target: 1000 }, Stage { length: 600_000_000_000, target: 5000 }];
        let steps: Vec<_> = Steps::new(1, &stages).collect();
        assert_eq!(steps.len(), 5000);
        assert_eq!((steps[999], steps[1000]), ((60_000_000_000, 1000), (60_150_000_000, 1001)));
        assert_eq!(steps[4999].0, length(&stages));
    }
}
