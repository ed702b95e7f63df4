//! The docker command.

use std::process::{Command, Stdio};

use e2e::{Watchdog, skipped};

/// What a docker command printed.
#[track_caller]
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    let (said, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "docker {args:?}\n{errors}\n{said}");
    said.trim().into()
}

/// `None`, and said so, where no engine answers.
pub(crate) fn engine(what: &str) -> Option<()> {
    let asked = Command::new("docker").arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match asked.is_ok_and(|status| status.success()) {
        true => Some(()),
        false => skipped(&format!("{what}: no Docker engine answers")),
    }
}

/// An image that this test built; its tags are removed when it is dropped. The layers that building it needed stay
/// as Docker's cache.
pub(super) struct Built {
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) name: String,
    _removed_by: Watchdog,
}

impl Built {
    /// `None` where there is no Docker engine.
    pub(super) fn from_the_dockerfile() -> Option<Self> {
        engine("the container image")?;
        let (repository, tag) = (String::from("todo-api-e2e"), format!("e2e-{}", std::process::id()));
        let name = format!("{repository}:{tag}");
        let removed_by = Watchdog::start("watch; docker rmi --force \"$1\"", &[&name]).unwrap();
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        // The network of this machine, for one whose registry of crates is reached by it alone.
        let mut build = Command::new("docker");
        build.args(["build", "--network", "host", "--build-arg", "VERSION=e2e", "--tag", &name, workspace]);
        if !Command::new("docker").args(["buildx", "version"]).output().unwrap().status.success() {
            build.env("DOCKER_BUILDKIT", "0");
        }
        let output = build.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "docker build\n{}\n{errors}",
            String::from_utf8_lossy(&output.stdout)
        );
        Some(Self { repository, tag, name, _removed_by: removed_by })
    }
}
