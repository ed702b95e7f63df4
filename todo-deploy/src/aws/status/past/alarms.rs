//! Changes of state of the alarms, and actions of theirs that failed.

use aws_sdk_cloudwatch::types::{AlarmHistoryItem, HistoryItemType, ScanBy};
use aws_smithy_types::DateTime;
use serde::Deserialize;

use super::super::alarms::Known;
use super::super::fact::{Fact, What};
use super::super::{Clock, tolerated};
use super::Past;
use crate::aws::failure::{Failure, of};
use crate::aws::resources::At;
use crate::report::Tone;
use crate::status::Activity;
use crate::timeline::AlarmState;

/// Newest changes of one alarm, and how far back they are looked for, in seconds.
const CHANGES_MAX: i32 = 50;
const BACK_S: f64 = 86_400.0;

impl Past {
    /// Adds what the alarms did.
    pub(in crate::aws::status) async fn of_alarms(
        &mut self,
        at: At<'_>,
        clock: Clock,
        now_s: f64,
        known: &[Known],
        notes: &mut Vec<String>,
    ) -> Result<(), Failure> {
        for Known { name, alarm } in known {
            let request =
                at.cloud.cloudwatch.describe_alarm_history().set_alarm_name(alarm.alarm_name.clone());
            let request = request.start_date(DateTime::from_secs_f64(now_s - BACK_S));
            let request =
                request.end_date(DateTime::from_secs_f64(now_s)).scan_by(ScanBy::TimestampDescending);
            let page = request.max_records(CHANGES_MAX).send().await;
            let count = notes.len();
            let page = page.map_err(of("cloudwatch:DescribeAlarmHistory"));
            let page = page.map(|page| page.alarm_history_items.unwrap_or_default());
            let page = tolerated(page, "the history of alarms is", notes)?;
            for (activity, fact) in page.iter().filter_map(|item| of_alarm(item, name, clock)) {
                self.activities.push(activity);
                self.facts.push(fact);
            }
            if notes.len() > count {
                // What one alarm's history is refused with, the others' is too.
                break;
            }
        }
        Ok(())
    }
}

/// `HistoryData` of a change of state.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    old_state: State,
    new_state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    state_value: String,
    state_reason: String,
    state_reason_data: Reason,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reason {
    /// Oldest first.
    recent_datapoints: Vec<f64>,
}

impl State {
    fn value(&self) -> AlarmState {
        match self.state_value.as_str() {
            "OK" => AlarmState::Ok,
            "ALARM" => AlarmState::Alarm,
            _ => AlarmState::InsufficientData,
        }
    }

    /// The datapoints behind it, oldest first.
    fn points(&self) -> Vec<Option<f64>> {
        match self.state_reason_data.recent_datapoints.is_empty() {
            true => points(&self.state_reason),
            false => self.state_reason_data.recent_datapoints.iter().copied().map(Some).collect(),
        }
    }
}

/// `… datapoints [55.0 (23/11/26 13:00:00), 58.0 (…)] were greater …`: AWS names the newest first.
fn points(reason: &str) -> Vec<Option<f64>> {
    let listed = reason.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let numbers = listed.map(|(listed, _)| listed).unwrap_or_default().split(", ");
    let numbers = numbers.filter_map(|number| number.split_whitespace().next()?.parse::<f64>().ok());
    let mut points: Vec<Option<f64>> = numbers.map(Some).collect();
    points.reverse();
    points
}

fn of_alarm(item: &AlarmHistoryItem, name: &str, clock: Clock) -> Option<(Activity, Fact)> {
    let summary = item.history_summary().unwrap_or_default();
    let at = clock.of_ours(item.timestamp())?;
    let change = match item.history_item_type() {
        Some(HistoryItemType::StateUpdate) => {
            serde_json::from_str::<Change>(item.history_data().unwrap_or_default()).ok()
        }
        // What it did is among the activities; what it could not do is nowhere else.
        Some(HistoryItemType::Action) if summary.contains("Failed") => None,
        _ => return None,
    };
    let Some(Change { old_state: old, new_state: new }) = change else {
        let is_action = item.history_item_type() == Some(&HistoryItemType::Action);
        let tone = if is_action { Tone::Held } else { Tone::Plain };
        let text = format!("{name}: {summary}");
        let what = What::Told { text: text.clone(), bad: is_action };
        return Some((Activity { at, tone, text, instances: Vec::new() }, Fact { at, what }));
    };
    let (from, to, points) = (old.value(), new.value(), new.points());
    let words = crate::report::state;
    let text = format!("{name}: {} → {}: {}", words(from), words(to), new.state_reason);
    let text = text.trim_end_matches(": ").to_owned();
    let tone = if (from, to) == (AlarmState::Alarm, AlarmState::Ok) { Tone::Good } else { Tone::Plain };
    let what = What::Alarm { alarm: name.to_owned(), from, to, points };
    Some((Activity { at, tone, text, instances: Vec::new() }, Fact { at, what }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn changes_of_alarms_with_their_reasons() {
        let item = |kind, summary: &str, data: &str| {
            let item = AlarmHistoryItem::builder().history_item_type(kind).timestamp(DateTime::from_secs(60));
            item.history_summary(summary).history_data(data).build()
        };
        let data = r#"{"version":"1.0","oldState":{"stateValue":"INSUFFICIENT_DATA","stateReason":"Unchecked"},
            "newState":{"stateValue":"ALARM","stateReason":"Threshold Crossed: 2 datapoints [25.0, 31.0]"}}"#;
        let table = [
            (
                item(HistoryItemType::StateUpdate, "Alarm updated from INSUFFICIENT_DATA to ALARM", data),
                Some("up: insufficient data → ALARM: Threshold Crossed: 2 datapoints [25.0, 31.0]"),
            ),
            (
                item(HistoryItemType::StateUpdate, "Alarm updated from OK to ALARM", "{"),
                Some("up: Alarm updated from OK to ALARM"),
            ),
            (
                item(HistoryItemType::Action, "Failed to execute action arn:x", ""),
                Some("up: Failed to execute action arn:x"),
            ),
            (item(HistoryItemType::Action, "Successfully executed action arn:x", ""), None),
            (item(HistoryItemType::ConfigurationUpdate, "Alarm \"up\" created", ""), None),
        ];
        for (item, expected) in table {
            let found = of_alarm(&item, "up", Clock { began: 0.0 });
            assert_eq!(found.as_ref().map(|(activity, _)| activity.text.as_str()), expected, "{item:?}");
            assert!(
                found.is_none_or(
                    |(activity, fact)| (activity.at, fact.at) == (Time::from_secs(60), activity.at)
                )
            );
        }
        let raised = item(HistoryItemType::StateUpdate, "", data);
        let (_, fact) = of_alarm(&raised, "up", Clock { began: 0.0 }).expect("a change");
        let (from, to) = (AlarmState::InsufficientData, AlarmState::Alarm);
        let points = vec![Some(31.0), Some(25.0)];
        assert_eq!(fact.what, What::Alarm { alarm: "up".to_owned(), from, to, points });
        assert!(
            of_alarm(&raised, "up", Clock { began: 1000.0 }).is_none(),
            "of an earlier deployment of that name"
        );
    }

    #[test]
    fn datapoints_come_oldest_first() {
        let dated = "Threshold Crossed: 2 out of the last 2 datapoints [58.5 (23/11/26 13:02:00), 55.0 (23/11/26 13:00:00)] were";
        assert_eq!(points(dated), [Some(55.0), Some(58.5)]);
        for reason in ["", "[", "no data [in it]", "1 datapoint was unknown", "[] x"] {
            assert_eq!(points(reason), [], "{reason}");
        }
        let data = r#"{"stateReason": "[1.0]", "stateReasonData": {"recentDatapoints": [2.0, 3.0]}}"#;
        let state: State = serde_json::from_str(data).expect("JSON");
        assert_eq!(state.points(), [Some(2.0), Some(3.0)]);
    }
}
