//! Merging options from sources of different rank, and reading the `K6_*` variables.

use serde_json::{Map, Value, json};

/// Every option, in the order in which `inspect` shows them.
pub const KEYS: [&str; 42] = [
    "paused",
    "vus",
    "duration",
    "iterations",
    "stages",
    "scenarios",
    "executionSegment",
    "executionSegmentSequence",
    "noSetup",
    "setupTimeout",
    "noTeardown",
    "teardownTimeout",
    "handleSummaryTimeout",
    "rps",
    "dns",
    "maxRedirects",
    "userAgent",
    "batch",
    "batchPerHost",
    "httpDebug",
    "insecureSkipTLSVerify",
    "tlsCipherSuites",
    "tlsVersion",
    "tlsAuth",
    "throw",
    "thresholds",
    "blacklistIPs",
    "blockHostnames",
    "hosts",
    "noConnectionReuse",
    "noVUConnectionReuse",
    "minIterationDuration",
    "cloud",
    "ext",
    "summaryTrendStats",
    "summaryTimeUnit",
    "systemTags",
    "tags",
    "metricSamplesBufferSize",
    "noCookiesReset",
    "discardResponseBodies",
    "localIPs",
];

/// How a variable's text becomes an option.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Number,
    Bool,
    List,
    Stages,
    Json,
    /// `a:b,c:d`.
    Pairs,
}

/// `K6_*` variables with the options that they set.
const VARIABLES: [(&str, &str, Kind); 44] = [
    ("K6_VUS", "vus", Kind::Number),
    ("K6_DURATION", "duration", Kind::Text),
    ("K6_ITERATIONS", "iterations", Kind::Number),
    ("K6_STAGES", "stages", Kind::Stages),
    ("K6_NO_SETUP", "noSetup", Kind::Bool),
    ("K6_SETUP_TIMEOUT", "setupTimeout", Kind::Text),
    ("K6_NO_TEARDOWN", "noTeardown", Kind::Bool),
    ("K6_TEARDOWN_TIMEOUT", "teardownTimeout", Kind::Text),
    ("K6_HANDLE_SUMMARY_TIMEOUT", "handleSummaryTimeout", Kind::Text),
    ("K6_RPS", "rps", Kind::Number),
    ("K6_DNS", "dns", Kind::Text),
    ("K6_MAX_REDIRECTS", "maxRedirects", Kind::Number),
    ("K6_USER_AGENT", "userAgent", Kind::Text),
    ("K6_BATCH", "batch", Kind::Number),
    ("K6_BATCH_PER_HOST", "batchPerHost", Kind::Number),
    ("K6_HTTP_DEBUG", "httpDebug", Kind::Text),
    ("K6_LOCAL_IPS", "localIPs", Kind::Text),
    ("K6_PAUSED", "paused", Kind::Bool),
    ("K6_INSECURE_SKIP_TLS_VERIFY", "insecureSkipTLSVerify", Kind::Bool),
    ("K6_TLSAUTH", "tlsAuth", Kind::Json),
    ("K6_THROW", "throw", Kind::Bool),
    ("K6_THRESHOLDS", "thresholds", Kind::Json),
    ("K6_BLACKLIST_IPS", "blacklistIPs", Kind::List),
    ("K6_BLOCK_HOSTNAMES", "blockHostnames", Kind::List),
    ("K6_HOSTS", "hosts", Kind::Json),
    ("K6_NO_CONNECTION_REUSE", "noConnectionReuse", Kind::Bool),
    ("K6_NO_VU_CONNECTION_REUSE", "noVUConnectionReuse", Kind::Bool),
    ("K6_MIN_ITERATION_DURATION", "minIterationDuration", Kind::Text),
    ("K6_SUMMARY_TREND_STATS", "summaryTrendStats", Kind::List),
    ("K6_SUMMARY_TIME_UNIT", "summaryTimeUnit", Kind::Text),
    ("K6_SYSTEM_TAGS", "systemTags", Kind::List),
    ("K6_TAGS", "tags", Kind::Pairs),
    ("K6_NO_COOKIES_RESET", "noCookiesReset", Kind::Bool),
    ("K6_DISCARD_RESPONSE_BODIES", "discardResponseBodies", Kind::Bool),
    ("K6_EXECUTION_SEGMENT", "executionSegment", Kind::Text),
    ("K6_EXECUTION_SEGMENT_SEQUENCE", "executionSegmentSequence", Kind::Text),
    ("K6_OUT", "out", Kind::List),
    ("K6_QUIET", "quiet", Kind::Bool),
    ("K6_NO_COLOR", "noColor", Kind::Bool),
    ("K6_SUMMARY_EXPORT", "summaryExport", Kind::Text),
    ("K6_SUMMARY_MODE", "summaryMode", Kind::Text),
    ("K6_NEW_MACHINE_READABLE_SUMMARY", "newMachineReadableSummary", Kind::Bool),
    ("K6_CONFIG", "config", Kind::Text),
    ("K6_NO_THRESHOLDS", "noThresholds", Kind::Bool),
];

/// Names of options within scenarios and stages.
const INNER: [&str; 19] = [
    "executor",
    "startTime",
    "gracefulStop",
    "exec",
    "env",
    "tags",
    "options",
    "vus",
    "iterations",
    "maxDuration",
    "duration",
    "startVUs",
    "stages",
    "gracefulRampDown",
    "rate",
    "startRate",
    "timeUnit",
    "preAllocatedVUs",
    "maxVUs",
];

/// Gives options the names they go by: like k6, scripts may write them in any case, as in `startvus`.
pub fn canonical(options: Map<String, Value>) -> Map<String, Value> {
    let stages = |value: Value| match value {
        Value::Array(list) => list.into_iter().map(|stage| within(stage, &["duration", "target"])).collect(),
        other => other,
    };
    let scenario = |value: Value| match within(value, &INNER) {
        Value::Object(map) => {
            map.into_iter().map(|(k, v)| if k == "stages" { (k, stages(v)) } else { (k, v) }).collect()
        }
        other => other,
    };
    let Value::Object(options) = within(Value::Object(options), &KEYS) else {
        unreachable!("an object stays one")
    };
    let inner = |(key, value): (String, Value)| {
        let value = match (key.as_str(), value) {
            ("stages", value) => stages(value),
            ("scenarios", Value::Object(all)) => all.into_iter().map(|(n, v)| (n, scenario(v))).collect(),
            (_, value) => value,
        };
        (key, value)
    };
    options.into_iter().map(inner).collect()
}

fn within(value: Value, names: &[&str]) -> Value {
    let Value::Object(map) = value else { return value };
    let name = |key: String| {
        let known = names.iter().find(|name| name.eq_ignore_ascii_case(&key));
        known.map_or(key, |name| (*name).to_owned())
    };
    map.into_iter().map(|(key, value)| (name(key), value)).collect()
}

/// Puts the options of `higher` over those of `lower`. A choice of load (duration, iterations, stages or
/// scenarios) replaces the lower one as a whole.
pub fn over(lower: Map<String, Value>, higher: Map<String, Value>) -> Map<String, Value> {
    let (mut lower, higher) = (canonical(lower), canonical(higher));
    let load = ["duration", "iterations", "stages", "scenarios"];
    if load.iter().any(|key| higher.get(*key).is_some_and(|value| !value.is_null())) {
        load.iter().for_each(|key| {
            lower.remove(*key);
        });
    }
    for (key, value) in higher {
        if value.is_null() {
            continue;
        }
        lower.insert(key, value);
    }
    lower
}

/// The options that environment variables set.
pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Map<String, Value>, String> {
    let mut options = Map::new();
    for (variable, key, kind) in VARIABLES {
        let Some(text) = lookup(variable).filter(|text| !text.is_empty()) else { continue };
        let value =
            read(&text, kind).map_err(|why| format!("environment variable {variable}={text}: {why}"))?;
        options.insert(key.to_owned(), value);
    }
    Ok(options)
}

fn read(text: &str, kind: Kind) -> Result<Value, String> {
    Ok(match kind {
        Kind::Text => json!(text),
        Kind::Number => json!(text.trim().parse::<u64>().map_err(|_| "must be a whole number".to_owned())?),
        Kind::Bool => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "t" | "true" => json!(true),
            "0" | "f" | "false" => json!(false),
            _ => return Err("must be true or false".to_owned()),
        },
        Kind::List => json!(text.split(',').map(str::trim).collect::<Vec<_>>()),
        Kind::Json => serde_json::from_str(text).map_err(|error| format!("must be JSON: {error}"))?,
        Kind::Stages => stages(text.split(','))?,
        Kind::Pairs => {
            let pair = |pair: &str| {
                let (key, value) = pair.split_once([':', '=']).ok_or("must be name:value pairs")?;
                Ok::<_, String>((key.trim().to_owned(), json!(value.trim())))
            };
            Value::Object(text.split(',').map(pair).collect::<Result<_, _>>()?)
        }
    })
}

/// Stages as flags and variables have them: `30s:10`, in order.
pub fn stages<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Value, String> {
    let stage = |text: &str| {
        let bad = || format!("`{text}` is no stage; write duration:target, for example 1m:1000");
        let (duration, target) = text.trim().rsplit_once(':').ok_or_else(bad)?;
        crate::duration::parse(duration).map_err(|error| format!("stage `{text}`: {error}"))?;
        let target: u64 = target.trim().parse().map_err(|_| bad())?;
        Ok::<_, String>(json!({"duration": duration.trim(), "target": target}))
    };
    list.into_iter().map(stage).collect::<Result<Vec<_>, _>>().map(Value::Array)
}
