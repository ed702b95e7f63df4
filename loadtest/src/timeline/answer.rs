//! Did it scale, and did it help: a few sentences and a table, from a timeline and what the users saw.

use std::time::Duration;

use super::{Scaling, Timeline};
use crate::duration::format as length;
use crate::metrics::series::{Series, Slice};
use crate::output::numbers;

/// Seconds on both sides of a step that are compared, where the next step leaves so much.
const WINDOW_S: f64 = 30.0;
/// A percentile that moved less than this share has not moved: the series knows latencies to 7 %.
const MOVED: f64 = 0.2;

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub sentences: Vec<String>,
    /// One row per number of instances in service, in order of time.
    pub rows: Vec<Row>,
}

/// What users saw while the number of instances stayed the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub in_service: u64,
    /// Seconds since the start of the test.
    pub from_s: f64,
    pub to_s: f64,
    pub seen: Seen,
}

/// What users saw in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    pub requests_per_s: f64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub failed: u64,
    /// Of the requests, in percent.
    pub failed_percent: f64,
}

impl Seen {
    /// Between two moments in seconds since the start; whole slices, those that begin within. The test ends at
    /// `end_s`, where the last slice is cut.
    pub(super) fn between(series: &Series, from_s: f64, to_s: f64, end_s: f64) -> Self {
        let width = series.slice_s as f64;
        let inside = |index: usize| (from_s..to_s).contains(&(index as f64 * width));
        let mut all = Slice::default();
        let mut covered_s = 0.0;
        for (index, slice) in series.slices.iter().enumerate().filter(|(index, _)| inside(*index)) {
            all.add(slice);
            let begins_s = index as f64 * width;
            covered_s += ((begins_s + width).min(end_s) - begins_s).max(0.0);
        }
        Self {
            requests_per_s: if covered_s > 0.0 { all.requests as f64 / covered_s } else { 0.0 },
            p50_ms: all.percentile_ms(50.0),
            p95_ms: all.percentile_ms(95.0),
            failed: all.failed,
            failed_percent: 100.0 * all.failed as f64 / all.requests.max(1) as f64,
        }
    }

    fn words(&self) -> String {
        let p95 = self.p95_ms.map_or("–".to_owned(), millis);
        let failed = match self.failed {
            0 => String::new(),
            _ => format!(", {} % failed", numbers::trimmed(self.failed_percent, 2)),
        };
        format!("p95 {p95} at {} requests/s{failed}", numbers::trimmed(self.requests_per_s, 1))
    }
}

/// A duration in milliseconds for people.
pub fn millis(ms: f64) -> String {
    numbers::duration(ms, "")
}

/// Lays `timeline` over the test that began at `start_unix` and took `run_time`.
pub fn answer(timeline: &Timeline, series: &Series, start_unix: Duration, run_time: Duration) -> Answer {
    let shift = timeline.shift(start_unix);
    let end_s = run_time.as_secs_f64();
    let during = |at_s: f64| (0.0..=end_s).contains(&(at_s + shift));
    let scalings: Vec<&Scaling> = timeline.scalings.iter().filter(|scaling| during(scaling.at_s)).collect();
    let rows = rows(timeline, series, shift, end_s);
    let mut sentences = Vec::new();
    if rows.is_empty() {
        sentences.push(format!(
            "The timeline of {} and this test have no time in common, so nothing can be said.",
            timeline.name
        ));
        return Answer { sentences, rows };
    }
    sentences.push(scaled(&scalings, shift));
    if scalings.is_empty() {
        sentences.extend(why_not(timeline, during));
    }
    for scaling in scalings.iter().filter(|scaling| scaling.to > scaling.from) {
        sentences.extend(helped(timeline, series, scaling, shift, end_s));
    }
    let at_most: f64 = rows
        .iter()
        .filter(|row| timeline.max > 0 && row.in_service >= timeline.max)
        .map(|row| row.to_s - row.from_s)
        .sum();
    if at_most > 0.0 {
        sentences.push(format!(
            "At the maximum of {} for {} of {}.",
            timeline.max,
            seconds(at_most),
            seconds(end_s)
        ));
    }
    Answer { sentences, rows }
}

fn scaled(scalings: &[&Scaling], shift: f64) -> String {
    if scalings.is_empty() {
        return "It did not scale while the test ran.".to_owned();
    }
    let step = |scaling: &&Scaling| {
        let Scaling { from, to, at_s, by } = *scaling;
        format!("{from} → {to} after {} by {by}", seconds(at_s + shift))
    };
    format!("It scaled: {}.", scalings.iter().map(step).collect::<Vec<_>>().join(", "))
}

/// What the timeline says about a group that did not move.
fn why_not(timeline: &Timeline, during: impl Fn(f64) -> bool) -> Vec<String> {
    let raised = |alarm: &&super::Alarm| alarm.raised.iter().any(|(from, _)| during(*from));
    let names: Vec<&str> = timeline.alarms.iter().filter(raised).map(|alarm| alarm.name.as_str()).collect();
    let mut reasons: Vec<&str> =
        timeline.refusals.iter().filter(|(at, _)| during(*at)).map(|(_, why)| why.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let alarms = match names.is_empty() {
        true => "No alarm was raised in that time.".to_owned(),
        false => format!("Raised in that time: {}.", names.join(", ")),
    };
    let refused = (!reasons.is_empty()).then(|| format!("Policies were held back: {}.", reasons.join(", ")));
    std::iter::once(alarms).chain(refused).collect()
}

/// Before the decision, and after what it added was in service.
fn helped(timeline: &Timeline, series: &Series, scaling: &Scaling, shift: f64, end_s: f64) -> Option<String> {
    let there = timeline.capacity.iter().find(|now| now.at_s >= scaling.at_s && now.healthy >= scaling.to);
    let step = format!("{} → {}", scaling.from, scaling.to);
    let Some(there) = there.filter(|there| there.at_s + shift < end_s) else {
        return Some(format!("{step}: what was added was not healthy before the test ended."));
    };
    // The next decision changes nothing for the users before what it adds, or takes away, is there or gone.
    let next = timeline.capacity.iter().find(|now| now.at_s > there.at_s && now.healthy != there.healthy);
    let decided_s = scaling.at_s + shift;
    let serves_s = there.at_s + shift;
    let until_s = next.map_or(end_s, |next| next.at_s + shift).min(end_s).min(serves_s + WINDOW_S);
    if until_s - serves_s < 2.0 * series.slice_s as f64 {
        return Some(format!("{step}: too little time passed before the next change to see an effect."));
    }
    // What was before the change before is of another fleet.
    let begins_s = (timeline.healthy_since(scaling.at_s) + shift).max(decided_s - WINDOW_S).max(0.0);
    let before = Seen::between(series, begins_s, decided_s, end_s);
    let after = Seen::between(series, serves_s, until_s, end_s);
    let verdict = match (before.p95_ms, after.p95_ms) {
        _ if before.failed_percent > 1.0 && after.failed_percent < before.failed_percent / 2.0 => {
            "helped: fewer requests failed"
        }
        (Some(before), Some(after)) if after < before * (1.0 - MOVED) => "helped: the latency fell",
        (Some(before), Some(after)) if after > before * (1.0 + MOVED) => {
            "did not help enough: the latency grew all the same"
        }
        _ if after.requests_per_s > before.requests_per_s * (1.0 + MOVED) => {
            "helped: more was answered in no more time"
        }
        (Some(_), Some(_)) => "changed little",
        _ => "cannot be judged: there were no requests",
    };
    let took = seconds(there.at_s - scaling.at_s);
    Some(format!(
        "{step} {verdict} ({} before, {} once it served, {took} after the decision).",
        before.words(),
        after.words()
    ))
}

fn rows(timeline: &Timeline, series: &Series, shift: f64, end_s: f64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (index, now) in timeline.capacity.iter().enumerate() {
        let until = timeline.capacity.get(index + 1).map_or(timeline.until_s, |next| next.at_s);
        let (from_s, to_s) = ((now.at_s + shift).max(0.0), (until + shift).min(end_s));
        if to_s <= from_s {
            continue;
        }
        match rows.last_mut().filter(|row| row.in_service == now.in_service) {
            Some(row) => row.to_s = to_s,
            None => rows.push(Row { in_service: now.in_service, from_s, to_s, seen: Seen::default() }),
        }
    }
    for row in &mut rows {
        row.seen = Seen::between(series, row.from_s, row.to_s, end_s);
    }
    rows
}

/// Whole seconds for people.
pub fn seconds(seconds: f64) -> String {
    length(Duration::from_secs(seconds.max(0.0).round() as u64))
}

impl Answer {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut lines = vec!["Did it scale, and did it help?".to_owned()];
        lines.extend(self.sentences.iter().map(|sentence| format!("  {sentence}")));
        if !self.rows.is_empty() {
            lines.push(String::new());
            lines.push(format!(
                "  {:>10}  {:>8}  {:>8}  {:>10}  {:>10}  {:>10}  {:>8}",
                "in service", "from", "to", "requests/s", "p50", "p95", "failed"
            ));
        }
        lines.extend(self.rows.iter().map(|row| {
            let [in_service, from, to, rate, p50, p95, failed] = row.cells();
            format!("  {in_service:>10}  {from:>8}  {to:>8}  {rate:>10}  {p50:>10}  {p95:>10}  {failed:>8}")
        }));
        lines.join("\n")
    }
}

impl Row {
    /// In service, from, to, requests per second, p50, p95, failed.
    pub fn cells(&self) -> [String; 7] {
        let time = |ms: Option<f64>| ms.map_or("–".to_owned(), millis);
        [
            self.in_service.to_string(),
            seconds(self.from_s),
            seconds(self.to_s),
            numbers::trimmed(self.seen.requests_per_s, 1),
            time(self.seen.p50_ms),
            time(self.seen.p95_ms),
            self.seen.failed.to_string(),
        ]
    }
}
