//! A simulation as one self-contained page: plots on one time axis, the story, totals. No script, no link.

use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Chart, Line};
use super::story::story;
use super::table::{millis, thousands};
use super::text::{HEADINGS, cost, errors, row};
use crate::deployment::{Deployment, Metric, Policy, SimplePolicy, StepPolicy};
use crate::simulate::group::Groups;
use crate::simulate::{Minute, Run};
use crate::time::Time;
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
                    pre { (at_the_edge(&story(&run.timeline.events))) }
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
            div { dt { "errors" } dd { (format!("{:.3} %", totals.error_percent)) } }
            div { dt { "first scale-out" } dd { (first) } }
            div { dt { "most in service" } dd { (totals.in_service_max) } }
            div { dt { "cost" } dd { (format!("${:.4}", totals.bill.total())) } }
        }
        p { "Errors: " (errors(totals)) "." }
        p { "Cost: " (cost(totals)) "." }
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
    let [desired, in_service, healthy] = instances(deployment, run);
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
            Line { name: "desired", class: "c", points: desired, is_step: true },
            Line { name: "in service", class: "a", points: in_service, is_step: true },
            Line { name: "healthy", class: "b", points: healthy, is_step: true },
        ], Vec::new()))
    }
}

/// How many are wanted, in service and healthy, to the second: a point wherever one of them changes, and one at the end.
fn instances(deployment: &Deployment, run: &Run) -> [Vec<(f64, f64)>; 3] {
    let mut groups = Groups::new(&run.timeline.events, deployment.capacity.desired);
    let mut lines = [Vec::new(), Vec::new(), Vec::new()];
    let mut last = None;
    let ends = std::iter::once(run.totals.seconds);
    let moments = run.timeline.events.iter().map(|event| event.at.as_secs_f64()).chain(ends.clone());
    for seconds in std::iter::once(0.0).chain(moments) {
        let group = groups.at(Time::after_start(Duration::from_secs_f64(seconds)));
        if last == Some(group) && !ends.clone().any(|end| end == seconds) {
            continue;
        }
        last = Some(group);
        for (line, count) in lines.iter_mut().zip([group.desired, group.in_service, group.healthy]) {
            line.push((seconds, f64::from(count)));
        }
    }
    lines
}

/// Thresholds on CPU.
fn levels(deployment: &Deployment) -> Vec<(f64, String)> {
    let policies = deployment.scaling.policies.iter().filter(|policy| *policy.metric() == Metric::Cpu);
    let level = |policy: &Policy| match policy {
        Policy::Simple(SimplePolicy { name, alarm, .. }) | Policy::Step(StepPolicy { name, alarm, .. }) => {
            (alarm.when.threshold, format!("{name} {}", alarm.when))
        }
        Policy::TargetTracking(tracking) => {
            (tracking.target, format!("{} at {}", tracking.name, tracking.target))
        }
    };
    policies.map(level).collect()
}

/// Without the indentation that all lines share.
fn at_the_edge(lines: &[String]) -> String {
    let indent = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| &line[indent..]).collect::<Vec<_>>().join("\n")
}

fn minutes(minutes: &[Minute]) -> Markup {
    html! {
        div class="wide" {
            table {
                thead { tr {
                    @for heading in HEADINGS {
                        th { (heading) }
                    }
                } }
                tbody {
                    @for minute in minutes {
                        tr { @for cell in row(minute) { td { (cell) } } }
                    }
                }
            }
        }
    }
}
