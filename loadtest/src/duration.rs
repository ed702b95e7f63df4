//! Durations as k6 writes and reads them: `1m30s`, `500ms`, `1d12h`, a bare number meaning milliseconds.

use std::time::Duration;

/// A text that is no duration. The message names the text and shows a right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadDuration(String);

impl std::fmt::Display for BadDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is not a duration; write for example 30s, 1m30s, 500ms or a number of milliseconds",
            self.0
        )
    }
}

impl std::error::Error for BadDuration {}

/// Units with their length in nanoseconds, longest name first so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads `1m30s`, `1.5h`, `2d` or a bare number of milliseconds.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let bad = || BadDuration(text.to_owned());
    let mut rest = text.trim().trim_start_matches('+');
    if rest.is_empty() {
        return Err(bad());
    }
    if let Ok(milliseconds) = rest.parse::<f64>() {
        return from_millis(milliseconds).ok_or_else(bad);
    }
    let mut total = 0_u128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let (unit, length) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit)).ok_or_else(bad)?;
        total += part(number, *length).ok_or_else(bad)?;
        rest = &tail[unit.len()..];
    }
    u64::try_from(total).map(Duration::from_nanos).map_err(|_| bad())
}

/// A number of milliseconds, as k6 reads bare numbers in options. `None` when negative, too large or not a number.
pub fn from_millis(milliseconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

/// `number` (digits with at most one point) times `unit` nanoseconds, without rounding through a float.
fn part(number: &str, unit: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 19 || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some(whole * u128::from(unit) + fraction * u128::from(unit) / scale)
}

/// Writes a duration as Go and k6 do: `11m30s`, `1.5s`, `250ms`, `1h0m0s`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (unit, length) = match nanos {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{}{unit}", decimal(nanos, length));
    }
    let minutes = nanos / 60_000_000_000;
    let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / unit` with as many decimals as needed and no trailing zeros.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_as_k6() {
        for (text, nanos, written) in [
            ("1m30s", 90_000_000_000, "1m30s"),
            ("500ms", 500_000_000, "500ms"),
            ("1.5h", 5_400_000_000_000, "1h30m0s"),
            ("1d", 86_400_000_000_000, "24h0m0s"),
            ("250", 250_000_000, "250ms"),
            ("1.5", 1_500_000, "1.5ms"),
            ("0", 0, "0s"),
            ("10s500ms", 10_500_000_000, "10.5s"),
            ("3us", 3_000, "3µs"),
        ] {
            let parsed = parse(text).expect(text);
            assert_eq!(parsed, Duration::from_nanos(nanos), "{text}");
            assert_eq!(format(parsed), written, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in ["", "s", "1x", "1m 2", "-5s", "1..5s", "NaN", "inf", "99999999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
