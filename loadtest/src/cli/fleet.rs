//! `--timeline`: read before the test, so that a wrong address is known at once, and again after it.

use super::exit::Failure;
use crate::engine::run::Outcomes;
use crate::engine::worker::Plans;
use crate::output::html::Fleet;
use crate::timeline::answer::answer;
use crate::timeline::{Timeline, Where};

/// What was read before the test.
#[derive(Debug)]
pub(super) struct Before {
    place: Where,
    timeline: Timeline,
}

impl Before {
    /// Reads the timeline that `text` names.
    pub(super) async fn read(text: &str, plans: &Plans) -> Result<Self, Failure> {
        let place = Where::parse(text).map_err(|error| Failure::config(error.to_string()))?;
        let timeline = place.read(&plans.network).await;
        Ok(Self { place, timeline: timeline.map_err(|error| Failure::config(error.to_string()))? })
    }

    /// Reads it again. Where that fails the test is still worth its report: what was known before must do.
    pub(super) async fn after(self, plans: &Plans, outcomes: &Outcomes) -> Fleet {
        let again = if self.place.reads_once() {
            Err(format!("{} is a pipe and could not be read again", self.place))
        } else {
            self.place.read(&plans.network).await.map_err(|error| error.to_string())
        };
        let (timeline, note) = match again {
            Ok(timeline) => (timeline, None),
            Err(why) => {
                let note =
                    format!("after the test, {why}. What is said of the fleet is from before the test.");
                (self.timeline, Some(note))
            }
        };
        let answer = answer(&timeline, &outcomes.totals.series, plans.clock.start_unix, outcomes.run_time);
        Fleet { timeline, answer, note }
    }
}
