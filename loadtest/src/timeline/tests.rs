//! Timelines as `todo-deploy` writes them, and what is said of them.

use super::answer::{Seen, answer};
use super::*;
use crate::metrics::series::{Series, bucket_of};

/// One instance from the start; the second is decided at 40 s and healthy at 60 s of the timeline.
const TIMELINE: &str = r#"{
  "version": 1, "until": 200.0, "something": "new",
  "about": {
    "name": "todo", "started_unix_s": 1000.0, "limits": {"min": 1, "desired": 1, "max": 2},
    "policies": [
      {"name": "up", "alarms": [{"name": "up", "metric": "cpu", "when": ">= 20", "period_s": 12.0}]},
      {"name": "down", "alarms": [{"name": "down", "metric": "cpu", "when": "<= 10", "period_s": 12.0}]}
    ]
  },
  "events": [
    {"at": 0.0, "event": "in-service", "instance": 1},
    {"at": 40.0, "event": "alarm", "alarm": "up", "from": "ok", "to": "alarm", "points": [50.0], "when": ">= 20", "period_s": 12.0},
    {"at": 40.0, "event": "scaled", "by": {"policy": {"name": "up", "points": [50.0], "when": ">= 20", "period_s": 12.0}}, "from": 1, "to": 2},
    {"at": 40.0, "event": "launching", "instance": 2, "cause": "scale-out"},
    {"at": 50.0, "event": "in-service", "instance": 2},
    {"at": 52.0, "event": "not-scaled", "policy": "up", "capacity": 2, "why": {"cooldown": {"until": 62.0}}},
    {"at": 60.0, "event": "health", "instance": 2, "from": "initial", "to": "healthy", "reason": {"checks-passed": 1}},
    {"at": 150.0, "event": "alarm", "alarm": "up", "from": "alarm", "to": "ok", "points": [5.0], "when": ">= 20", "period_s": 12.0}
  ],
  "series": {}
}"#;

/// 100 requests in each second of a test, at `latency_ms` of it.
fn series(seconds: u64, latency_ms: impl Fn(u64) -> f64) -> Series {
    let mut series = Series::default();
    for second in 0..seconds {
        let slice = series.at(second * 1_000_000_000);
        slice.requests = 100;
        slice.latency[bucket_of(latency_ms(second))] = 100;
    }
    series
}

/// A test that began ten seconds after the timeline.
const START: Duration = Duration::from_secs(1010);

#[test]
fn instances_and_alarms_over_time() {
    let timeline = Timeline::parse(TIMELINE).expect("a timeline");
    let counts: Vec<_> =
        timeline.capacity.iter().map(|now| (now.at_s, now.desired, now.in_service, now.healthy)).collect();
    assert_eq!(counts, [(0.0, 1, 1, 1), (40.0, 2, 1, 1), (50.0, 2, 2, 1), (60.0, 2, 2, 2)]);
    assert_eq!(timeline.alarms[0].raised, [(40.0, 150.0)]);
    assert_eq!((timeline.alarms[1].when.as_str(), timeline.alarms[1].raised.len()), ("cpu <= 10", 0));
    assert_eq!(timeline.refusals, [(52.0, "cooldown".to_owned())]);
    assert_eq!([30.0, 60.0, 61.0].map(|at| timeline.healthy_since(at)), [0.0, 0.0, 60.0]);
    assert_eq!(timeline.shift(START), -10.0);
    assert_eq!(timeline.at(55.0).map(|now| now.in_service), Some(2));
    assert_eq!((timeline.at(-1.0), timeline.at(201.0)), (None, None));
}

#[test]
fn it_scaled_and_helped() {
    let timeline = Timeline::parse(TIMELINE).expect("a timeline");
    let seen = series(120, |second| if second < 50 { 400.0 } else { 20.0 });
    let text = answer(&timeline, &seen, START, Duration::from_secs(120)).text();
    insta::assert_snapshot!(text, @r"
    Did it scale, and did it help?
      It scaled: 1 → 2 after 30s by up.
      1 → 2 helped: the latency fell (p95 409.6ms at 100 requests/s before, p95 19.45ms at 100 requests/s once it served, 20s after the decision).
      At the maximum of 2 for 1m20s of 2m0s.

      in service      from        to  requests/s         p50         p95    failed
               1        0s       40s         100     409.6ms     409.6ms         0
               2       40s      2m0s         100     19.45ms     409.6ms         0
    ");
}

#[test]
fn more_of_the_same_is_no_help() {
    let timeline = Timeline::parse(TIMELINE).expect("a timeline");
    let said = |latency: fn(u64) -> f64| {
        answer(&timeline, &series(120, latency), START, Duration::from_secs(120)).sentences[1].clone()
    };
    assert!(said(|_| 100.0).starts_with("1 → 2 changed little"), "{}", said(|_| 100.0));
    let grew = said(|second| 100.0 + 10.0 * second as f64);
    assert!(grew.starts_with("1 → 2 did not help enough"), "{grew}");
    let mut busier = series(120, |_| 100.0);
    busier.slices[50..].iter_mut().for_each(|slice| slice.requests = 150);
    let more = answer(&timeline, &busier, START, Duration::from_secs(120)).sentences[1].clone();
    assert!(more.starts_with("1 → 2 helped: more was answered in no more time"), "{more}");
    let short = answer(&timeline, &series(45, |_| 100.0), START, Duration::from_secs(45));
    assert!(short.sentences[1].ends_with("was not healthy before the test ended."), "{:?}", short.sentences);
}

#[test]
fn a_cut_slice_counts_for_the_time_it_covers() {
    let seen = series(10, |_| 1.0);
    let rate = |from_s, to_s, end_s| Seen::between(&seen, from_s, to_s, end_s).requests_per_s;
    assert_eq!(
        [rate(0.0, 10.0, 10.0), rate(8.0, 10.0, 9.5), rate(9.0, 10.0, 9.5)],
        [100.0, 200.0 / 1.5, 200.0]
    );
    assert_eq!(rate(20.0, 30.0, 10.0), 0.0);
}

#[test]
fn nothing_in_common_and_nothing_scaled() {
    let timeline = Timeline::parse(TIMELINE).expect("a timeline");
    let seen = series(10, |_| 1.0);
    let before = answer(&timeline, &seen, Duration::from_secs(900), Duration::from_secs(10));
    assert!(before.sentences[0].contains("no time in common") && before.rows.is_empty());
    let quiet = answer(&timeline, &seen, Duration::from_secs(1070), Duration::from_secs(10));
    assert_eq!(
        quiet.sentences[..2],
        ["It did not scale while the test ran.", "No alarm was raised in that time."]
    );
    assert_eq!(quiet.rows[0].in_service, 2);
}

#[test]
fn a_simulation_begins_with_the_test() {
    let simulated =
        Timeline::parse(&TIMELINE.replace("\"started_unix_s\": 1000.0,", "")).expect("a timeline");
    assert_eq!(simulated.shift(START), 0.0);
}

#[test]
fn what_is_no_timeline_is_refused_with_a_reason() {
    for (text, part) in [
        ("<html>", "it is no JSON"),
        ("[1, 2]", "it has no version"),
        ("{\"version\": 7}", "its version is 7, and this program reads 1"),
        ("{\"version\": 1}", "`about.name` or `events` is missing"),
    ] {
        let refused = Timeline::parse(text).expect_err(text);
        assert!(refused.contains(part), "{refused}");
    }
    // Odd values are skipped, not trusted.
    let odd =
        TIMELINE.replace("\"instance\": 2", "\"instance\": \"two\"").replace("\"at\": 52.0", "\"at\": null");
    let odd = Timeline::parse(&odd).expect("a timeline");
    assert_eq!((odd.capacity.last().map(|now| now.in_service), odd.refusals.len()), (Some(1), 0));
}
