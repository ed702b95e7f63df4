//! Durations as people write them in a file: `90s`, `2m`, `1h30m`, `250ms`, `50us`.
//!
//! A bare number is refused: `cooldown = 120` leaves the reader guessing the unit.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads `1h30m`; the parts may carry fractions (`1.5s`).
pub fn parse(text: &str) -> Result<Duration, String> {
    let refuse = || {
        format!(
            "`{text}` is not a duration; write a number with a unit such as 50us, 250ms, 90s, 2m, 1h30m or 7d"
        )
    };
    let mut rest = text.trim();
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return Err(refuse());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(refuse)?;
        let number: f64 = rest[..digits].parse().map_err(|_| refuse())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, nanos) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters]).ok_or_else(refuse)?;
        total += number * *nanos as f64;
        rest = &rest[letters..];
    }
    if total > 366.0 * 86_400e9 {
        return Err(format!("`{text}` is longer than a year"));
    }
    Ok(Duration::from_nanos(total.round() as u64))
}

/// A duration that stands in a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        parse(&text).map(Self)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        text(span.0)
    }
}

/// The shortest text that [`parse`] reads back to the same duration.
pub fn text(duration: Duration) -> String {
    let mut nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    if nanos == 0 {
        return "0s".to_owned();
    }
    // Whole minutes and seconds are how AWS and the practical speak: 120s stays 120s up to ten minutes.
    if nanos < 600_000_000_000 && nanos.is_multiple_of(1_000_000_000) {
        return format!("{}s", nanos / 1_000_000_000);
    }
    let mut text = String::new();
    for (unit, size) in UNITS.iter().rev() {
        if nanos >= *size {
            text.push_str(&format!("{}{unit}", nanos / size));
            nanos %= size;
        }
    }
    text
}

/// For `#[serde(with = "duration")]`.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*duration))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = Duration;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a duration in quotes with its unit, such as \"120s\" or \"2m\"")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
            parse(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// For `#[serde(with = "duration::option")]`: absent means "the group's default".
pub mod option {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Given(#[serde(with = "super")] Duration);
        Option::<Given>::deserialize(deserializer).map(|given| given.map(|Given(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_parse_agree() {
        for written in ["120s", "30m", "1h30m", "250ms", "50us", "0s", "7d", "500ms", "1s500ms"] {
            let duration = parse(written).expect(written);
            assert_eq!(parse(&text(duration)).expect(written), duration);
        }
        assert_eq!(text(Duration::from_secs(120)), "120s");
        assert_eq!(parse("1.5s").expect("fraction"), Duration::from_millis(1500));
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_advice() {
        for written in ["", "120", "2 minutes", "-5s", "s", "1x", "..s"] {
            assert!(parse(written).expect_err(written).contains("90s"), "{written}");
        }
    }
}
