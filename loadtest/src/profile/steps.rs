//! The step table of closed models: at which nanosecond how many VUs are asked to loop.
//!
//! Rules of k6's ramping-vus. Within a stage of duration `d > 0` that ends at `E` and goes from `F` to `T` VUs:
//! going up, VU `n` starts at `E - d*(T-n)/(T-F)`; going down, the count drops to `n-1` at `E - d*(n-1-T)/(F-T)`,
//! one step later than the mirror of the start, so that the last one leaves exactly at `E`. A stage of duration
//! zero jumps at once.

use std::time::Duration;

use super::Stage;

/// From `at` on, counted from the start of the executor, `vus` are asked to loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub at: Duration,
    pub vus: u64,
}

/// `vus` from zero to `duration`.
pub(super) fn constant(vus: u64, duration: Duration) -> Vec<Step> {
    vec![Step { at: Duration::ZERO, vus }, Step { at: duration, vus: 0 }]
}

/// The table of a ramp. It always ends with zero VUs at the end of the last stage.
pub(super) fn ramping(start_vus: u64, stages: &[Stage]) -> Vec<Step> {
    let mut steps = vec![Step { at: Duration::ZERO, vus: start_vus }];
    let (mut from, mut end) = (start_vus, Duration::ZERO);
    for stage in stages {
        end += stage.duration;
        if stage.duration.is_zero() {
            push(&mut steps, Step { at: end, vus: stage.target });
        } else if stage.target > from {
            for vus in from + 1..=stage.target {
                let at = end - share(stage.duration, stage.target - vus, stage.target - from);
                push(&mut steps, Step { at, vus });
            }
        } else {
            for vus in (stage.target..from).rev() {
                let at = end - share(stage.duration, vus - stage.target, from - stage.target);
                push(&mut steps, Step { at, vus });
            }
        }
        from = stage.target;
    }
    push(&mut steps, Step { at: end, vus: 0 });
    steps
}

fn push(steps: &mut Vec<Step>, step: Step) {
    if steps.last().is_some_and(|last| last.vus != step.vus) {
        steps.push(step);
    }
}

/// `duration * part / whole`, truncated to nanoseconds as integer division does.
fn share(duration: Duration, part: u64, whole: u64) -> Duration {
    let nanos = duration.as_nanos() * u128::from(part) / u128::from(whole);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
