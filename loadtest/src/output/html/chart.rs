//! One chart over time: an axis, a grid, a few lines.

use std::fmt::Write;

/// Drawing area in SVG units.
pub(super) const WIDTH: f64 = 1000.0;
pub(super) const HEIGHT: f64 = 190.0;
pub(super) const LEFT: f64 = 62.0;
pub(super) const RIGHT: f64 = 8.0;
pub(super) const TOP: f64 = 8.0;
pub(super) const BOTTOM: f64 = 22.0;
/// Points of one line; more are thinned to the highest of each step, so that no peak is lost.
const POINTS_MAX: usize = 1200;

/// A chart.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// Written behind the numbers of the axis.
    pub(super) unit: &'static str,
    pub(super) lines: Vec<Line>,
}

/// A moment that is marked in every chart.
pub(super) struct Mark {
    /// Seconds since the start.
    pub(super) at_s: f64,
    pub(super) up: bool,
    pub(super) text: String,
}

/// A value for each slice of time; `None`: a gap.
pub(super) struct Line {
    pub(super) name: &'static str,
    /// Its colour.
    pub(super) class: &'static str,
    pub(super) points: Vec<Option<f64>>,
    /// Each value holds until the next.
    pub(super) steps: bool,
}

impl Chart {
    pub(super) fn render(&self, slice_s: u64, marks: &[Mark]) -> String {
        let count = self.lines.iter().map(|line| line.points.len()).max().unwrap_or(0);
        let highest =
            self.lines.iter().flat_map(|line| &line.points).flatten().fold(0.0_f64, |a, b| a.max(*b));
        let top = nice(highest);
        let mut svg =
            format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", self.title);
        for step in 0..=4 {
            let value = top * f64::from(step) / 4.0;
            let y = y_of(value, top);
            let label = format!("{} {}", short(value), self.unit);
            // Writing to a text cannot fail.
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                label.trim()
            );
        }
        svg.push_str(&time_axis(count, slice_s));
        svg.push_str(&marked(marks, count, slice_s));
        for line in &self.lines {
            for piece in pieces(line, count, top) {
                let _ = write!(svg, "<polyline class=\"{}\" points=\"{piece}\"/>", line.class);
            }
        }
        svg.push_str("</svg>");
        let key: String =
            self.lines.iter().map(|l| format!("<i class=\"{}\"></i>{}", l.class, l.name)).collect();
        format!("<section><h2>{}</h2>{svg}<p class=\"key\">{key}</p></section>", self.title)
    }
}

/// Dashed lines with a head that points up or down.
pub(super) fn marked(marks: &[Mark], count: usize, slice_s: u64) -> String {
    let mark = |mark: &Mark| {
        let x = x_of(mark.at_s / slice_s as f64, count);
        let (base, tip) = if mark.up { (TOP, TOP - 6.0) } else { (TOP - 6.0, TOP) };
        format!(
            "<g class=\"mark\"><title>{}</title><line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
             <path d=\"M{:.1} {base}h8L{x:.1} {tip}z\"/></g>",
            super::escape(&mark.text),
            HEIGHT - BOTTOM,
            x - 4.0
        )
    };
    marks.iter().map(mark).collect()
}

/// The marks below a chart of `count` slices.
pub(super) fn time_axis(count: usize, slice_s: u64) -> String {
    let total_s = count as u64 * slice_s;
    let steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
    let step = steps.into_iter().find(|step| total_s / step <= 10).unwrap_or(86_400);
    (0..=total_s / step)
        .map(|n| {
            let second = n * step;
            let x = x_of(second as f64 / slice_s as f64, count);
            let label = crate::duration::format(std::time::Duration::from_secs(second));
            // The last one must not stick out.
            let anchor = if x > WIDTH - 20.0 { "end" } else { "middle" };
            let x = x.min(WIDTH - RIGHT);
            format!("<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>", HEIGHT - 6.0)
        })
        .collect()
}

pub(super) fn x_of(slice: f64, count: usize) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * slice / (count.max(2) - 1) as f64
}

fn y_of(value: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top
}

/// Coordinates of each unbroken piece of a line.
fn pieces(line: &Line, count: usize, top: f64) -> Vec<String> {
    let points = &line.points;
    let step = points.len().div_ceil(POINTS_MAX).max(1);
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let mut before: Option<f64> = None;
    for (index, chunk) in points.chunks(step).enumerate() {
        match chunk.iter().flatten().copied().reduce(f64::max) {
            Some(value) => {
                let x = x_of((index * step) as f64, count);
                if let Some(before) = before.filter(|before| line.steps && *before != value) {
                    let _ = write!(piece, "{x:.1},{:.1} ", y_of(before, top));
                }
                before = Some(value);
                let _ = write!(piece, "{x:.1},{:.1} ", y_of(value, top));
            }
            None => {
                before = None;
                pieces.extend((!piece.is_empty()).then(|| std::mem::take(&mut piece)));
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// The next round number that the highest value fits under.
fn nice(highest: f64) -> f64 {
    if highest <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(highest.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|top| *top >= highest)
        .unwrap_or(highest)
}

/// A number for an axis: `1500` as `1.5k`.
pub(super) fn short(value: f64) -> String {
    let (value, suffix) = if value >= 1e6 {
        (value / 1e6, "M")
    } else if value >= 1e3 {
        (value / 1e3, "k")
    } else {
        (value, "")
    };
    format!("{}{suffix}", super::numbers::trimmed(value, if value < 0.1 { 3 } else { 2 }))
}
