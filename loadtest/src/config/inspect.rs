//! The resolved options as JSON, in the shape of `k6 inspect`: every known option in a fixed order, `null` where unset.

use serde_json::{Map, Value, json};

use super::fields::duration;
use super::options::Options;
use super::{layers, scenarios};
use crate::duration::format;

/// The statistics that k6 shows of a trend where nothing else is asked for.
const K6_TREND_STATS: [&str; 6] = ["avg", "min", "med", "max", "p(90)", "p(95)"];

const DURATIONS: [&str; 9] = [
    "duration",
    "setupTimeout",
    "teardownTimeout",
    "handleSummaryTimeout",
    "minIterationDuration",
    "startTime",
    "gracefulStop",
    "maxDuration",
    "timeUnit",
];

/// What `inspect` prints. `requirements` adds the length of the test and the VUs that it may need.
pub fn inspect(options: &Options, requirements: bool) -> Value {
    let mut shown = Map::new();
    for key in layers::KEYS {
        let value = options.json.get(key).cloned().unwrap_or(Value::Null);
        let value = match key {
            "localIPs" => continue,
            "cloud" if value.is_null() => continue,
            "dns" if value.is_null() => json!({"ttl": null, "select": null, "policy": null}),
            "systemTags" if requirements || !value.is_null() => {
                let mut names = options.system_tags.names();
                names.sort_unstable();
                json!(names)
            }
            // Ours has p(99), too; whoever reads this expects k6's.
            "summaryTrendStats" if requirements && value.is_null() => json!(K6_TREND_STATS),
            "summaryTrendStats" if !value.is_null() => json!(options.summary_trend_stats),
            "stages" if requirements => plain_stages(timed(value)),
            "stages" => plain_stages(value),
            "iterations" if requirements && value.is_null() => implied_iterations(&options.json),
            "scenarios" => match value {
                Value::Object(scenarios) => {
                    scenarios.into_iter().map(|(name, value)| (name, scenario(value))).collect()
                }
                other => other,
            },
            key => plain(key, value),
        };
        shown.insert(key.to_owned(), value);
    }
    shown.insert("features".to_owned(), options.json.get("features").cloned().unwrap_or(Value::Null));
    if requirements {
        if let Some(long) = long_form(&options.json) {
            shown.insert("scenarios".to_owned(), json!({ scenarios::DEFAULT: scenario(long) }));
        }
        let profile = scenarios::profile(&options.scenarios);
        shown.insert("totalDuration".to_owned(), json!(format(profile.end())));
        shown.insert("maxVUs".to_owned(), json!(profile.max_vus()));
    }
    Value::Object(shown)
}

/// What a script finds in `exec.test.options`: as [`inspect`], with the short forms turned into a scenario.
pub fn in_test(options: &Options) -> Value {
    let Value::Object(mut shown) = inspect(options, true) else { unreachable!("inspect makes an object") };
    for key in ["vus", "iterations", "duration", "stages", "totalDuration", "maxVUs"] {
        shown.shift_remove(key);
    }
    for key in ["consoleOutput", "localIPs"] {
        shown.insert(key.to_owned(), Value::Null);
    }
    Value::Object(shown)
}

/// Where only the number of VUs is given, each has one iteration.
fn implied_iterations(options: &Map<String, Value>) -> Value {
    match long_form(options) {
        Some(long) if long["executor"] == "shared-iterations" => long["iterations"].clone(),
        _ => Value::Null,
    }
}

/// A stage without a duration is dropped.
fn timed(stages: Value) -> Value {
    match stages {
        Value::Array(stages) => stages.into_iter().filter(|stage| !stage["duration"].is_null()).collect(),
        other => other,
    }
}

/// The scenario that the short forms stand for; none where `scenarios` counts.
fn long_form(options: &Map<String, Value>) -> Option<Value> {
    let get = |key: &str| options.get(key).filter(|value| !value.is_null());
    let filled = |key: &str| match get(key) {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        _ => false,
    };
    let vus = get("vus");
    Some(if let Some(iterations) = get("iterations") {
        let limit = get("duration");
        json!({"executor": "shared-iterations", "vus": vus, "iterations": iterations, "maxDuration": limit})
    } else if let Some(duration) = get("duration") {
        json!({"executor": "constant-vus", "vus": vus, "duration": duration})
    } else if filled("stages") {
        let stages = get("stages").cloned().unwrap_or_default();
        json!({"executor": "ramping-vus", "startVUs": vus, "stages": timed(stages)})
    } else if vus.is_some() {
        json!({"executor": "shared-iterations", "vus": vus, "iterations": vus})
    } else if filled("scenarios") {
        return None;
    } else {
        json!({"executor": "per-vu-iterations"})
    })
}

/// Durations in one form, whatever the script wrote.
fn plain(key: &str, value: Value) -> Value {
    let is_duration = DURATIONS.contains(&key) || key == "gracefulRampDown";
    match duration(&value) {
        Ok(length) if is_duration => json!(format(length)),
        _ => value,
    }
}

fn plain_stages(value: Value) -> Value {
    let Value::Array(stages) = value else { return value };
    let stage = |stage: Value| match stage {
        Value::Object(map) => ["duration", "target"]
            .into_iter()
            .map(|key| (key.to_owned(), plain(key, map.get(key).cloned().unwrap_or(Value::Null))))
            .collect(),
        other => other,
    };
    stages.into_iter().map(stage).collect()
}

fn scenario(value: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    let mut shown = Map::new();
    for key in ["executor", "startTime", "gracefulStop", "env", "exec", "tags"] {
        shown.insert(key.to_owned(), plain(key, map.shift_remove(key).unwrap_or(Value::Null)));
    }
    let own: &[&str] = match shown["executor"].as_str().unwrap_or_default() {
        "shared-iterations" | "per-vu-iterations" => &["vus", "iterations", "maxDuration"],
        "constant-vus" => &["vus", "duration"],
        "ramping-vus" => &["startVUs", "stages", "gracefulRampDown"],
        "constant-arrival-rate" => &["rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs"],
        _ => &["startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs"],
    };
    for key in own {
        let value = map.shift_remove(*key).unwrap_or(Value::Null);
        shown.insert(
            (*key).to_owned(),
            if *key == "stages" { plain_stages(value) } else { plain(key, value) },
        );
    }
    Value::Object(shown)
}
