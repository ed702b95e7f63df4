//! Instances in containers, by the `docker` command: whoever has an engine has it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// Whether an engine answers.
pub(super) fn answers() -> bool {
    quiet(&["version", "--format", "{{.Server.Version}}"])
}

/// The words that run an image, up to its name. The engine limits the CPU.
pub(super) fn run(
    name: &str,
    vcpus: f64,
    port: u16,
    port_inside: u16,
    environment: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut words: Vec<String> = ["docker", "run", "--rm", "--name", name].map(str::to_owned).into();
    words.push(format!("--cpus={vcpus}"));
    words.extend(["--label".to_owned(), "todo-deploy=local".to_owned()]);
    words.extend(["-p".to_owned(), format!("127.0.0.1:{port}:{port_inside}")]);
    // The files of a shared SQLite database are ours, in the container too.
    if let Some(place) = environment.values().find_map(|value| value.strip_prefix("sqlite:///")) {
        let directory = std::path::Path::new(place).parent().unwrap_or(std::path::Path::new("/"));
        words.extend(["-v".to_owned(), format!("{0}:{0}", directory.display())]);
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        words.extend(["--user".to_owned(), format!("{}:{}", user.as_raw(), group.as_raw())]);
    }
    words.extend(environment.keys().flat_map(|name| ["-e".to_owned(), name.clone()]));
    words
}

/// The container's first process, as this machine numbers it.
pub(super) fn first_process(name: &str) -> Option<u32> {
    let asked = Command::new("docker")
        .args(["inspect", "--format", "{{.State.Pid}}", name])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    String::from_utf8(asked.ok()?.stdout).ok()?.trim().parse().ok().filter(|pid| *pid != 0)
}

/// Ends it at once.
pub(super) fn kill(name: &str) {
    quiet(&["kill", name]);
}

/// From now on it may use so many vCPUs.
pub(super) fn set_cpus(name: &str, vcpus: f64) {
    quiet(&["update", "--cpus", &vcpus.to_string(), name]);
}

/// Removes it, running or not; true when it was there.
pub(super) fn remove(name: &str) -> bool {
    quiet(&["inspect", name]) && quiet(&["rm", "-f", name])
}

fn quiet(words: &[&str]) -> bool {
    let mut command = Command::new("docker");
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
