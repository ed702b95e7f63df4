//! An instance's share of the CPU, enforced and measured by the best means that this machine offers.
//!
//! In order: cgroup v2 (`cpu.max`), cgroup v1 (CFS quota), stopping and continuing our own children by what they
//! have used (no privilege needed), nothing. The first two count in the kernel, whatever an instance forks; the
//! others sum over the tree of processes. All freeze the instance for part of a tenth of a second at its cap, as
//! Fargate does; health checks must allow for that.

mod cgroup;
mod stop;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::procfs::{self, Stat};
use crate::timeline::InstanceId;
use cgroup::Hierarchy;
use stop::Stopper;

/// How the share is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mechanism {
    CgroupV2,
    CgroupV1,
    StopContinue,
    None,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CgroupV2 => "cgroup v2 (cpu.max)",
            Self::CgroupV1 => "cgroup v1 (CFS quota)",
            Self::StopContinue => "stop/continue of the processes, every 10 ms",
            Self::None => "none: instances take what they get",
        })
    }
}

/// Which means may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CpuLimit {
    /// The best that works.
    #[default]
    Auto,
    Cgroup,
    Stop,
    None,
}

impl FromStr for CpuLimit {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cgroup" => Ok(Self::Cgroup),
            "stop" => Ok(Self::Stop),
            "none" => Ok(Self::None),
            _ => Err(format!("`{text}` limits nothing; one of auto, cgroup, stop, none")),
        }
    }
}

/// What enforces the shares of one run's instances.
#[derive(Debug)]
pub(super) struct Limiter {
    means: Means,
    /// Prefix of the groups' names: two runs on one machine share no group.
    run: String,
}

#[derive(Debug)]
enum Means {
    Cgroup(Hierarchy),
    Stop(Stopper),
    None,
}

/// One instance as the limiter knows it.
#[derive(Debug)]
pub(super) struct Limited {
    id: InstanceId,
    /// Directories that its processes must be put into, none without cgroups.
    pub(super) groups: Vec<PathBuf>,
}

impl Limited {
    /// One that somebody else limits: the container engine.
    pub(super) fn elsewhere(id: InstanceId) -> Self {
        Self { id, groups: Vec::new() }
    }
}

impl Limiter {
    /// The best means that are wanted and really work here: each is tried, not guessed.
    pub(super) fn new(wanted: CpuLimit, run: &str) -> Result<Self, String> {
        let cgroup = || Hierarchy::find(run).map(Means::Cgroup);
        let stop = || cfg!(target_os = "linux").then(|| Means::Stop(Stopper::start()));
        let means = match wanted {
            CpuLimit::Auto => cgroup().or_else(stop).unwrap_or(Means::None),
            CpuLimit::Cgroup => cgroup().ok_or(
                "no cgroup with a CPU controller can be made here (it takes root, or a delegated one as in \
                 `systemd-run --user --scope -p Delegate=yes`); --cpu-limit stop needs nothing",
            )?,
            CpuLimit::Stop => stop().ok_or("stopping by measured CPU needs /proc, which is Linux's")?,
            CpuLimit::None => Means::None,
        };
        Ok(Self { means, run: run.to_owned() })
    }

    pub(super) fn mechanism(&self) -> Mechanism {
        match &self.means {
            Means::Cgroup(hierarchy) if hierarchy.is_v2() => Mechanism::CgroupV2,
            Means::Cgroup(_) => Mechanism::CgroupV1,
            Means::Stop(_) => Mechanism::StopContinue,
            Means::None => Mechanism::None,
        }
    }

    /// Makes room for an instance that may use so many vCPUs; its processes go into `groups`.
    pub(super) fn prepare(&self, id: InstanceId, vcpus: f64) -> std::io::Result<Limited> {
        let groups = match &self.means {
            Means::Cgroup(hierarchy) => hierarchy.make(&format!("{}-{id}", self.run), vcpus)?,
            Means::Stop(_) | Means::None => Vec::new(),
        };
        Ok(Limited { id, groups })
    }

    /// Its first process runs.
    pub(super) fn started(&self, limited: &Limited, root: &Stat, vcpus: f64) {
        if let Means::Stop(stopper) = &self.means {
            stopper.watch(limited.id, root, vcpus);
        }
    }

    /// From now on it may use so many vCPUs.
    pub(super) fn set(&self, limited: &Limited, vcpus: f64) {
        match &self.means {
            Means::Cgroup(hierarchy) => hierarchy.set(&limited.groups, vcpus),
            Means::Stop(stopper) => stopper.set(limited.id, vcpus),
            Means::None => {}
        }
    }

    /// CPU seconds that the instance has used so far; `tree` is what is known of its processes.
    pub(super) fn used_s(&self, limited: &Limited, tree: &[Stat]) -> Option<f64> {
        if let Means::Cgroup(hierarchy) = &self.means {
            return hierarchy.used_s(&limited.groups);
        }
        (!tree.is_empty())
            .then(|| tree.iter().map(|stat| stat.ticks).sum::<u64>() as f64 * procfs::seconds_per_tick())
    }

    /// Lets its processes run on, so that they can obey a signal.
    pub(super) fn release(&self, limited: &Limited) {
        if let Means::Stop(stopper) = &self.means {
            stopper.forget(limited.id);
        }
    }

    /// Every process has ended: nothing of it stays.
    pub(super) fn remove(&self, limited: &Limited) {
        self.release(limited);
        cgroup::remove(&limited.groups);
    }
}

/// Ends what is left in these groups, and removes them: those of a run that was killed.
pub(super) fn remove_groups(groups: &[PathBuf]) {
    cgroup::remove(groups);
}

#[cfg(test)]
mod tests;
