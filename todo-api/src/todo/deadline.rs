//! Deadlines as clients write them: the ISO 8601 forms that Python's `datetime.fromisoformat` (3.11) takes,
//! because the course's service passes the text to it. `YYYY-MM-DD HH:MM:SS.mmm`, with a space and no zone, is
//! what the course's front end sends.
//!
//! An offset is converted to UTC; more than six fraction digits are truncated; years are 0001 to 9999, after the
//! conversion too. Left out, as the contract allows: ordinal dates and the comma-separated zone forms.

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::Moment;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Reads a deadline; `None` when the text is no date and time that exists.
pub fn parse(text: &str) -> Option<Moment> {
    // Every accepted form is ASCII but for the separator, which Python lets be any one character.
    let mut cursor = Cursor(text);
    let date = cursor.date()?;
    let day = days_since_epoch(date);
    if cursor.0.is_empty() {
        return Moment::from_unix_micros(day.checked_mul(DAY)?);
    }
    cursor.separator()?;
    let time = cursor.time()?;
    let offset = cursor.offset()?;
    if !cursor.0.is_empty() {
        return None;
    }
    Moment::from_unix_micros(day.checked_mul(DAY)? + time - offset)
}

fn days_since_epoch(date: Date) -> i64 {
    const EPOCH: Date = Date::constant(1970, 1, 1);
    // Whole days between two civil dates; jiff's span in days is exact.
    date.since(EPOCH).map_or(0, |span| i64::from(span.get_days()))
}

/// What is still to be read. Each method takes its part off the front, or gives `None`.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn eat(&mut self, byte: char) -> bool {
        let rest = self.0.strip_prefix(byte);
        if let Some(rest) = rest {
            self.0 = rest;
        }
        rest.is_some()
    }

    /// Exactly `count` ASCII digits as a number.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let taken = self.0.get(..count)?;
        if !taken.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.0 = &self.0[count..];
        taken.parse().ok()
    }

    /// `YYYY-MM-DD`, `YYYYMMDD`, `YYYY-Www[-D]` or `YYYYWww[D]`.
    fn date(&mut self) -> Option<Date> {
        let year = i16::try_from(self.digits(4)?).ok()?;
        let dashed = self.eat('-');
        if self.eat('W') {
            let week = i8::try_from(self.digits(2)?).ok()?;
            let day = match (dashed, self.0.bytes().next()) {
                (true, Some(b'-')) if self.0.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                    self.eat('-');
                    self.digits(1)?
                }
                (false, Some(b'0'..=b'9')) => self.digits(1)?,
                _ => 1,
            };
            let weekday = Weekday::from_monday_one_offset(i8::try_from(day).ok()?).ok()?;
            return valid(ISOWeekDate::new(year, week, weekday).ok()?.date());
        }
        let month = self.digits(2)?;
        if dashed && !self.eat('-') {
            return None;
        }
        let day = self.digits(2)?;
        valid(Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?)
    }

    /// One character of any kind, as Python has it; a digit would make the date ambiguous.
    fn separator(&mut self) -> Option<()> {
        let first = self.0.chars().next()?;
        self.0 = &self.0[first.len_utf8()..];
        (!first.is_ascii_digit()).then_some(())
    }

    /// `HH[:MM[:SS[.f…]]]` or `HH[MM[SS[.f…]]]`, as microseconds since midnight.
    fn time(&mut self) -> Option<i64> {
        let (hour, minute, second, micros) = self.clock()?;
        (hour < 24).then_some(())?;
        Some(((hour * 60 + minute) * 60 + second) * SECOND + micros)
    }

    fn clock(&mut self) -> Option<(i64, i64, i64, i64)> {
        let hour = self.digits(2)?;
        let colons = self.0.starts_with(':');
        let more = |cursor: &mut Self| {
            if colons { cursor.eat(':') } else { cursor.0.bytes().next().is_some_and(|b| b.is_ascii_digit()) }
        };
        let minute = if more(self) { self.digits(2)? } else { return Some((hour, 0, 0, 0)) };
        let second = if more(self) { self.digits(2)? } else { return minutes(hour, minute) };
        let micros = if self.eat('.') || self.eat(',') { self.fraction()? } else { 0 };
        (minute < 60 && second < 60).then_some((hour, minute, second, micros))
    }

    /// Fraction digits as microseconds; those past the sixth are dropped.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        (length > 0).then_some(())?;
        let six = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
        Some(six.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
    }

    /// `Z`, `±HH[:MM[:SS[.f…]]]`, `±HHMM` or nothing, as microseconds east of UTC; under a day, as in Python.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.0.chars().next() {
            None => return Some(0),
            Some('Z' | 'z') => {
                self.0 = &self.0[1..];
                return Some(0);
            }
            Some('+') => 1,
            Some('-') => -1,
            Some(_) => return None,
        };
        self.0 = &self.0[1..];
        Some(sign * self.time()?)
    }
}

fn minutes(hour: i64, minute: i64) -> Option<(i64, i64, i64, i64)> {
    (minute < 60).then_some((hour, minute, 0, 0))
}

fn valid(date: Date) -> Option<Date> {
    (1..=9999).contains(&date.year()).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(parse(text).map(|m| m.to_string()).as_deref().unwrap_or("refused"), expect, "{text:?}");
    }

    #[test]
    fn accepted_forms() {
        for (text, expect) in [
            ("2023-05-02 14:00:00.000", "2023-05-02T14:00:00"),
            ("2023-02-27T10:30:00", "2023-02-27T10:30:00"),
            ("2023-02-27", "2023-02-27T00:00:00"),
            ("2023-02-27T10", "2023-02-27T10:00:00"),
            ("2023-02-27T10:30", "2023-02-27T10:30:00"),
            ("2023-02-27T10:30:00.5", "2023-02-27T10:30:00.500000"),
            ("2023-02-27T10:30:00.123456789", "2023-02-27T10:30:00.123456"),
            ("2023-02-27T10:30:00Z", "2023-02-27T10:30:00"),
            ("2023-02-27T10:30:00+10:00", "2023-02-27T00:30:00"),
            ("2023-02-27T10:30:00-0330", "2023-02-27T14:00:00"),
            ("2023-02-27T10:30:00+1000", "2023-02-27T00:30:00"),
            ("2023-02-27T10:30+10", "2023-02-27T00:30:00"),
            ("20230227T103000", "2023-02-27T10:30:00"),
            ("20230227", "2023-02-27T00:00:00"),
            ("2023-W09-1", "2023-02-27T00:00:00"),
            ("2023W091T10", "2023-02-27T10:00:00"),
            ("2023-W09", "2023-02-27T00:00:00"),
            ("2024-02-29T00:00:00", "2024-02-29T00:00:00"),
            ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
            ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
        ] {
            check(text, expect);
        }
    }

    #[test]
    fn refused_forms() {
        for text in [
            "",
            " ",
            "garbage",
            "tomorrow",
            "2023-02-30",
            "2023-13-01",
            "2023-02-27T24:00:00",
            "2023-02-27T10:60:00",
            "2023-02-27T10:30:60",
            "2023-02-27T10:30:00.",
            "2023-02-27T10:30:00 Z",
            "2023-02-27T10:30:00+24:00",
            "2023-02-27T",
            "2023-02",
            "0000-01-01",
            "10000-01-01",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "2023-W54-1",
            "2023-W09-8",
            "2023-02-27T10:30:00\0",
            "２０２３-02-27",
        ] {
            check(text, "refused");
        }
    }
}
