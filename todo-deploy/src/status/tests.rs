//! A status made from events and measurements by hand.

use std::time::Duration;

use super::*;
use crate::deployment::{Condition, Defaults, Deployment, Target};
use crate::engine::Config;
use crate::timeline::{
    AlarmCause, Event, EventKind, GoneCause, HealthReason, InstanceId, LaunchCause, LeaveCause, ProbeFailure,
    ScaledBy, Timeline, WhyNot,
};

/// The practical's deployment, measured once a minute.
fn about() -> About {
    let target = Target::Ec2;
    let deployment = Deployment::parse("", "test", Defaults::of(target)).expect("valid");
    About::new(&deployment, target, &Config::new(&deployment, target)).sampled_every(Duration::from_secs(60))
}

fn event(at: u64, kind: EventKind) -> Event {
    Event { at: Time::from_secs(at), kind }
}

fn cause(points: [Option<f64>; 2], when: &str) -> AlarmCause {
    let when = Condition::try_from(when.to_owned()).expect("a condition");
    AlarmCause { points: points.to_vec(), when, period_s: 120.0 }
}

/// 1 → 2 → 3 and back to 2, with everything that a timeline can say on the way.
fn run() -> Timeline {
    let [one, two, three] = [1, 2, 3].map(InstanceId);
    let (up, down) = ("todo_scale_up".to_owned(), "todo_scale_down".to_owned());
    let alarm = |alarm: &String, from, to, points, when| EventKind::Alarm {
        alarm: alarm.clone(),
        from,
        to,
        cause: cause(points, when),
    };
    let scaled = |name: &String, points, when, from, to| EventKind::Scaled {
        by: ScaledBy::Policy { name: name.clone(), cause: cause(points, when) },
        from,
        to,
    };
    let held = |why| EventKind::NotScaled { policy: up.clone(), capacity: 2, why };
    let cooldown = |until| EventKind::Cooldown { policy: up.clone(), until: Time::from_secs(until) };
    let failed = HealthReason::ChecksFailed { times: 2, last: ProbeFailure::Refused };
    let health = |instance, from, to, reason| EventKind::Health { instance, from, to, reason };
    let (no, ok, raised) = (AlarmState::InsufficientData, AlarmState::Ok, AlarmState::Alarm);
    let (busy, idle) = ([Some(76.5), Some(100.0)], [Some(8.0), Some(0.5)]);
    let until = Time::from_secs(405);
    let events = vec![
        event(0, EventKind::InService { instance: one }),
        event(120, alarm(&down, no, ok, [None, Some(76.5)], "<= 10")),
        event(240, alarm(&up, no, raised, busy, ">= 20")),
        event(240, scaled(&up, busy, ">= 20", 1, 2)),
        event(240, EventKind::Launching { instance: two, cause: LaunchCause::ScaleOut }),
        event(285, EventKind::InService { instance: two }),
        event(285, cooldown(405)),
        event(300, held(WhyNot::Cooldown { until })),
        event(305, health(two, Health::Initial, Health::Unhealthy, failed)),
        event(360, held(WhyNot::Cooldown { until })),
        event(395, health(two, Health::Unhealthy, Health::Healthy, HealthReason::ChecksPassed(2))),
        event(420, scaled(&up, busy, ">= 20", 2, 3)),
        event(420, EventKind::Launching { instance: three, cause: LaunchCause::ScaleOut }),
        event(430, EventKind::Throttled { instance: one, throttled: true }),
        event(465, EventKind::InService { instance: three }),
        event(480, held(WhyNot::Limit { limit: 3 })),
        event(840, alarm(&up, raised, ok, idle, ">= 20")),
        event(960, alarm(&down, ok, raised, idle, "<= 10")),
        event(960, scaled(&down, idle, "<= 10", 3, 2)),
        event(
            960,
            EventKind::Draining { instance: one, until: Time::from_secs(990), cause: LeaveCause::ScaleIn },
        ),
    ];
    let mut timeline = Timeline { events, ..Timeline::default() };
    for minute in 0..16 {
        let at = Time::from_secs(60 * minute);
        let busy = if minute < 11 { 1.0 } else { 0.0 };
        timeline.record(series::REQUESTS, at, 1495.5 * busy);
        timeline.record(series::ERRORS, at, 0.25 * busy);
        timeline.record(series::CPU, at, 92.25 * busy);
        timeline.record(series::IN_SERVICE, at, 99.0);
        for (name, value) in [(series::P50, 4.5), (series::P95, 531.0), (series::P99, 5364.0)] {
            if busy > 0.0 {
                timeline.record(name, at, value);
            }
        }
    }
    timeline
}

/// The status at `at` seconds of the run.
fn status_at(about: About, at: u64) -> Status {
    let (run, at) = (run(), Time::from_secs(at));
    let mut fold = Fold::new(about);
    run.events.iter().filter(|event| event.at <= at).for_each(|event| fold.event(event));
    let ended = |point: &&crate::timeline::Point| point.at + Duration::from_secs(60) <= at;
    for (name, points) in &run.series {
        points.iter().filter(ended).for_each(|point| fold.record(name, point.at, point.value));
    }
    let details = Details {
        address: Some("127.0.0.1:41231".to_owned()),
        process: Some("pid 4711".to_owned()),
        in_flight: Some(3),
        requests: Some(1_234_567),
        cpu_percent: Some(99.6),
        memory_bytes: None,
    };
    fold.instance(InstanceId(1), details);
    fold.totals(Totals { requests: 1_234_567, errors: [("502 refused".to_owned(), 12)].into() });
    fold.status(at)
}

#[test]
fn the_text_reads_well() {
    let about = about().at_speed(10.0).link("Service", "http://127.0.0.1:8080");
    let about = about.fact("CPU", "0.1 vCPU each, by cgroup v2");
    for (name, at) in [("starting", 0), ("scaling-out", 330), ("at-the-limit", 700), ("scaling-in", 970)] {
        let text = text(&status_at(about.clone(), at));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_ids_of_tasks_do_not_make_it_wider() {
    let mut status = status_at(about(), 330);
    let id = "0123456789abcdef0123456789abcdef";
    status.instances[0].id = id.to_owned();
    status.instances[0].details.address = Some("172.31.200.100".to_owned());
    let text = text(&status);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("\n0123456789…") && text.contains(id), "{text}");
}

#[test]
fn the_json_reads_back_and_is_documented() {
    let status = status_at(about(), 970);
    let json = serde_json::to_string(&status).expect("JSON");
    assert_eq!(serde_json::from_str::<Status>(&json).expect("a status"), status);
    let manual = include_str!("../../README.md");
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    for name in value.as_object().expect("an object").keys() {
        assert!(manual.contains(&format!("`{name}`")), "README.md does not know the field {name}");
    }
}

#[test]
fn an_instance_from_launch_to_gone() {
    let mut fold = Fold::new(about());
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
fn the_present_and_the_past_are_kept_apart() {
    let status = status_at(about(), 730);
    assert_eq!(status.traffic.requests_per_s, Some(0.0));
    assert_eq!(status.traffic.p95_ms, Some(531.0), "what was measured a moment ago still says something");
    assert_eq!(status_at(about(), 970).traffic.p95_ms, None, "and after minutes nothing");
    let requests = &status.series[series::REQUESTS].whole;
    assert_eq!((requests.start, requests.step, requests.values.len()), (0.0, 60.0, 12));
    assert!(!status.series.contains_key(series::IN_SERVICE), "the events know better");
    let counts: Vec<_> =
        status.capacity.iter().map(|now| (now.desired, now.in_service, now.healthy)).collect();
    assert_eq!(counts, [(1, 1, 1), (2, 1, 1), (2, 2, 1), (2, 2, 2), (3, 2, 2), (3, 3, 2)]);
    let alarm = &status.alarms[0];
    assert_eq!((alarm.state, alarm.since), (AlarmState::Alarm, Time::from_secs(240)));
    assert_eq!((alarm.history.step, alarm.history.values.len()), (60.0, 12));
}

#[test]
fn a_changed_deployment_shows_and_alarms_that_stay_keep_their_state() {
    let policies = |up: u32| {
        format!(
            "capacity.max = 9\n[[scaling.policy]]\nkind = \"simple\"\nname = \"up\"\nadjustment = 1\ncooldown = \"120s\"\n\
             alarm = {{ metric = \"cpu\", when = \">= {up}\", period = \"120s\", evaluation_periods = 2 }}\n\
             [[scaling.policy]]\nkind = \"simple\"\nname = \"down\"\nadjustment = -1\ncooldown = \"120s\"\n\
             alarm = {{ metric = \"cpu\", when = \"<= 10\", period = \"120s\", evaluation_periods = 2 }}\n"
        )
    };
    let about = |text: &str| {
        let deployment = Deployment::parse(text, "t", Defaults::of(Target::Local)).expect("valid");
        About::new(&deployment, Target::Local, &Config::new(&deployment, Target::Local))
    };
    let before = about(&policies(50));
    let names: Vec<_> = before.alarms().map(|alarm| alarm.name.clone()).collect();
    let (mut fold, mut recorder) = (Fold::new(before.clone()), Recorder::new(before));
    fold.record(series::CPU, Time::from_secs(0), 5.0);
    for alarm in &names {
        let (from, to) = (AlarmState::InsufficientData, AlarmState::Ok);
        let cause = cause([Some(20.0); 2], ">= 20");
        fold.event(&event(7, EventKind::Alarm { alarm: alarm.clone(), from, to, cause }));
    }
    let after = about(&policies(60).replace("max = 9", "max = 4"));
    fold.change(after.clone());
    recorder.change(after.clone());
    let status = fold.status(Time::from_secs(8));
    assert_eq!((status.group.max, &status.about), (4, &after));
    assert_eq!(recorder.recording(Time::from_secs(8)).about, after);
    let alarms: Vec<_> =
        status.alarms.iter().map(|alarm| (alarm.state, alarm.history.values.len())).collect();
    assert_eq!(alarms, [(AlarmState::InsufficientData, 0), (AlarmState::Ok, 1)], "the first is another now");
    assert_eq!(status.alarms.iter().map(|alarm| alarm.name.clone()).collect::<Vec<_>>(), names);
}

#[test]
fn weeks_take_no_more_memory_than_hours() {
    let (mut fold, mut recorder) = (Fold::new(about()), Recorder::new(about()));
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
    let run = run();
    let recording = Recording::of_run(about(), Time::from_secs(2000), &run);
    let json = serde_json::to_string(&recording).expect("JSON");
    assert_eq!(Recording::parse(&json).expect("a recording"), recording);
    assert_eq!(recording.timeline.events, run.events);
    let mut long = Timeline::default();
    (0..4 * 24 * 60).for_each(|minute| long.record(series::CPU, Time::from_secs(60 * minute), 50.0));
    let bounded = Recording::of_run(about(), Time::from_secs(4 * 86_400), &long);
    assert!((2048..=4096).contains(&bounded.timeline.series[series::CPU].len()), "four days take no more");
    let refused = |text: &str| Recording::parse(text).expect_err("no recording").to_string();
    assert!(refused("[1]").contains("it is no timeline"), "{}", refused("[1]"));
    let error = anyhow::Error::from(Recording::parse("{}").expect_err("no recording"));
    assert_eq!(format!("{error:#}").matches("missing field").count(), 1, "the cause is told once");
    assert!(refused(&json.replacen("\"version\":1", "\"version\":9", 1)).contains("its version is 9"));
}
