//! One plot as inline SVG: lines over time, on an axis that all plots of a page share.

use maud::{Markup, PreEscaped, html};

/// Width and height of the drawing, in its own units; it scales to the page.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 22.0;

pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) lines: Vec<Line<'a>>,
    /// A horizontal mark, such as an alarm's threshold, with its name.
    pub(super) levels: Vec<(f64, String)>,
    /// Moments at which the capacity changed, in seconds, with what is to be said.
    pub(super) marks: &'a [(f64, String)],
    /// The end of the axis, in seconds.
    pub(super) end: f64,
}

pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    /// Class of its colour: `a`, `b` or `c`.
    pub(super) class: &'a str,
    /// Seconds and value; a step line holds each value until the next.
    pub(super) points: Vec<(f64, f64)>,
    pub(super) is_step: bool,
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let values = self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        let most = values.chain(self.levels.iter().map(|level| level.0)).fold(0.0, f64::max);
        let counts = self.lines.iter().all(|line| line.is_step);
        let ticks = ticks(most, if counts { 1.0 } else { 0.0 });
        let top = ticks.last().copied().unwrap_or(1.0);
        let x = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / self.end.max(1.0);
        let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top);
        html! {
            figure {
                figcaption {
                    b { (self.title) }
                    @for line in &self.lines { span class={ "key " (line.class) } { (line.name) } }
                }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(self.title) {
                    @for tick in &ticks {
                        line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(round(y(*tick))) y2=(round(y(*tick))) {}
                        text class="y" x=(LEFT - 6.0) y=(round(y(*tick) + 4.0)) { (label(*tick)) }
                    }
                    @for seconds in time_ticks(self.end) {
                        text class="x" x=(round(x(seconds))) y=(HEIGHT - 6.0) { (clock(seconds)) }
                    }
                    @for (seconds, what) in self.marks {
                        line class="mark" x1=(round(x(*seconds))) x2=(round(x(*seconds))) y1=(TOP) y2=(HEIGHT - BOTTOM) {
                            title { (what) }
                        }
                    }
                    @for (level, name) in &self.levels {
                        line class="level" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(round(y(*level))) y2=(round(y(*level))) {
                            title { (name) }
                        }
                        text class="level" x=(WIDTH - RIGHT - 4.0) y=(round(y(*level) - 4.0)) { (name) }
                    }
                    @for line in &self.lines {
                        path class={ "line " (line.class) } d=(PreEscaped(path(line, x, y))) {}
                    }
                }
            }
        }
    }
}

fn path(line: &Line<'_>, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut previous = None;
    for (seconds, value) in &line.points {
        let (x, y) = (round(x(*seconds)), round(y(*value)));
        match previous {
            None => path.push_str(&format!("M{x} {y}")),
            Some(_) if line.is_step => path.push_str(&format!("H{x}V{y}")),
            Some(_) => path.push_str(&format!("L{x} {y}")),
        }
        previous = Some(y);
    }
    path
}

/// One decimal: half the bytes, and no difference to see.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Up to five round values from zero to at least `most`, `least` apart or more.
fn ticks(most: f64, least: f64) -> Vec<f64> {
    if most <= 0.0 {
        return vec![0.0, 1.0];
    }
    let power = 10.0_f64.powf((most / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| step * 4.0 >= most);
    let step = step.unwrap_or(most).max(least);
    let count = (most / step).ceil() as u32;
    (0..=count.max(1)).map(|i| f64::from(i) * step).collect()
}

fn time_ticks(end: f64) -> Vec<f64> {
    let step = [60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0];
    let step = step.into_iter().find(|step| end / step <= 12.0).unwrap_or(end);
    let count = (end / step).floor() as u32;
    (0..=count).map(|i| f64::from(i) * step).collect()
}

fn clock(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

fn label(value: f64) -> String {
    match value {
        v if v >= 10_000.0 => format!("{}k", round(v / 1000.0)),
        v if v.fract() == 0.0 => format!("{v:.0}"),
        v => format!("{}", (v * 1000.0).round() / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        assert_eq!(ticks(5000.0, 1.0), [0.0, 2000.0, 4000.0, 6000.0]);
        assert_eq!(ticks(2.0, 1.0), [0.0, 1.0, 2.0], "nobody has half an instance");
        assert_eq!(ticks(4.0, 0.0), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ticks(0.0, 0.0), [0.0, 1.0]);
        for most in [0.3, 7.0, 99.0, 101.0, 12_345.0] {
            let ticks = ticks(most, 0.0);
            assert!((3..=6).contains(&ticks.len()) && ticks[ticks.len() - 1] >= most, "{most}: {ticks:?}");
        }
    }
}
