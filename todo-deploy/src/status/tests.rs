//! A status made from a simulated run, and from events that are hard to get.

use std::time::Duration;

use super::*;
use crate::deployment::{Defaults, Deployment, Target};
use crate::engine::Config;
use crate::pricing::Prices;
use crate::simulate::{Options, Plan, simulate};
use crate::timeline::{Event, EventKind, GoneCause, InstanceId, LaunchCause, LeaveCause};

/// The practical's run, and what is constant in it.
fn practical() -> (About, crate::simulate::Run) {
    let target = Target::Ec2;
    let deployment = Deployment::parse("", "test", Defaults::of(target)).expect("valid");
    let service_time = Some("constant 2ms".parse().expect("a distribution"));
    let options = Options { seed: 1, service_time, until: None, prices: Prices::default() };
    let run = simulate(&deployment, target, &Plan::practical(), &options);
    let about = About::new(&deployment, target, &Config::new(&deployment, target))
        .sampled_every(Duration::from_secs(60));
    (about, run)
}

/// The status at `at` seconds of a run.
fn status_at(about: About, run: &crate::simulate::Run, at: u64) -> Status {
    let mut fold = Fold::new(about);
    let at = Time::from_secs(at);
    run.timeline.events.iter().filter(|event| event.at <= at).for_each(|event| fold.event(event));
    let ended = |point: &&crate::timeline::Point| point.at + Duration::from_secs(60) <= at;
    for (name, points) in &run.timeline.series {
        points.iter().filter(ended).for_each(|point| fold.record(name, point.at, point.value));
    }
    fold.status(at)
}

#[test]
fn the_text_reads_well() {
    let (about, run) = practical();
    let about = about.link("Service", "http://127.0.0.1:8080").fact("CPU", "0.1 vCPU each, by cgroup v2");
    for (name, at) in [("scaling-out", 330), ("at-the-limit", 700), ("scaling-in", 970)] {
        let text = text(&status_at(about.clone(), &run, at));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_json_reads_back_and_is_documented() {
    let (about, run) = practical();
    let status = status_at(about, &run, 970);
    let json = serde_json::to_string(&status).expect("JSON");
    assert_eq!(serde_json::from_str::<Status>(&json).expect("a status"), status);
    let manual = include_str!("../../README.md");
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    for name in value.as_object().expect("an object").keys() {
        assert!(manual.contains(&format!("`{name}`")), "README.md does not know the field {name}");
    }
}

fn event(at: u64, kind: EventKind) -> Event {
    Event { at: Time::from_secs(at), kind }
}

#[test]
fn an_instance_from_launch_to_gone() {
    let (about, _) = practical();
    let mut fold = Fold::new(about);
    let instance = InstanceId(7);
    fold.event(&event(1, EventKind::Launching { instance, cause: LaunchCause::Replaces(InstanceId(3)) }));
    let launching = fold.status(Time::from_secs(1));
    assert_eq!((launching.phase, launching.group.launching), (Phase::Starting, 1));
    assert_eq!(launching.instances[0].reason, "in place of i-3");
    fold.event(&event(2, EventKind::InService { instance }));
    fold.instance(instance, Details { address: Some("127.0.0.1:1".to_owned()), ..Details::default() });
    let status = fold.status(Time::from_secs(2));
    assert_eq!(status.instances[0].health, Some(Health::Initial), "it was seen launching");
    assert_eq!(status.instances[0].details.address.as_deref(), Some("127.0.0.1:1"));
    let until = Time::from_secs(33);
    fold.event(&event(3, EventKind::Draining { instance, until, cause: LeaveCause::Unhealthy }));
    let status = fold.status(Time::from_secs(3));
    assert_eq!((status.group.in_service, status.group.leaving), (0, 1));
    let shown = &status.instances[0];
    assert_eq!((shown.until, shown.health, shown.reason.as_str()), (Some(until), None, "its checks fail"));
    fold.event(&event(4, EventKind::Gone { instance, cause: GoneCause::Terminated }));
    assert_eq!(fold.status(Time::from_secs(4)).instances, []);
}

#[test]
fn weeks_take_no_more_memory_than_hours() {
    let (about, _) = practical();
    let (mut fold, mut recorder) = (Fold::new(about.clone()), Recorder::new(about));
    let day = 86_400;
    for minute in 0..7 * day / 60 {
        let (at, instance) = (minute * 60, InstanceId(u32::try_from(minute).expect("small")));
        let launching = event(at, EventKind::Launching { instance, cause: LaunchCause::ScaleOut });
        let died = event(at + 1, EventKind::Gone { instance, cause: GoneCause::Died });
        for event in [launching, died] {
            fold.event(&event);
            recorder.event(&event);
        }
        for series in 0..100 {
            fold.record(&format!("custom:{series}"), Time::from_secs(at), 1.0);
            recorder.record(&format!("custom:{series}"), Time::from_secs(at), 1.0);
        }
    }
    let end = Time::from_secs(7 * day);
    let status = serde_json::to_string(&fold.status(end)).expect("JSON");
    assert!(status.len() < 250_000, "{} bytes", status.len());
    let recording = recorder.recording(end);
    assert_eq!(recording.timeline.events.len() as u64 + recording.events_dropped, 14 * day / 60);
    assert!(recording.timeline.series.values().all(|points| points.len() <= 4096));
    assert!(recording.timeline.series.len() < 50);
}

#[test]
fn a_recording_reads_back_and_others_are_refused() {
    let (about, run) = practical();
    let mut recorder = Recorder::new(about);
    run.timeline.events.iter().for_each(|event| recorder.event(event));
    for (name, points) in &run.timeline.series {
        points.iter().for_each(|point| recorder.record(name, point.at, point.value));
    }
    let recording = recorder.recording(Time::from_secs(2000));
    let json = serde_json::to_string(&recording).expect("JSON");
    assert_eq!(Recording::parse(&json).expect("a recording"), recording);
    assert_eq!(recording.timeline.events, run.timeline.events);
    let refused = |text: &str| Recording::parse(text).expect_err("no recording").to_string();
    assert!(refused("[1]").contains("it is no timeline"), "{}", refused("[1]"));
    assert!(refused(&json.replacen("\"version\":1", "\"version\":9", 1)).contains("its version is 9"));
}
