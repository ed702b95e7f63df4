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
mod heat;

use chart::{Chart, Line};

/// What the report says beside the measurements.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The script, plan or URL.
    pub title: &'a str,
    pub profile: &'a Profile,
    /// Since 1970.
    pub start_unix: Duration,
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
    for chart in charts(series) {
        body.push_str(&chart.render(series.slice_s));
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

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2430;--soft:#5b6778;--line:#dfe4ea;--card:#f6f8fa;--bad:#c62828;\
--c1:#1a73c7;--c2:#2e8540;--c3:#b26a00;--c4:#c62828;--heat:26,115,199}\
@media(prefers-color-scheme:dark){:root{--bg:#11161d;--fg:#e3e8ee;--soft:#93a1b3;--line:#2a3340;--card:#19212b;--bad:#ff7b72;\
--c1:#6cb6ff;--c2:#6fd187;--c3:#f0b35c;--c4:#ff7b72;--heat:108,182,255}}\
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}\
main{max-width:1060px;margin:0 auto;padding:24px 20px 60px}h1{margin:0;font-size:26px}h2{font-size:16px;margin:0 0 6px}\
.what{margin:4px 0 0;font-family:ui-monospace,monospace;overflow-wrap:anywhere}.when{margin:2px 0 18px;color:var(--soft)}\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin-bottom:22px}\
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px}.tile b{display:block;font-size:20px}\
.tile span{color:var(--soft);font-size:13px}.tile.bad b{color:var(--bad)}section{margin:0 0 26px}\
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:11px}svg .grid{stroke:var(--line);stroke-width:1}\
svg polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}\
.c4{stroke:var(--c4)}.key{color:var(--soft);font-size:13px;margin:0}.key i{display:inline-block;width:14px;height:3px;\
margin:0 5px 3px 12px}.key i.c1{background:var(--c1)}.key i.c2{background:var(--c2)}.key i.c3{background:var(--c3)}\
.key i.c4{background:var(--c4)}.heat rect{fill:rgb(var(--heat))}pre{background:var(--card);border:1px solid var(--line);\
border-radius:8px;padding:12px;overflow-x:auto;font:12.5px/1.45 ui-monospace,monospace}";
