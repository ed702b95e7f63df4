//! Short forms, precedence and refusals.

use serde_json::json;

use super::*;
use crate::config::inspect;
use crate::config::layers::{from_environment, over};
use crate::profile::{Executor, Stage};

fn read(value: &Value) -> Result<Options, String> {
    Options::read(value.as_object().expect("an object").clone()).map(|(options, _)| options)
}

fn executor(value: &Value) -> Executor {
    read(value).expect("reads").scenarios[0].schedule.executor.clone()
}

#[test]
fn short_forms_make_k6s_executors() {
    let seconds = Duration::from_secs;
    assert_eq!(
        executor(&json!({})),
        Executor::PerVuIterations { vus: 1, iterations: 1, max_duration: seconds(600) }
    );
    assert_eq!(
        executor(&json!({"vus": 3})),
        Executor::SharedIterations { vus: 3, iterations: 3, max_duration: seconds(600) }
    );
    assert_eq!(
        executor(&json!({"vus": 3, "iterations": 9, "duration": "20s"})),
        Executor::SharedIterations { vus: 3, iterations: 9, max_duration: seconds(20) }
    );
    assert_eq!(
        executor(&json!({"vus": 3, "duration": 1500})),
        Executor::ConstantVus { vus: 3, duration: Duration::from_millis(1500) }
    );
    let stages = json!({"stages": [{"duration": "1m", "target": 5}, {"target": 7}]});
    assert_eq!(
        executor(&stages),
        Executor::RampingVus {
            start_vus: 1,
            stages: vec![Stage { duration: seconds(60), target: 5 }],
            graceful_ramp_down: seconds(30)
        }
    );
}

#[test]
fn scenarios_have_defaults() {
    let options = read(&json!({"scenarios": {"open": {
        "executor": "ramping-arrival-rate", "preAllocatedVUs": 5, "exec": "buy", "env": {"A": 1},
        "stages": [{"duration": "10s", "target": 100}]
    }}}))
    .expect("reads");
    let spec = &options.scenarios[0];
    assert_eq!((spec.exec.as_str(), spec.env["A"].as_str()), ("buy", "1"));
    assert_eq!(spec.schedule.executor.max_vus(), 5);
    assert_eq!(spec.schedule.end(), Duration::from_secs(40));
}

#[test]
fn a_higher_choice_of_load_replaces_the_lower() {
    let lower = json!({"stages": [{"duration": "1m", "target": 5}], "vus": 2, "tags": {"a": "1"}});
    let higher = json!({"duration": "5s", "tags": {"b": "2"}});
    let object = |value: Value| value.as_object().expect("an object").clone();
    let merged = over(object(lower), object(higher));
    let options = Options::read(merged).expect("reads").0;
    assert_eq!(
        options.scenarios[0].schedule.executor,
        Executor::ConstantVus { vus: 2, duration: Duration::from_secs(5) }
    );
    assert_eq!(options.tags.keys().collect::<Vec<_>>(), ["b"], "as k6 2.2 has it, tags replace tags");
}

#[test]
fn variables_are_options() {
    let variable = |name: &str| match name {
        "K6_VUS" => Some("7".to_owned()),
        "K6_STAGES" => Some("5s:10,5m:20".to_owned()),
        "K6_NO_SETUP" => Some("true".to_owned()),
        _ => None,
    };
    let options = Options::read(from_environment(variable).expect("reads")).expect("reads").0;
    assert!(options.no_setup);
    assert_eq!(options.scenarios[0].schedule.executor.max_vus(), 20);
    let bad = |name: &str| (name == "K6_VUS").then(|| "many".to_owned());
    assert!(from_environment(bad).expect_err("refused").contains("K6_VUS=many"));
}

#[test]
fn what_cannot_be_run_is_refused_with_the_reason() {
    for (options, part) in [
        (json!({"iterations": 5, "stages": [{"duration": "1s", "target": 1}]}), "cannot be used together"),
        (json!({"duration": "1s", "scenarios": {}}), "cannot be used together"),
        (json!({"vus": 0, "duration": "1s"}), "more than 0"),
        (json!({"vus": "x", "duration": "1s"}), "whole number"),
        (json!({"vus": 5, "iterations": 3}), "less than the number of VUs"),
        (json!({"duration": "0s"}), "more than 0"),
        (json!({"duration": "soon"}), "30s"),
        (json!({"scenarios": {"a b": {}}}), "letters, digits"),
        (json!({"scenarios": {"a": {"executor": "externally-controlled"}}}), "unknown executor"),
        (json!({"scenarios": {"a": {"executor": "constant-vus"}}}), "`duration` is missing"),
        (
            json!({"scenarios": {"a": {"executor": "constant-vus", "duration": "1s", "rate": 3}}}),
            "has no `rate`",
        ),
        (
            json!({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 1, "duration": "1s",
            "preAllocatedVUs": 5, "maxVUs": 4}}}),
            "less than `preAllocatedVUs`",
        ),
        (json!({"summaryTrendStats": ["p(101)"]}), "unknown"),
        (json!({"hosts": {"a": "not an address"}}), "IP address"),
        (json!({"dns": {"select": "best"}}), "select"),
        (
            json!({"executionSegment": "0:1/2", "executionSegmentSequence": "0,1/3,1"}),
            "not one of the sequence",
        ),
    ] {
        let error = read(&options).expect_err(&options.to_string());
        assert!(error.contains(part), "{options}: {error}");
    }
}

#[test]
fn a_segment_has_its_part_of_each_executor() {
    let (duration, pre, max) = ("2s", 3, 5);
    let options = json!({"executionSegment": "1/2:1", "scenarios": {
        "shared": {"executor": "shared-iterations", "vus": 3, "iterations": 20},
        "none": {"executor": "constant-vus", "vus": 1, "duration": duration},
        "ramp": {"executor": "ramping-vus", "startVUs": 1, "stages": [{"duration": "4s", "target": 5}]},
        "open": {"executor": "constant-arrival-rate", "rate": 9, "duration": duration, "preAllocatedVUs": pre, "maxVUs": max},
    }});
    let options = read(&options).expect("reads");
    let [shared, ramp, open] = options.scenarios.as_slice() else { panic!("{:?}", options.scenarios) };
    assert!(
        matches!(shared.schedule.executor, Executor::SharedIterations { vus: 1, iterations: 7, .. }),
        "{shared:?}"
    );
    // The second and the fourth of five VUs, when the whole ramp has them; 4 s for four more.
    let seconds: Vec<_> =
        ramp.schedule.executor.steps().iter().map(|step| (step.at.as_secs(), step.vus)).collect();
    assert_eq!(seconds, [(0, 0), (1, 1), (3, 2), (4, 0)]);
    assert_eq!(ramp.stages, 1);
    assert_eq!(open.schedule.executor.open_vus().map(|vus| (vus.pre_allocated, vus.max)), Some((1, 2)));
    assert_eq!((0..5).map(|nth| open.stripes.nth(nth)).collect::<Vec<_>>(), [1, 3, 6, 8, 11]);
    assert_eq!(options.json["executionSegment"], "1/2:1");
}

#[test]
fn unknown_options_only_warn() {
    let options = json!({"vuss": 3}).as_object().expect("an object").clone();
    let (_, warnings) = Options::read(options).expect("reads");
    assert!(warnings[0].contains("`vuss`"));
}

#[test]
fn inspect_shows_durations_in_one_form() {
    let options = read(&json!({"stages": [{"duration": 60000, "target": 1000}], "setupTimeout": "90s"}))
        .expect("reads");
    let shown = inspect::inspect(&options, true);
    assert_eq!(shown["stages"][0]["duration"], "1m0s");
    assert_eq!(shown["setupTimeout"], "1m30s");
    assert_eq!(shown["maxVUs"], 1000);
    assert_eq!(shown["totalDuration"], "1m30s");
    assert!(shown["vus"].is_null());
}

#[test]
fn the_test_sees_short_forms_as_a_scenario() {
    let seen = |options: Value| inspect::in_test(&read(&options).expect("reads"));
    let stages = seen(json!({"stages": [{"duration": "5s", "target": 100}, {"target": 3}], "vus": 2}));
    assert_eq!(
        stages["scenarios"],
        json!({"default": {"executor": "ramping-vus", "startTime": null, "gracefulStop": null, "env": null,
            "exec": null, "tags": null, "startVUs": 2, "stages": [{"duration": "5s", "target": 100}],
            "gracefulRampDown": null}})
    );
    assert!(stages.get("stages").is_none() && stages["paused"].is_null());
    let of = |options: Value| seen(options)["scenarios"]["default"].clone();
    assert_eq!(of(json!({}))["executor"], "per-vu-iterations");
    assert_eq!(of(json!({"vus": 3}))["iterations"], 3);
    assert_eq!(of(json!({"iterations": 5, "duration": "90s"}))["maxDuration"], "1m30s");
    assert_eq!(of(json!({"duration": "3s"}))["executor"], "constant-vus");
    let long = json!({"scenarios": {"a": {"executor": "constant-vus", "duration": "1s"}}});
    assert_eq!(seen(long)["scenarios"]["a"]["duration"], "1s");
}

#[test]
fn names_may_be_written_in_any_case() {
    let options = json!({"scenarios": {"Mine": {"executor": "ramping-vus", "startvus": 4, "STAGES":
        [{"Duration": "1s", "target": 2}]}}, "setuptimeout": "3s", "DNS": {"ttl": "1s"}});
    let (options, warnings) = Options::read(options.as_object().expect("an object").clone()).expect("reads");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(options.setup_timeout.as_secs(), 3);
    assert_eq!(options.scenarios[0].schedule.name, "Mine");
    assert_eq!(inspect::in_test(&options)["scenarios"]["Mine"]["startVUs"], 4);
}
