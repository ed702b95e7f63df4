//! What is measured, and when a measurement becomes an alarm.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// A quantity of the whole group. Written `cpu`, `memory`, `network-in`, `network-out`,
/// `requests-per-target`, `latency-p95`, `custom:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// Percent of what an instance has, averaged over the instances.
    Cpu,
    /// Percent of what an instance has, averaged over the instances.
    Memory,
    /// Bytes per instance and period.
    NetworkIn,
    /// Bytes per instance and period.
    NetworkOut,
    /// Requests per healthy target and period.
    RequestsPerTarget,
    /// Response time in milliseconds at this percentile, per period.
    Latency { percentile: u8 },
    /// A gauge that the service or someone else publishes.
    Custom(String),
}

impl TryFrom<String> for Metric {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let refuse = || {
            format!(
                "`{text}` is no metric; one of cpu, memory, network-in, network-out, requests-per-target, \
                 latency-pNN (latency-p95), custom:NAME"
            )
        };
        match text.as_str() {
            "cpu" => Ok(Self::Cpu),
            "memory" => Ok(Self::Memory),
            "network-in" => Ok(Self::NetworkIn),
            "network-out" => Ok(Self::NetworkOut),
            "requests-per-target" => Ok(Self::RequestsPerTarget),
            other => match (other.strip_prefix("latency-p"), other.strip_prefix("custom:")) {
                (Some(percentile), _) => match percentile.parse() {
                    Ok(percentile @ 1..=99) => Ok(Self::Latency { percentile }),
                    _ => Err(refuse()),
                },
                (_, Some(name)) if !name.is_empty() => Ok(Self::Custom(name.to_owned())),
                _ => Err(refuse()),
            },
        }
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Memory => f.write_str("memory"),
            Self::NetworkIn => f.write_str("network-in"),
            Self::NetworkOut => f.write_str("network-out"),
            Self::RequestsPerTarget => f.write_str("requests-per-target"),
            Self::Latency { percentile } => write!(f, "latency-p{percentile}"),
            Self::Custom(name) => write!(f, "custom:{name}"),
        }
    }
}

/// How the points of one period become one number. Written `average`, `minimum`, `maximum`, `sum`, `sample-count`, `p90`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Statistic {
    #[default]
    Average,
    Minimum,
    Maximum,
    Sum,
    SampleCount,
    /// The value that so many percent of the points do not exceed (CloudWatch: an extended statistic).
    Percentile(u8),
}

impl TryFrom<String> for Statistic {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "average" => Self::Average,
            "minimum" => Self::Minimum,
            "maximum" => Self::Maximum,
            "sum" => Self::Sum,
            "sample-count" => Self::SampleCount,
            other => match other.strip_prefix('p').and_then(|percent| percent.parse().ok()) {
                Some(percent @ 1..=100) => Self::Percentile(percent),
                _ => {
                    return Err(format!(
                        "`{text}` is no statistic; one of average, minimum, maximum, sum, sample-count, or a percentile \
                         from p1 to p100"
                    ));
                }
            },
        })
    }
}

impl From<Statistic> for String {
    fn from(statistic: Statistic) -> Self {
        statistic.to_string()
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Average => f.write_str("average"),
            Self::Minimum => f.write_str("minimum"),
            Self::Maximum => f.write_str("maximum"),
            Self::Sum => f.write_str("sum"),
            Self::SampleCount => f.write_str("sample-count"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

/// A comparison with a threshold, written `>= 20`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    pub comparison: Comparison,
    pub threshold: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    AtLeast,
    Above,
    AtMost,
    Below,
}

impl Comparison {
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::AtLeast => value >= threshold,
            Self::Above => value > threshold,
            Self::AtMost => value <= threshold,
            Self::Below => value < threshold,
        }
    }

    /// Whether values above the threshold breach it.
    pub fn is_upward(self) -> bool {
        matches!(self, Self::AtLeast | Self::Above)
    }

    pub fn symbol(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
        }
    }
}

impl Condition {
    pub fn holds(&self, value: f64) -> bool {
        self.comparison.holds(value, self.threshold)
    }
}

impl TryFrom<String> for Condition {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let refuse =
            || format!("`{text}` is no condition; write >=, >, <= or < and a number, such as \">= 20\"");
        let trimmed = text.trim();
        let comparisons = [
            (">=", Comparison::AtLeast),
            (">", Comparison::Above),
            ("<=", Comparison::AtMost),
            ("<", Comparison::Below),
        ];
        let (symbol, comparison) =
            comparisons.into_iter().find(|(symbol, _)| trimmed.starts_with(symbol)).ok_or_else(refuse)?;
        let threshold: f64 = trimmed[symbol.len()..].trim().parse().map_err(|_| refuse())?;
        if !threshold.is_finite() {
            return Err(refuse());
        }
        Ok(Self { comparison, threshold })
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparison.symbol(), self.threshold)
    }
}

/// What a period without data means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingData {
    /// Nothing: with no data at all the alarm has insufficient data.
    #[default]
    Missing,
    /// Keep the state.
    Ignore,
    Breaching,
    NotBreaching,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    pub metric: Metric,
    #[serde(default)]
    pub statistic: Statistic,
    /// When a period counts as breaching, `>= 20`.
    pub when: Condition,
    /// 10s, 30s or a multiple of 60s.
    #[serde(with = "duration")]
    pub period: Duration,
    /// Periods looked at.
    pub evaluation_periods: u32,
    /// Breaching periods among them that raise the alarm; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapoints_to_alarm: Option<u32>,
    #[serde(default)]
    pub missing_data: MissingData,
}

impl Alarm {
    /// M of N.
    pub fn datapoints_to_alarm(&self) -> u32 {
        self.datapoints_to_alarm.unwrap_or(self.evaluation_periods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_conditions_read_back() {
        for text in [
            "cpu",
            "memory",
            "network-in",
            "network-out",
            "requests-per-target",
            "latency-p95",
            "custom:queue",
        ] {
            assert_eq!(Metric::try_from(text.to_owned()).expect(text).to_string(), text);
        }
        for text in ["average", "minimum", "maximum", "sum", "sample-count", "p90", "p100"] {
            assert_eq!(Statistic::try_from(text.to_owned()).expect(text).to_string(), text);
        }
        for wrong in ["p0", "p101", "mean", "p"] {
            assert!(Statistic::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        for text in [">= 20", "> 20.5", "<= 10", "< -1"] {
            assert_eq!(Condition::try_from(text.to_owned()).expect(text).to_string(), text);
        }
        for wrong in ["20", "=> 20", ">= x", "", "> inf"] {
            assert!(Condition::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        for wrong in ["latency-p0", "latency-p100", "custom:", "disk"] {
            assert!(Metric::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
