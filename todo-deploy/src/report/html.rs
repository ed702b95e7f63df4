//! A simulation as one self-contained page: plots on one time axis, the story, totals. No script, no link.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Chart, Line};
use super::story::story;
use super::table::{millis, thousands};
use super::text::{cost, errors};
use crate::deployment::{Deployment, Metric, Policy};
use crate::simulate::{Minute, Run};
use crate::timeline::EventKind;

const STYLE: &str = include_str!("html.css");

pub fn page(deployment: &Deployment, run: &Run) -> String {
    let title = format!("{} on {}, under {}", run.name, run.target, run.load);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (facts(run))
                    @for note in &run.notes { p class="note" { "Note: " (note) } }
                    section { (charts(deployment, run)) }
                    h2 { "What happened, and why" }
                    pre { (story(&run.timeline.events).join("\n")) }
                    h2 { "Minute by minute" }
                    (minutes(&run.minutes))
                    footer { "todo-deploy simulate, seed " (run.seed) ". The same seed gives the same page." }
                }
            }
        }
    };
    page.into_string()
}

fn facts(run: &Run) -> Markup {
    let totals = &run.totals;
    let first = totals.first_scale_out.map_or("never".to_owned(), |at| at.to_string());
    html! {
        dl {
            div { dt { "requests" } dd { (thousands(totals.requests)) } }
            div { dt { "p50 / p95 / p99" } dd { (millis(totals.p50_ms)) " / " (millis(totals.p95_ms)) " / " (millis(totals.p99_ms)) } }
            div { dt { "errors" } dd { (errors(totals)) } }
            div { dt { "first scale-out" } dd { (first) } }
            div { dt { "most in service" } dd { (totals.in_service_max) } }
            div { dt { "cost" } dd { (cost(totals)) } }
        }
    }
}

fn charts(deployment: &Deployment, run: &Run) -> Markup {
    let end = run.totals.seconds;
    let marks: Vec<(f64, String)> = run
        .timeline
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Scaled { from, to, .. } => {
                Some((event.at.as_secs_f64(), format!("{} {from} → {to}", event.at)))
            }
            _ => None,
        })
        .collect();
    let series = |of: fn(&Minute) -> f64| -> Vec<(f64, f64)> {
        run.minutes.iter().map(|minute| (minute.at.as_secs_f64() + 30.0, of(minute))).collect()
    };
    // A minute without requests has no response times.
    let times = |of: fn(&Minute) -> f64| -> Vec<(f64, f64)> {
        let minutes = run.minutes.iter().filter(|minute| minute.requests_per_s > 0.0);
        minutes.map(|minute| (minute.at.as_secs_f64() + 30.0, of(minute))).collect()
    };
    let steps = |of: fn(&Minute) -> f64| -> Vec<(f64, f64)> {
        run.minutes.iter().map(|minute| (minute.at.as_secs_f64() + 60.0, of(minute))).collect()
    };
    let chart =
        |title, lines: Vec<Line<'_>>, levels| Chart { title, lines, levels, marks: &marks, end }.draw();
    let line = |name, class, points| Line { name, class, points, is_step: false };
    html! {
        (chart("Load", vec![
            line("users", "a", series(|m| m.users)),
            line("requests per second", "b", series(|m| m.requests_per_s)),
        ], Vec::new()))
        (chart("Response time, ms", vec![
            line("p50", "a", times(|m| m.p50_ms)),
            line("p95", "b", times(|m| m.p95_ms)),
            line("p99", "c", times(|m| m.p99_ms)),
        ], Vec::new()))
        (chart("Errors per minute", vec![line("errors", "c", series(|m| m.errors as f64))], Vec::new()))
        (chart("CPU of the group, %", vec![line("mean over instances", "a", series(|m| m.cpu_percent))], levels(deployment)))
        (chart("Instances", vec![
            Line { name: "desired", class: "c", points: capacity(run), is_step: true },
            Line { name: "in service", class: "a", points: steps(|m| f64::from(m.in_service)), is_step: true },
            Line { name: "healthy", class: "b", points: steps(|m| f64::from(m.healthy)), is_step: true },
        ], Vec::new()))
    }
}

/// The desired capacity, to the second.
fn capacity(run: &Run) -> Vec<(f64, f64)> {
    let first = run.timeline.events.iter().find_map(|event| match event.kind {
        EventKind::Scaled { from, .. } => Some(from),
        _ => None,
    });
    let start = first.or(run.minutes.first().map(|minute| minute.desired)).unwrap_or(0);
    let mut points = vec![(0.0, f64::from(start))];
    for event in &run.timeline.events {
        if let EventKind::Scaled { to, .. } = event.kind {
            points.push((event.at.as_secs_f64(), f64::from(to)));
        }
    }
    let last = points.last().map_or(0.0, |point| point.1);
    points.push((run.totals.seconds, last));
    points
}

/// Thresholds on CPU.
fn levels(deployment: &Deployment) -> Vec<(f64, String)> {
    let policies = deployment.scaling.policies.iter().filter(|policy| *policy.metric() == Metric::Cpu);
    let level = |policy: &Policy| match policy {
        Policy::Simple(simple) => {
            (simple.alarm.when.threshold, format!("{} {}", simple.name, simple.alarm.when))
        }
        Policy::Step(step) => (step.alarm.when.threshold, format!("{} {}", step.name, step.alarm.when)),
        Policy::TargetTracking(tracking) => {
            (tracking.target, format!("{} at {}", tracking.name, tracking.target))
        }
    };
    policies.map(level).collect()
}

fn minutes(minutes: &[Minute]) -> Markup {
    html! {
        div class="wide" {
            table {
                thead { tr {
                    @for heading in ["minute", "users", "req/s", "p50", "p95", "p99", "errors", "cpu %", "desired", "in service", "healthy"] {
                        th { (heading) }
                    }
                } }
                tbody {
                    @for minute in minutes {
                        tr {
                            td { (minute.at) } td { (format!("{:.0}", minute.users)) }
                            td { (format!("{:.1}", minute.requests_per_s)) }
                            td { (millis(minute.p50_ms)) } td { (millis(minute.p95_ms)) } td { (millis(minute.p99_ms)) }
                            td { (thousands(minute.errors)) } td { (format!("{:.1}", minute.cpu_percent)) }
                            td { (minute.desired) } td { (minute.in_service) } td { (minute.healthy) }
                        }
                    }
                }
            }
        }
    }
}
