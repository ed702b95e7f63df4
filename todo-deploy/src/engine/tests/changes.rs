//! A new version, and a new configuration, while everything runs.

use std::time::Duration;

use super::super::*;
use super::driver::{Driver, deployment};
use crate::deployment::Target;
use crate::timeline::{EventKind, GoneCause, LeaveCause, ScaledBy};

const SECOND: Duration = Duration::from_secs(1);

fn settled(text: &str) -> Driver {
    let config = Config::new(&deployment(Target::Local, text), Target::Local);
    Driver::new(config, Start::Settled, SECOND)
}

fn ids(driver: &Driver) -> Vec<u32> {
    driver.engine.members().map(|(id, _)| id.0).collect()
}

#[test]
fn a_new_version_replaces_everyone_without_a_moment_of_less_capacity() {
    let mut driver = settled("capacity = { min = 1, desired = 3, max = 4 }");
    driver.run_until(Time::from_secs(10));
    driver.engine.roll(Time::from_secs(10));
    driver.run_until(Time::from_secs(10));
    let mut seconds = 10;
    while driver.engine.is_rolling() {
        seconds += 1;
        driver.run_until(Time::from_secs(seconds));
        assert!(driver.engine.routable().len() >= 3, "at {seconds} s");
        assert!(driver.engine.members().count() <= 3 + 2, "one more, and one that drains");
        assert!(seconds < 1000, "it ends");
    }
    driver.run_until(Time::from_secs(seconds + 100));
    assert_eq!(ids(&driver), [4, 5, 6]);
    let outdated =
        |event: &&Event| matches!(event.kind, EventKind::Draining { cause: LeaveCause::Outdated, .. });
    assert_eq!(driver.events.iter().filter(outdated).count(), 3);
    let scaled = driver.events.iter().any(|event| matches!(event.kind, EventKind::Scaled { .. }));
    assert!(!scaled, "the capacity stays what it is");
}

#[test]
fn a_successor_that_dies_is_succeeded_and_its_predecessor_serves_on() {
    let mut driver = settled("");
    driver.engine.roll(Time::from_secs(1));
    driver.run_until(Time::from_secs(3));
    assert_eq!(ids(&driver), [1, 2]);
    driver.at(Time::from_secs(4), InstanceId(2), InstanceFact::Exited);
    driver.run_until(Time::from_secs(5));
    assert_eq!(ids(&driver), [1, 3]);
    assert_eq!(driver.engine.routable(), [InstanceId(1)]);
    driver.run_until(Time::from_secs(400));
    assert_eq!(ids(&driver), [3]);
    assert!(!driver.engine.is_rolling());
}

#[test]
fn a_predecessor_that_dies_meanwhile_is_not_replaced_twice() {
    let mut driver = settled("");
    driver.engine.roll(Time::from_secs(1));
    driver.at(Time::from_secs(3), InstanceId(1), InstanceFact::Exited);
    driver.run_until(Time::from_secs(400));
    assert_eq!(ids(&driver), [2]);
    let died = |event: &&Event| matches!(event.kind, EventKind::Gone { cause: GoneCause::Died, .. });
    assert_eq!(driver.events.iter().filter(died).count(), 1);
}

#[test]
fn a_version_that_is_taken_back_replaces_no_more() {
    let mut driver = settled("capacity = { min = 1, desired = 3, max = 4 }");
    driver.engine.roll(Time::from_secs(1));
    driver.run_until(Time::from_secs(3));
    driver.engine.stop_rolling(Time::from_secs(3));
    driver.run_until(Time::from_secs(400));
    assert_eq!(ids(&driver), [2, 3, 4], "only the one that had a successor already");
    assert!(!driver.engine.is_rolling());
}

#[test]
fn scaling_in_while_a_version_is_rolled_out() {
    let mut driver = settled("capacity = { min = 1, desired = 4, max = 4 }");
    driver.engine.roll(Time::from_secs(1));
    driver.run_until(Time::from_secs(2));
    driver.engine.set_desired(Time::from_secs(2), 1);
    driver.run_until(Time::from_secs(2000));
    assert_eq!(driver.engine.members().count(), 1);
    assert!(ids(&driver)[0] > 4, "it is of the new version");
}

#[test]
fn another_configuration_keeps_what_did_not_change() {
    let mut driver = settled("");
    for minute in 1..=3 {
        driver.minute(Time::from_secs(60 * minute), 0.5);
    }
    let raised = |driver: &Driver| {
        let high = |event: &&Event| matches!(&event.kind, EventKind::Scaled { by: ScaledBy::Policy { name, .. }, .. } if name == "todo_scale_up");
        driver.events.iter().filter(high).count()
    };
    // The window that is half full stays half full under new limits: the fourth minute still raises the alarm.
    let text = "capacity = { min = 2, desired = 2, max = 8 }\nload_balancer.deregistration_delay = \"7s\"";
    let config = Config::new(&deployment(Target::Local, text), Target::Local);
    driver.engine.reconfigure(Time::from_secs(180), config);
    assert_eq!(driver.engine.desired(), 2, "the new minimum holds at once");
    driver.run_until(Time::from_secs(180));
    for minute in 4..=6 {
        driver.minute(Time::from_secs(60 * minute), 0.5);
    }
    assert_eq!(raised(&driver), 1);
    assert!(driver.engine.desired() > 2);
}
