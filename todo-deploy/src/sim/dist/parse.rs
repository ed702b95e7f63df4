//! A distribution as a person writes it: `4ms`, `exp 4ms`, `lognormal 4ms cv 1.5`.

use std::str::FromStr;

use super::Dist;

/// Why a text names no distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{wrong}; write a time such as 4ms (log-normal, cv 1), or one of: constant 4ms, exp 4ms, \
     uniform 2ms 6ms, lognormal 4ms cv 1.5, gamma 4ms cv 0.5, hyper 4ms cv 3"
)]
pub struct ParseDistError {
    wrong: String,
}

impl FromStr for Dist {
    type Err = ParseDistError;

    /// A bare time is the mean of a log-normal distribution with coefficient of variation 1, because constant
    /// demands with constant sleeps make the users march in step, which real ones never do.
    fn from_str(text: &str) -> Result<Self, ParseDistError> {
        let words: Vec<&str> = text.split([' ', ':', ',', '=']).filter(|word| !word.is_empty()).collect();
        parse(&words).map_err(|wrong| ParseDistError { wrong })
    }
}

fn parse(words: &[&str]) -> Result<Dist, String> {
    match words {
        [mean] => Ok(Dist::log_normal(positive(mean)?, 1.0)),
        ["constant", value] => Ok(Dist::Constant(time(value)?)),
        ["exp" | "exponential", mean] => Ok(Dist::Exponential { mean: positive(mean)? }),
        ["uniform", low, high] => {
            let (low, high) = (time(low)?, time(high)?);
            if low > high {
                Err(format!("{low} ns is above {high} ns"))
            } else {
                Ok(Dist::Uniform { low, high })
            }
        }
        ["lognormal", mean, rest @ ..] => Ok(Dist::log_normal(positive(mean)?, variation(rest, 0.0)?)),
        ["gamma", mean, rest @ ..] => Ok(Dist::gamma(positive(mean)?, variation(rest, 0.01)?)),
        ["hyper" | "hyperexponential", mean, rest @ ..] => {
            Ok(Dist::hyper_exponential(positive(mean)?, variation(rest, 1.0)?))
        }
        [] => Err("nothing was given".to_owned()),
        [name, ..] => Err(format!("`{name}` is no distribution, or has other parameters")),
    }
}

/// The coefficient of variation after `cv`; 1 when it is left out.
fn variation(words: &[&str], least: f64) -> Result<f64, String> {
    match words {
        [] => Ok(1.0),
        ["cv", value] => match value.parse::<f64>() {
            Ok(cv) if (least..=100.0).contains(&cv) => Ok(cv),
            _ => Err(format!("cv must be from {least} to 100, not `{value}`")),
        },
        _ => Err("expected `cv NUMBER`".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let nanos = time(text)?;
    if nanos > 0.0 { Ok(nanos) } else { Err("the mean must be above zero".to_owned()) }
}

/// A number with a unit, in nanoseconds.
fn time(text: &str) -> Result<f64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        _ => return Err(format!("`{text}` needs a unit (ns, us, ms, s, m)")),
    };
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() && (0.0..=1e15).contains(&(value * scale)) => Ok(value * scale),
        _ => Err(format!("`{text}` is no time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_error_message_offers() {
        let parse = |text: &str| text.parse::<Dist>();
        assert_eq!(parse("4ms"), Ok(Dist::log_normal(4e6, 1.0)));
        assert_eq!(parse("constant 4ms"), Ok(Dist::Constant(4e6)));
        assert_eq!(parse("exp:250us"), Ok(Dist::Exponential { mean: 250e3 }));
        assert_eq!(parse("uniform 2ms 6ms"), Ok(Dist::Uniform { low: 2e6, high: 6e6 }));
        assert_eq!(parse("lognormal:4ms,cv=1.5"), Ok(Dist::log_normal(4e6, 1.5)));
        assert_eq!(parse("gamma 4ms cv 0.5"), Ok(Dist::gamma(4e6, 0.5)));
        assert_eq!(parse("hyper 4ms cv 3"), Ok(Dist::hyper_exponential(4e6, 3.0)));
        for bad in ["", "4", "0ms", "exp -1ms", "uniform 6ms 2ms", "hyper 4ms cv 0.5", "weibull 4ms", "NaNms"]
        {
            assert!(parse(bad).is_err(), "{bad:?} was accepted");
        }
        let message = parse("4").expect_err("no unit").to_string();
        assert!(message.starts_with("`4` needs a unit"), "{message}");
    }
}
