//! What the engine was told, line by line: fed to another engine it gives the same decisions, byte for byte.
//!
//! The first line says with what the engine began; each further one is an input with the nanosecond at which it was
//! given. Between inputs nothing is recorded, because what an engine does by itself follows from them.

use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::log::Rotating;
use crate::deployment::{Defaults, Deployment, Metric, Target};
use crate::engine::{Config, Engine, InstanceFact, Sample, Start};
use crate::time::Time;
use crate::timeline::{Event, InstanceId, ProbeFailure};

/// Bytes of the file, and as many again of its predecessor: about half a day of four instances at a sample a second.
pub(super) const FACTS_BYTES_MAX: u64 = 16 << 20;

/// What an engine is configured with: the deployment as text, because that is what can be read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) target: Target,
    pub(super) speed: f64,
    /// The whole deployment as TOML.
    pub(super) deployment: String,
}

impl Setup {
    pub(super) fn new(deployment: &Deployment, target: Target, speed: f64) -> Result<Self> {
        let text = toml::to_string(deployment).context("a deployment can be written")?;
        Ok(Self { target, speed, deployment: text })
    }

    fn config(&self) -> Result<Config> {
        let defaults = Defaults::of(self.target);
        let deployment = Deployment::parse(&self.deployment, "the recorded deployment", defaults)?;
        Ok(config(&deployment, self.target, self.speed))
    }
}

/// What the engine runs with.
pub(super) fn config(deployment: &Deployment, target: Target, speed: f64) -> Config {
    Config::new(deployment, target).accelerated(speed)
}

/// Something the engine was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(super) enum Input {
    Fact {
        instance: InstanceId,
        is: Fact,
    },
    Sample {
        metric: Metric,
        instance: Option<InstanceId>,
        value: f64,
    },
    Desired {
        to: u32,
    },
    Roll,
    StopRolling,
    Reconfigure {
        setup: Box<Setup>,
    },
    /// The run ended; what was due before then was done.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fact {
    Started,
    ProbePassed,
    ProbeFailed(ProbeFailure),
    Drained,
    Exited,
}

impl From<Fact> for InstanceFact {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::Started => Self::Started,
            Fact::ProbePassed => Self::ProbePassed,
            Fact::ProbeFailed(failure) => Self::ProbeFailed(failure),
            Fact::Drained => Self::Drained,
            Fact::Exited => Self::Exited,
        }
    }
}

impl Input {
    /// Gives it to the engine.
    pub(super) fn feed(&self, engine: &mut Engine, at: Time) {
        match self {
            Self::Fact { instance, is } => engine.instance(at, *instance, (*is).into()),
            Self::Sample { metric, instance, value } => {
                let sample = Sample { metric: metric.clone(), instance: *instance, value: *value };
                engine.observe(at, &sample);
            }
            Self::Desired { to } => engine.set_desired(at, *to),
            Self::Roll => engine.roll(at),
            Self::StopRolling => engine.stop_rolling(at),
            // It was read from a valid deployment.
            Self::Reconfigure { setup } => {
                if let Ok(config) = setup.config() {
                    engine.reconfigure(at, config);
                }
            }
            Self::End => engine.handle_timeout(just_before(at)),
        }
    }
}

/// Timers due at the very moment of an input are handled after it, whoever drives.
pub(super) fn just_before(at: Time) -> Time {
    at.back(Duration::from_nanos(1))
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    ns: u64,
    #[serde(flatten)]
    input: Input,
}

/// Writes the facts of a run.
#[derive(Debug)]
pub(super) struct Journal(Rotating);

impl Journal {
    pub(super) fn create(path: &Path, setup: &Setup, bytes_max: u64) -> Result<Self> {
        let mut file =
            Rotating::create(path, bytes_max).with_context(|| format!("cannot write {}", path.display()))?;
        file.write(line(setup)?.as_bytes());
        Ok(Self(file))
    }

    pub(super) fn record(&mut self, at: Time, input: &Input) {
        let ns = u64::try_from(at.since_start().as_nanos()).unwrap_or(u64::MAX);
        if let Ok(line) = line(&Line { ns, input: input.clone() }) {
            self.0.write(line.as_bytes());
        }
    }
}

fn line(value: &impl Serialize) -> Result<String> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    Ok(line)
}

/// The events that a new engine tells when it is fed what `facts` holds.
///
/// # Errors
/// When the facts do not begin at the beginning, because the file was rotated, or cannot be read.
pub fn replay(facts: impl BufRead) -> Result<Vec<Event>> {
    let mut lines = facts.lines();
    let first = lines.next().context("there are no facts")??;
    let setup: Setup = serde_json::from_str(&first)
        .context("this does not begin at the beginning; facts that were rotated away cannot be replayed")?;
    let mut engine = Engine::new(setup.config()?, Start::Created, Time::ZERO);
    let mut last = 0;
    for line in lines {
        let line = line?;
        let Line { ns, input } = serde_json::from_str(&line).with_context(|| line.clone())?;
        ensure!(ns >= last, "the facts are not in order of time");
        last = ns;
        input.feed(&mut engine, Time::after_start(Duration::from_nanos(ns)));
    }
    Ok(std::iter::from_fn(|| engine.poll_event()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_read_back() {
        let inputs = [
            Input::Fact { instance: InstanceId(1), is: Fact::ProbeFailed(ProbeFailure::Status(503)) },
            Input::Fact { instance: InstanceId(1), is: Fact::Started },
            Input::Sample { metric: Metric::Latency { percentile: 95 }, instance: None, value: 0.1 + 0.2 },
            Input::Roll,
            Input::End,
        ];
        for input in inputs {
            let text = line(&Line { ns: 7, input: input.clone() }).unwrap();
            let read: Line = serde_json::from_str(&text).unwrap();
            assert_eq!((read.ns, read.input), (7, input), "{text}");
        }
    }

    #[test]
    fn a_deployment_reads_back_from_its_text() {
        for target in Target::ALL {
            for as_in_the_practical in [false, true] {
                let defaults = Defaults { target, as_in_the_practical };
                let deployment = Deployment::parse("", "test", defaults).unwrap();
                let setup = Setup::new(&deployment, target, 10.0).unwrap();
                assert_eq!(setup.config().unwrap(), config(&deployment, target, 10.0), "{target}");
            }
        }
    }

    #[test]
    fn what_was_rotated_away_cannot_be_replayed() {
        let error = replay("{\"ns\":1,\"told\":\"roll\"}\n".as_bytes()).unwrap_err();
        assert!(error.to_string().contains("rotated"), "{error}");
    }
}
