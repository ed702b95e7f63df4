//! The health check: who is asked, how often, and how many answers make a change of mind.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// Path that is fetched.
    ///
    /// The practical's EC2 path leaves the provider's default `/`; its ECS path has `/api/v1/health`. Ours:
    /// `/api/v1/health` for both. A `/` that is not 200 makes every target unhealthy, the balancer then fails
    /// open and hides it: it "works", but new instances get traffic before the service listens.
    pub path: String,
    /// Status codes that pass: `200`, `200-299`, `200,302`.
    pub matcher: Matcher,
    /// Time between checks, on a fixed clock. The practical: 30 s (EC2, by default), 10 s (ECS); ours: 10 s.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// An answer later than this is a failure; at most the interval.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Passes in a row that make an unhealthy target healthy. A new target needs one.
    pub healthy_threshold: u32,
    /// Failures in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// Time after its start in which a failing instance is not replaced.
    ///
    /// The practical: 0 s. Ours: 180 s (EC2), 60 s (ECS), because with `replaces_instances` a shorter grace
    /// replaces instances that are still booting, for ever.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// Whether a failed check replaces the instance (AWS: health type `ELB`).
    ///
    /// The practical: false (type `EC2`). Ours: true, because otherwise a dead service in a live machine is
    /// never replaced.
    pub replaces_instances: bool,
}

/// Accepted status codes, as inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matcher(Vec<(u16, u16)>);

impl Matcher {
    pub fn accepts(&self, status: u16) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&status))
    }

    /// Anything that says that somebody is there and well.
    pub fn answers() -> Self {
        Self(vec![(200, 399)])
    }

    /// Exactly 200.
    pub fn ok() -> Self {
        Self(vec![(200, 200)])
    }
}

impl TryFrom<String> for Matcher {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let refuse =
            || format!("`{text}` is no matcher; write codes from 200 to 499: 200, 200-299 or 200,302");
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let code = |text: &str| text.trim().parse::<u16>().ok().filter(|code| (200..=499).contains(code));
            let (from, to) = (code(from).ok_or_else(refuse)?, code(to).ok_or_else(refuse)?);
            if from > to {
                return Err(refuse());
            }
            ranges.push((from, to));
        }
        Ok(Self(ranges))
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> Self {
        let parts = matcher.0.iter().map(|(from, to)| match from == to {
            true => from.to_string(),
            false => format!("{from}-{to}"),
        });
        parts.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matcher() {
        let matcher = Matcher::try_from("200-299,302".to_owned()).expect("valid");
        assert!(matcher.accepts(204) && matcher.accepts(302) && !matcher.accepts(301));
        assert_eq!(String::from(matcher), "200-299,302");
        for wrong in ["", "OK", "99", "500", "300-200", "200;204"] {
            assert!(Matcher::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
