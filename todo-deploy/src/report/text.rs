//! A simulation as text: the story, a row per minute, totals.

use super::story::story;
use super::table::{millis, table, thousands};
use crate::simulate::{Minute, Run, Totals};
use crate::time::Time;

/// More rows than this are thinned out, so that a day fits a screen or two.
const ROWS_MAX: usize = 120;

pub fn text(run: &Run) -> String {
    let mut lines = vec![format!("{} on {}, under {} (seed {})", run.name, run.target, run.load, run.seed)];
    lines.extend(run.notes.iter().map(|note| format!("note: {note}")));
    lines.push(String::new());
    lines.extend(story(&run.timeline.events));
    lines.push(String::new());
    lines.extend(minutes(&run.minutes));
    lines.push(String::new());
    lines.extend(totals(&run.totals));
    lines.join("\n")
}

pub(super) const HEADINGS: [&str; 11] =
    ["minute", "users", "req/s", "p50", "p95", "p99", "errors", "cpu %", "desired", "in service", "healthy"];

/// A minute under [`HEADINGS`]; one without requests has no response times.
pub(super) fn row(minute: &Minute) -> Vec<String> {
    let time = |ms: f64| if minute.requests_per_s > 0.0 { millis(ms) } else { "–".to_owned() };
    vec![
        minute.at.to_string(),
        format!("{:.0}", minute.users),
        format!("{:.1}", minute.requests_per_s),
        time(minute.p50_ms),
        time(minute.p95_ms),
        time(minute.p99_ms),
        thousands(minute.errors),
        format!("{:.1}", minute.cpu_percent),
        minute.desired.to_string(),
        minute.in_service.to_string(),
        minute.healthy.to_string(),
    ]
}

fn minutes(minutes: &[Minute]) -> Vec<String> {
    let every = minutes.len().div_ceil(ROWS_MAX).max(1);
    let rows: Vec<Vec<String>> = minutes.iter().step_by(every).map(row).collect();
    let mut lines = table(&HEADINGS, &without_repetition(&rows), false);
    if every > 1 {
        lines.push(format!("(every {every}th minute)"));
    }
    lines
}

/// Rows that say the same as the ones around them (at night, or after the load) become one `…`.
fn without_repetition(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let same = |a: usize, b: usize| rows.get(a).zip(rows.get(b)).is_some_and(|(a, b)| a[1..] == b[1..]);
    let inner = |index: usize| index > 0 && same(index - 1, index) && same(index, index + 1);
    let mut kept = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match inner(index) {
            false => kept.push(row.clone()),
            true if !inner(index - 1) => kept.push(vec!["…".to_owned()]),
            true => {}
        }
    }
    kept
}

pub(crate) fn totals(totals: &Totals) -> Vec<String> {
    let first = totals.first_scale_out.map_or("never".to_owned(), |at| format!("at {at}"));
    let mut lines = vec![
        format!(
            "requests        {} in {}, at most {:.0}/s",
            thousands(totals.requests),
            Time::after_start(std::time::Duration::from_secs_f64(totals.seconds)),
            totals.requests_per_s_max
        ),
        format!(
            "response times  mean {}, p50 {}, p95 {}, p99 {}, longest {}",
            millis(totals.mean_ms),
            millis(totals.p50_ms),
            millis(totals.p95_ms),
            millis(totals.p99_ms),
            millis(totals.longest_ms)
        ),
        format!("errors          {}", errors(totals)),
    ];
    if totals.dropped > 0 {
        lines.push(format!("dropped         {} iterations found no free user", thousands(totals.dropped)));
    }
    lines.push(format!(
        "scaling         first out {first}; at most {} in service; at the maximum for {}",
        totals.in_service_max,
        Time::after_start(std::time::Duration::from_secs_f64(totals.at_maximum_s))
    ));
    lines.push(format!("cost            {}", cost(totals)));
    lines
}

/// Errors by cause.
pub(crate) fn errors(totals: &Totals) -> String {
    let errors = &totals.errors;
    let causes = [
        (errors.refused_502, "502 (nothing listened yet)"),
        (errors.lost_502, "502 (the instance went away)"),
        (errors.no_target_503, "503 (no target)"),
        (errors.timed_out_504, "504 (not answered in time)"),
    ];
    let named: Vec<String> = causes
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, cause)| format!("{} × {cause}", thousands(*count)))
        .collect();
    let interrupted = match errors.interrupted {
        0 => String::new(),
        count => format!("; {} given up when the load ended", thousands(count)),
    };
    match named.is_empty() {
        true => format!("none{interrupted}"),
        false => format!("{:.3} %: {}{interrupted}", totals.error_percent, named.join(", ")),
    }
}

pub(crate) fn cost(totals: &Totals) -> String {
    let bill = &totals.bill;
    if bill.total() == 0.0 {
        return format!("{:.2} instance-hours on this machine", totals.instance_hours);
    }
    format!(
        "${:.4} for {:.2} instance-hours: instances {:.4}, balancer {:.4}, addresses {:.4}, database {:.4}, monitoring {:.4}, data out {:.4}",
        bill.total(),
        totals.instance_hours,
        bill.instances,
        bill.balancer,
        bill.addresses,
        bill.database,
        bill.monitoring,
        bill.transfer
    )
}
