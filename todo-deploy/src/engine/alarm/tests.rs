//! Vectors A1 to A10: both published tables of missing data, and the sliding window.

use super::*;
use crate::deployment::{Comparison, Condition, Metric, Statistic};
use AlarmState::{Alarm as A, InsufficientData as I, Ok as O};

/// `0` good, `X` bad, `-` missing; the newest is on the right.
fn range(text: &str) -> Vec<Option<bool>> {
    let point = |c| match c {
        '0' => Some(false),
        'X' => Some(true),
        _ => None,
    };
    text.split_whitespace().map(|word| point(word.chars().next().unwrap_or('-'))).collect()
}

/// `None` in `expected` means that the state is kept. Columns: missing, ignore, breaching, notBreaching.
fn check(name: &str, m: u32, text: &str, expected: [Option<AlarmState>; 4]) {
    use MissingData::{Breaching, Ignore, Missing, NotBreaching};
    for (missing, expected) in [Missing, Ignore, Breaching, NotBreaching].into_iter().zip(expected) {
        for state in [O, A, I] {
            let found = decide(&range(text), 3, m, missing, state);
            assert_eq!(found, expected.unwrap_or(state), "{name}: `{text}` as {missing:?} from {state:?}");
        }
    }
}

#[test]
fn a1_to_a9() {
    let kept = None;
    check("A1", 3, "0 - X - X", [Some(O), Some(O), Some(O), Some(O)]);
    check("A2", 3, "0 - - - -", [Some(O), Some(O), Some(O), Some(O)]);
    check("A3", 3, "- - - - -", [Some(I), kept, Some(A), Some(O)]);
    check("A4", 3, "0 X X - X", [Some(A), Some(A), Some(A), Some(A)]);
    check("A5", 3, "- - X - -", [Some(A), kept, Some(A), Some(O)]);
    check("A6", 3, "- - - X -", [kept, kept, Some(A), Some(O)]);
    check("A6", 3, "- - - - X", [kept, kept, Some(A), Some(O)]);
    check("A7", 2, "0 - X - X", [Some(A), Some(A), Some(A), Some(A)]);
    check("A7", 2, "0 0 X 0 X", [Some(A), Some(A), Some(A), Some(A)]);
    check("A8", 2, "0 - X - -", [Some(O), Some(O), Some(A), Some(O)]);
    check("A8", 2, "- - - - 0", [Some(O), Some(O), Some(A), Some(O)]);
    check("A9", 2, "- - - X -", [Some(A), kept, Some(A), Some(O)]);
}

fn two_minutes_at_least_20() -> AlarmConfig {
    let minute = Duration::from_secs(60);
    AlarmConfig {
        name: "up".to_owned(),
        metric: Metric::Cpu,
        statistic: Statistic::Average,
        when: Condition { comparison: Comparison::AtLeast, threshold: 20.0 },
        period: 2 * minute,
        evaluation_periods: 2,
        datapoints_to_alarm: 2,
        missing: MissingData::Missing,
        range_extra: 2,
        cadence: minute,
        invoke_every: minute,
    }
}

#[test]
fn a10_the_window_slides() {
    let config = two_minutes_at_least_20();
    let minute = Duration::from_secs(60);
    let mut series = Series::new(&Metric::Cpu, minute, Duration::ZERO, Alarm::reach(&config));
    let mut alarm = Alarm::new(config);
    let mut seen = Vec::new();
    for (i, mean) in [10.0, 10.0, 30.0, 30.0, 30.0, 10.0, 8.0].into_iter().enumerate() {
        let now = Time::from_secs(60 * (i as u64 + 1));
        series.observe(now, None, mean);
        let evaluation = alarm.evaluate(now, &mut series);
        seen.push((alarm.state, evaluation.invoke));
    }
    assert_eq!(seen[3..], [(O, false), (A, true), (A, true), (O, false)]);
}

#[test]
fn an_alarm_evaluated_every_ten_seconds_invokes_once_per_minute() {
    let ten = Duration::from_secs(10);
    let config = AlarmConfig {
        period: ten,
        cadence: ten,
        evaluation_periods: 1,
        datapoints_to_alarm: 1,
        ..two_minutes_at_least_20()
    };
    let mut series = Series::new(&Metric::Cpu, ten, Duration::ZERO, Alarm::reach(&config));
    let mut alarm = Alarm::new(config);
    let mut invoked = Vec::new();
    for second in (10..=150).step_by(10) {
        let now = Time::from_secs(second);
        series.observe(now, None, 50.0);
        if alarm.evaluate(now, &mut series).invoke {
            invoked.push(second);
        }
    }
    assert_eq!(invoked, [10, 70, 130]);
}
