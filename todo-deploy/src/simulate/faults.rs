//! `--fault 'at=5m kill=1'`: what goes wrong during a simulation.

use std::time::Duration;

use crate::deployment::duration;
use crate::sim::queue::Nanos;
use crate::sim::scene::{Failure, Fault};

/// Reads `at=TIME` with one of `kill=N`, `hang=N`, `lose=N`, and perhaps `for=TIME`.
pub fn fault(text: &str) -> Result<Fault, String> {
    let refuse = |why: &str| {
        format!(
            "`{text}` {why}; write at=TIME and one of kill=N (the service dies), hang=N (it accepts and never answers) or \
             lose=N (the machine is gone), and for=TIME where it comes back: at=5m kill=1 for=2m"
        )
    };
    let (mut at, mut hit, mut lasts) = (None, None, None);
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').ok_or_else(|| refuse("is no fault"))?;
        let time = || duration::parse(value).map(nanos);
        let count = || match value.parse::<u32>() {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(refuse(&format!("hits `{value}` instances, which is no number above 0"))),
        };
        match key {
            "at" => at = Some(time()?),
            "for" => lasts = Some(time()?),
            "kill" => hit = Some((Failure::Dies, count()?)),
            "hang" => hit = Some((Failure::Hangs, count()?)),
            "lose" => hit = Some((Failure::Lost, count()?)),
            _ => return Err(refuse(&format!("has an unknown part `{key}`"))),
        }
    }
    let at = at.ok_or_else(|| refuse("does not say when"))?;
    let (what, instances) = hit.ok_or_else(|| refuse("does not say what goes wrong"))?;
    if what == Failure::Lost && lasts.is_some() {
        return Err(refuse("loses a machine, which does not come back"));
    }
    Ok(Fault { at, what, instances, lasts })
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_words() {
        let minute = 60_000_000_000;
        let found = fault("at=5m kill=1").expect("a fault");
        assert_eq!(found, Fault { at: 5 * minute, what: Failure::Dies, instances: 1, lasts: None });
        let found = fault("hang=2 for=1m at=90s").expect("a fault");
        assert_eq!((found.what, found.lasts, found.at), (Failure::Hangs, Some(minute), minute * 3 / 2));
        for (wrong, part) in [
            ("kill=1", "when"),
            ("at=5m", "what goes wrong"),
            ("at=5 kill=1", "not a duration"),
            ("at=5m kill=0", "above 0"),
            ("at=5m burn=1", "unknown part `burn`"),
            ("soon", "no fault"),
            ("at=5m lose=1 for=1m", "does not come back"),
        ] {
            let error = fault(wrong).expect_err(wrong);
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
