//! The results as JSON: what `handleSummary` is given, and the flat shape of `--summary-export`.

use std::time::Duration;

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

use crate::metrics::sink::{Contains, Kind, Sink};
use crate::metrics::threshold::Threshold;
use crate::metrics::totals::Totals;

/// What the data says of the run beside its measurements.
#[derive(Debug, Clone)]
pub struct RunFacts<'a> {
    pub run_time: Duration,
    pub trend_stats: &'a [String],
    pub time_unit: &'a str,
    pub no_color: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// JSON.
    pub setup_data: Option<&'a str>,
}

/// The argument of `handleSummary`.
pub fn summary(totals: &Totals, facts: &RunFacts<'_>) -> Value {
    let mut data = json!({
        "root_group": Group::tree(totals).to_json(),
        "options": {
            "summaryTrendStats": facts.trend_stats,
            "summaryTimeUnit": facts.time_unit,
            "noColor": facts.no_color,
        },
        "state": {
            "isStdOutTTY": facts.stdout_is_terminal,
            "isStdErrTTY": facts.stderr_is_terminal,
            "testRunDurationMs": facts.run_time.as_secs_f64() * 1000.0,
        },
        "metrics": metrics(totals, facts),
    });
    if let Some(setup) = facts.setup_data.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        data["setup_data"] = setup;
    }
    data
}

/// The flat shape: trends and counters as plain numbers, thresholds as "did it fail".
pub fn flat(totals: &Totals, facts: &RunFacts<'_>) -> Value {
    let mut flat = Map::new();
    for (name, metric) in metrics(totals, facts) {
        let mut values = metric["values"].as_object().cloned().unwrap_or_default();
        if metric["type"] == "rate"
            && let Some(rate) = values.remove("rate")
        {
            values.insert("value".to_owned(), rate);
        }
        if let Some(thresholds) = metric["thresholds"].as_object() {
            let failed = |verdict: &Value| json!(verdict["ok"] != json!(true));
            let failed: Map<_, _> = thresholds.iter().map(|(rule, ok)| (rule.clone(), failed(ok))).collect();
            values.insert("thresholds".to_owned(), Value::Object(failed));
        }
        flat.insert(name, Value::Object(values));
    }
    json!({ "root_group": Group::tree(totals).to_flat_json(), "metrics": flat })
}

fn metrics(totals: &Totals, facts: &RunFacts<'_>) -> Map<String, Value> {
    let mut all = Map::new();
    let registry = &totals.registry;
    for (index, metric) in registry.metrics.iter().enumerate() {
        let mut add = |name: &str, sink: &Sink, thresholds: &[Threshold]| {
            if !sink.is_empty() || !thresholds.is_empty() {
                all.insert(name.to_owned(), one(sink, metric.contains, thresholds, facts));
            }
        };
        add(&metric.name, &totals.sinks[index], &metric.thresholds);
        for sub in &metric.subs {
            add(&registry.subs[*sub].name, &totals.subs[*sub], &registry.subs[*sub].thresholds);
        }
    }
    all
}

fn one(sink: &Sink, contains: Contains, thresholds: &[Threshold], facts: &RunFacts<'_>) -> Value {
    let run_s = facts.run_time.as_secs_f64();
    let stats: Vec<&str> = match sink.kind() {
        Kind::Counter => vec!["count", "rate"],
        Kind::Gauge => vec!["value", "min", "max"],
        Kind::Rate => vec!["rate", "passes", "fails"],
        Kind::Trend => facts.trend_stats.iter().map(String::as_str).collect(),
    };
    let values: Map<String, Value> = stats
        .into_iter()
        .map(|stat| (stat.to_owned(), number(sink.stat(stat, run_s).unwrap_or_default())))
        .collect();
    let mut shown = json!({"type": sink.kind().name(), "contains": contains.name(), "values": values});
    if !thresholds.is_empty() {
        let verdict =
            |rule: &Threshold| (rule.source.clone(), json!({"ok": rule.expression.holds(sink, run_s)}));
        shown["thresholds"] = Value::Object(thresholds.iter().map(verdict).collect());
    }
    shown
}

/// Whole numbers without a point, as JavaScript writes them.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

/// A group with its checks.
struct Group {
    name: String,
    path: String,
    groups: Vec<Self>,
    checks: Vec<(String, u64, u64)>,
}

impl Group {
    fn new(name: &str, path: &str) -> Self {
        Self { name: name.to_owned(), path: path.to_owned(), groups: Vec::new(), checks: Vec::new() }
    }

    fn tree(totals: &Totals) -> Self {
        let mut root = Self::new("", "");
        for path in totals.group_paths() {
            root.at(path);
        }
        for (path, name, check) in totals.checks.rows() {
            root.at(path).checks.push((name.to_owned(), check.passes, check.fails));
        }
        root
    }

    /// The group of a path such as `::outer::inner`, made where it is missing.
    fn at(&mut self, path: &str) -> &mut Self {
        let mut group = self;
        for name in path.split("::").filter(|name| !name.is_empty()) {
            let at = group.groups.iter().position(|inner| inner.name == name).unwrap_or_else(|| {
                let path = format!("{}::{name}", group.path);
                group.groups.push(Self::new(name, &path));
                group.groups.len() - 1
            });
            group = &mut group.groups[at];
        }
        group
    }

    fn checks(&self) -> impl Iterator<Item = (String, Value)> {
        self.checks.iter().map(|(name, passes, fails)| {
            let path = format!("{}::{name}", self.path);
            let check =
                json!({"name": name, "path": path, "id": id(&path), "passes": passes, "fails": fails});
            (name.clone(), check)
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "path": self.path,
            "id": id(&self.path),
            "groups": self.groups.iter().map(Self::to_json).collect::<Vec<_>>(),
            "checks": self.checks().map(|(_, check)| check).collect::<Vec<_>>(),
        })
    }

    /// Groups and checks by name instead of in lists.
    fn to_flat_json(&self) -> Value {
        json!({
            "name": self.name,
            "path": self.path,
            "id": id(&self.path),
            "groups": self.groups.iter().map(|group| (group.name.clone(), group.to_flat_json())).collect::<Map<_, _>>(),
            "checks": self.checks().collect::<Map<_, _>>(),
        })
    }
}

/// Groups and checks are known by the MD5 of their path, as in k6.
fn id(path: &str) -> String {
    Md5::digest(path.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
