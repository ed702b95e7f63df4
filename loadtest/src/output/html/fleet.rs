//! What the fleet did, on the same axis as what the users saw.

use std::fmt::Write;
use std::time::Duration;

use super::chart::{Chart, LEFT, Line, Mark, RIGHT, WIDTH, x_of};
use super::escape;
use crate::metrics::series::Series;
use crate::timeline::Timeline;
use crate::timeline::answer::{Answer, seconds};

/// Height of one alarm's strip in SVG units, with the gap below it.
const STRIP: f64 = 26.0;

/// A timeline, what follows from it, and what could not be had.
#[derive(Debug)]
pub struct Fleet {
    pub timeline: Timeline,
    pub answer: Answer,
    /// Why this is not the whole truth, if it is not.
    pub note: Option<String>,
}

impl Fleet {
    /// Where the capacity changed.
    pub(super) fn marks(&self, start_unix: Duration) -> Vec<Mark> {
        let shift = self.timeline.shift(start_unix);
        let mark = |scaling: &crate::timeline::Scaling| {
            let at_s = scaling.at_s + shift;
            let text = format!("{} → {} by {} after {}", scaling.from, scaling.to, scaling.by, seconds(at_s));
            Mark { at_s, up: scaling.to > scaling.from, text }
        };
        self.timeline.scalings.iter().map(mark).filter(|mark| mark.at_s >= 0.0).collect()
    }

    /// The sentences and the table.
    pub(super) fn answer(&self) -> String {
        let mut html = String::from("<section class=\"answer\"><h2>Did it scale, and did it help?</h2>");
        for sentence in &self.answer.sentences {
            // Writing to a text cannot fail.
            let _ = write!(html, "<p>{}</p>", escape(sentence));
        }
        if let Some(note) = &self.note {
            let _ = write!(html, "<p class=\"note\">{}</p>", escape(note));
        }
        if !self.answer.rows.is_empty() {
            let headings = ["in service", "from", "to", "requests/s", "p50", "p95", "failed"];
            let headings = headings.map(|heading| format!("<th>{heading}</th>")).concat();
            let row = |row: &crate::timeline::answer::Row| {
                let cells = row.cells().map(|cell| format!("<td>{}</td>", escape(&cell))).concat();
                format!("<tr>{cells}</tr>")
            };
            let rows: String = self.answer.rows.iter().map(row).collect();
            let _ = write!(
                html,
                "<div class=\"wide\"><table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>"
            );
        }
        html.push_str("</section>");
        html
    }

    /// Instances and alarms over the test's time.
    pub(super) fn charts(&self, series: &Series, start_unix: Duration, marks: &[Mark]) -> String {
        let shift = self.timeline.shift(start_unix);
        let at = |index: usize| self.timeline.at((index as u64 * series.slice_s) as f64 - shift);
        let slices: Vec<_> = (0..series.slices.len()).map(at).collect();
        let line = |name, class, of: fn(&crate::timeline::Capacity) -> u64| Line {
            name,
            class,
            points: slices.iter().map(|now| now.as_ref().map(|now| of(now) as f64)).collect(),
            steps: true,
        };
        let chart = Chart {
            title: "Instances",
            unit: "",
            lines: vec![
                line("wanted", "c3", |now| now.desired),
                line("in service", "c1", |now| now.in_service),
                line("healthy", "c2", |now| now.healthy),
            ],
        };
        chart.render(series.slice_s, marks) + &self.alarms(series, shift)
    }

    /// A strip per alarm, filled while it is raised.
    fn alarms(&self, series: &Series, shift: f64) -> String {
        let alarms = &self.timeline.alarms;
        if alarms.is_empty() {
            return String::new();
        }
        let count = series.slices.len();
        let end_s = (count as u64 * series.slice_s) as f64;
        let height = STRIP * alarms.len() as f64 + 8.0;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.in_words(shift))
        );
        for (row, alarm) in alarms.iter().enumerate() {
            let y = STRIP * row as f64 + 16.0;
            let _ = write!(
                svg,
                "<text x=\"{LEFT}\" y=\"{:.1}\">{} ({})</text>\
                 <rect class=\"unraised\" x=\"{LEFT}\" y=\"{y}\" width=\"{}\" height=\"6\" rx=\"3\"/>",
                y - 4.0,
                escape(&alarm.name),
                escape(&alarm.when),
                WIDTH - RIGHT - LEFT
            );
            for (from, to) in &alarm.raised {
                let (from_s, to_s) = ((from + shift).max(0.0), (to + shift).min(end_s));
                if to_s > from_s {
                    let (from, to) = (from_s / series.slice_s as f64, to_s / series.slice_s as f64);
                    let (x, right) = (x_of(from, count), x_of(to, count).min(WIDTH - RIGHT));
                    let _ = write!(
                        svg,
                        "<rect class=\"raised\" x=\"{x:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"6\" rx=\"3\">\
                         <title>raised from {} to {}</title></rect>",
                        (right - x).max(2.0),
                        seconds(from_s),
                        seconds(to_s)
                    );
                }
            }
        }
        format!("<section><h2>Alarms raised</h2>{svg}</svg></section>")
    }

    fn in_words(&self, shift: f64) -> String {
        let alarm = |alarm: &crate::timeline::Alarm| {
            let spans: Vec<String> = alarm
                .raised
                .iter()
                .map(|(from, to)| format!("{} to {}", seconds(from + shift), seconds(to + shift)))
                .collect();
            let spans = if spans.is_empty() { "never raised".to_owned() } else { spans.join(", ") };
            format!("{}: {spans}", alarm.name)
        };
        self.timeline.alarms.iter().map(alarm).collect::<Vec<_>>().join("; ")
    }
}
