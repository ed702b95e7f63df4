//! AWS's sentences, read: pure. Words that AWS may choose one day are no trouble: what is not understood is told as it is.

use std::time::Duration;

use super::super::fact::{Fact, What};
use super::Told;
use crate::timeline::{LaunchCause, LeaveCause};

/// `… triggered policy NAME changing the desired capacity …`
pub(super) fn policy(cause: &str) -> Option<String> {
    let (_, rest) = cause.split_once("triggered policy ")?;
    let name = rest.split([' ', '.']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// `… desired capacity from 1 to 2.`
pub(super) fn change(cause: &str) -> Option<(u32, u32)> {
    let (_, rest) = cause.split_once("desired capacity from ")?;
    let mut words = rest.split(|one: char| !one.is_ascii_alphanumeric());
    let from = words.next()?.parse().ok()?;
    (words.next()? == "to").then_some(())?;
    Some((from, words.next()?.parse().ok()?))
}

/// `Setting desired count to 2.`
pub(super) fn set_to(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("Setting desired count to ")?;
    rest.split(|one: char| !one.is_ascii_digit()).next()?.parse().ok()
}

/// `… a user request created an AutoScalingGroup changing the desired capacity from 0 to 1.`
pub(super) fn is_creation(cause: &str) -> bool {
    cause.contains("created an AutoScalingGroup")
}

/// What a group's activity means for an instance; `text` is all that AWS says of it.
pub(super) fn of_instance(told: &Told, text: &str, drain: Duration) -> Vec<Fact> {
    let Told { at, ended, is_bad, description, cause, .. } = told;
    let (at, bad) = (*at, *is_bad);
    let fact = |at, what| Fact { at, what };
    let named = |prefix: &str| {
        let id = description.strip_prefix(prefix)?.split_whitespace().next()?;
        (!bad && id.starts_with("i-")).then(|| id.to_owned())
    };
    if let Some(id) = named("Launching a new EC2 instance: ") {
        let why = if is_creation(cause) { LaunchCause::Created } else { LaunchCause::ScaleOut };
        let launching = fact(at, What::Launching(id.clone(), why));
        let in_service = ended.map(|ended| fact(ended, What::InService(id)));
        return [launching].into_iter().chain(in_service).collect();
    }
    if let Some(id) = named("Terminating EC2 instance: ") {
        let why = match cause {
            cause if cause.contains("health check") => LeaveCause::Unhealthy,
            cause if cause.contains("instance refresh") => LeaveCause::Outdated,
            _ => LeaveCause::ScaleIn,
        };
        let until = ended.unwrap_or(at + drain);
        let draining = fact(at, What::Draining(id.clone(), until, why));
        return [draining].into_iter().chain(ended.map(|ended| fact(ended, What::Gone(id)))).collect();
    }
    // A change of the wanted number is told as one.
    let is_change = !bad && (change(cause).is_some() || set_to(description).is_some());
    if is_change { Vec::new() } else { vec![fact(at, What::Told { text: text.to_owned(), bad })] }
}

/// `(service todo) has started 2 tasks: (task 1) (task 2).`
pub(super) fn of_tasks(message: &str) -> Vec<What> {
    let started = message.contains(" has started ");
    if !started && !message.contains(" has stopped ") {
        return Vec::new();
    }
    let tasks = message.split("(task ").skip(1).filter_map(|rest| rest.split_once(')'));
    let what = |id: &str| match started {
        true => What::Launching(id.to_owned(), LaunchCause::ScaleOut),
        false => What::Gone(id.to_owned()),
    };
    tasks.map(|(id, _)| what(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn activities_tell_what_became_of_an_instance() {
        let (at, ended) = (Time::from_secs(100), Time::from_secs(160));
        let told = |description: &str, cause: &str, ended| Told {
            at,
            ended,
            description: description.to_owned(),
            cause: cause.to_owned(),
            ..Told::default()
        };
        let drain = Duration::from_secs(30);
        let facts = |told: &Told| -> Vec<(Time, What)> {
            of_instance(told, "all", drain).into_iter().map(|fact| (fact.at, fact.what)).collect()
        };
        let id = "i-0a".to_owned();
        let launch = told(
            "Launching a new EC2 instance: i-0a",
            "a user request created an AutoScalingGroup",
            Some(ended),
        );
        let launching = What::Launching(id.clone(), LaunchCause::Created);
        assert_eq!(facts(&launch), [(at, launching), (ended, What::InService(id.clone()))]);
        let leaving = told("Terminating EC2 instance: i-0a", "an ELB system health check failure", None);
        let draining = What::Draining(id.clone(), at + drain, LeaveCause::Unhealthy);
        assert_eq!(facts(&leaving), [(at, draining)]);
        let gone = told("Terminating EC2 instance: i-0a", "in response to an instance refresh", Some(ended));
        let draining = What::Draining(id.clone(), ended, LeaveCause::Outdated);
        assert_eq!(facts(&gone), [(at, draining), (ended, What::Gone(id))]);
        let failed = Told { is_bad: true, ..told("Launching a new EC2 instance: i-0a", "x", Some(ended)) };
        assert_eq!(facts(&failed), [(at, What::Told { text: "all".to_owned(), bad: true })]);
        assert_eq!(facts(&told("Setting desired count to 2", "", None)), [], "that is a change of capacity");
        assert_eq!(facts(&told("Something new", "", None)).len(), 1);
    }

    #[test]
    fn a_services_messages_name_its_tasks() {
        let launching = |id: &str| What::Launching(id.to_owned(), LaunchCause::ScaleOut);
        let two = "(service todo) has started 2 tasks: (task 1a) (task 2b).";
        assert_eq!(of_tasks(two), [launching("1a"), launching("2b")]);
        let stopped = "(service todo) has stopped 1 running tasks: (task 1a).";
        assert_eq!(of_tasks(stopped), [What::Gone("1a".to_owned())]);
        assert_eq!(of_tasks("(service todo) has reached a steady state."), []);
        assert_eq!(of_tasks("(service todo) has started (task "), []);
    }
}
