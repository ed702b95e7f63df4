//! All options of a test, parsed. After this no function can meet a bad one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::local_ips::LocalIps;
use super::scenarios::{self, ScenarioSpec};
use super::{layers, network};
use crate::engine::wire_log::WireLog;
use crate::metrics::sink::percentile_of;
use crate::metrics::tags::SystemTags;
use crate::net::dns::DnsOptions;
use crate::net::tls::TlsOptions;
use crate::profile::{Segment, Stripes};

/// Everything that k6's options can say and that this program honours; the names are k6's.
#[derive(Debug, Clone)]
pub struct Options {
    pub scenarios: Vec<ScenarioSpec>,
    /// Which part of the test this run is.
    pub segment: Segment,
    /// Which of the whole test's VUs are those of this run.
    pub own_vus: Stripes,
    /// Metric or sub-metric to its rules; parsed once the script's own metrics are known.
    pub thresholds: Map<String, Value>,
    pub no_setup: bool,
    pub no_teardown: bool,
    pub setup_timeout: Duration,
    pub teardown_timeout: Duration,
    pub handle_summary_timeout: Duration,
    /// Requests per second over all VUs; `None`: no limit.
    pub rps: Option<f64>,
    pub dns: DnsOptions,
    pub tls: TlsOptions,
    /// Redirects that are followed.
    pub max_redirects: u32,
    pub user_agent: String,
    /// Parallel requests of one `http.batch`.
    pub batch: usize,
    pub batch_per_host: usize,
    pub wire_log: WireLog,
    pub local_ips: Option<LocalIps>,
    pub throw: bool,
    pub no_connection_reuse: bool,
    pub no_vu_connection_reuse: bool,
    pub min_iteration_duration: Duration,
    pub no_cookies_reset: bool,
    pub discard_response_bodies: bool,
    pub system_tags: SystemTags,
    pub tags: BTreeMap<String, String>,
    pub summary_trend_stats: Vec<String>,
    /// `s`, `ms`, `us`, or empty: whatever reads best.
    pub summary_time_unit: String,
    /// The merged options as JSON, for `exec.test.options` and `inspect`.
    pub json: Map<String, Value>,
}

/// Options that k6 has and that this program reads past, with a word on why.
const IGNORED: [&str; 7] =
    ["cloud", "ext", "paused", "linger", "noUsageReport", "metricSamplesBufferSize", "features"];
/// Options of the program rather than of the test; read by the command line.
const ELSEWHERE: [&str; 8] = [
    "out",
    "quiet",
    "noColor",
    "summaryExport",
    "summaryMode",
    "newMachineReadableSummary",
    "config",
    "noThresholds",
];

/// The statistics of trends in the summary: k6's and p(99).
pub const TREND_STATS: [&str; 7] = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"];

impl Options {
    /// Reads merged options; the second value is what to warn about.
    pub fn read(json: Map<String, Value>) -> Result<(Self, Vec<String>), String> {
        let mut json = layers::canonical(json);
        let mut warnings = Vec::new();
        warn_unknown(&json, &mut warnings);
        let segment = segment(&mut json)?;
        let fields = Fields { map: &json, place: "options" };
        let minute = Duration::from_secs(60);
        let flag = |key: &str| fields.bool(key).map(Option::unwrap_or_default);
        let options = Self {
            scenarios: part(scenarios::read(&json, &mut warnings)?, &segment),
            own_vus: segment.stripes(),
            segment,
            thresholds: fields.object("thresholds")?.cloned().unwrap_or_default(),
            no_setup: flag("noSetup")?,
            no_teardown: flag("noTeardown")?,
            setup_timeout: fields.duration("setupTimeout")?.unwrap_or(minute),
            teardown_timeout: fields.duration("teardownTimeout")?.unwrap_or(minute),
            handle_summary_timeout: fields.duration("handleSummaryTimeout")?.unwrap_or(2 * minute),
            rps: fields.number("rps")?.filter(|rps| *rps > 0.0),
            dns: network::dns(&json)?,
            tls: network::tls(&json, &mut warnings)?,
            max_redirects: u32::try_from(fields.count("maxRedirects")?.unwrap_or(10)).unwrap_or(u32::MAX),
            user_agent: fields
                .text("userAgent")?
                .unwrap_or_else(|| format!("loadtest/{}", env!("CARGO_PKG_VERSION"))),
            batch: limit(fields.count("batch")?, 20),
            batch_per_host: limit(fields.count("batchPerHost")?, 6),
            wire_log: WireLog::of(fields.text("httpDebug")?.as_deref()),
            local_ips: local_ips(&fields)?,
            throw: flag("throw")?,
            no_connection_reuse: flag("noConnectionReuse")?,
            no_vu_connection_reuse: flag("noVUConnectionReuse")?,
            min_iteration_duration: fields.duration("minIterationDuration")?.unwrap_or_default(),
            no_cookies_reset: flag("noCookiesReset")?,
            discard_response_bodies: flag("discardResponseBodies")?,
            system_tags: system_tags(&fields, &mut warnings)?,
            tags: fields.strings("tags")?,
            summary_trend_stats: trend_stats(&fields)?,
            summary_time_unit: time_unit(&fields)?,
            json: Map::new(),
        };
        Ok((Self { json, ..options }, warnings))
    }
}

/// Reads the segment, and writes it as it reads best.
fn segment(json: &mut Map<String, Value>) -> Result<Segment, String> {
    let fields = Fields { map: json, place: "options" };
    let (own, sequence) = (fields.text("executionSegment")?, fields.text("executionSegmentSequence")?);
    let segment = Segment::parse(own.as_deref(), sequence.as_deref())
        .map_err(|why| format!("options: executionSegment and executionSegmentSequence: {why}"))?;
    if own.is_some_and(|text| !text.trim().is_empty()) {
        json.insert("executionSegment".to_owned(), Value::String(segment.text()));
    }
    if sequence.is_some_and(|text| !text.trim().is_empty()) {
        json.insert("executionSegmentSequence".to_owned(), Value::String(segment.sequence_text()));
    }
    Ok(segment)
}

/// What this run has of the scenarios.
fn part(scenarios: Vec<ScenarioSpec>, segment: &Segment) -> Vec<ScenarioSpec> {
    if segment.is_whole() {
        return scenarios;
    }
    scenarios.into_iter().filter_map(|spec| spec.part(segment)).collect()
}

impl Options {
    /// What a VU's functions need of them; its id is left to the caller.
    pub fn vu_config(&self) -> loadtest_js::VuConfig {
        loadtest_js::VuConfig {
            throw: self.throw,
            discard_response_bodies: self.discard_response_bodies,
            no_cookies_reset: self.no_cookies_reset,
            tags: self.tags.clone(),
            tag_vu: self.system_tags.has("vu"),
            tag_iter: self.system_tags.has("iter"),
            ..loadtest_js::VuConfig::default()
        }
    }
}

/// Zero means "no limit" in k6; a thousand is as good as none for one VU.
fn limit(count: Option<u64>, otherwise: usize) -> usize {
    match count {
        None => otherwise,
        Some(0) => 1000,
        Some(count) => usize::try_from(count).unwrap_or(1000).min(1000),
    }
}

fn warn_unknown(json: &Map<String, Value>, warnings: &mut Vec<String>) {
    for (key, value) in json {
        let known = layers::KEYS.contains(&key.as_str()) || ELSEWHERE.contains(&key.as_str());
        if IGNORED.contains(&key.as_str()) {
            let unused = value.is_null() || matches!(key.as_str(), "cloud" | "ext" | "noUsageReport");
            if !unused {
                warnings.push(format!("the option `{key}` has no effect here"));
            }
        } else if !known {
            warnings.push(format!("there is no option `{key}`; it is ignored"));
        }
    }
}

fn local_ips(fields: &Fields<'_>) -> Result<Option<LocalIps>, String> {
    let text = fields.text("localIPs")?.filter(|text| !text.trim().is_empty());
    text.map(|text| LocalIps::parse(&text)).transpose()
}

/// As in k6, what is no system tag is passed over.
fn system_tags(fields: &Fields<'_>, warnings: &mut Vec<String>) -> Result<SystemTags, String> {
    let Some(names) = fields.texts("systemTags")? else { return Ok(SystemTags::default()) };
    let (known, unknown): (Vec<&str>, Vec<&str>) = names
        .iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .partition(|name| SystemTags::knows(name));
    warnings.extend(unknown.iter().map(|name| format!("there is no system tag `{name}`; it is ignored")));
    Ok(SystemTags::of(known))
}

fn trend_stats(fields: &Fields<'_>) -> Result<Vec<String>, String> {
    let mut stats = fields.texts("summaryTrendStats")?.unwrap_or_default();
    stats.retain(|stat| !stat.is_empty());
    if stats.is_empty() {
        return Ok(TREND_STATS.iter().map(|stat| (*stat).to_owned()).collect());
    }
    for stat in &stats {
        let known = matches!(stat.as_str(), "avg" | "min" | "med" | "max" | "count");
        if !known && percentile_of(stat).is_none() {
            return Err(format!(
                "summaryTrendStats: `{stat}` is unknown; known are avg, min, med, max, count and p(N) with N from 0 to 100"
            ));
        }
    }
    Ok(stats)
}

fn time_unit(fields: &Fields<'_>) -> Result<String, String> {
    let unit = fields.text("summaryTimeUnit")?.unwrap_or_default();
    if matches!(unit.as_str(), "" | "s" | "ms" | "us") {
        Ok(unit)
    } else {
        Err(format!("summaryTimeUnit: `{unit}` must be s, ms or us"))
    }
}

#[cfg(test)]
mod tests;
