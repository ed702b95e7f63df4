//! A recorded or simulated run, played again on a board.
#![expect(clippy::disallowed_methods, reason = "drives a recording by the real clock")]

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Board;
use crate::status::{Phase, Recording};
use crate::time::Time;
use crate::timeline::{Event, Point};

/// Between two pictures.
const FRAME: Duration = Duration::from_millis(500);

/// How a recording is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Play {
    /// Seconds of the recording per second of watching.
    pub speed: f64,
    /// Where to begin.
    pub from: Time,
}

/// Plays a recording to its end. The board is the recording's own: made from its `about`.
pub async fn play(recording: &Recording, board: &mut Board, play: Play) {
    let mut film = Film::new(recording);
    let began = Instant::now();
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        frames.tick().await;
        let elapsed = Duration::try_from_secs_f64(began.elapsed().as_secs_f64() * play.speed);
        let now = play.from + elapsed.unwrap_or(Duration::MAX);
        film.show(board, now.min(recording.until));
        if now >= recording.until {
            board.phase(Phase::Ended);
            board.publish(recording.until);
            return;
        }
    }
}

/// What of a recording was not shown yet, in order of time.
struct Film<'a> {
    events: std::iter::Peekable<std::slice::Iter<'a, Event>>,
    points: std::iter::Peekable<std::vec::IntoIter<(Time, &'a str, Point)>>,
}

impl<'a> Film<'a> {
    fn new(recording: &'a Recording) -> Self {
        // A point describes the time after its stamp: it is known only when its period is over.
        let period = Duration::try_from_secs_f64(recording.about.sample_s).unwrap_or_default();
        let series = recording.timeline.series.iter();
        let known = |point: &Point| point.at + period;
        let points = series.flat_map(|(name, points)| points.iter().map(move |point| (name.as_str(), point)));
        let mut points: Vec<_> = points.map(|(name, point)| (known(point), name, *point)).collect();
        points.sort_by_key(|(known, ..)| *known);
        Self { events: recording.timeline.events.iter().peekable(), points: points.into_iter().peekable() }
    }

    fn show(&mut self, board: &mut Board, now: Time) {
        while let Some(event) = self.events.next_if(|event| event.at <= now) {
            board.event(event);
        }
        while let Some((_, name, point)) = self.points.next_if(|(known, ..)| *known <= now) {
            board.record(name, point.at, point.value);
        }
        board.publish(now);
    }
}
