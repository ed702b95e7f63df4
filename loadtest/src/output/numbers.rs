//! Numbers as k6's summary writes them.

use crate::metrics::sink::{Contains, Kind, Sink};

/// A value of a metric. `unit`: `s`, `ms`, `us` or empty.
pub fn value(value: f64, contains: Contains, unit: &str) -> String {
    match contains {
        Contains::Data => bytes(value),
        Contains::Time => duration(value, unit),
        Contains::Default => trimmed(value, 6),
    }
}

/// A share of one, in percent; cut, not rounded, so that 99.999 % is not shown as 100 %.
pub fn percent(share: f64) -> String {
    format!("{:.2}%", (share * 10_000.0).trunc() / 100.0)
}

/// Bytes in decimal units.
pub fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    if bytes < 10.0 {
        return format!("{} B", trimmed(bytes, 6));
    }
    // By division rather than by logarithm: 1000 must be 1.0 kB whatever the rounding of the latter.
    let (mut value, mut unit) = (bytes, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let value = (value * 10.0 + 0.5).floor() / 10.0;
    if value < 10.0 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// Milliseconds, in `unit` or in whatever reads best.
pub fn duration(ms: f64, unit: &str) -> String {
    match unit {
        "s" => return format!("{:.2}s", ms * 0.001),
        "ms" => return format!("{ms:.2}ms"),
        "us" => return format!("{:.2}µs", ms * 1000.0),
        _ => {}
    }
    if ms == 0.0 {
        "0s".to_owned()
    } else if ms < 0.001 {
        format!("{}ns", (ms * 1e6).trunc())
    } else if ms < 1.0 {
        format!("{}µs", cut(ms * 1000.0, 2))
    } else if ms < 1000.0 {
        format!("{}ms", cut(ms, 2))
    } else {
        let seconds = cut(ms % 60_000.0 / 1000.0, if ms > 60_000.0 { 0 } else { 2 });
        let minutes = (ms / 60_000.0).trunc();
        if minutes < 1.0 {
            format!("{seconds}s")
        } else if minutes < 60.0 {
            format!("{minutes}m{seconds}s")
        } else {
            format!("{}h{}m{seconds}s", (minutes / 60.0).trunc(), minutes % 60.0)
        }
    }
}

/// Rounded to `digits` decimals, without trailing zeros.
pub fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn cut(value: f64, digits: i32) -> String {
    let scale = 10_f64.powi(digits);
    trimmed((value * scale).trunc() / scale, digits as usize)
}

/// A sink that is no trend: its value, and what stands behind it.
pub fn plain(sink: &Sink, contains: Contains, unit: &str, run_s: f64) -> (String, Vec<String>) {
    let stat = |name: &str| sink.stat(name, run_s).unwrap_or_default();
    let show = |name: &str| value(stat(name), contains, unit);
    match sink.kind() {
        Kind::Counter => (show("count"), vec![format!("{}/s", show("rate"))]),
        Kind::Gauge => (show("value"), vec![format!("min={}", show("min")), format!("max={}", show("max"))]),
        Kind::Rate => {
            let passes = stat("passes");
            (percent(stat("rate")), vec![format!("{passes} out of {}", passes + stat("fails"))])
        }
        Kind::Trend => (String::new(), Vec::new()),
    }
}

/// One statistic of a trend.
pub fn trend(sink: &Sink, stat: &str, contains: Contains, unit: &str) -> String {
    let number = sink.stat(stat, 1.0).unwrap_or_default();
    if stat == "count" { trimmed(number, 0) } else { value(number, contains, unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_k6_writes_them() {
        for (ms, text) in [
            (0.0, "0s"),
            (0.0005, "500ns"),
            (0.1239, "123.9µs"),
            (5.0, "5ms"),
            (12.3456, "12.34ms"),
            (1071.0, "1.07s"),
            (62_000.0, "1m2s"),
            (3_725_000.0, "1h2m5s"),
        ] {
            assert_eq!(duration(ms, ""), text);
        }
        assert_eq!(duration(1.5, "us"), "1500.00µs");
        for (count, text) in
            [(5.0, "5 B"), (999.0, "999 B"), (1000.0, "1.0 kB"), (25_300.0, "25 kB"), (1.25e9, "1.3 GB")]
        {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(percent(0.99999), "99.99%");
        assert_eq!(trimmed(1.5, 6), "1.5");
        assert_eq!(trimmed(10.0, 6), "10");
    }
}
