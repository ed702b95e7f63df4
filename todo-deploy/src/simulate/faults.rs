//! `--fault 'at=5m kill=1'`: what goes wrong during a simulation.

use std::time::Duration;

use crate::deployment::{Target, duration};
use crate::sim::queue::nanos;
use crate::sim::scene::{Failure, Fault};
use crate::time::Time;
use crate::timeline::{Event, EventKind};

/// Reads `at=TIME` with one of `kill=N`, `hang=N`, `lose=N`, and perhaps `for=TIME`.
pub fn fault(text: &str) -> Result<Fault, String> {
    let refuse = |why: &str| {
        format!(
            "`{text}` {why}; write at=TIME and one of kill=N (the service dies), hang=N (it accepts and never answers) or \
             lose=N (the machine is gone), and for=TIME where it comes back: at=5m kill=1 for=2m"
        )
    };
    let (mut at, mut hit, mut lasts) = (None, None, None);
    let once = |is_new: bool, what: &str| match is_new {
        true => Ok(()),
        false => Err(refuse(&format!("says twice {what}; one fault per --fault"))),
    };
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').ok_or_else(|| refuse("is no fault"))?;
        let time = || duration::parse(value).map(nanos);
        let count = || match value.parse::<u32>() {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(refuse(&format!("hits `{value}` instances, which is no number above 0"))),
        };
        match key {
            "at" => once(at.replace(time()?).is_none(), "when")?,
            "for" => once(lasts.replace(time()?).is_none(), "for how long")?,
            "kill" => once(hit.replace((Failure::Dies, count()?)).is_none(), "what goes wrong")?,
            "hang" => once(hit.replace((Failure::Hangs, count()?)).is_none(), "what goes wrong")?,
            "lose" => once(hit.replace((Failure::Lost, count()?)).is_none(), "what goes wrong")?,
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

/// What of these faults did not happen as they say, in a run of so many seconds.
pub(super) fn notes(faults: &[Fault], target: Target, events: &[Event], seconds: f64) -> Vec<String> {
    let mut notes = Vec::new();
    for fault in faults {
        let at = Duration::from_nanos(fault.at);
        let moment = Time::after_start(at);
        let is_hit = |event: &&Event| {
            event.at == moment
                && matches!(event.kind, EventKind::Failed { what, .. } if what != Failure::Recovers)
        };
        let (at, hit) = (duration::text(at), events.iter().filter(is_hit).count());
        if moment.as_secs_f64() >= seconds {
            let end = duration::text(Duration::from_secs_f64(seconds));
            notes.push(format!("the fault at {at} comes after the end at {end} and does nothing; see --for"));
        } else if hit < fault.instances as usize {
            notes.push(format!("the fault at {at} was to hit {}; {hit} served then", fault.instances));
        }
        if target != Target::Ec2 && fault.what == Failure::Dies && fault.lasts.is_some() {
            notes.push(format!(
                "at {target} an instance is nothing but the service: what the fault at {at} kills is replaced and does \
                 not come back, whatever `for` says"
            ));
        }
    }
    notes
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
            ("at=1m kill=1 hang=1", "says twice what goes wrong"),
            ("at=1m at=2m kill=1", "says twice when"),
            ("at=1m kill=1 for=1m for=2m", "says twice for how long"),
        ] {
            let error = fault(wrong).expect_err(wrong);
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
