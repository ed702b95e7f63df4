//! Which metrics a test has: the built-in ones, the script's own, and the sub-metrics that thresholds ask for.
//! Made once before the start and shared by all threads.

use std::collections::HashMap;

use serde_json::Value;

use super::sink::{Contains, Kind};
use super::threshold::{Threshold, parse_metric_name};

/// Index of a metric in its [`Registry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId(pub usize);

/// One metric.
#[derive(Debug, Clone)]
pub struct Metric {
    pub name: String,
    pub kind: Kind,
    pub contains: Contains,
    /// Sub-metrics: indexes into [`Registry::subs`].
    pub subs: Vec<usize>,
    pub thresholds: Vec<Threshold>,
}

/// A metric restricted to samples that carry certain tags.
#[derive(Debug, Clone)]
pub struct SubMetric {
    pub parent: MetricId,
    /// As the user wrote it, such as `http_req_duration{status:200}`.
    pub name: String,
    pub tags: Vec<(String, String)>,
    pub thresholds: Vec<Threshold>,
}

/// All metrics of a test.
#[derive(Debug, Clone)]
pub struct Registry {
    pub metrics: Vec<Metric>,
    pub subs: Vec<SubMetric>,
    by_name: HashMap<String, MetricId>,
}

macro_rules! builtin {
    ($($id:ident = $index:literal, $name:literal, $kind:ident, $contains:ident;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $id: MetricId = MetricId($index);)*
        const BUILTIN: &[(&str, Kind, Contains)] = &[$(($name, Kind::$kind, Contains::$contains)),*];
    };
}

builtin! {
    VUS = 0, "vus", Gauge, Default;
    VUS_MAX = 1, "vus_max", Gauge, Default;
    ITERATIONS = 2, "iterations", Counter, Default;
    ITERATION_DURATION = 3, "iteration_duration", Trend, Time;
    DROPPED_ITERATIONS = 4, "dropped_iterations", Counter, Default;
    CHECKS = 5, "checks", Rate, Default;
    GROUP_DURATION = 6, "group_duration", Trend, Time;
    HTTP_REQS = 7, "http_reqs", Counter, Default;
    HTTP_REQ_DURATION = 8, "http_req_duration", Trend, Time;
    HTTP_REQ_BLOCKED = 9, "http_req_blocked", Trend, Time;
    HTTP_REQ_CONNECTING = 10, "http_req_connecting", Trend, Time;
    HTTP_REQ_TLS_HANDSHAKING = 11, "http_req_tls_handshaking", Trend, Time;
    HTTP_REQ_SENDING = 12, "http_req_sending", Trend, Time;
    HTTP_REQ_WAITING = 13, "http_req_waiting", Trend, Time;
    HTTP_REQ_RECEIVING = 14, "http_req_receiving", Trend, Time;
    HTTP_REQ_FAILED = 15, "http_req_failed", Rate, Default;
    DATA_SENT = 16, "data_sent", Counter, Data;
    DATA_RECEIVED = 17, "data_received", Counter, Data;
    WS_SESSIONS = 18, "ws_sessions", Counter, Default;
    WS_MSGS_SENT = 19, "ws_msgs_sent", Counter, Default;
    WS_MSGS_RECEIVED = 20, "ws_msgs_received", Counter, Default;
    WS_PING = 21, "ws_ping", Trend, Time;
    WS_SESSION_DURATION = 22, "ws_session_duration", Trend, Time;
    WS_CONNECTING = 23, "ws_connecting", Trend, Time;
    GRPC_REQ_DURATION = 24, "grpc_req_duration", Trend, Time;
}

impl Registry {
    /// The built-in metrics, the script's own (name, kind, is it time), and those that `thresholds` (an object of
    /// metric to list of rules) asks for.
    pub fn new(
        custom: impl IntoIterator<Item = (String, Kind, bool)>,
        thresholds: &serde_json::Map<String, Value>,
    ) -> Result<Self, String> {
        let mut registry = Self { metrics: Vec::new(), subs: Vec::new(), by_name: HashMap::new() };
        for (name, kind, contains) in BUILTIN {
            registry.push((*name).to_owned(), *kind, *contains);
        }
        for (name, kind, is_time) in custom {
            let contains = if is_time { Contains::Time } else { Contains::Default };
            match registry.find(&name).map(|id| &registry.metrics[id.0]) {
                None => registry.push(name, kind, contains),
                Some(same) if same.kind == kind && same.contains == contains => {}
                Some(other) => {
                    let (other, new) = (other.kind.name(), kind.name());
                    return Err(format!("metric `{name}` is declared as {new}, but it is already a {other}"));
                }
            }
        }
        for (key, rules) in thresholds.iter().filter(|(_, rules)| !rules.is_null()) {
            registry.add_thresholds(key, rules)?;
        }
        Ok(registry)
    }

    /// With the sub-metric that k6 has wherever the system tag `expected_response` is on.
    ///
    /// # Errors
    /// Never: the metric is built in.
    pub fn with_expected_responses(mut self) -> Result<Self, String> {
        self.sub_metric("http_req_duration{expected_response:true}").map(|_| self)
    }

    pub fn find(&self, name: &str) -> Option<MetricId> {
        self.by_name.get(name).copied()
    }

    fn push(&mut self, name: String, kind: Kind, contains: Contains) {
        self.by_name.insert(name.clone(), MetricId(self.metrics.len()));
        self.metrics.push(Metric { name, kind, contains, subs: Vec::new(), thresholds: Vec::new() });
    }

    /// Finds or makes the sub-metric of that name.
    fn sub_metric(&mut self, key: &str) -> Result<usize, String> {
        let (metric, mut tags) = parse_metric_name(key)?;
        let parent = self.find(metric).ok_or_else(|| self.unknown(metric))?;
        let written = tags.clone();
        tags.sort();
        let same = |sub: &SubMetric| {
            let mut theirs = sub.tags.clone();
            theirs.sort();
            sub.parent == parent && theirs == tags
        };
        if let Some(index) = self.subs.iter().position(same) {
            return Ok(index);
        }
        let index = self.subs.len();
        // As k6 shows it: without the spaces inside the braces.
        let (_, inner) = key.trim().trim_end_matches('}').split_once('{').unwrap_or_default();
        let name = format!("{metric}{{{}}}", inner.trim());
        self.subs.push(SubMetric { parent, name, tags: written, thresholds: Vec::new() });
        self.metrics[parent.0].subs.push(index);
        Ok(index)
    }

    fn unknown(&self, metric: &str) -> String {
        let close = self
            .metrics
            .iter()
            .map(|known| &known.name)
            .find(|name| name.contains(metric.trim_end_matches('s')) || metric.contains(name.as_str()));
        let hint = close.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        format!(
            "threshold on `{metric}`, but there is no such metric{hint}. Custom metrics must be declared at the top \
             of the script."
        )
    }

    fn add_thresholds(&mut self, key: &str, rules: &Value) -> Result<(), String> {
        let list = rules.as_array().ok_or_else(|| {
            format!("the thresholds of `{key}` must be a list, such as [\"count>100\"], not {rules}")
        })?;
        let parsed = list.iter().map(Threshold::from_json).collect::<Result<Vec<_>, _>>()?;
        let (metric, tags) = parse_metric_name(key)?;
        let parent = self.find(metric).ok_or_else(|| self.unknown(metric))?;
        let kind = self.metrics[parent.0].kind;
        if let Some(wrong) = parsed.iter().find(|threshold| !threshold.expression.fits(kind)) {
            let allowed = match kind {
                Kind::Counter => "count and rate",
                Kind::Gauge => "value",
                Kind::Rate => "rate",
                Kind::Trend => "avg, min, max, med and p(N)",
            };
            return Err(format!(
                "threshold `{}` does not fit `{key}`: a {} has {allowed}",
                wrong.source,
                kind.name()
            ));
        }
        if tags.is_empty() {
            self.metrics[parent.0].thresholds.extend(parsed);
        } else {
            let index = self.sub_metric(key)?;
            self.subs[index].thresholds.extend(parsed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(thresholds: &Value) -> Result<Registry, String> {
        let custom = [("my_trend".to_owned(), Kind::Trend, true)];
        Registry::new(custom, thresholds.as_object().expect("an object"))
    }

    #[test]
    fn ids_are_positions() {
        let registry = with(&serde_json::json!({})).expect("builds");
        assert_eq!(registry.find("data_received"), Some(DATA_RECEIVED));
        assert_eq!(registry.find("grpc_req_duration"), Some(GRPC_REQ_DURATION));
        assert!(registry.find("my_trend").is_some());
    }

    #[test]
    fn thresholds_make_sub_metrics_once() {
        let registry = with(&serde_json::json!({
            "http_req_duration{status:200}": ["p(95)<200"],
            "http_req_duration{expected_response:true}": ["max<900", "avg<5"],
            "my_trend": ["med<3"],
        }));
        let registry = registry.and_then(Registry::with_expected_responses).expect("builds");
        assert_eq!(registry.subs.len(), 2);
        let registry = Registry::new([], &serde_json::Map::new()).and_then(Registry::with_expected_responses);
        let registry = registry.expect("builds");
        assert_eq!(registry.subs.len(), 1);
        assert!(registry.subs[0].thresholds.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused_before_the_start() {
        for (thresholds, part) in [
            (serde_json::json!({"nope": ["count>1"]}), "no such metric"),
            (serde_json::json!({"http_reqs": ["p(95)<1"]}), "does not fit"),
            (serde_json::json!({"http_req_failed{a:b}": ["avg<1"]}), "does not fit"),
            (serde_json::json!({"http_req_failed": ["rate<<1"]}), "number"),
            (serde_json::json!({"http_req_failed": "rate<1"}), "must be a list"),
        ] {
            let error = with(&thresholds).expect_err("refused");
            assert!(error.contains(part), "{error}");
        }
    }
}
