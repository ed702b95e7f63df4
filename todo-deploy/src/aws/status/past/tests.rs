//! AWS's own words, as its guides show them, and what is made of them.

use super::*;

const DRAIN: Duration = Duration::from_secs(30);

fn told(at: u64, description: &str, cause: &str) -> Told {
    let (description, cause) = (description.to_owned(), cause.to_owned());
    Told { at: Time::from_secs(at), description, cause, ..Told::default() }
}

#[test]
fn a_groups_activities_say_who_changed_what() {
    let up = "At 2026-11-23T13:00:00Z a monitor alarm todo_scale_up in state ALARM triggered policy todo_scale_up changing \
              the desired capacity from 1 to 2.  At 2026-11-23T13:00:05Z an instance was started in response to a \
              difference between desired and actual capacity, increasing the capacity from 1 to 2.";
    let by_hand = "At 2026-11-23T13:30:00Z a user request explicitly set group desired capacity changing the desired \
                   capacity from 2 to 4.  At 2026-11-23T13:30:09Z an instance was started.";
    let healed = "At 2026-11-23T13:40:00Z an instance was taken out of service in response to an ELB system health check \
                  failure.";
    let past = remembered(
        vec![
            told(100, "Launching a new EC2 instance: i-1", up),
            told(200, "Launching a new EC2 instance: i-2", by_hand),
            told(201, "Launching a new EC2 instance: i-3", by_hand),
            told(300, "Terminating EC2 instance: i-1", healed),
        ],
        DRAIN,
    );
    let changes = [(100, 1, 2), (200, 2, 4)].map(|(at, from, to)| (Time::from_secs(at), Some(from), to));
    assert_eq!(past.changes, changes, "two instances, one change");
    assert_eq!(past.decisions.keys().collect::<Vec<_>>(), ["todo_scale_up"]);
    assert_eq!(past.decisions["todo_scale_up"].at, Time::from_secs(100));
    assert_eq!(past.activities.len(), 4);
    let scaled: Vec<&What> =
        past.facts.iter().map(|fact| &fact.what).filter(|what| matches!(what, What::Scaled { .. })).collect();
    let by_policy = What::Scaled { by: Some("todo_scale_up".to_owned()), from: Some(1), to: 2 };
    assert_eq!(scaled, [&by_policy, &What::Scaled { by: None, from: Some(2), to: 4 }]);
}

#[test]
fn a_services_activities_say_it_in_other_words() {
    let cause = "monitor alarm TargetTracking-service/shop/shop-AlarmHigh-1 in state ALARM triggered policy shop-todo-cpu";
    let past = remembered(
        vec![told(10, "Setting desired count to 2", cause), told(90, "Setting desired count to 3", cause)],
        DRAIN,
    );
    let changes = [(Time::from_secs(10), None, 2), (Time::from_secs(90), Some(2), 3)];
    assert_eq!(past.changes, changes, "of the first nobody says from what");
    assert_eq!(past.decisions["shop-todo-cpu"].at, Time::from_secs(90));
}

#[test]
fn words_that_aws_may_choose_one_day_are_no_trouble() {
    for cause in [
        "",
        "desired capacity from",
        "desired capacity from one to two",
        "triggered policy ",
        "triggered policy",
    ] {
        let past = remembered(vec![told(1, "Setting desired count to many", cause)], DRAIN);
        assert_eq!((past.changes.len(), past.decisions.len(), past.activities.len()), (0, 0, 1), "{cause}");
    }
}

#[test]
fn the_number_of_instances_over_time() {
    let healthy = Grid { start: 0.0, step: 60.0, values: vec![None, Some(1.0), Some(1.0), Some(2.0)] };
    let group = Group { desired: 2, in_service: 2, healthy: 2, ..Group::default() };
    let found = capacity(&[(Time::from_secs(100), None, 2)], &healthy, &group, Time::from_secs(400));
    let found: Vec<_> = found.iter().map(|one| (one.at.as_secs_f64(), one.desired, one.healthy)).collect();
    assert_eq!(found, [(60.0, 1, 1), (100.0, 2, 1), (180.0, 2, 2)]);
    let nothing = capacity(&[], &Grid::default(), &group, Time::from_secs(400));
    assert_eq!(nothing.len(), 1, "the present at least");
}

#[test]
fn what_did_not_scale_says_why_not() {
    let cause =
        "monitor alarm TargetTracking-service/todo/todo-AlarmHigh-1 in state ALARM triggered policy todo-cpu";
    let reason =
        NotScaledReason::builder().code("AlreadyAtMaxCapacity").max_capacity(4).current_capacity(4).build();
    let told = Told {
        is_bad: true,
        held: Some(held(&reason.expect("complete"))),
        ..told(5, "Attempting to scale due to alarm triggered", cause)
    };
    let past = remembered(vec![told], DRAIN);
    let why = WhyNot::Limit { limit: 4 };
    let expected = What::NotScaled { by: "todo-cpu".to_owned(), capacity: 4, why };
    assert_eq!(past.facts, [Fact { at: Time::from_secs(5), what: expected }]);
    assert_eq!(past.activities[0].tone, Tone::Held);
    assert!(!past.decisions["todo-cpu"].scaled);
}
