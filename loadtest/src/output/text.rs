//! The summary at the end of a test, in k6's layout, with what k6 leaves out: errors by cause, corrected latency.

use std::time::Duration;

use super::numbers;
use super::verdict::Verdict;
use crate::metrics::correct::Corrected;
use crate::metrics::registry::{self, MetricId, Registry};
use crate::metrics::sink::{Contains, Kind, Sink};
use crate::metrics::totals::Totals;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Compact,
    /// All HTTP metrics too.
    Full,
}

/// What the summary is made from.
#[derive(Debug)]
pub struct Summary<'a> {
    pub totals: &'a Totals,
    pub verdicts: &'a [Verdict<'a>],
    pub corrected: Option<&'a Corrected>,
    pub run_time: Duration,
    pub trend_stats: &'a [String],
    pub time_unit: &'a str,
    pub mode: Mode,
    pub color: bool,
}

/// Causes of errors that are listed; the rest is one line.
const CAUSES_MAX: usize = 20;

/// A row of numbers with its name.
struct Row<'a> {
    name: String,
    sink: &'a Sink,
    contains: Contains,
}

#[derive(Debug, Clone, Copy)]
enum Ink {
    Green,
    Red,
    Cyan,
    White,
    Faint,
    Bold,
}

impl Summary<'_> {
    /// The whole text, with a line break at its end.
    pub fn render(&self) -> String {
        let mut out = String::new();
        if !self.verdicts.is_empty() {
            self.thresholds(&mut out);
        }
        self.title(&mut out, "TOTAL RESULTS");
        self.checks(&mut out);
        self.metrics(&mut out);
        self.corrected(&mut out);
        self.errors(&mut out);
        out
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Green => "32",
            Ink::Red => "31",
            Ink::Cyan => "36",
            Ink::White => "37",
            Ink::Faint => "2;37",
            Ink::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    fn title(&self, out: &mut String, title: &str) {
        out.push_str(&format!("\n  █ {} \n", self.ink(Ink::Bold, title)));
    }

    fn run_s(&self) -> f64 {
        self.run_time.as_secs_f64()
    }

    fn thresholds(&self, out: &mut String) {
        self.title(out, "THRESHOLDS");
        let mut last = "";
        for verdict in self.verdicts {
            let parent_shown = self.verdicts.iter().any(|other| other.metric == verdict.parent);
            let is_sub = verdict.metric != verdict.parent && parent_shown;
            let indent = if is_sub { "      " } else { "    " };
            if verdict.metric != last {
                let name = if is_sub { &verdict.metric[verdict.parent.len()..] } else { verdict.metric };
                out.push_str(&format!("\n{indent}{name}\n"));
                last = verdict.metric;
            }
            let mark = if verdict.ok { self.ink(Ink::Green, "✓") } else { self.ink(Ink::Red, "✗") };
            let source = self.ink(Ink::White, &format!("'{}'", verdict.threshold.source.trim()));
            let aggregation = &verdict.threshold.expression.aggregation;
            let value = self.ink(Ink::Cyan, &self.threshold_value(verdict));
            out.push_str(&format!("{indent}{mark} {source} {}={value}\n", self.ink(Ink::White, aggregation)));
        }
        out.push('\n');
    }

    fn threshold_value(&self, verdict: &Verdict<'_>) -> String {
        let contains = contains_of(&self.totals.registry, verdict.parent);
        let aggregation = &verdict.threshold.expression.aggregation;
        match (verdict.sink.kind(), aggregation.as_str()) {
            (Kind::Trend, stat) => numbers::trend(verdict.sink, stat, contains, self.time_unit),
            (Kind::Counter, "rate") => {
                numbers::plain(verdict.sink, contains, self.time_unit, self.run_s()).1.swap_remove(0)
            }
            _ => numbers::plain(verdict.sink, contains, self.time_unit, self.run_s()).0,
        }
    }

    fn checks(&self, out: &mut String) {
        let rows = self.totals.checks.rows();
        if rows.is_empty() {
            return;
        }
        let passes: u64 = rows.iter().map(|(_, _, check)| check.passes).sum();
        let fails: u64 = rows.iter().map(|(_, _, check)| check.fails).sum();
        let total = passes + fails;
        let share = |part: u64| if total == 0 { 0.0 } else { part as f64 / total as f64 };
        let rate = if self.run_s() > 0.0 { total as f64 / self.run_s() } else { 0.0 };
        let values = [
            ("checks_total", total.to_string(), format!("{}/s", numbers::trimmed(rate, 6))),
            ("checks_succeeded", numbers::percent(share(passes)), format!("{passes} out of {total}")),
            ("checks_failed", numbers::percent(share(fails)), format!("{fails} out of {total}")),
        ];
        let width = values.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or(0);
        out.push('\n');
        for (name, value, extra) in values {
            let dots = self.ink(Ink::Faint, &format!("{}:", ".".repeat(16 - name.len() + 3)));
            let value = self.ink(Ink::Cyan, &format!("{value:width$}"));
            out.push_str(&format!("    {name}{dots} {value} {}\n", self.ink(Ink::Faint, &extra)));
        }
        out.push('\n');
        for (_, name, check) in rows {
            if check.fails == 0 {
                out.push_str(&format!("    {}\n", self.ink(Ink::Green, &format!("✓ {name}"))));
            } else {
                let percent = 100 * check.passes / (check.passes + check.fails);
                let counts = format!("↳  {percent}% — ✓ {} / ✗ {}", check.passes, check.fails);
                out.push_str(&format!("    {}\n", self.ink(Ink::Red, &format!("✗ {name}"))));
                out.push_str(&format!("      {}\n", self.ink(Ink::Red, &counts)));
            }
        }
    }

    /// The metrics of the sections, in order; empty ones are left out.
    fn sections(&self) -> Vec<(&'static str, Vec<Row<'_>>)> {
        let compact = [registry::HTTP_REQ_DURATION, registry::HTTP_REQ_FAILED, registry::HTTP_REQS];
        let known =
            self.totals.registry.metrics.iter().enumerate().map(|(index, metric)| (MetricId(index), metric));
        let mut sections: Vec<(&'static str, Vec<Row<'_>>)> =
            ["CUSTOM", "HTTP", "EXECUTION", "NETWORK"].map(|title| (title, Vec::new())).into();
        for (id, metric) in known {
            let sink = &self.totals.sinks[id.0];
            if sink.is_empty() && metric.thresholds.is_empty() {
                continue;
            }
            let section = match metric.name.as_str() {
                "checks" | "group_duration" if self.mode == Mode::Compact => continue,
                "checks" => continue,
                name if name.starts_with("http_") => {
                    if self.mode == Mode::Compact && !compact.contains(&id) && metric.thresholds.is_empty() {
                        continue;
                    }
                    1
                }
                "data_sent" | "data_received" => 3,
                _ if id.0 <= registry::GROUP_DURATION.0 => 2,
                _ => 0,
            };
            let rows = &mut sections[section].1;
            rows.push(Row { name: metric.name.clone(), sink, contains: metric.contains });
            for sub in &metric.subs {
                let sink = &self.totals.subs[*sub];
                let meta = &self.totals.registry.subs[*sub];
                if !sink.is_empty() || !meta.thresholds.is_empty() {
                    let tags = meta.name.split_once('{').map_or("", |(_, tags)| tags.trim_end_matches('}'));
                    rows.push(Row { name: format!("  {{ {tags} }}"), sink, contains: metric.contains });
                }
            }
        }
        sections.iter_mut().for_each(|(_, rows)| sort(rows));
        sections.retain(|(_, rows)| !rows.is_empty());
        sections
    }

    fn metrics(&self, out: &mut String) {
        let sections = self.sections();
        let rows = || sections.iter().flat_map(|(_, rows)| rows);
        let name_width = rows().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let (mut value_width, mut extra_widths, mut stat_widths) =
            (0, Vec::new(), vec![0; self.trend_stats.len()]);
        for row in rows() {
            if row.sink.kind() == Kind::Trend {
                for (width, stat) in stat_widths.iter_mut().zip(self.trend_stats) {
                    *width = (*width).max(self.stat(row, stat).chars().count());
                }
                continue;
            }
            let (value, extras) = numbers::plain(row.sink, row.contains, self.time_unit, self.run_s());
            value_width = value_width.max(value.chars().count());
            extra_widths.resize(extra_widths.len().max(extras.len()), 0);
            for (width, extra) in extra_widths.iter_mut().zip(&extras) {
                *width = (*width).max(extra.chars().count());
            }
        }
        for (title, rows) in &sections {
            out.push_str(&format!("\n    {}\n", self.ink(Ink::Bold, title)));
            for row in rows {
                let dots = name_width - row.name.chars().count() + 3;
                let dots = self.ink(Ink::Faint, &format!("{}:", ".".repeat(dots)));
                let data = if row.sink.kind() == Kind::Trend {
                    self.trend(row, &stat_widths)
                } else {
                    self.plain(row, value_width, &extra_widths)
                };
                out.push_str(format!("    {}{dots} {data}", row.name).trim_end());
                out.push('\n');
            }
        }
    }

    fn stat(&self, row: &Row<'_>, stat: &str) -> String {
        numbers::trend(row.sink, stat, row.contains, self.time_unit)
    }

    fn trend(&self, row: &Row<'_>, widths: &[usize]) -> String {
        let columns = self.trend_stats.iter().zip(widths).map(|(stat, width)| {
            let value = self.stat(row, stat);
            let padding = " ".repeat(width.saturating_sub(value.chars().count()));
            format!("{stat}={}{padding}", self.ink(Ink::Cyan, &value))
        });
        columns.collect::<Vec<_>>().join(" ")
    }

    fn plain(&self, row: &Row<'_>, width: usize, extra_widths: &[usize]) -> String {
        let (value, extras) = numbers::plain(row.sink, row.contains, self.time_unit, self.run_s());
        let padding = " ".repeat(width.saturating_sub(value.chars().count()));
        let mut data = format!("{}{padding}", self.ink(Ink::Cyan, &value));
        for (index, extra) in extras.iter().enumerate() {
            let padding =
                if extras.len() > 1 { extra_widths[index].saturating_sub(extra.chars().count()) } else { 0 };
            data.push_str(&format!(" {}{}", self.ink(Ink::Faint, extra), " ".repeat(padding)));
        }
        data
    }

    fn corrected(&self, out: &mut String) {
        let Some(corrected) = self.corrected.filter(|both| both.corrected.count() > both.raw.count()) else {
            return;
        };
        let rows = [("raw", &corrected.raw), ("corrected", &corrected.corrected)];
        let sinks = rows.map(|(name, hist)| (name, Sink::Trend(hist.clone())));
        let rows = sinks.each_ref().map(|(name, sink)| Row {
            name: (*name).to_owned(),
            sink,
            contains: Contains::Time,
        });
        let widths: Vec<usize> = self
            .trend_stats
            .iter()
            .map(|stat| rows.iter().map(|row| self.stat(row, stat).chars().count()).max().unwrap_or(0))
            .collect();
        out.push_str(&format!(
            "\n    {}\n",
            self.ink(Ink::Bold, "HTTP_REQ_DURATION, COORDINATED OMISSION CORRECTED")
        ));
        for row in &rows {
            let dots = self.ink(Ink::Faint, &format!("{}:", ".".repeat(9 - row.name.len() + 3)));
            out.push_str(format!("    {}{dots} {}", row.name, self.trend(row, &widths)).trim_end());
            out.push('\n');
        }
        let missing = corrected.corrected.count() - corrected.raw.count();
        out.push_str(&format!(
            "    {}\n",
            self.ink(
                Ink::Faint,
                &format!(
                    "a VU that waits sends nothing: {missing} requests that it would have sent at its usual pace are counted"
                )
            )
        ));
    }

    fn errors(&self, out: &mut String) {
        let mut rows = self.totals.errors.rows();
        rows.retain(|(kind, ..)| *kind != "warning");
        if rows.is_empty() {
            return;
        }
        rows.sort_by_key(|(_, _, cause)| std::cmp::Reverse(cause.count));
        let width = rows[0].2.count.to_string().len().max(5);
        out.push_str(&format!("\n    {}\n", self.ink(Ink::Bold, "ERRORS BY CAUSE")));
        for (kind, message, cause) in rows.iter().take(CAUSES_MAX) {
            let message = message.lines().next().unwrap_or_default();
            let place =
                if cause.example.is_empty() { String::new() } else { format!(" (e.g. {})", cause.example) };
            let count = self.ink(Ink::Red, &format!("{:>width$}", cause.count));
            out.push_str(&format!("    {count} × {kind}: {message}{}\n", self.ink(Ink::Faint, &place)));
        }
        if rows.len() > CAUSES_MAX {
            let rest: u64 = rows[CAUSES_MAX..].iter().map(|(_, _, cause)| cause.count).sum();
            out.push_str(&format!("    {rest:>width$} × {} further causes\n", rows.len() - CAUSES_MAX));
        }
    }
}

/// By name; sub-metrics stay behind their metric.
fn sort(rows: &mut Vec<Row<'_>>) {
    let mut blocks: Vec<Vec<Row<'_>>> = Vec::new();
    for row in rows.drain(..) {
        match blocks.last_mut() {
            Some(block) if row.name.starts_with("  {") => block.push(row),
            _ => blocks.push(vec![row]),
        }
    }
    blocks.sort_by(|a, b| a[0].name.cmp(&b[0].name));
    for block in &mut blocks {
        block[1..].sort_by(|a, b| a.name.cmp(&b.name));
    }
    rows.extend(blocks.into_iter().flatten());
}

fn contains_of(registry: &Registry, metric: &str) -> Contains {
    registry.find(metric).map_or(Contains::Default, |id| registry.metrics[id.0].contains)
}
