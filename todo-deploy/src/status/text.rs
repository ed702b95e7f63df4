//! A status for a terminal: plain, at most 80 columns.

use super::{Alarm, Instance, InstanceState, Phase, Status};
use crate::deployment::Condition;
use crate::report::story::health;
use crate::report::table::{millis, table, thousands};
use crate::time::Time;
use crate::timeline::AlarmState;

const WIDTH: usize = 80;
/// Newest activities that are shown.
const ACTIVITIES: usize = 8;

/// The status as lines of text.
pub fn text(status: &Status) -> String {
    let mut lines = Vec::new();
    head(status, &mut lines);
    lines.push(String::new());
    group(status, &mut lines);
    lines.push(String::new());
    instances(status, &mut lines);
    if !status.alarms.is_empty() {
        lines.push(String::new());
        alarms(status, &mut lines);
    }
    if !status.activities.is_empty() {
        lines.push(String::new());
        lines.push("What happened, and why".to_owned());
        let skipped = status.activities.len().saturating_sub(ACTIVITIES);
        for activity in &status.activities[skipped..] {
            fold(&format!("{:>8}  ", activity.at), &activity.text, &mut lines);
        }
    }
    for note in &status.notes {
        lines.push(String::new());
        fold("Note: ", note, &mut lines);
    }
    lines.join("\n")
}

fn head(status: &Status, lines: &mut Vec<String>) {
    let about = &status.about;
    let phase = match status.phase {
        Phase::Starting => "starting",
        Phase::Running => "running",
        Phase::Stopping => "stopping",
        Phase::Ended => "ended",
    };
    let speed = match about.speed == 1.0 {
        true => String::new(),
        false => format!(", time {} × as fast", about.speed),
    };
    lines.push(format!("{} on {}: {phase} for {}{speed}", about.name, about.target, clock(status.at)));
    let width = about.links.iter().chain(&about.facts).map(|named| named.name.chars().count()).max();
    for named in about.links.iter().chain(&about.facts) {
        let pad = " ".repeat(width.unwrap_or(0).saturating_sub(named.name.chars().count()));
        fold(&format!("  {}{pad}  ", named.name), &named.value, lines);
    }
}

fn group(status: &Status, lines: &mut Vec<String>) {
    let group = &status.group;
    let mut counts = vec![format!("{} in service", group.in_service), format!("{} healthy", group.healthy)];
    for (count, what) in [(group.launching, "launching"), (group.leaving, "leaving")] {
        if count > 0 {
            counts.push(format!("{count} {what}"));
        }
    }
    let desired = format!("Group    {} wanted, {} to {}", group.desired, group.min, group.max);
    lines.push(format!("{desired}: {}", counts.join(", ")));
    if group.fail_open {
        lines.push("         FAIL OPEN: no healthy target, traffic goes to all".to_owned());
    }
    if let Some(cooldown) = &group.cooldown {
        let left = left(cooldown.until, status.at);
        lines.push(format!("         {}: cooldown, {left} left", cooldown.policy));
    }
    let traffic = &status.traffic;
    let mut now = Vec::new();
    now.extend(traffic.requests_per_s.map(|rate| format!("{rate:.1} requests/s")));
    let percentiles = [("p50", traffic.p50_ms), ("p95", traffic.p95_ms), ("p99", traffic.p99_ms)];
    now.extend(percentiles.iter().filter_map(|(name, ms)| Some(format!("{name} {}", millis((*ms)?)))));
    now.extend(traffic.errors_per_s.map(|rate| format!("{rate:.1} errors/s")));
    if !now.is_empty() {
        fold("Traffic  ", &now.join(", "), lines);
    }
    if let Some(totals) = &traffic.totals {
        let causes: Vec<String> =
            totals.errors.iter().map(|(cause, count)| format!("{} × {cause}", thousands(*count))).collect();
        let errors = if causes.is_empty() { "no error".to_owned() } else { causes.join(", ") };
        fold("         ", &format!("{} requests so far, {errors}", thousands(totals.requests)), lines);
    }
}

fn instances(status: &Status, lines: &mut Vec<String>) {
    if status.instances.is_empty() {
        lines.push("No instance".to_owned());
        return;
    }
    let row = |instance: &Instance| {
        let details = &instance.details;
        let number = |number: Option<String>| number.unwrap_or_else(|| "–".to_owned());
        let state = instance.state.words();
        vec![
            format!("{:<9}", short(&instance.id)),
            format!("{state:<11}"),
            format!("{:<9}", instance.health.map_or("–", health)),
            number(details.cpu_percent.map(|percent| format!("{percent:.0} %"))),
            number(details.in_flight.map(|count| count.to_string())),
            number(details.requests.map(thousands)),
            details.address.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = status.instances.iter().map(row).collect();
    let headings = ["Instance ", "State      ", "Health   ", "CPU", "In flight", "Requests", "Address"];
    let mut rows = table(&headings, &rows, true).into_iter();
    lines.extend(rows.next());
    for (instance, row) in status.instances.iter().zip(rows) {
        lines.push(row);
        let mut why: Vec<String> = Vec::new();
        why.extend((short(&instance.id) != instance.id).then(|| instance.id.clone()));
        why.extend(Some(instance.reason.clone()).filter(|reason| !reason.is_empty()));
        let draining = instance.state == InstanceState::Draining;
        let until = instance.until.filter(|_| draining);
        why.extend(until.map(|until| format!("at most {} more", left(until, status.at))));
        why.extend(instance.throttled.then(|| "out of CPU credits".to_owned()));
        why.extend(instance.details.process.clone());
        if !why.is_empty() {
            fold("          ", &why.join("; "), lines);
        }
    }
}

/// Ids of tasks are long; the whole of one stands below its row.
fn short(id: &str) -> String {
    const SHORT: usize = 20;
    match id.char_indices().nth(SHORT) {
        Some(_) => id.chars().take(SHORT / 2).chain(['…']).collect(),
        None => id.to_owned(),
    }
}

fn alarms(status: &Status, lines: &mut Vec<String>) {
    for policy in &status.about.policies {
        fold(&format!("{}: ", policy.name), &policy.does, lines);
        let of_policy = |alarm: &&Alarm| policy.alarms.iter().any(|about| about.name == alarm.name);
        for alarm in status.alarms.iter().filter(of_policy) {
            let when = policy.alarms.iter().find(|about| about.name == alarm.name);
            let when = when.map(super::AlarmAbout::words).unwrap_or_default();
            let state = match alarm.state {
                AlarmState::InsufficientData => "NO DATA",
                AlarmState::Ok => "ok",
                AlarmState::Alarm => "ALARM",
            };
            let newest = alarm.history.values.iter().rev().find_map(|value| *value);
            let newest = newest.map(|value| format!("; now {value:.1}")).unwrap_or_default();
            fold(&format!("  {state:<8}"), &format!("{when}{newest}"), lines);
            let threshold =
                policy.alarms.iter().find(|about| about.name == alarm.name).map(|about| about.when);
            lines.extend(
                threshold.and_then(|when| graph(alarm, when)).map(|graph| format!("          {graph}")),
            );
        }
        let last = status.policies.iter().find(|known| known.name == policy.name);
        if let Some(last) = last.and_then(|known| known.last.as_ref()) {
            let still = last.until.filter(|until| *until > status.at);
            let still = still.map(|until| format!(", {} left", left(until, status.at))).unwrap_or_default();
            fold("  last    ", &format!("{}: {}{still}", last.at, last.text), lines);
        }
    }
}

/// Columns of a small graph.
const GRAPH: usize = 40;

/// What the alarm looks at over time, against its threshold: `▁▂▅█▇  0 to 34.2 in 20 min; 20 is ▄`. Where several values
/// share a column, it is the one nearest to an alarm.
fn graph(alarm: &Alarm, when: Condition) -> Option<String> {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let history = &alarm.history;
    let known = || history.values.iter().flatten().copied();
    let most = known().reduce(f64::max)?;
    let top = most.max(when.threshold);
    let step = |value: f64| {
        let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        STEPS[(share * 7.0).round() as usize]
    };
    let worst = if when.comparison.is_upward() { f64::max } else { f64::min };
    let columns = history.values.chunks(history.values.len().div_ceil(GRAPH).max(1));
    let drawn: String =
        columns.map(|values| values.iter().flatten().copied().reduce(worst).map_or(' ', step)).collect();
    let least = known().fold(f64::INFINITY, f64::min);
    let length = crate::deployment::duration::text(
        std::time::Duration::try_from_secs_f64((history.step * history.values.len() as f64).round())
            .unwrap_or_default(),
    );
    let threshold = when.threshold;
    Some(format!("{drawn}  {least:.1} to {most:.1} in {length}; {threshold} is {}", step(threshold)))
}

/// `40 s`, rounded up: nothing is over before it is.
fn left(until: Time, now: Time) -> String {
    format!("{:.0} s", (until - now).as_secs_f64().ceil())
}

/// Without fractions of a second.
fn clock(at: Time) -> Time {
    Time::from_secs(at.since_start().as_secs())
}

/// The text behind its first word's indentation, in as many lines as it takes.
fn fold(first: &str, text: &str, lines: &mut Vec<String>) {
    let indent = first.chars().count();
    let mut line = first.to_owned();
    let mut used = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > indent && used + 1 + length > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = indent;
        }
        if used > indent {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line.trim_end().to_owned());
}
