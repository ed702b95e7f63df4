//! Ending what a todo-deploy that was killed has left behind, and nothing else.
//!
//! Who is ours stands in the run directory. A process id alone proves nothing, because ids come again: the start must
//! be the recorded one, in the same boot of the machine. This file waits for processes, which tell nobody when they end.
#![expect(clippy::disallowed_methods, reason = "a process that is not our child has no event to wait for")]

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::procfs::{self, Stat};
use super::rundir::{Record, RunDir, boot_id};
use super::{docker, limit};

/// From SIGTERM to SIGKILL: nobody uses these any more, so that there is little to finish.
const PATIENCE: Duration = Duration::from_secs(3);
/// A process that is killed needs a moment to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Ends the instances of the run that nobody runs any more, and says how many there were. The caller holds the lock.
pub(super) fn end(dir: &RunDir) -> usize {
    let boot = boot_id();
    let mut ended = 0;
    for (path, record) in dir.records() {
        if record.boot == boot {
            ended += usize::from(end_one(&record));
        }
        let _ = std::fs::remove_file(path);
    }
    let _ = std::fs::remove_file(dir.socket());
    ended
}

/// True when something was still there.
fn end_one(record: &Record) -> bool {
    let container = record.container.as_deref().is_some_and(docker::remove);
    let first = members(record);
    if let Some(process) = record.process.as_ref().filter(|process| process.is_alive()) {
        procfs::signal(process.pid, Signal::TERM);
    }
    // One that was stopped to save CPU time obeys only once it goes on.
    first.iter().for_each(|stat| procfs::signal(stat.pid, Signal::CONT));
    if !are_gone_within(record, PATIENCE) {
        members(record).iter().for_each(|stat| procfs::signal(stat.pid, Signal::KILL));
        are_gone_within(record, KILL_PATIENCE);
    }
    limit::remove_groups(&record.groups);
    container || !first.is_empty()
}

fn are_gone_within(record: &Record, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if members(record).is_empty() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The processes of an instance that still run.
fn members(record: &Record) -> Vec<Stat> {
    let Some(process) = &record.process else { return Vec::new() };
    if !cfg!(target_os = "linux") {
        let alive = process.is_alive();
        let stat = Stat {
            pid: process.pid,
            parent: 0,
            group: process.pid,
            is_zombie: false,
            ticks: 0,
            start: 0,
            resident_pages: 0,
        };
        return alive.then_some(stat).into_iter().collect();
    }
    let all = procfs::all();
    // When the id belongs to another process by now, its group and children are not ours either.
    if Stat::of(process.pid).is_some_and(|stat| stat.start.to_string() != process.start) {
        return Vec::new();
    }
    let tree = procfs::tree(&all, process.pid);
    tree.into_iter().filter(|stat| !stat.is_zombie).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    use super::super::procfs::Identity;
    use super::*;
    use crate::timeline::InstanceId;

    fn sleeper(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null()).process_group(0);
        command.spawn().unwrap()
    }

    fn dir_with(place: &std::path::Path, identity: &Identity) -> RunDir {
        let dir = RunDir::of("x", Some(place)).unwrap();
        dir.create().unwrap();
        let record = Record { boot: boot_id(), ..Record::default() };
        record.write(&dir.record(InstanceId(1))).unwrap();
        Record::add_process(&dir.record(InstanceId(1)), identity).unwrap();
        dir
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_stopped_orphan_with_a_worker_is_ended_and_one_with_another_start_is_not() {
        let place = tempfile::tempdir().unwrap();
        let mut child = sleeper("sleep 1000 & wait");
        let identity = Identity::of(child.id()).unwrap();
        // Somebody else's process that has got the id of one of ours.
        let dir = dir_with(place.path(), &Identity { start: "1".to_owned(), ..identity.clone() });
        assert_eq!(end(&dir), 0);
        assert!(child.try_wait().unwrap().is_none(), "it is not ours");
        assert!(dir.records().is_empty());

        let dir = dir_with(place.path(), &identity);
        procfs::signal(child.id(), Signal::STOP);
        let reaper = std::thread::spawn(move || child.wait());
        assert_eq!(end(&dir), 1);
        reaper.join().unwrap().unwrap();
        assert!(
            procfs::tree(&procfs::all(), identity.pid).iter().all(|stat| stat.is_zombie),
            "the worker too"
        );
        assert_eq!(end(&dir), 0, "there is nothing left to end");
    }
}
