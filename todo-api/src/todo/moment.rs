//! A point in time as the contract writes it: naive UTC with microseconds, years 0001 to 9999.
//!
//! A list of 100 todos formats 300 of these, so formatting is integer arithmetic into a fixed buffer; the
//! calendar (which days exist) is left to jiff in [`super::deadline`].

use std::fmt;

use jiff::Timestamp;

/// Microseconds since 1970-01-01T00:00:00, always within years 0001 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Moment {
    /// 0001-01-01T00:00:00
    pub const MIN: Self = Self(-62_135_596_800 * SECOND);
    /// 9999-12-31T23:59:59.999999
    pub const MAX: Self = Self(253_402_300_800 * SECOND - 1);

    /// From microseconds since the Unix epoch; `None` outside years 0001 to 9999.
    pub const fn from_unix_micros(micros: i64) -> Option<Self> {
        if micros < Self::MIN.0 || micros > Self::MAX.0 { None } else { Some(Self(micros)) }
    }

    /// From microseconds since the Unix epoch, held within years 0001 to 9999.
    pub fn saturating_from_unix_micros(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// This moment plus whole days of 24 hours; stays at the end of the range when it would leave it.
    pub fn saturating_add_days(self, days: u64) -> Self {
        let days = i64::try_from(days).unwrap_or(i64::MAX);
        Self::saturating_from_unix_micros(self.0.saturating_add(days.saturating_mul(DAY)))
    }

    /// `YYYY-MM-DD?HH:MM:SS.ffffff` with `separator` between date and time: always 26 bytes.
    pub fn format(self, separator: u8) -> [u8; 26] {
        let (days, within) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let mut text = *b"0000-00-00 00:00:00.000000";
        text[10] = separator;
        let (seconds, micros) = (within / SECOND, within % SECOND);
        two_digits(&mut text, 0, year / 100);
        two_digits(&mut text, 2, year % 100);
        two_digits(&mut text, 5, month);
        two_digits(&mut text, 8, day);
        two_digits(&mut text, 11, seconds / 3600);
        two_digits(&mut text, 14, seconds / 60 % 60);
        two_digits(&mut text, 17, seconds % 60);
        two_digits(&mut text, 20, micros / 10_000);
        two_digits(&mut text, 22, micros / 100 % 100);
        two_digits(&mut text, 24, micros % 100);
        text
    }

    /// The contract's form: the fraction is there only when it is not zero.
    pub fn iso(self, buffer: &mut [u8; 26]) -> &str {
        *buffer = self.format(b'T');
        let length = if self.0.rem_euclid(SECOND) == 0 { 19 } else { 26 };
        // Digits and punctuation only, so this cannot fail.
        std::str::from_utf8(&buffer[..length]).unwrap_or_default()
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self::saturating_from_unix_micros(timestamp.as_microsecond())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iso(&mut [0; 26]))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn two_digits(text: &mut [u8; 26], at: usize, value: i64) {
    text[at] = b'0' + (value / 10) as u8;
    text[at + 1] = b'0' + (value % 10) as u8;
}

/// Year, month and day of a day number (0 = 1970-01-01) in the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year and months follow a
/// 153-days-in-five pattern; eras of 400 years have 146,097 days.
fn civil(day_number: i64) -> (i64, i64, i64) {
    const DAYS_FROM_0000_03_01: i64 = 719_468;
    const ERA: i64 = 146_097;
    let shifted = day_number + DAYS_FROM_0000_03_01;
    let (era, day_of_era) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fraction_only_when_it_is_not_zero() {
        let at = |micros| Moment::from_unix_micros(micros).unwrap().to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00");
        assert_eq!(at(1), "1970-01-01T00:00:00.000001");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999999");
        assert_eq!(Moment::MIN.to_string(), "0001-01-01T00:00:00");
        assert_eq!(Moment::MAX.to_string(), "9999-12-31T23:59:59.999999");
    }

    #[test]
    fn days_saturate_at_the_end_of_the_calendar() {
        assert_eq!(Moment::MIN.saturating_add_days(1).to_string(), "0001-01-02T00:00:00");
        assert_eq!(Moment::MIN.saturating_add_days(u64::MAX), Moment::MAX);
    }

    proptest! {
        /// jiff's calendar is the reference for ours.
        #[test]
        fn agrees_with_jiff(micros in Moment::MIN.0..=Moment::MAX.0) {
            let civil: DateTime = Timestamp::from_microsecond(micros)
                .map(|t| TimeZone::UTC.to_datetime(t))
                .unwrap_or_else(|_| DateTime::constant(9999, 12, 31, 23, 59, 59, 999_999_000));
            prop_assume!(Timestamp::from_microsecond(micros).is_ok());
            let ours = String::from_utf8(Moment(micros).format(b'T').to_vec()).unwrap();
            prop_assert_eq!(ours, format!("{civil:.6}"));
        }
    }
}
