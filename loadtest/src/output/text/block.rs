//! A block of the summary: checks and metrics of the whole test, of a scenario or of a group.

use super::{Ink, Mode, Summary};
use crate::metrics::registry::Metric;
use crate::metrics::sink::{Contains, Kind, Sink};
use crate::metrics::totals::{Check, Part};
use crate::output::numbers;

/// The sections of a block in k6's order; a metric belongs to the first of which it has a prefix.
const SECTIONS: [(&str, &[&str]); 7] = [
    (
        "HTTP",
        &[
            "http_reqs",
            "http_req_failed",
            "http_req_duration",
            "http_req_blocked",
            "http_req_connecting",
            "http_req_tls_handshaking",
            "http_req_sending",
            "http_req_waiting",
            "http_req_receiving",
        ],
    ),
    ("EXECUTION", &["vus", "iterations", "iteration_duration", "dropped_iterations"]),
    ("NETWORK", &["data_sent", "data_received"]),
    ("BROWSER", &["browser_"]),
    (WEB_VITALS, &["browser_web_vital_"]),
    ("GRPC", &["grpc_"]),
    ("WEBSOCKET", &["ws_"]),
];

const WEB_VITALS: &str = "WEB_VITALS";

/// Prefixes of metrics that are never shown as such: checks have lines of their own.
const SKIPPED: [&str; 2] = ["checks", "group_duration"];

/// Prefixes of metrics that only the full summary shows.
const ONLY_FULL: [&str; 6] = [
    "http_req_blocked",
    "http_req_connecting",
    "http_req_receiving",
    "http_req_sending",
    "http_req_tls_handshaking",
    "http_req_waiting",
];

/// A row of numbers with its name.
pub(super) struct Row<'a> {
    pub(super) name: String,
    pub(super) sink: &'a Sink,
    pub(super) contains: Contains,
}

/// A title with its rows.
type Section<'a> = (&'static str, Vec<Row<'a>>);

/// See the module.
pub(super) struct Block<'a> {
    /// By name; the same check of several groups is one.
    pub(super) checks: Vec<(&'a str, Check)>,
    /// Those that are not empty, in order.
    pub(super) sections: Vec<Section<'a>>,
}

impl<'a> Block<'a> {
    /// All of the test.
    pub(super) fn total(summary: &Summary<'a>) -> Self {
        let totals = summary.totals;
        let mut checks: Vec<(&str, Check)> = Vec::new();
        for (_, name, check) in totals.checks.rows() {
            match checks.iter_mut().find(|(known, _)| *known == name) {
                Some((_, all)) => {
                    all.passes += check.passes;
                    all.fails += check.fails;
                }
                None => checks.push((name, *check)),
            }
        }
        let mut sections = Sections::new(summary.mode);
        for (metric, sink) in totals.registry.metrics.iter().zip(&totals.sinks) {
            if sink.is_empty() && metric.thresholds.is_empty() {
                continue;
            }
            let Some(rows) = sections.of(&metric.name) else { continue };
            rows.push(Row { name: metric.name.clone(), sink, contains: metric.contains });
            for sub in &metric.subs {
                let (sink, meta) = (&totals.subs[*sub], &totals.registry.subs[*sub]);
                if !sink.is_empty() || !meta.thresholds.is_empty() {
                    let tags = meta.name.split_once('{').map_or("", |(_, tags)| tags.trim_end_matches('}'));
                    rows.push(Row { name: format!("  {{ {tags} }}"), sink, contains: metric.contains });
                }
            }
        }
        Self { checks, sections: sections.done() }
    }

    /// A scenario or a group.
    pub(super) fn part(part: &'a Part, metrics: &'a [Metric], mode: Mode) -> Self {
        let checks = part.checks.rows().into_iter().map(|(name, _, check)| (name, *check)).collect();
        let mut sections = Sections::new(mode);
        for (id, sink) in &part.sinks {
            let metric = &metrics[*id];
            if let Some(rows) = sections.of(&metric.name) {
                rows.push(Row { name: metric.name.clone(), sink, contains: metric.contains });
            }
        }
        Self { checks, sections: sections.done() }
    }
}

/// Rows being sorted into sections.
struct Sections<'a> {
    mode: Mode,
    custom: Vec<Row<'a>>,
    known: [Vec<Row<'a>>; SECTIONS.len()],
}

impl<'a> Sections<'a> {
    fn new(mode: Mode) -> Self {
        Self { mode, custom: Vec::new(), known: std::array::from_fn(|_| Vec::new()) }
    }

    /// Where the rows of a metric go, if anywhere.
    fn of(&mut self, metric: &str) -> Option<&mut Vec<Row<'a>>> {
        let has = |prefixes: &[&str]| prefixes.iter().any(|prefix| metric.starts_with(prefix));
        if has(&SKIPPED) || (self.mode == Mode::Compact && has(&ONLY_FULL)) {
            return None;
        }
        // Web vitals have the browser's prefix too.
        let known = SECTIONS.iter().rposition(|(_, prefixes)| has(prefixes));
        Some(known.map_or(&mut self.custom, |at| &mut self.known[at]))
    }

    /// Custom metrics stand first.
    fn done(self) -> Vec<Section<'a>> {
        let known = SECTIONS.iter().map(|(title, _)| *title).zip(self.known);
        let mut sections: Vec<_> = std::iter::once(("CUSTOM", self.custom)).chain(known).collect();
        sections.iter_mut().for_each(|(_, rows)| sort(rows));
        sections.retain(|(_, rows)| !rows.is_empty());
        sections
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

impl Summary<'_> {
    /// Writes a block. `level`: how many titles stand over its own.
    pub(super) fn block(&self, out: &mut String, block: &Block<'_>, level: usize) {
        if !block.checks.is_empty() {
            self.checks(out, &block.checks, level);
        }
        self.metrics(out, &block.sections, &"  ".repeat(level + 2));
    }

    fn checks(&self, out: &mut String, checks: &[(&str, Check)], level: usize) {
        let indent = "  ".repeat(level + 2);
        let passes: u64 = checks.iter().map(|(_, check)| check.passes).sum();
        let fails: u64 = checks.iter().map(|(_, check)| check.fails).sum();
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
            out.push_str(&format!("{indent}{name}{dots} {value} {}\n", self.ink(Ink::Faint, &extra)));
        }
        out.push('\n');
        // As k6 has it: deeper blocks indent these twice as much.
        let counts_indent = "  ".repeat(2 * level + 3);
        for (name, check) in checks {
            if check.fails == 0 {
                out.push_str(&format!("{indent}{}\n", self.ink(Ink::Green, &format!("✓ {name}"))));
            } else {
                let percent = 100 * check.passes / (check.passes + check.fails);
                let counts = format!("↳  {percent}% — ✓ {} / ✗ {}", check.passes, check.fails);
                out.push_str(&format!("{indent}{}\n", self.ink(Ink::Red, &format!("✗ {name}"))));
                out.push_str(&format!("{counts_indent}{}\n", self.ink(Ink::Red, &counts)));
            }
        }
    }

    fn metrics(&self, out: &mut String, sections: &[Section<'_>], indent: &str) {
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
        for (title, rows) in sections {
            out.push_str(&format!("\n{indent}{}\n", self.ink(Ink::Bold, title)));
            for row in rows {
                let dots = name_width - row.name.chars().count() + 3;
                let dots = self.ink(Ink::Faint, &format!("{}:", ".".repeat(dots)));
                let data = if row.sink.kind() == Kind::Trend {
                    self.trend(row, &stat_widths)
                } else {
                    self.plain(row, value_width, &extra_widths)
                };
                out.push_str(format!("{indent}{}{dots} {data}", row.name).trim_end());
                out.push('\n');
            }
        }
    }

    pub(super) fn stat(&self, row: &Row<'_>, stat: &str) -> String {
        numbers::trend(row.sink, stat, row.contains, self.time_unit)
    }

    pub(super) fn trend(&self, row: &Row<'_>, widths: &[usize]) -> String {
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
}
