//! `todo-deploy local up`, as a process of its own with real todo-api processes below it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Api, Watchdog, eventually, process, within};

/// From the start until the service answers, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(90);

/// A run on this machine; everything of it is ended when this is dropped, and when this process is killed.
#[derive(Debug)]
pub struct Local {
    child: Option<Child>,
    /// The load balancer.
    pub balancer: Api,
    pub dashboard: Api,
    _watchdog: Watchdog,
    place: TempDir,
}

/// A description that scales between one instance and `max`. The thresholds lie far from idle and from busy: what is
/// tested is who decides what in which order, not how busy this machine is.
pub fn up_and_down(max: u32) -> String {
    format!(
        r#"
capacity = {{ min = 1, desired = 1, max = {max} }}
# Little enough that even a busy machine can give it.
local = {{ share = 0.05 }}
# A check that a busy machine answers late is another test's matter.
health_check = {{ replaces_instances = false }}
[[scaling.policy]]
kind = "simple"
name = "up"
adjustment = 1
cooldown = "120s"
alarm = {{ metric = "cpu", when = ">= 45", period = "120s", evaluation_periods = 2 }}
[[scaling.policy]]
kind = "simple"
name = "down"
adjustment = -1
cooldown = "120s"
alarm = {{ metric = "cpu", when = "<= 30", period = "120s", evaluation_periods = 2 }}
"#
    )
}

/// todo-api, for `--program`.
pub fn todo_api_program() -> PathBuf {
    process::path("todo-api")
}

/// A command that runs todo-deploy.
pub fn todo_deploy() -> Command {
    process::program("todo-deploy")
}

impl Local {
    /// A run directory, and nothing in it yet.
    ///
    /// # Panics
    /// When there is no place for it, or no shell.
    pub fn nowhere() -> Self {
        let place = tempfile::Builder::new().prefix("local").tempdir().expect("a temporary directory");
        let (program, dir) = (process::path("todo-deploy"), place.path().join("run"));
        let text = |path: &Path| path.to_str().expect("a path of ours is text").to_owned();
        let script = r#"watch; "$1" local down --now --run-dir "$2""#;
        let watchdog = Watchdog::start(script, &[&text(&program), &text(&dir)]).expect("there is a shell");
        let nobody = Api { address: SocketAddr::from(([127, 0, 0, 1], 1)) };
        Self { child: None, balancer: nobody, dashboard: nobody, _watchdog: watchdog, place }
    }

    /// `local up` with these further arguments, once it is ready.
    pub async fn up(arguments: &[&str]) -> Self {
        let mut local = Self::nowhere();
        local.start(arguments).await;
        local
    }

    /// Starts it in the same directory (again).
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(&mut self, arguments: &[&str]) {
        let log = std::fs::File::create(self.log_path()).expect("a file in our own directory");
        let mut command = self.command(&["up"]);
        command.args(["--listen", "127.0.0.1:0", "--dashboard", "127.0.0.1:0"]);
        if !arguments.iter().any(|argument| ["--program", "--image"].contains(argument)) {
            command.arg("--program").arg(todo_api_program());
        }
        command.args(arguments).stderr(log);
        let mut child = command.spawn().expect("todo-deploy was built with this test");
        let ready = eventually("the service to be ready", PATIENCE, || {
            let said = self.said();
            let ended = child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "todo-deploy ended ({ended:?}):\n{said}");
            async move { Some((address(&said, "load balancer")?, address(&said, "dashboard")?)) }
        });
        (self.balancer.address, self.dashboard.address) = ready.await;
        self.child = Some(child);
    }

    /// `todo-deploy local …` for this run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = process::program("todo-deploy");
        command.arg("local").args(&arguments[..1]).arg("--run-dir").arg(self.dir()).args(&arguments[1..]);
        command.current_dir(self.place.path());
        command
    }

    /// Runs a command to its end; what it said, and its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ask(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped());
        let output = within("a command", PATIENCE, command.output()).await.expect("it can be run");
        let Output { status, stdout, stderr } = output;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (status.code().unwrap_or(-1), text(&stdout), text(&stderr))
    }

    pub fn dir(&self) -> PathBuf {
        self.place.path().join("run")
    }

    /// A place for files of the test.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    fn log_path(&self) -> PathBuf {
        self.place.path().join("up.log")
    }

    /// What `up` has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// How things stand.
    pub async fn status(&self) -> Value {
        self.dashboard.get("/status.json").await.is(200).value()
    }

    /// Waits until the status is as `look` wants it.
    pub async fn until<T>(&self, what: &str, limit: Duration, look: impl Fn(&Value) -> Option<T>) -> T {
        let look = &look;
        eventually(what, limit, || async move { look(&self.status().await) }).await
    }

    /// Process ids of the instances, by name.
    pub async fn instances(&self) -> Vec<(String, u32)> {
        instances(&self.status().await)
    }

    /// Every event that was recorded.
    pub fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir().join("timeline.jsonl")).unwrap_or_default();
        // The last line may still be being written.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"].is_string()).collect()
    }

    /// Ends todo-deploy as `kill -9` does.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill(&mut self) {
        self.child.take().expect("it runs").kill().await.expect("our own child can be killed");
    }

    /// Sends a signal to todo-deploy.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().and_then(Child::id).expect("it runs");
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("our own child can be signalled");
    }

    /// Waits for todo-deploy to end; its exit code.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        within("todo-deploy to end", PATIENCE, child.wait()).await.expect("a child can be waited for").code()
    }
}

/// Process ids of the instances in a status, by name; those that have none yet are left out.
pub fn instances(status: &Value) -> Vec<(String, u32)> {
    let all = status["instances"].as_array().into_iter().flatten();
    let one = |instance: &Value| {
        let pid = instance["process"].as_str()?.strip_prefix("pid ")?.parse().ok()?;
        Some((instance["id"].as_str()?.to_owned(), pid))
    };
    all.filter_map(one).collect()
}

/// Whether a process is there, a zombie included.
pub fn is_alive(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(|pid| test_kill_process(pid).is_ok())
}

fn address(said: &str, what: &str) -> Option<SocketAddr> {
    let line =
        said.lines().find_map(|line| line.trim().strip_prefix(what)?.trim().strip_prefix("http://"))?;
    line.parse().ok()
}
