//! The results as JSON: what `handleSummary` is given, and the flat shape that `--summary-export` makes of it.

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

/// The flat shape of what `handleSummary` left of its data: trends and counters as plain numbers, thresholds as "did it
/// fail", groups and checks by name. Whatever else the script put there stays.
pub fn flat(mut data: Value) -> Result<Value, String> {
    let all = data.as_object_mut().ok_or("the data is no object any more")?;
    all.remove("options");
    all.remove("state");
    if let Some(Value::Object(metrics)) = all.get_mut("metrics") {
        let old = std::mem::take(metrics);
        for (name, mut metric) in old {
            let is_rate = metric["type"] == "rate";
            let Some(Value::Object(mut values)) = metric.get_mut("values").map(Value::take) else {
                if is_rate {
                    return Err(format!("the metric {name} has no values any more"));
                }
                continue;
            };
            if is_rate && let Some(rate) = values.remove("rate") {
                values.insert("value".to_owned(), rate);
            }
            if let Some(thresholds) = metric["thresholds"].as_object().filter(|all| !all.is_empty()) {
                let failed =
                    |(rule, verdict): (&String, &Value)| (rule.clone(), json!(verdict["ok"] != json!(true)));
                values
                    .insert("thresholds".to_owned(), Value::Object(thresholds.iter().map(failed).collect()));
            }
            metrics.insert(name, Value::Object(values));
        }
    }
    let root = all.get_mut("root_group").filter(|root| root.is_object());
    by_name(root.ok_or("root_group is gone")?);
    Ok(data)
}

/// Groups and checks by name instead of in lists.
fn by_name(group: &mut Value) {
    for key in ["groups", "checks"] {
        let Some(Value::Array(list)) = group.get_mut(key).map(Value::take) else { continue };
        let named = list.into_iter().map(|mut one| {
            let name = one["name"].as_str().unwrap_or("undefined").to_owned();
            if key == "groups" {
                by_name(&mut one);
            }
            (name, one)
        });
        group[key] = Value::Object(named.collect());
    }
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
pub(super) fn number(value: f64) -> Value {
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

    fn to_json(&self) -> Value {
        let check = |(name, passes, fails): &(String, u64, u64)| {
            let path = format!("{}::{name}", self.path);
            json!({"name": name, "path": path, "id": id(&path), "passes": passes, "fails": fails})
        };
        json!({
            "name": self.name,
            "path": self.path,
            "id": id(&self.path),
            "groups": self.groups.iter().map(Self::to_json).collect::<Vec<_>>(),
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
        })
    }
}

/// Groups and checks are known by the MD5 of their path, as in k6.
fn id(path: &str) -> String {
    Md5::digest(path.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flat_shape_is_made_of_what_the_script_left() {
        let data = json!({
            "options": {}, "state": {}, "setup_data": {"x": 1}, "extra": [1],
            "metrics": {
                "own": {"type": "rate", "values": {"rate": 0.5, "passes": 1}, "thresholds": {"rate>1": {"ok": false}}},
                "odd": 5,
                "time": {"type": "trend", "values": {"avg": 2}, "thresholds": {}},
            },
            "root_group": {"name": "", "groups": [{"name": "g", "groups": [], "checks": [{"name": "c"}]}], "checks": []},
        });
        let flat = flat(data.clone()).expect("is complete");
        let expected = json!({
            "setup_data": {"x": 1}, "extra": [1],
            "metrics": {
                "own": {"passes": 1, "value": 0.5, "thresholds": {"rate>1": true}},
                "time": {"avg": 2},
            },
            "root_group": {
                "name": "",
                "groups": {"g": {"name": "g", "groups": {}, "checks": {"c": {"name": "c"}}}},
                "checks": {},
            },
        });
        assert_eq!(flat, expected);
        for gone in ["root_group", "values"] {
            let mut data = data.clone();
            match gone {
                "values" => data["metrics"]["own"] = json!({"type": "rate"}),
                _ => drop(data.as_object_mut().expect("is one").remove(gone)),
            }
            assert!(super::flat(data).is_err(), "{gone}");
        }
    }
}
