//! Each means with a real process that would take a whole CPU.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "what is tested is the use of time")]

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// A shell that computes for ever, in two processes.
fn busy(groups: &[PathBuf]) -> Child {
    let mut command = Command::new("sh");
    let script = r#"for g in "$@"; do echo $$ >"$g/cgroup.procs" || exit 125; done
                    (while :; do :; done) & while :; do :; done"#;
    command.args(["-c", script, "busy"]).args(groups);
    command.stdin(Stdio::null()).process_group(0).spawn().unwrap()
}

/// vCPUs that it really used over some seconds, once a share was set.
fn measured(wanted: CpuLimit, share: f64) -> Option<f64> {
    let run = format!("todo-deploy-test-{}-{}", std::process::id(), (share * 1000.0) as u32);
    let limiter = Limiter::new(wanted, &run).ok()?;
    let limited = limiter.prepare(InstanceId(1), share).unwrap();
    let mut child = busy(&limited.groups);
    limiter.started(&limited, &Stat::of(child.id()).unwrap(), share);
    let used = || limiter.used_s(&limited, &procfs::tree(&procfs::all(), child.id())).unwrap();
    let wait = |until: Instant| std::thread::sleep(until.saturating_duration_since(Instant::now()));
    wait(Instant::now() + Duration::from_millis(300));
    let (began, before) = (Instant::now(), used());
    wait(began + Duration::from_secs(4));
    let rate = (used() - before) / began.elapsed().as_secs_f64();
    limiter.release(&limited);
    let tree = procfs::tree(&procfs::all(), child.id());
    tree.iter().for_each(|stat| procfs::signal(stat.pid, rustix::process::Signal::KILL));
    child.wait().unwrap();
    limiter.remove(&limited);
    assert!(limited.groups.iter().all(|group| !group.exists()), "no group stays");
    Some(rate)
}

#[test]
fn stop_and_continue_holds_two_processes_to_their_share() {
    let rate = measured(CpuLimit::Stop, 0.25).unwrap();
    // A busy machine may give less; it must not get more.
    assert!(rate < 0.35 && rate > 0.02, "{rate}");
}

#[test]
fn a_control_group_holds_two_processes_to_their_share() {
    // Where none can be made, that is what the limiter says, and the other means are there.
    let Some(rate) = measured(CpuLimit::Cgroup, 0.25) else { return };
    assert!(rate < 0.35 && rate > 0.02, "{rate}");
}

/// F28: what the tree of processes adds up to, workers that come and go included, is what the kernel counted.
#[test]
fn the_tree_and_the_control_group_count_the_same() {
    let run = format!("todo-deploy-test-{}-same", std::process::id());
    let Ok(limiter) = Limiter::new(CpuLimit::Cgroup, &run) else { return };
    let limited = limiter.prepare(InstanceId(1), 1.0).unwrap();
    let mut command = Command::new("sh");
    let script = r#"for g in "$@"; do echo $$ >"$g/cgroup.procs" || exit 125; done
                    work() { i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done; }
                    while :; do (work) & (work); wait; done"#;
    command.args(["-c", script, "busy"]).args(&limited.groups);
    let mut child = command.stdin(Stdio::null()).process_group(0).spawn().unwrap();
    let tree = || procfs::tree(&procfs::all(), child.id());
    let seconds =
        |tree: &[Stat]| tree.iter().map(|stat| stat.ticks).sum::<u64>() as f64 * procfs::seconds_per_tick();
    let counted = || limiter.used_s(&limited, &[]).unwrap();
    // The files of a tree are read one after the other: a worker that is waited for in between is in none of them. So
    // the most of some readings, which the kernel's count before and after encloses.
    let reading = || {
        let low = counted();
        let most = (0..5).map(|_| seconds(&tree())).fold(0.0, f64::max);
        (low, most, counted())
    };
    std::thread::sleep(Duration::from_millis(200));
    let (first, began) = (reading(), Instant::now());
    std::thread::sleep(Duration::from_millis(1500));
    let (last, elapsed) = (reading(), began.elapsed().as_secs_f64());
    tree().iter().for_each(|stat| procfs::signal(stat.pid, rustix::process::Signal::KILL));
    child.wait().unwrap();
    limiter.remove(&limited);
    let by_tree = last.1 - first.1;
    // Two points of a CPU, and the ticks of the processes that are there.
    let slack = 0.02 * elapsed + 0.04;
    let bounds = (last.0 - first.2 - slack)..=(last.2 - first.0 + slack);
    assert!(bounds.contains(&by_tree), "{by_tree} s is outside {bounds:?} within {elapsed} s");
}

#[test]
fn without_a_limit_it_takes_what_it_gets() {
    let limiter = Limiter::new(CpuLimit::None, "x").unwrap();
    assert_eq!(limiter.mechanism(), Mechanism::None);
    assert_eq!(limiter.prepare(InstanceId(1), 0.1).unwrap().groups, Vec::<PathBuf>::new());
}
