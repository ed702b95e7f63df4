//! What is good enough: `p95<200ms, errors<0.1%`.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::Totals;
use crate::deployment::duration;

/// Conditions that a whole run must meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo(Vec<Condition>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Condition {
    measure: Measure,
    /// Milliseconds, or percent.
    below: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Mean,
    P50,
    P95,
    P99,
    Errors,
}

impl Measure {
    const ALL: [(&str, Self); 5] = [
        ("mean", Self::Mean),
        ("p50", Self::P50),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("errors", Self::Errors),
    ];

    fn of(self, totals: &Totals) -> f64 {
        match self {
            Self::Mean => totals.mean_ms,
            Self::P50 => totals.p50_ms,
            Self::P95 => totals.p95_ms,
            Self::P99 => totals.p99_ms,
            Self::Errors => totals.error_percent,
        }
    }
}

impl Slo {
    /// The conditions that do not hold, in words; none when the run is good enough.
    pub fn missed(&self, totals: &Totals) -> Vec<String> {
        let missed = self.0.iter().filter(|condition| condition.measure.of(totals) >= condition.below);
        missed
            .map(|condition| format!("{condition} is {}", condition.show(condition.measure.of(totals))))
            .collect()
    }
}

impl Condition {
    fn show(&self, value: f64) -> String {
        match self.measure {
            Measure::Errors => format!("{value:.3} %"),
            _ => format!("{value:.1} ms"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            Measure::ALL.iter().find(|(_, measure)| *measure == self.measure).map_or("", |(name, _)| name);
        let unit = if self.measure == Measure::Errors { "%" } else { "ms" };
        write!(f, "{name}<{}{unit}", self.below)
    }
}

impl FromStr for Slo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |part: &str| {
            format!(
                "`{part}` is no condition; write mean, p50, p95 or p99 below a duration, or errors below a percentage: p95<200ms, errors<0.1%"
            )
        };
        let condition = |part: &str| {
            let (name, bound) = part.split_once('<').ok_or_else(|| refuse(part))?;
            let (name, bound) = (name.trim(), bound.trim().trim_start_matches('=').trim());
            let known = Measure::ALL.iter().find(|(known, _)| *known == name);
            let measure = known.map(|(_, measure)| *measure).ok_or_else(|| refuse(part))?;
            let below = match measure {
                Measure::Errors => {
                    let number = bound.strip_suffix('%').and_then(|number| number.trim().parse().ok());
                    number.filter(|percent| (0.0..=100.0).contains(percent))
                }
                _ => duration::parse(bound).ok().map(|bound| bound.as_secs_f64() * 1000.0),
            };
            Ok(Condition { measure, below: below.ok_or_else(|| refuse(part))? })
        };
        // An empty part is refused as well: an objective of nothing would always be met.
        text.split(',').map(str::trim).map(condition).collect::<Result<_, _>>().map(Self)
    }
}

/// A script's thresholds as conditions, as far as they are about all requests; none when there is none of them.
pub fn of_thresholds(thresholds: &Map<String, Value>) -> Option<String> {
    let rules = |metric: &str| {
        let rules = thresholds.get(metric).and_then(Value::as_array).into_iter().flatten();
        rules.filter_map(|rule| rule.as_str().or_else(|| rule.get("threshold")?.as_str()))
    };
    let time = |rule: &str| {
        let (stat, limit) = rule.split_once('<')?;
        let name = match stat.trim() {
            "avg" => "mean",
            "med" | "p(50)" => "p50",
            "p(95)" => "p95",
            "p(99)" => "p99",
            _ => return None,
        };
        let limit: f64 = limit.trim_start_matches('=').trim().parse().ok()?;
        Some(format!("{name}<{limit}ms"))
    };
    let share = |rule: &str| {
        let limit = rule.trim().strip_prefix("rate")?.trim().strip_prefix('<')?;
        let limit: f64 = limit.trim_start_matches('=').trim().parse().ok()?;
        if !(0.0..=1.0).contains(&limit) {
            return None;
        }
        Some(format!("errors<{}%", (limit * 1e6).round() / 1e4))
    };
    let times = rules("http_req_duration").filter_map(time);
    let all: Vec<String> = times.chain(rules("http_req_failed").filter_map(share)).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_shows() {
        let slo: Slo = "p95<200ms, errors < 0.1%".parse().expect("two conditions");
        assert_eq!(slo.0.iter().map(ToString::to_string).collect::<Vec<_>>(), ["p95<200ms", "errors<0.1%"]);
        for wrong in [
            "p95>200ms",
            "p97<1s",
            "errors<1",
            "p95<200",
            "",
            " ",
            "p95<1s,,errors<1%",
            "p95<1s,",
            "errors<nan%",
            "errors<101%",
            "errors<-1%",
            "errors<inf%",
        ] {
            assert!(wrong.parse::<Slo>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn thresholds_of_a_script_become_conditions() {
        let thresholds = serde_json::json!({
            "http_req_duration": ["p(95)<200", { "threshold": "avg < 50", "abortOnFail": true }, "max<9"],
            "http_req_failed": ["rate<0.02"],
            "checks": ["rate>0.9"],
        });
        let text = of_thresholds(thresholds.as_object().expect("an object")).expect("conditions");
        assert_eq!(text, "p95<200ms, mean<50ms, errors<2%");
        assert!(text.parse::<Slo>().is_ok());
        assert_eq!(of_thresholds(&Map::new()), None);
    }
}
