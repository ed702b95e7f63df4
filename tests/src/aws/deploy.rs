//! `todo-deploy ec2|ecs …` as a user runs it, but quickly, and against an emulator.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::emulator::{Emulator, When};
use super::front::Front;
use super::venv::{Venv, emulator_sources};
use crate::process::program;
use crate::within;

/// Longest that one command may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// Options of every command that a test does not give itself: quick looks, patience with a busy machine, and nothing asked
/// of the world outside.
const PACE: [(&str, &str); 5] = [
    ("--poll", "10ms"),
    ("--backoff", "5ms"),
    ("--timeout", "2m"),
    ("--call-timeout", "60s"),
    ("--registry-mirror", "none"),
];

/// A balancer's address as the emulator names it, for the names that the deployments of tests have.
const BALANCERS: [&str; 2] = ["taskoverflow", "shop-lb"];

/// A user's shell: a directory, credentials, an account.
#[derive(Debug)]
pub struct Deploy {
    directory: TempDir,
    front: Front,
    target: &'static str,
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Deploy {
    /// For `ec2` or `ecs`.
    ///
    /// # Panics
    /// When there is no room for a directory.
    pub async fn to(target: &'static str) -> Self {
        let directory = TempDir::new().expect("a directory for temporary files");
        Self { directory, front: Front::open().await, target }
    }

    /// Where commands run; a `deployment.toml` here is theirs.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What answers for the load balancer.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// `todo-deploy image …`, to its end.
    pub async fn image(&self, emulator: &Emulator, args: &[&str]) -> Outcome {
        let mut command = self.plain(emulator);
        command.arg("image").args(args);
        let output = within(&format!("image {args:?} to end"), PATIENCE, command.output()).await;
        Outcome::of(&output.expect("todo-deploy was built with this test"))
    }

    /// todo-deploy in this shell, without arguments.
    fn plain(&self, emulator: &Emulator) -> Command {
        let mut command = program("todo-deploy");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(&name);
            }
        }
        command.current_dir(self.directory.path()).env("HOME", self.directory.path()).env("NO_COLOR", "1");
        command.env("AWS_ENDPOINT_URL", emulator.url()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
        command.stdout(Stdio::piped());
        command
    }

    /// A command with everything that tests want: quick looks, no questions, the balancer found.
    pub fn command(&self, emulator: &Emulator, args: &[&str]) -> Command {
        let mut command = self.plain(emulator);
        command.arg(self.target).args(args);
        for (flag, value) in PACE {
            if !args.contains(&flag) {
                command.args([flag, value]);
            }
        }
        let subcommand = args.first().copied().unwrap_or_default();
        if matches!(subcommand, "up" | "down") {
            command.arg("--yes");
        }
        if matches!(subcommand, "up" | "rollback" | "restart") {
            for balancer in BALANCERS {
                let host = format!("{balancer}-1.us-east-1.elb.amazonaws.com");
                command.arg("--resolve").arg(format!("{host}:80:{}", self.front.address));
            }
        }
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, emulator: &Emulator, args: &[&str]) -> Outcome {
        let mut command = self.command(emulator, args);
        let output = within(&format!("{args:?} to end"), PATIENCE, command.output()).await;
        Outcome::of(&output.expect("todo-deploy was built with this test"))
    }

    /// Runs a command at a terminal of `columns` and `rows`, with `steps` as `tests/aws/terminal.py` has them; what was
    /// seen there.
    pub async fn at_terminal(
        &self,
        command: &Command,
        (columns, rows): (u16, u16),
        steps: Value,
    ) -> Option<Value> {
        let command = command.as_std();
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let given = json!({"command": words, "columns": columns, "rows": rows, "steps": steps}).to_string();
        let mut terminal = Command::from(Venv::get()?.command("python"));
        terminal.arg("-B").arg(emulator_sources().join("terminal.py")).current_dir(self.directory.path());
        // CI's own variable would say that nobody watches.
        terminal.env_remove("CI").env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => terminal.env(name, value),
                None => terminal.env_remove(name),
            };
        }
        terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut running = terminal.spawn().expect("the environment has Python");
        let mut stdin = running.stdin.take().expect("standard input is piped");
        stdin.write_all(given.as_bytes()).await.expect("it reads what it is given");
        drop(stdin);
        let output = within("what happens at a terminal to end", PATIENCE, running.wait_with_output()).await;
        let output = output.expect("Python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    /// Runs a command and kills it at its `at`-th mutating call; whether it came so far.
    pub async fn killed_at(&self, emulator: &Emulator, args: &[&str], at: usize, when: When) -> bool {
        emulator.forget().await;
        emulator.halt(at, when).await;
        let mut command = self.command(emulator, args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("todo-deploy was built with this test");
        let halted = async {
            loop {
                if emulator.halted().await {
                    return true;
                }
                if child.try_wait().expect("a child can be asked").is_some() {
                    return false;
                }
            }
        };
        let halted = within("the command to come to its call", PATIENCE, halted).await;
        child.kill().await.expect("our own child can be killed");
        emulator.thaw().await;
        halted
    }
}

impl Outcome {
    /// Of a process that has ended.
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The outcome itself, once its exit code is as expected.
    #[track_caller]
    pub fn is(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        assert!(!self.stderr.contains("panicked at"), "{self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n--- stdout\n{}--- stderr\n{}---", self.code, self.stdout, self.stderr)
    }
}
