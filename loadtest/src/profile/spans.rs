//! What the step table means for each VU handle: when it may start iterations, and when a running one is cut.
//!
//! Handles are used like a stack: the count `n` means that handles 1 to `n` are active, so ramping down marks the
//! highest first. A handle that is asked to loop again while its last iteration still runs just carries on.

use std::time::Duration;

use super::{Executor, Scenario};

/// A time in which one handle may start iterations, counted from the start of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First iteration. A VU due at the very end (`start == stop`) is reserved, but never gets to run.
    pub start: Duration,
    /// No iteration starts from here on.
    pub stop: Duration,
    /// An iteration that still runs here is interrupted.
    pub kill: Duration,
}

/// The spans of every handle of a closed scenario, and of every VU that an open one may use.
pub(super) fn of(scenario: &Scenario) -> Vec<Vec<Span>> {
    let begin = scenario.start_time;
    let end = begin + scenario.executor.duration();
    let last = end + scenario.graceful_stop;
    let Executor::RampingVus { start_vus, stages, graceful_ramp_down } = &scenario.executor else {
        let handles = usize::try_from(scenario.executor.max_vus()).unwrap_or(usize::MAX);
        return vec![vec![Span { start: begin, stop: end, kill: last }]; handles];
    };
    let mut handles: Vec<Vec<Span>> = Vec::new();
    let mut active = 0;
    // VUs that are left when the stages are over get gracefulStop; whom a stage stops, be it at its very end, only the
    // graceful ramp down.
    let are_left = stages.last().map_or(*start_vus, |stage| stage.target) > 0;
    let steps = scenario.executor.steps();
    let count = steps.len();
    for (nth, step) in steps.into_iter().enumerate() {
        let wanted = usize::try_from(step.vus).unwrap_or(usize::MAX);
        let at = begin + step.at;
        for handle in active..wanted {
            if handle == handles.len() {
                handles.push(Vec::with_capacity(1));
            }
            handles[handle].push(Span { start: at, stop: last, kill: last });
        }
        for handle in (wanted..active).rev() {
            if let Some(span) = handles[handle].last_mut() {
                span.stop = at;
                let by_end = are_left && nth + 1 == count;
                span.kill = if by_end { last } else { last.min(at + *graceful_ramp_down) };
            }
        }
        active = wanted;
    }
    for spans in &mut handles {
        carry_on(spans);
    }
    handles
}

/// An iteration that lives until the next span starts is judged by that span's end.
fn carry_on(spans: &mut [Span]) {
    for earlier in (1..spans.len()).rev() {
        let next = spans[earlier];
        let span = &mut spans[earlier - 1];
        if next.start <= span.kill {
            span.kill = next.kill;
        }
    }
}

/// The most VUs reserved at once, where an executor that is not ramping reserves `reserved` of it all the time.
pub(super) fn peak(scenarios: &[Scenario], reserved: impl Fn(&Executor) -> u64) -> u64 {
    let mut changes: Vec<(Duration, i128)> = Vec::new();
    for scenario in scenarios {
        if !matches!(scenario.executor, Executor::RampingVus { .. }) {
            let vus = i128::from(reserved(&scenario.executor));
            changes.push((scenario.start_time, vus));
            changes.push((scenario.end(), -vus));
            continue;
        }
        for spans in of(scenario) {
            let mut taken_until = Duration::ZERO;
            for span in spans {
                changes.push((span.start.max(taken_until), 1));
                changes.push((span.kill.max(taken_until), -1));
                taken_until = taken_until.max(span.kill);
            }
        }
    }
    highest(changes)
}

/// The most of these intervals that overlap. An end and a start at the same instant do not.
pub fn peak_of(intervals: impl IntoIterator<Item = (Duration, Duration)>) -> u64 {
    highest(intervals.into_iter().flat_map(|(from, to)| [(from, 1), (to.max(from), -1)]).collect())
}

fn highest(mut changes: Vec<(Duration, i128)>) -> u64 {
    // Ends sort before starts at the same instant: a VU given back can be taken again.
    changes.sort_unstable();
    let mut now = 0;
    let most = changes.iter().map(|(_, change)| {
        now += change;
        now
    });
    u64::try_from(most.max().unwrap_or(0)).unwrap_or(0)
}
