//! Scripts against snapshots of the story they make. A new test is a new file in `scenarios/`.

use std::path::Path;

use serde::Deserialize;

use super::super::*;
use super::driver::{Driver, deployment, replay_late};
use crate::deployment::Target;
use crate::report::story;
use crate::timeline::ProbeFailure;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// What it shows.
    about: String,
    target: Target,
    /// Laid over our defaults, as a deployment file.
    deployment: toml::Table,
    /// Minute by minute, how many vCPUs the load wants in all; the last holds until the end.
    offered_vcpus: Vec<f64>,
    minutes: u64,
    #[serde(default, rename = "fact")]
    facts: Vec<Fact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    at_s: u64,
    instance: u32,
    is: String,
}

/// The story, and the same told by an engine that is always woken up late.
fn run(script: &Script) -> (Vec<Event>, Vec<Event>) {
    let text = toml::to_string(&script.deployment).expect("it was a table");
    let deployment = deployment(script.target, &text);
    let config = Config::new(&deployment, script.target);
    let mut driver = Driver::new(config.clone(), Start::Settled, deployment.model.launch_time);
    for fact in &script.facts {
        let is = match fact.is.as_str() {
            "passed" => InstanceFact::ProbePassed,
            "refused" => InstanceFact::ProbeFailed(ProbeFailure::Refused),
            "timed-out" => InstanceFact::ProbeFailed(ProbeFailure::TimedOut),
            "drained" => InstanceFact::Drained,
            "exited" => InstanceFact::Exited,
            other => panic!("`{other}` is no fact"),
        };
        driver.at(Time::from_secs(fact.at_s), InstanceId(fact.instance), is);
    }
    for minute in 0..script.minutes {
        let offered = script.offered_vcpus.get(minute as usize).or(script.offered_vcpus.last()).copied();
        driver.minute(Time::from_secs(60 * (minute + 1)), offered.unwrap_or_default());
    }
    let late = replay_late(config, &driver.inputs, Time::from_secs(60 * script.minutes));
    (driver.events, late)
}

#[test]
fn scripts() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/scenarios");
    let mut paths: Vec<_> =
        directory.read_dir().expect("it exists").map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    assert!(paths.len() >= 8, "the scripts are there");
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let script: Script =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (events, late) = run(&script);
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let bytes = |events: &[Event]| serde_json::to_string(events).expect("it is JSON");
        assert_eq!(bytes(&events), bytes(&late), "{name}: waking up late changes no byte");
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, description => &script.about }, {
            insta::assert_snapshot!(name.as_str(), story(&events).join("\n"));
        });
    }
}
