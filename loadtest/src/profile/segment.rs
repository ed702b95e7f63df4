//! One share of a test that several machines run together: k6's execution segments.
//!
//! A sequence of points such as `0,1/3,1` cuts the whole into segments; numbers (of VUs, of iterations) belong to
//! segments in stripes that spread each segment evenly, larger ones first. So the segments of a sequence together have
//! every number once, and each can tell which are its own without asking the others.

use std::cmp::Ordering;
use std::fmt;

/// The common denominator of a sequence's points; a larger one would make too long stripes.
const DENOMINATOR_MAX: u64 = 1_000_000;

/// A fraction in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fraction {
    over: u64,
    under: u64,
}

impl Fraction {
    const ZERO: Self = Self { over: 0, under: 1 };
    const ONE: Self = Self { over: 1, under: 1 };

    /// `under` must not be zero.
    fn new(over: u64, under: u64) -> Self {
        let divisor = gcd(over, under);
        Self { over: over / divisor, under: under / divisor }
    }

    /// `1/3`, `0.25`, `10%`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(percent) = text.strip_suffix('%') {
            let Self { over, under } = Self::parse(percent)?;
            return Some(Self::new(over, under.checked_mul(100)?));
        }
        let (over, under) = match text.split_once('/') {
            Some((over, under)) => (over.trim().parse().ok()?, under.trim().parse().ok()?),
            None => {
                let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
                let under = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
                (format!("{whole}{decimals}").parse().ok()?, under)
            }
        };
        (under > 0).then(|| Self::new(over, under))
    }

    fn cmp(self, other: Self) -> Ordering {
        let cross = |a: u64, b: u64| u128::from(a) * u128::from(b);
        cross(self.over, other.under).cmp(&cross(other.over, self.under))
    }

    /// How often `unit` of it fit: its numerator over that denominator, which must be a multiple of its own.
    fn in_units(self, unit: u64) -> u64 {
        self.over * (unit / self.under)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.under == 1 { write!(f, "{}", self.over) } else { write!(f, "{}/{}", self.over, self.under) }
    }
}

/// A segment in its sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// How many of `unit` each segment of the sequence has.
    lengths: Vec<u64>,
    unit: u64,
    /// Which segment this is.
    index: usize,
    from: Fraction,
    to: Fraction,
    points: Vec<Fraction>,
}

impl Default for Segment {
    /// The whole.
    fn default() -> Self {
        let points = vec![Fraction::ZERO, Fraction::ONE];
        Self { lengths: vec![1], unit: 1, index: 0, from: Fraction::ZERO, to: Fraction::ONE, points }
    }
}

impl Segment {
    /// Reads a segment such as `1/3:2/3`, `25%` or `0.5:1` and the sequence that it belongs to, such as `0,1/3,2/3,1`.
    /// Without a sequence the rest of the whole is one segment before and one after it.
    ///
    /// # Errors
    /// When one of them is none, or the segment is none of the sequence's.
    pub fn parse(segment: Option<&str>, sequence: Option<&str>) -> Result<Self, String> {
        let segment = segment.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("0:1");
        let (from, to) = segment.split_once(':').unwrap_or(("0", segment));
        let (from, to) = (point(from)?, point(to)?);
        let sequence = sequence.map(str::trim).filter(|text| !text.is_empty());
        let given: Vec<Fraction> = match sequence {
            None => vec![from, to],
            Some(text) => text.split(',').map(point).collect::<Result<_, _>>()?,
        };
        if given.len() < 2 {
            return Err("a sequence of segments needs at least two points, such as 0,1/2,1".to_owned());
        }
        for pair in [[from, to].as_slice(), &given].iter().flat_map(|points| points.windows(2)) {
            if pair[0].cmp(pair[1]) != Ordering::Less {
                return Err(format!(
                    "a segment's start ({}) must be less than its end ({})",
                    pair[0], pair[1]
                ));
            }
        }
        let inside =
            given.iter().copied().filter(|point| *point != Fraction::ZERO && *point != Fraction::ONE);
        let points: Vec<Fraction> =
            std::iter::once(Fraction::ZERO).chain(inside).chain(std::iter::once(Fraction::ONE)).collect();
        let index = points.windows(2).position(|pair| pair[0] == from && pair[1] == to);
        let index = index.ok_or_else(|| {
            let all: Vec<_> = points.iter().map(ToString::to_string).collect();
            format!("the segment {from}:{to} is not one of the sequence {}", all.join(","))
        })?;
        let unit = points.iter().try_fold(1, |unit, point| lcm(unit, point.under));
        let unit = unit.ok_or_else(|| {
            format!("these segments have no common denominator up to {DENOMINATOR_MAX}; write rounder points")
        })?;
        let lengths = points.windows(2).map(|pair| pair[1].in_units(unit) - pair[0].in_units(unit)).collect();
        Ok(Self { index, from, to, points, ..Self::of_lengths(lengths, index) })
    }

    /// In lowest terms: the lengths are divided by what they have in common.
    fn of_lengths(lengths: Vec<u64>, index: usize) -> Self {
        let common = lengths.iter().copied().fold(0, gcd).max(1);
        let lengths: Vec<u64> = lengths.into_iter().map(|length| length / common).collect();
        Self { unit: lengths.iter().sum(), lengths, index, ..Self::default() }
    }

    /// Whether there is nothing but this segment.
    pub fn is_whole(&self) -> bool {
        self.lengths.len() == 1
    }

    /// Its share of the whole, from 0 to 1.
    pub fn share(&self) -> f64 {
        self.lengths[self.index] as f64 / self.unit as f64
    }

    /// As `inspect` writes it.
    pub fn text(&self) -> String {
        format!("{}:{}", self.from, self.to)
    }

    /// The whole sequence, as `inspect` writes it.
    pub fn sequence_text(&self) -> String {
        self.points.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// The numbers that are this segment's.
    pub fn stripes(&self) -> Stripes {
        // The longest segment first; each takes the next number as soon as its share of what has been given is due.
        let mut order: Vec<usize> = (0..self.lengths.len()).collect();
        order.sort_by_key(|segment| std::cmp::Reverse(self.lengths[*segment]));
        let (mut taken, mut own) = (vec![0_u64; order.len()], Vec::new());
        for number in 0..self.unit {
            let due = |segment: &&usize| {
                let (had, length) = (taken[**segment], self.lengths[**segment]);
                u128::from(number) * u128::from(length) >= u128::from(had) * u128::from(self.unit)
            };
            let Some(segment) = order.iter().find(due).copied() else { continue };
            taken[segment] += 1;
            if segment == self.index {
                own.push(number);
            }
        }
        Stripes { own, unit: self.unit }
    }

    /// How the segments divide things that only `value` VUs can do: in proportion to the VUs that each of them has. `None`
    /// when this one has none.
    pub fn by_vus(&self, value: u64) -> Option<Self> {
        if self.is_whole() || (value > 0 && value.is_multiple_of(self.unit)) {
            return Some(self.clone());
        }
        let of = |index: usize| Self { index, ..self.clone() }.stripes().scale(value);
        let lengths: Vec<u64> = (0..self.lengths.len()).map(of).collect();
        let own = lengths[self.index];
        if own == 0 {
            return None;
        }
        let index = lengths[..self.index].iter().filter(|length| **length > 0).count();
        Some(Self::of_lengths(lengths.into_iter().filter(|length| *length > 0).collect(), index))
    }
}

/// Numbers from 0 on, of which some belong to one segment: the same ones in each round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripes {
    /// Ascending, below `unit`; never empty.
    own: Vec<u64>,
    unit: u64,
}

impl Default for Stripes {
    /// All of them.
    fn default() -> Self {
        Self { own: vec![0], unit: 1 }
    }
}

impl Stripes {
    /// How many of the numbers below `value` are its own.
    pub fn scale(&self, value: u64) -> u64 {
        let rest = value % self.unit;
        value / self.unit * self.own.len() as u64 + self.own.partition_point(|own| *own < rest) as u64
    }

    /// Its own `nth` number, from 0.
    pub fn nth(&self, nth: u64) -> u64 {
        let round = self.own.len() as u64;
        nth / round * self.unit + self.own[usize::try_from(nth % round).unwrap_or_default()]
    }

    pub fn contains(&self, number: u64) -> bool {
        self.own.binary_search(&(number % self.unit)).is_ok()
    }
}

fn point(text: &str) -> Result<Fraction, String> {
    let point = Fraction::parse(text).ok_or_else(|| {
        format!("`{}` is no point of a segment; write for example 1/3, 25% or 0.5", text.trim())
    })?;
    match point.cmp(Fraction::ONE) {
        Ordering::Greater => Err(format!("a segment ends at 1 at most, not at {point}")),
        _ => Ok(point),
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

fn lcm(a: u64, b: u64) -> Option<u64> {
    a.checked_mul(b / gcd(a, b)).filter(|lcm| *lcm <= DENOMINATOR_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(segment: &str, sequence: &str) -> Segment {
        Segment::parse(Some(segment), Some(sequence)).expect("is valid")
    }

    /// VUs of seven (from 1), iterations below 20 of 23 that 7 VUs share, and those of a rate for which there are at most 5
    /// VUs; as k6 v2.2.1 runs them.
    #[test]
    fn numbers_are_k6s() {
        for (segment, sequence, vus, shared, open) in [
            (
                "0:1/3",
                "0,1/3,2/3,1",
                &[1, 4, 7][..],
                &[0, 3, 5, 7, 10, 12, 14, 17, 19][..],
                &[0, 3, 5, 8, 10, 13, 15, 18][..],
            ),
            ("1/3:2/3", "0,1/3,2/3,1", &[2, 5], &[1, 4, 8, 11, 15, 18], &[1, 4, 6, 9, 11, 14, 16, 19]),
            ("2/3:1", "0,1/3,2/3,1", &[3, 6], &[2, 6, 9, 13, 16], &[2, 7, 12, 17]),
            (
                "1/4:1",
                "0,1/4,1",
                &[1, 3, 4, 5, 7],
                &[0, 2, 3, 5, 6, 7, 9, 10, 12, 13, 14, 16, 17, 19],
                &[0, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15, 17, 18, 19],
            ),
            ("0.1:0.35", "0,10%,0.35,1", &[2, 7], &[1, 5, 8, 12, 15, 19], &[3, 8, 13, 18]),
            ("1/2:1", "", &[2, 4, 6], &[1, 3, 5, 8, 10, 12, 15, 17, 19], &[1, 3, 6, 8, 11, 13, 16, 18]),
        ] {
            let own = of(segment, sequence);
            let below = |stripes: &Stripes, most: u64| -> Vec<u64> {
                (0..stripes.scale(most)).map(|nth| stripes.nth(nth)).collect()
            };
            let by_vus = |vus| own.by_vus(vus).expect("has some").stripes();
            let seven: Vec<u64> = below(&own.stripes(), 7).iter().map(|number| number + 1).collect();
            assert_eq!(seven, vus, "{segment} of {sequence}");
            assert_eq!(below(&by_vus(7), 20), shared, "{segment} of {sequence}");
            assert_eq!(below(&by_vus(5), 20), open, "{segment} of {sequence}");
        }
    }

    #[test]
    fn what_is_no_segment_is_refused() {
        for (segment, sequence) in [
            ("1/3:2/3", "0,1/3,2/4,1"),
            ("2", ""),
            ("0:x", ""),
            ("1/2:1/2", ""),
            ("0:1/2", "1/2"),
            ("0", "0,1"),
            ("0:1/1000003", ""),
            ("1/0:1", ""),
        ] {
            assert!(Segment::parse(Some(segment), Some(sequence)).is_err(), "{segment} of {sequence}");
        }
        assert_eq!(of("25%:0.5", "").text(), "1/4:1/2");
        assert!(Segment::parse(None, None).expect("is valid").is_whole());
    }

    proptest::proptest! {
        #[test]
        fn segments_together_are_the_whole(
            points in proptest::collection::btree_set(1_u64..60, 0..6),
            value in 0_u64..500,
        ) {
            let all: Vec<String> = std::iter::once(0).chain(points).chain([60]).map(|point| format!("{point}/60")).collect();
            let sequence = all.join(",");
            let segments: Vec<Segment> = all.windows(2).map(|pair| of(&format!("{}:{}", pair[0], pair[1]), &sequence)).collect();
            for by_vus in [None, Some(7), Some(60), Some(value.max(1))] {
                let stripes: Vec<Stripes> = segments
                    .iter()
                    .filter_map(|segment| by_vus.map_or(Some(segment.clone()), |vus| segment.by_vus(vus)))
                    .map(|segment| segment.stripes())
                    .collect();
                for number in 0..value {
                    proptest::prop_assert_eq!(stripes.iter().filter(|own| own.contains(number)).count(), 1);
                }
                let sum: u64 = stripes.iter().map(|own| own.scale(value)).sum();
                proptest::prop_assert_eq!(sum, value);
                for own in &stripes {
                    for nth in 0..own.scale(value) {
                        proptest::prop_assert!(own.contains(own.nth(nth)) && own.nth(nth) < value);
                    }
                }
            }
        }
    }
}
