//! `--report`: one self-contained HTML file; inline SVG, no script, nothing from another host, light and dark.
//!
//! The time series it shows is embedded as JSON too (`<script type="application/json" id="series">`), one entry a
//! slice, stamped with seconds since 1970, so that other time lines can be laid over it.

use std::time::Duration;

use serde_json::json;

use super::numbers;
use super::text::Summary;
use crate::duration::format as length;
use crate::metrics::series::Series;
use crate::profile::Profile;

mod chart;
mod fleet;
mod heat;

use chart::{Chart, Line};
pub use fleet::Fleet;

/// What the report says beside the measurements.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The script, plan or URL.
    pub title: &'a str,
    pub profile: &'a Profile,
    /// Since 1970.
    pub start_unix: Duration,
    /// What the fleet behind the service did meanwhile.
    pub fleet: Option<&'a Fleet>,
}

/// The whole page.
pub fn page(summary: &Summary<'_>, facts: &Facts<'_>) -> String {
    let series = &summary.totals.series;
    let started =
        i64::try_from(facts.start_unix.as_secs()).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    let started = started.map(|at| at.to_string()).unwrap_or_default();
    let plain = Summary { color: false, ..*summary };
    let mut body = format!(
        "<header><h1>Load test</h1><p class=\"what\">{}</p><p class=\"when\">{} · ran {}</p></header>",
        escape(facts.title),
        started,
        length(Duration::from_millis(u64::try_from(summary.run_time.as_millis()).unwrap_or(u64::MAX)))
    );
    body.push_str(&tiles(summary));
    let marks = facts.fleet.map(|fleet| fleet.marks(facts.start_unix)).unwrap_or_default();
    body.push_str(&facts.fleet.map(Fleet::answer).unwrap_or_default());
    for chart in charts(series) {
        body.push_str(&chart.render(series.slice_s, &marks));
    }
    if let Some(fleet) = facts.fleet {
        body.push_str(&fleet.charts(series, facts.start_unix, &marks));
    }
    body.push_str(&heat::render(series));
    body.push_str(&format!(
        "<section><h2>Summary</h2><pre>{}</pre></section>",
        escape(plain.render().trim_matches('\n'))
    ));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Load test: {}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main><script type=\"application/json\" id=\"series\">{}</script></body></html>\n",
        escape(facts.title),
        data(series, facts.start_unix)
    )
}

/// The figures that matter most.
fn tiles(summary: &Summary<'_>) -> String {
    use crate::metrics::registry as id;
    let seconds = summary.run_time.as_secs_f64();
    let stat = |metric, name: &str| summary.totals.sink(metric).stat(name, seconds).unwrap_or_default();
    let failed = stat(id::HTTP_REQ_FAILED, "rate");
    let crossed = summary.verdicts.iter().filter(|verdict| !verdict.ok).count();
    let mut tiles = vec![
        ("Requests", numbers::trimmed(stat(id::HTTP_REQS, "count"), 0), false),
        ("Requests per second", numbers::trimmed(stat(id::HTTP_REQS, "rate"), 1), false),
        ("Median latency", numbers::duration(stat(id::HTTP_REQ_DURATION, "med"), ""), false),
        ("95th percentile", numbers::duration(stat(id::HTTP_REQ_DURATION, "p(95)"), ""), false),
        ("99th percentile", numbers::duration(stat(id::HTTP_REQ_DURATION, "p(99)"), ""), false),
        ("Failed requests", numbers::percent(failed), failed > 0.0),
        ("Most VUs", numbers::trimmed(stat(id::VUS, "max"), 0), false),
    ];
    if !summary.verdicts.is_empty() {
        let text = format!("{} of {} hold", summary.verdicts.len() - crossed, summary.verdicts.len());
        tiles.push(("Thresholds", text, crossed > 0));
    }
    let tile = |(name, value, bad): &(&str, String, bool)| {
        let class = if *bad { "tile bad" } else { "tile" };
        format!("<div class=\"{class}\"><b>{value}</b><span>{name}</span></div>")
    };
    format!("<div class=\"tiles\">{}</div>", tiles.iter().map(tile).collect::<String>())
}

fn charts(series: &Series) -> Vec<Chart> {
    let per_second = |count: u64| count as f64 / series.slice_s as f64;
    let line = |name: &'static str,
                class: &'static str,
                value: &dyn Fn(&crate::metrics::series::Slice) -> Option<f64>| Line {
        name,
        class,
        points: series.slices.iter().map(value).collect(),
        steps: false,
    };
    let mut charts = vec![
        Chart {
            title: "Virtual users",
            unit: "",
            lines: vec![line("VUs", "c1", &|slice| Some(slice.vus as f64))],
        },
        Chart {
            title: "Requests per second",
            unit: "/s",
            lines: vec![line("requests", "c2", &|slice| Some(per_second(slice.requests)))],
        },
        Chart {
            title: "Latency",
            unit: "ms",
            lines: vec![
                line("p50", "c1", &|slice| slice.percentile_ms(50.0)),
                line("p95", "c3", &|slice| slice.percentile_ms(95.0)),
                line("p99", "c4", &|slice| slice.percentile_ms(99.0)),
            ],
        },
    ];
    let mut bad = vec![line("failed requests", "c4", &|slice| Some(per_second(slice.failed)))];
    if series.slices.iter().any(|slice| slice.dropped > 0) {
        bad.push(line("dropped iterations", "c3", &|slice| Some(per_second(slice.dropped))));
    }
    charts.push(Chart { title: "Errors per second", unit: "/s", lines: bad });
    charts
}

fn data(series: &Series, start_unix: Duration) -> String {
    let entry = |(index, slice): (usize, &crate::metrics::series::Slice)| {
        json!({
            "unix_s": start_unix.as_secs() + index as u64 * series.slice_s,
            "vus": slice.vus,
            "requests": slice.requests,
            "failed": slice.failed,
            "iterations": slice.iterations,
            "dropped_iterations": slice.dropped,
            "bytes_sent": slice.bytes_sent,
            "bytes_received": slice.bytes_received,
            "p50_ms": slice.percentile_ms(50.0),
            "p95_ms": slice.percentile_ms(95.0),
            "p99_ms": slice.percentile_ms(99.0),
        })
    };
    let entries: Vec<_> = series.slices.iter().enumerate().map(entry).collect();
    json!({"slice_s": series.slice_s, "slices": entries}).to_string()
}

/// Text safe inside elements and attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = include_str!("html/report.css");
