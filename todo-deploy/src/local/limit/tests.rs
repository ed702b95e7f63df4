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

/// vCPUs that it really used over a second or more, once a share was set.
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
    wait(began + Duration::from_millis(1200));
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

#[test]
fn without_a_limit_it_takes_what_it_gets() {
    let limiter = Limiter::new(CpuLimit::None, "x").unwrap();
    assert_eq!(limiter.mechanism(), Mechanism::None);
    assert_eq!(limiter.prepare(InstanceId(1), 0.1).unwrap().groups, Vec::<PathBuf>::new());
}
