//! `Set-Cookie` and the dates of HTTP, read leniently as browsers do.

use super::SetCookie;

/// Reads one `Set-Cookie` header; `None` if it has no usable name.
pub(crate) fn parse_set_cookie(header: &str) -> Option<SetCookie> {
    let mut parts = header.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let name = name.trim();
    if !is_name(name) {
        return None;
    }
    let mut cookie =
        SetCookie { name: name.to_owned(), value: unquote(value.trim())?, ..SetCookie::default() };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" => value.clone_into(&mut cookie.domain),
            "path" if !value.starts_with('/') && value.contains('"') => {}
            "path" => value.clone_into(&mut cookie.path),
            "expires" => cookie.expires = parse_http_date(value),
            // A number that begins with a zero is not one.
            "max-age" if value.len() > 1 && value.starts_with('0') => {}
            "max-age" => cookie.max_age = value.parse().ok(),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            _ => {}
        }
    }
    Some(cookie)
}

/// Whether a text can name a cookie.
pub(super) fn is_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

pub(super) fn unquote(value: &str) -> Option<String> {
    let inner = match value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
        Some(inner) => inner,
        None => value,
    };
    let valid = |c: char| (' '..='~').contains(&c) && !matches!(c, '"' | ';' | '\\');
    inner.chars().all(valid).then(|| inner.to_owned())
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since 1970 of `Wed, 21 Oct 2015 07:28:00 GMT` or the same with dashes in the date; only GMT.
pub(crate) fn parse_http_date(text: &str) -> Option<i64> {
    let rest = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut fields = rest.split([' ', '-']).filter(|f| !f.is_empty());
    let day: i64 = fields.next()?.parse().ok()?;
    let month = fields.next()?.get(..3)?.to_ascii_lowercase();
    let month = i64::try_from(MONTHS.iter().position(|m| *m == month)?).ok()? + 1;
    let year: i64 = fields.next()?.parse().ok()?;
    // As Go, which knows neither years of two digits nor those before 1601 here.
    if year < 1601 {
        return None;
    }
    let mut clock = fields.next()?.split(':');
    let mut part = || clock.next()?.parse::<i64>().ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    if !(1..=31).contains(&day)
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..=60).contains(&second)
    {
        return None;
    }
    Some(days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01, by the well-known arithmetic on 400-year eras.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
