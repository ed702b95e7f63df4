//! Runs the program.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A directory of its own for a test's files, removed at the end.
#[derive(Debug)]
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("loadtest-suite-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("writes");
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("is there")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // What cannot be removed is in a temporary directory anyway.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command, with nothing of this process's environment that could change it.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(args).env_clear().env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str]) -> Run {
    let Output { status, stdout, stderr } = command(args).output().expect("starts");
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Runs a script with further arguments; gives the results as `--summary-export` writes them.
pub(crate) fn run_script(name: &str, script: &str, args: &[&str]) -> (Run, Value) {
    let dir = Dir::new(name);
    let (file, export) = (dir.write("script.js", script), dir.path("summary.json"));
    let mut all = vec![file.as_str(), "-q", "--summary-export", &export];
    all.extend_from_slice(args);
    let run = run(&all);
    let results = std::fs::read_to_string(&export).ok().and_then(|text| serde_json::from_str(&text).ok());
    (run, results.unwrap_or(Value::Null))
}
