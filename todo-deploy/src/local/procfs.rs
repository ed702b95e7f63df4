//! Processes as Linux shows them in `/proc`: which belong together, what CPU time and memory they have used.
//!
//! Elsewhere nothing is shown, and nothing is measured; a process is then known by what `ps` says of its start.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};

/// One line of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) group: u32,
    /// Ended, and not yet asked for by its parent.
    pub(super) is_zombie: bool,
    /// CPU time in clock ticks: its own and that of children that it has waited for. A tree's sum so neither loses
    /// nor doubles anything when a process in it ends.
    pub(super) ticks: u64,
    /// When it started, in clock ticks since boot: with the id it names a process, because ids come again.
    pub(super) start: u64,
    pub(super) resident_pages: u64,
}

impl Stat {
    /// Reads the line; the name in parentheses may hold anything, parentheses and blanks included.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (pid, _) = text.split_once(' ')?;
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // The first field here is the third of proc(5).
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let small = |field: usize| u32::try_from(number(field)?).ok();
        Some(Self {
            pid: pid.parse().ok()?,
            parent: small(4)?,
            group: small(5)?,
            is_zombie: matches!(fields.first(), Some(&"Z" | &"X")),
            ticks: number(14)? + number(15)? + number(16)? + number(17)?,
            start: number(22)?,
            resident_pages: number(24)?,
        })
    }

    pub(super) fn of(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }
}

/// Every process of the machine, in no order.
pub(super) fn all() -> Vec<Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pid = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    entries.filter_map(pid).filter_map(Stat::of).collect()
}

/// The process `root`, its descendants, and whoever is in its process group: workers whose parent ended are still ours.
pub(super) fn tree(all: &[Stat], root: u32) -> Vec<Stat> {
    let mut found: Vec<Stat> =
        all.iter().filter(|stat| stat.pid == root || stat.group == root).copied().collect();
    let mut known: BTreeSet<u32> = found.iter().map(|stat| stat.pid).collect();
    loop {
        let is_new = |stat: &&Stat| known.contains(&stat.parent) && !known.contains(&stat.pid);
        let more: Vec<Stat> = all.iter().filter(is_new).copied().collect();
        if more.is_empty() {
            return found;
        }
        known.extend(more.iter().map(|stat| stat.pid));
        found.extend(more);
    }
}

/// A process, unmistakably: its id, and when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) pid: u32,
    pub(super) start: String,
}

impl Identity {
    /// The process that has this id now.
    pub(super) fn of(pid: u32) -> Option<Self> {
        if cfg!(target_os = "linux") {
            return Stat::of(pid).map(|stat| Self { pid, start: stat.start.to_string() });
        }
        let asked = std::process::Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output();
        let start = String::from_utf8_lossy(&asked.ok()?.stdout).trim().to_owned();
        (!start.is_empty()).then_some(Self { pid, start })
    }

    /// Whether this very process still runs.
    pub(super) fn is_alive(&self) -> bool {
        let zombie = cfg!(target_os = "linux") && Stat::of(self.pid).is_some_and(|stat| stat.is_zombie);
        !zombie && Self::of(self.pid).as_ref() == Some(self)
    }
}

/// Sends a signal to one process; that it is gone already is no error.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Seconds in a clock tick.
pub(super) fn seconds_per_tick() -> f64 {
    1.0 / rustix::param::clock_ticks_per_second().max(1) as f64
}

/// Memory that these processes have resident, in bytes; what they share counts for each.
pub(super) fn resident_bytes(tree: &[Stat]) -> u64 {
    tree.iter().map(|stat| stat.resident_pages).sum::<u64>() * rustix::param::page_size() as u64
}

/// Memory of the whole machine, in bytes.
pub(super) fn machine_memory_bytes() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "4242 (a (b) c) S 1 4240 4240 0 -1 4194560 100 0 0 0 7 3 2 1 20 0 1 0 987654 1000000 250 \
                        18446744073709551615 1 1 0";

    #[test]
    fn a_line_is_read_whatever_the_name() {
        let stat = Stat::parse(LINE).unwrap();
        let expected = Stat {
            pid: 4242,
            parent: 1,
            group: 4240,
            is_zombie: false,
            ticks: 13,
            start: 987_654,
            resident_pages: 250,
        };
        assert_eq!(stat, expected);
        assert_eq!(Stat::parse("1 (x"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn a_tree_is_descendants_and_the_group() {
        let stat = |pid, parent, group| Stat {
            pid,
            parent,
            group,
            is_zombie: false,
            ticks: 1,
            start: 1,
            resident_pages: 1,
        };
        // 12's parent comes after it in the list; 20's parent ended; 30 is somebody else's.
        let all = [stat(12, 11, 99), stat(10, 1, 10), stat(11, 10, 10), stat(20, 1, 10), stat(30, 1, 30)];
        let mut pids: Vec<u32> = tree(&all, 10).iter().map(|stat| stat.pid).collect();
        pids.sort_unstable();
        assert_eq!(pids, [10, 11, 12, 20]);
        assert_eq!(tree(&all, 77), []);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_alive_and_one_with_another_start_is_not() {
        let own = Identity::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        let before = Identity { start: "1".to_owned(), ..own };
        assert!(!before.is_alive(), "the id is the same, the process is not");
        assert!(all().iter().any(|stat| stat.pid == before.pid));
    }
}
