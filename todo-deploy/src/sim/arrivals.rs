//! Open load: requests come at a rate that does not wait for answers.
//!
//! The rate is piecewise linear. The next arrival is where the integral of the rate has grown by one (evenly
//! paced, as k6's arrival-rate executors start iterations) or by an exponential variable (a Poisson process).

use std::str::FromStr;

use super::dist;
use super::queue::Nanos;
use super::rng::Rng;

/// Arrivals per second, straight between points of time; before the first point and after the last there are
/// none. Two points at one time make a jump.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate(Vec<(Nanos, f64)>);

/// How arrivals are spread around the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Evenly.
    Even,
    /// At random: many independent users.
    Poisson,
}

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: {wrong}; expected `seconds,requests per second` in order of time, such as `3600,120.5`"
)]
pub struct ParseRateError {
    line: usize,
    wrong: String,
}

impl Rate {
    /// A rate through these points, which must be in order of time; `None` when they are not, or a rate is
    /// negative or not a number.
    #[must_use]
    pub fn new(points: Vec<(Nanos, f64)>) -> Option<Self> {
        let in_order = points.is_sorted_by_key(|point| point.0);
        let sensible = points.iter().all(|point| point.1.is_finite() && point.1 >= 0.0);
        (in_order && sensible).then_some(Self(points))
    }

    /// Always the same, from zero to `end`.
    #[must_use]
    pub fn constant(rate: f64, end: Nanos) -> Self {
        Self(vec![(0, rate.max(0.0)), (end, rate.max(0.0))])
    }

    /// The highest that it gets.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.0.iter().map(|point| point.1).fold(0.0, f64::max)
    }

    /// When the last arrival may come.
    #[must_use]
    pub fn end(&self) -> Nanos {
        self.0.last().map_or(0, |point| point.0)
    }
}

impl FromStr for Rate {
    type Err = ParseRateError;

    /// CSV of two columns, seconds and rate; empty lines are skipped, and a first line without any number.
    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let mut points: Vec<(Nanos, f64)> = Vec::new();
        let text = text.trim_start_matches('\u{feff}');
        for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
            let wrong = |wrong: String| ParseRateError { line, wrong };
            let (at, rate) = row.split_once(',').ok_or_else(|| wrong(format!("`{row}` has no comma")))?;
            let (at, rate) = (at.trim(), rate.trim());
            let (seconds, value) = match (at.parse::<f64>(), rate.parse::<f64>()) {
                (Ok(seconds), Ok(value)) => (seconds, value),
                (Err(_), Err(_)) if line == 1 => continue,
                _ => return Err(wrong(format!("`{row}` is not two numbers"))),
            };
            if !(0.0..=1e9).contains(&seconds) || !(0.0..=1e9).contains(&value) {
                return Err(wrong(format!("`{row}` is out of range")));
            }
            let at = (seconds * 1e9) as Nanos;
            if points.last().is_some_and(|last| last.0 > at) {
                return Err(wrong(format!("{seconds} s lies before the line above")));
            }
            points.push((at, value));
        }
        if points.len() < 2 {
            return Err(ParseRateError { line: 1, wrong: "a rate needs two points at least".to_owned() });
        }
        Ok(Self(points))
    }
}

/// Where the process has got to.
#[derive(Debug, Clone)]
pub struct Arrivals {
    rate: Rate,
    spread: Spread,
    /// The piece that starts at this point, and how far into it the last arrival was, in seconds.
    piece: usize,
    into: f64,
    /// How much of the next arrival's share of the integral is still to come.
    left: f64,
}

impl Arrivals {
    /// The process from time zero.
    #[must_use]
    pub const fn new(rate: Rate, spread: Spread) -> Self {
        Self { rate, spread, piece: 0, into: 0.0, left: 0.0 }
    }

    /// The next arrival, or none when the rate has ended. Evenly spread, the first comes at once.
    pub fn next(&mut self, rng: &mut Rng) -> Option<Nanos> {
        self.left += match self.spread {
            Spread::Even if self.piece == 0 && self.into == 0.0 && self.left == 0.0 => f64::MIN_POSITIVE,
            Spread::Even => 1.0,
            Spread::Poisson => dist::exponential(1.0, rng),
        };
        while let [(start, low), (end, high), ..] = self.rate.0[self.piece..] {
            let length = (end - start) as f64 / 1e9;
            let slope = if length > 0.0 { (high - low) / length } else { 0.0 };
            let present = low + slope * self.into;
            let rest = (length - self.into) * f64::midpoint(present, high);
            if rest >= self.left {
                // Solves left = present·x + slope·x²/2, in the form that does not cancel.
                let root = (present * present + 2.0 * slope * self.left).max(0.0).sqrt();
                self.into = (self.into + 2.0 * self.left / (present + root)).min(length);
                self.left = 0.0;
                return Some(start + (self.into * 1e9).round() as Nanos);
            }
            self.left -= rest;
            self.piece += 1;
            self.into = 0.0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(rate: &str, spread: Spread) -> Vec<Nanos> {
        let mut arrivals = Arrivals::new(rate.parse().expect("a rate"), spread);
        let mut rng = Rng::new(3);
        std::iter::from_fn(|| arrivals.next(&mut rng)).collect()
    }

    #[test]
    fn even_arrivals_follow_the_integral() {
        assert_eq!(
            all("0,2\n2,2", Spread::Even),
            [0, 500_000_000, 1_000_000_000, 1_500_000_000, 2_000_000_000]
        );
        // Rising from 0 to 2 per second over 2 s: the n-th at √(2n) s.
        let rising = all("seconds,rate\n0,0\n\n2,2\n", Spread::Even);
        assert_eq!(rising.len(), 3);
        assert!((rising[1] as f64 / 1e9 - 2f64.sqrt()).abs() < 1e-8, "{rising:?}");
    }

    #[test]
    fn fractions_carry_over_and_gaps_are_passed() {
        // 0.75 arrivals in the first piece, none for a long time, then the rest.
        let times = all("0,0.5\n1.5,0.5\n1.5,0\n100,0\n100,1\n101,1", Spread::Even);
        assert_eq!(times, [0, 100_250_000_000]);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_variance_of_their_rate() {
        let times = all("0,0\n1000,100\n2000,100", Spread::Poisson);
        let expected = 150_000.0f64;
        assert!((times.len() as f64 - expected).abs() < 4.0 * expected.sqrt(), "{}", times.len());
        assert!(times.is_sorted());
    }

    #[test]
    fn a_bad_rate_is_told_by_line() {
        let wrong = |text: &str| text.parse::<Rate>().expect_err("bad").to_string();
        assert!(wrong("0,1\n5,-1").starts_with("line 2: `5,-1` is out of range"));
        assert!(wrong("0,1\n5,2\n4,2").starts_with("line 3: 4 s lies before"));
        assert!(wrong("0,1\nx,y").starts_with("line 2: `x,y` is not two numbers"));
        assert!(wrong("0,abc\n1,1\n2,1").starts_with("line 1: `0,abc` is not two numbers"));
        assert!(wrong("").contains("two points"));
    }

    #[test]
    fn the_highest_rate_is_that_of_the_points() {
        assert_eq!("seconds,rate\n0,7\n9,12.5\n10,0".parse::<Rate>().map(|rate| rate.max()), Ok(12.5));
    }

    #[test]
    fn a_byte_order_mark_is_no_heading() {
        assert_eq!("\u{feff}0,7\n9,7".parse::<Rate>(), "0,7\n9,7".parse());
    }
}
