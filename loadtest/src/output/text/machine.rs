//! k6's machine-readable summary (`--new-machine-readable-summary`), version 1.0.0 of its schema: the block of the whole
//! test as JSON.

use serde_json::{Map, Value, json};

use super::Summary;
use super::block::{Block, Row};
use crate::metrics::sink::{Kind, Sink};
use crate::metrics::totals::Check;
use crate::output::data::number;

/// The version of the schema, as k6 2.2 writes it.
const SCHEMA: &str = "1.0.0";

/// Statistics of trends that the schema has, as they are called elsewhere and there.
const TREND: [(&str, &str); 6] =
    [("avg", "avg"), ("max", "max"), ("med", "med"), ("min", "min"), ("p(90)", "p90"), ("p(95)", "p95")];

impl Summary<'_> {
    /// See the module. `script`: its text; `generated_at`: the time of day as in RFC 3339.
    pub fn machine_readable(&self, script: &str, generated_at: &str) -> Value {
        let block = Block::total(self);
        json!({
            "config": {"duration": self.run_s(), "execution": "local", "script": script},
            "metadata": {
                "generated_at": generated_at,
                "k6_version": concat!("loadtest ", env!("CARGO_PKG_VERSION")),
            },
            "results": {"checks": self.checks_as_data(&block.checks), "metrics": self.metrics_as_data(&block)},
            "version": SCHEMA,
        })
    }

    fn metrics_as_data(&self, block: &Block<'_>) -> Vec<Value> {
        let mut metrics = Vec::new();
        for (_, rows) in &block.sections {
            let mut parent = "";
            for row in rows {
                // A sub-metric's row has only its tags, behind its metric's.
                let tags = row.name.strip_prefix("  { ").and_then(|tags| tags.strip_suffix(" }"));
                let name = tags.map_or_else(|| row.name.clone(), |tags| format!("{parent}{{{tags}}}"));
                if tags.is_none() {
                    parent = &row.name;
                }
                metrics.push(self.metric(&name, row));
            }
        }
        metrics
    }

    fn metric(&self, name: &str, row: &Row<'_>) -> Value {
        let stat = |stat: &str| number(row.sink.stat(stat, self.run_s()).unwrap_or_default());
        let values = match row.sink {
            Sink::Counter { .. } => json!({"count": stat("count")}),
            Sink::Gauge { .. } => json!({"max": stat("max"), "min": stat("min"), "value": stat("value")}),
            Sink::Rate { trues, total } => json!({"matches": trues, "rate": stat("rate"), "total": total}),
            Sink::Trend(_) => {
                let shown =
                    TREND.iter().filter(|(name, _)| self.trend_stats.iter().any(|known| known == name));
                Value::Object(shown.map(|(name, key)| ((*key).to_owned(), stat(name))).collect::<Map<_, _>>())
            }
        };
        one(name, row.sink.kind(), row.contains.name(), &values)
    }

    fn checks_as_data(&self, checks: &[(&str, Check)]) -> Value {
        let is_wanted = self.verdicts.iter().any(|verdict| verdict.parent == "checks");
        if checks.is_empty() && !is_wanted {
            return json!({"metrics": [], "results": []});
        }
        let passes: u64 = checks.iter().map(|(_, check)| check.passes).sum();
        let fails: u64 = checks.iter().map(|(_, check)| check.fails).sum();
        let total = passes + fails;
        let rate = |matches: u64| {
            let rate = if total == 0 { 0.0 } else { matches as f64 / total as f64 };
            json!({"matches": matches, "rate": number(rate), "total": total})
        };
        let result = |(name, check): &(&str, Check)| json!({"fails": check.fails, "name": name, "passes": check.passes});
        json!({
            "metrics": [
                one("checks_total", Kind::Counter, "default", &json!({"count": total})),
                one("checks_failed", Kind::Rate, "default", &rate(fails)),
                one("checks_succeeded", Kind::Rate, "default", &rate(passes)),
            ],
            "results": checks.iter().map(result).collect::<Vec<_>>(),
        })
    }
}

fn one(name: &str, kind: Kind, contains: &str, values: &Value) -> Value {
    json!({"contains": contains, "name": name, "type": kind.name(), "values": values})
}
