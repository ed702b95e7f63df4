//! The real program, as a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use crate::{Api, Database, eventually, within};

/// From the start to the line that names the address.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running todo-api; killed when dropped. Its log is shown when the test fails.
#[derive(Debug)]
pub struct Process {
    child: Child,
    api: Api,
    log: Log,
    /// Reads the log to its end; taken once that has been waited for.
    reading: Option<JoinHandle<()>>,
}

/// Linux can end a process when the thread that started it ends, also by `kill -9`. The test's thread outlives the
/// [`Process`] that it holds.
const ENDING_WITH_US: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];
static ENDS_WITH_US: LazyLock<bool> = LazyLock::new(|| {
    let mut probe = std::process::Command::new(ENDING_WITH_US[0]);
    probe.args(&ENDING_WITH_US[1..]).arg("true").stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
});

/// A command that runs todo-api with none of the settings of this process's own environment.
///
/// # Panics
/// When this test binary is not where Cargo puts test binaries.
pub fn todo_api() -> Command {
    program("todo-api")
}

/// The path of a program that is built with the tests.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps/TEST");
    profile.join(format!("{name}-under-test{}", std::env::consts::EXE_SUFFIX))
}

/// A command that runs one of the programs under test; it ends with this process.
pub(crate) fn program(name: &str) -> Command {
    let program = path(name);
    let mut command =
        Command::new(if *ENDS_WITH_US { ENDING_WITH_US[0].as_ref() } else { program.as_os_str() });
    if *ENDS_WITH_US {
        command.args(&ENDING_WITH_US[1..]).arg(&program);
    }
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("TODO_") || text.ends_with("DATABASE_URL") || text == "SQLALCHEMY_DATABASE_URI" {
            command.env_remove(&name);
        }
    }
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// An address that nobody listens on right now, for a flag that must name one.
///
/// # Panics
/// When no port is free.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

impl Process {
    /// Starts todo-api on `database` with further flags, on a free port unless they name one.
    pub async fn on(database: &Database, args: &[&str]) -> Self {
        Self::at(database.url(), args).await
    }

    /// Starts todo-api on the database at `url`.
    pub async fn at(url: &str, args: &[&str]) -> Self {
        let mut command = todo_api();
        command.args(["--database-url", url, "--log-format", "text"]).args(args);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::start(command).await
    }

    /// Starts `command`, made with [`todo_api()`], and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("todo-api was built with this test");
        let stderr = child.stderr.take().expect("standard error is piped");
        let log = Log::default();
        let reading = Some(tokio::spawn(log.clone().read(stderr)));
        let started = eventually("todo-api to listen", PATIENCE, || {
            let address = log.address();
            let ended = child.try_wait().expect("a child can be asked");
            assert!(ended.is_none() || address.is_some(), "todo-api ended ({ended:?}):\n{}", log.text());
            async move { address }
        });
        let address = started.await;
        Self { child, api: Api { address }, log, reading }
    }

    /// # Panics
    /// When the process has been waited for.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("not waited for yet")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("our own child can be signalled");
    }

    /// Waits for the process to end by itself, and for the last of its log.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let ended = within("todo-api to end", limit, self.child.wait()).await;
        if let Some(reading) = self.reading.take() {
            within("its log to end", limit, reading).await.expect("the log is read to its end");
        }
        ended.expect("a child can be waited for")
    }

    /// Ends it at once, as a power cut would.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("our own child can be killed");
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The most memory that it ever had, where the system tells (Linux).
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        self.status_bytes("VmHWM:")
    }

    /// The memory that it has now, where the system tells (Linux).
    pub fn memory_bytes(&self) -> Option<u64> {
        self.status_bytes("VmRSS:")
    }

    fn status_bytes(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }
}

impl Deref for Process {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "what a failed test's process logged helps to see why")]
            {
                eprintln!("--- log of todo-api at {} ---\n{}---", self.api.address, self.log.text());
            }
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    async fn read(self, stderr: ChildStderr) {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
        }
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn address(&self) -> Option<SocketAddr> {
        let text = self.text();
        let (_, rest) = text.split_once("listening on http://")?;
        let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || "[].:".contains(c)))?;
        rest[..end].parse().ok()
    }
}
