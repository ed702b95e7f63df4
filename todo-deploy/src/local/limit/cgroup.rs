//! Control groups, as Linux has had them twice: one tree for everything (v2), or a tree for each controller (v1),
//! and on some machines both, of which only one has the CPU controller.
//!
//! A group is tried out with a real process before it is relied upon: whether a process may be moved into it depends
//! on owners and delegation all the way up. Kernel documentation: admin-guide/cgroup-v2, admin-guide/cgroup-v1 and
//! scheduler/sched-bwc.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::super::procfs;

/// The kernel's default, and Docker's and Fargate's: after its quota an instance waits for the next tenth of a second.
const PERIOD_US: f64 = 100_000.0;
/// The kernel refuses less.
const QUOTA_US_MIN: f64 = 1_000.0;

/// Where groups can be made.
#[derive(Debug, Clone)]
pub(super) enum Hierarchy {
    V2 {
        parent: PathBuf,
    },
    /// The CPU controller limits, the accounting controller counts; they may be the same tree or two.
    V1 {
        cpu: PathBuf,
        accounting: PathBuf,
    },
}

impl Hierarchy {
    /// A place on this machine where a group limits a process of ours. Its name is tried with `run` as a prefix.
    pub(super) fn find(run: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        candidates(&mounts, &own).into_iter().find(|candidate| candidate.works(&format!("{run}-trial")))
    }

    pub(super) fn is_v2(&self) -> bool {
        matches!(self, Self::V2 { .. })
    }

    /// Makes a group with this share; the result is where processes must be put.
    pub(super) fn make(&self, name: &str, vcpus: f64) -> io::Result<Vec<PathBuf>> {
        let groups = match self {
            Self::V2 { parent } => vec![parent.join(name)],
            Self::V1 { cpu, accounting } if cpu == accounting => vec![cpu.join(name)],
            Self::V1 { cpu, accounting } => vec![cpu.join(name), accounting.join(name)],
        };
        for group in &groups {
            // One of this name is left from a run that was killed; what was in it has been ended.
            match fs::create_dir(group) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        self.write(&groups, vcpus)?;
        Ok(groups)
    }

    pub(super) fn set(&self, groups: &[PathBuf], vcpus: f64) {
        // The group was made with the same call; it fails only when the group has gone, with all that was in it.
        let _ = self.write(groups, vcpus);
    }

    fn write(&self, groups: &[PathBuf], vcpus: f64) -> io::Result<()> {
        let Some(group) = groups.first() else { return Ok(()) };
        let quota = (vcpus * PERIOD_US).max(QUOTA_US_MIN).round();
        match self {
            Self::V2 { .. } => fs::write(group.join("cpu.max"), format!("{quota} {PERIOD_US}")),
            Self::V1 { .. } => {
                fs::write(group.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(group.join("cpu.cfs_quota_us"), quota.to_string())
            }
        }
    }

    /// CPU seconds used in the group, also by processes that have ended.
    pub(super) fn used_s(&self, groups: &[PathBuf]) -> Option<f64> {
        match self {
            Self::V2 { .. } => usage_v2(&fs::read_to_string(groups.first()?.join("cpu.stat")).ok()?),
            Self::V1 { .. } => {
                let nanos = fs::read_to_string(groups.last()?.join("cpuacct.usage")).ok()?;
                Some(nanos.trim().parse::<u64>().ok()? as f64 / 1e9)
            }
        }
    }

    /// Whether a process can be limited in a group here.
    fn works(&self, name: &str) -> bool {
        if let Self::V2 { parent } = self {
            let enabled = || {
                fs::read_to_string(parent.join("cgroup.subtree_control"))
                    .is_ok_and(|controllers| controllers.split_whitespace().any(|name| name == "cpu"))
            };
            if !enabled() && (fs::write(parent.join("cgroup.subtree_control"), "+cpu").is_err() || !enabled())
            {
                return false;
            }
        }
        let Ok(groups) = self.make(name, 1.0) else { return false };
        let mut trial = Command::new("sh");
        trial.args(["-c", JOIN_AND_RUN, "true"]).args(&groups).arg("--").arg("true");
        trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let joined = trial.status().is_ok_and(|status| status.success());
        let counted = self.used_s(&groups).is_some();
        remove(&groups);
        joined && counted
    }
}

/// A shell that puts itself into the groups that are its arguments up to `--`, and becomes the program after that.
const JOIN_AND_RUN: &str =
    r#"while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@""#;

/// Places worth trying, the best first: v2 before v1; at the root of the tree, then from our own group upwards.
fn candidates(mounts: &str, own: &str) -> Vec<Hierarchy> {
    let mounts: Vec<(&str, &str, &str)> = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, place, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            Some((place, kind, options))
        })
        .collect();
    let mut found = Vec::new();
    for (place, ..) in mounts.iter().filter(|(_, kind, _)| *kind == "cgroup2") {
        let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
        found.extend(places(place, own).into_iter().map(|parent| Hierarchy::V2 { parent }));
    }
    let controller = |name: &str| {
        let has = |options: &str| options.split(',').any(|option| option == name);
        let (place, ..) = mounts.iter().find(|(_, kind, options)| *kind == "cgroup" && has(options))?;
        let own = own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            fields.next()?.split(',').any(|controller| controller == name).then(|| fields.next())?
        });
        Some(places(place, own.unwrap_or("/")))
    };
    if let (Some(cpu), Some(accounting)) = (controller("cpu"), controller("cpuacct")) {
        let pairs = cpu.into_iter().zip(accounting);
        found.extend(pairs.map(|(cpu, accounting)| Hierarchy::V1 { cpu, accounting }));
    }
    found
}

/// The tree's root, then our own group and those above it. In a container the path of our own may not exist.
fn places(mount: &str, own: &str) -> Vec<PathBuf> {
    let root = PathBuf::from(mount);
    let own = root.join(own.trim_start_matches('/'));
    let above = own.ancestors().take_while(|place| place.starts_with(&root) && *place != root);
    std::iter::once(root.clone()).chain(above.map(Path::to_path_buf)).collect()
}

fn usage_v2(stat: &str) -> Option<f64> {
    let micros = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
    Some(micros.trim().parse::<u64>().ok()? as f64 / 1e6)
}

/// Kills what is in the groups and removes them; a group goes only when its last process has.
pub(super) fn remove(groups: &[PathBuf]) {
    for group in groups {
        // Every killed process leaves at once; the bound is for one that the kernel holds.
        for _ in 0..200 {
            let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
            let mut pids = processes.lines().filter_map(|line| line.parse().ok()).peekable();
            if pids.peek().is_none() && (fs::remove_dir(group).is_ok() || !group.exists()) {
                break;
            }
            pids.for_each(|pid| procfs::signal(pid, Signal::KILL));
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_machine_has_the_cpu_in_v1() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                      cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n\
                      cgroup /sys/fs/cgroup/cpuacct cgroup rw,relatime,cpuacct 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
        let own = "3:cpuset:/\n2:cpuacct:/a\n1:cpu:/a/b\n0::/\n";
        let found = candidates(mounts, own);
        let shown: Vec<String> = found
            .iter()
            .map(|place| match place {
                Hierarchy::V2 { parent } => format!("v2 {}", parent.display()),
                Hierarchy::V1 { cpu, accounting } => format!("v1 {} {}", cpu.display(), accounting.display()),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "v2 /sys/fs/cgroup/unified",
                "v1 /sys/fs/cgroup/cpu /sys/fs/cgroup/cpuacct",
                "v1 /sys/fs/cgroup/cpu/a/b /sys/fs/cgroup/cpuacct/a",
            ]
        );
    }

    #[test]
    fn a_modern_desktop_is_tried_from_our_own_group_upwards() {
        let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        let own = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope\n";
        let found = candidates(mounts, own);
        let parents: Vec<&Path> = found
            .iter()
            .map(|place| match place {
                Hierarchy::V2 { parent } => parent.as_path(),
                Hierarchy::V1 { cpu, .. } => cpu.as_path(),
            })
            .collect();
        assert_eq!(parents.len(), 6);
        assert_eq!(parents[0], Path::new("/sys/fs/cgroup"));
        assert!(parents[1].ends_with("term.scope") && parents[5].ends_with("user.slice"));
    }

    #[test]
    fn the_files_of_both_versions_are_written_as_the_kernel_reads_them() {
        let place = tempfile::tempdir().unwrap();
        let v2 = Hierarchy::V2 { parent: place.path().to_path_buf() };
        let groups = v2.make("run-i-1", 0.1).unwrap();
        assert_eq!(fs::read_to_string(groups[0].join("cpu.max")).unwrap(), "10000 100000");
        v2.set(&groups, 2.0);
        assert_eq!(fs::read_to_string(groups[0].join("cpu.max")).unwrap(), "200000 100000");
        fs::write(groups[0].join("cpu.stat"), "usage_usec 1500000\nuser_usec 1\n").unwrap();
        assert_eq!(v2.used_s(&groups), Some(1.5));

        let (cpu, accounting) = (place.path().join("cpu"), place.path().join("acct"));
        fs::create_dir(&cpu).unwrap();
        fs::create_dir(&accounting).unwrap();
        let v1 = Hierarchy::V1 { cpu, accounting };
        let groups = v1.make("run-i-1", 0.001).unwrap();
        assert_eq!(
            fs::read_to_string(groups[0].join("cpu.cfs_quota_us")).unwrap(),
            "1000",
            "the least there is"
        );
        assert_eq!(fs::read_to_string(groups[0].join("cpu.cfs_period_us")).unwrap(), "100000");
        fs::write(groups[1].join("cpuacct.usage"), "2500000000\n").unwrap();
        assert_eq!(v1.used_s(&groups), Some(2.5));
    }
}
