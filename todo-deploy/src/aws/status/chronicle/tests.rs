//! What several looks at a deployment say together.

use super::*;
use crate::deployment::{Defaults, Deployment, Target};
use crate::engine::config::Config;
use crate::report::story;
use crate::status::Details;

const MINUTE: u64 = 60;

struct Watch {
    chronicle: Chronicle,
    deployment: Deployment,
    about: About,
}

impl Watch {
    fn of(target: Target) -> Self {
        let deployment = Deployment::parse("", "f", Defaults::of(target)).expect("the defaults are valid");
        let about = About::new(&deployment, target, &Config::new(&deployment, target));
        Self { chronicle: Chronicle::default(), deployment, about }
    }

    fn look(&mut self, now: u64, facts: Vec<(u64, What)>, instances: &[Instance]) {
        self.chronicle.take(Look {
            now: Time::from_secs(now),
            about: &self.about,
            given: &|name| name.trim_start_matches("shop-").to_owned(),
            check: &self.deployment.health_check,
            drain: Duration::from_secs(30),
            facts: facts.into_iter().map(|(at, what)| Fact { at: Time::from_secs(at), what }).collect(),
            instances,
        });
    }

    fn story(&self) -> String {
        story(self.chronicle.events()).join("\n")
    }
}

fn instance(id: &str, state: InstanceState, health: Option<Health>) -> Instance {
    Instance {
        id: id.to_owned(),
        state,
        since: Time::ZERO,
        health,
        reason: "Target.ResponseCodeMismatch: Health checks failed with these codes: [404]".to_owned(),
        until: None,
        throttled: false,
        details: Details::default(),
    }
}

/// What AWS tells of a group that was made and has scaled out once.
fn told() -> Vec<(u64, What)> {
    let text = |text: &str| text.to_owned();
    let alarm = |from, to, points: &[f64]| What::Alarm {
        alarm: text("todo_scale_up"),
        from,
        to,
        points: points.iter().copied().map(Some).collect(),
    };
    vec![
        (2, What::Launching(text("i-aa"), LaunchCause::Created)),
        (40, What::InService(text("i-aa"))),
        (4 * MINUTE, What::Scaled { by: Some(text("shop-todo_scale_up")), from: Some(1), to: 2 }),
        (4 * MINUTE, What::Launching(text("i-bb"), LaunchCause::ScaleOut)),
        (5 * MINUTE, What::InService(text("i-bb"))),
        (4 * MINUTE, alarm(AlarmState::Ok, AlarmState::Alarm, &[31.0, 75.5])),
        (6 * MINUTE, What::Told { text: text("instances are being replaced by version 2"), bad: false }),
    ]
}

#[test]
fn a_first_look_tells_the_past_as_the_other_targets_do() {
    let mut watch = Watch::of(Target::Ec2);
    let healthy = |id| instance(id, InstanceState::InService, Some(Health::Healthy));
    watch.look(400, told(), &[healthy("i-aa"), healthy("i-bb")]);
    insta::assert_snapshot!(watch.story(), @r"
    00:02  i-1 launching, because the group is created
    00:40  i-1 in service (runs and is registered)
    00:40  i-1 initial → healthy: 2 checks passed
    04:00  todo_scale_up: ok → ALARM: 31.0, 75.5 >= 20 (2 × 120 s)
    04:00  1 → 2 by todo_scale_up: 31.0, 75.5 >= 20 (2 × 120 s)
    04:00  i-2 launching
    05:00  i-2 in service (runs and is registered)
    05:00  i-2 initial → healthy: 2 checks passed
    06:00  instances are being replaced by version 2
    ");
    let before = watch.chronicle.events().to_vec();
    watch.look(405, told(), &[healthy("i-aa"), healthy("i-bb")]);
    assert_eq!(watch.chronicle.events(), before, "what is told again is not told twice");
}

#[test]
fn what_nobody_tells_is_seen_between_two_looks() {
    let mut watch = Watch::of(Target::Ecs);
    let task = |id, state, health| instance(id, state, health);
    watch.look(100, vec![], &[task("1a", InstanceState::InService, Some(Health::Healthy))]);
    let new = |state, health| {
        [task("1a", InstanceState::InService, Some(Health::Unhealthy)), task("2b", state, health)]
    };
    watch.look(110, vec![], &new(InstanceState::Launching, None));
    watch.look(120, vec![], &new(InstanceState::InService, Some(Health::Initial)));
    watch.look(130, vec![], &new(InstanceState::InService, Some(Health::Healthy)));
    let started = (105, What::Launching("2b".to_owned(), LaunchCause::ScaleOut));
    let last = [
        task("1a", InstanceState::Draining, None),
        task("2b", InstanceState::InService, Some(Health::Healthy)),
    ];
    watch.look(140, vec![started], &last);
    watch.look(150, vec![], &last[1..]);
    insta::assert_snapshot!(watch.story(), @r"
    00:00  i-1 in service (runs and is registered)
    01:50  i-1 healthy → UNHEALTHY: 2 checks failed, the last status 404
    01:50  i-2 launching
    02:00  i-2 in service (runs and is registered)
    02:10  i-2 initial → healthy: 2 checks passed
    02:20  i-1 draining until 02:50
    02:30  i-1 gone
    ");
}

#[test]
fn a_long_watch_takes_bounded_memory() {
    let mut watch = Watch::of(Target::Ecs);
    for second in 0..3 * MEMBERS_MAX as u64 {
        let id = format!("{second:08x}");
        watch.look(second, vec![], &[instance(&id, InstanceState::InService, Some(Health::Healthy))]);
    }
    assert!(watch.chronicle.members.len() <= MEMBERS_MAX + 1, "{}", watch.chronicle.members.len());
    assert!(watch.chronicle.events().len() <= EVENTS_MAX, "{}", watch.chronicle.events().len());
}
