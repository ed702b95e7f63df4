//! The summary at the end of a test, in k6's layout, with what k6 leaves out: errors by cause, corrected latency.

mod block;
mod machine;
mod parts;

use std::time::Duration;

use block::{Block, Row};

use super::numbers;
use super::verdict::Verdict;
use crate::metrics::correct::Corrected;
use crate::metrics::registry::Registry;
use crate::metrics::sink::{Contains, Kind, Sink};
use crate::metrics::totals::Totals;
use crate::net::NetError;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Compact,
    /// All HTTP metrics too, and a block for each group and scenario.
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
        self.block(&mut out, &Block::total(self), 0);
        self.corrected(&mut out);
        if self.mode == Mode::Full {
            self.parts(&mut out);
        }
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
            if let Some(remedy) = NetError::remedy(message).filter(|_| *kind == "request") {
                out.push_str(&format!("    {:width$}   → {remedy}\n", ""));
            }
        }
        if rows.len() > CAUSES_MAX {
            let rest: u64 = rows[CAUSES_MAX..].iter().map(|(_, _, cause)| cause.count).sum();
            out.push_str(&format!("    {rest:>width$} × {} further causes\n", rows.len() - CAUSES_MAX));
        }
    }
}

fn contains_of(registry: &Registry, metric: &str) -> Contains {
    registry.find(metric).map_or(Contains::Default, |id| registry.metrics[id.0].contains)
}
