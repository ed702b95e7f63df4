//! A fork of the emulator, and what can be told to it and asked of it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::venv::{Venv, emulator_sources};
use crate::{Api, within};

/// For the Python environment, which the first run makes: packages are downloaded and installed.
const MAKING: Duration = Duration::from_secs(20 * 60);

/// From the start of the emulator to its address.
const PATIENCE: Duration = Duration::from_secs(120);

/// The emulator that all of this process are forks of. It ends with this process, which holds its standard input.
#[derive(Debug)]
struct Original {
    address: SocketAddr,
    _child: Option<Child>,
}

/// An AWS of one test's own.
#[derive(Debug)]
pub struct Emulator {
    api: Api,
}

/// One call that the emulator has seen.
#[derive(Debug, Clone)]
pub struct Logged {
    /// As IAM writes it: `ec2:CreateSecurityGroup`
    pub call: String,
    pub mutating: bool,
    pub params: Value,
    /// Where it does not fit AWS's own model.
    pub problems: Vec<String>,
    /// What was done to it by a rule or a halt.
    pub fault: Option<String>,
    pub status: Option<u64>,
    /// Of an error.
    pub code: Option<String>,
}

/// On which side of its execution a call is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

impl Emulator {
    /// An empty account as a Learner Lab has it. `None` where there is no Python.
    pub async fn started() -> Option<Self> {
        static ORIGINAL: OnceCell<Option<Original>> = OnceCell::const_new();
        let original = ORIGINAL.get_or_init(original);
        let original = original.await.as_ref()?;
        Some(Self::forked(Api { address: original.address }).await)
    }

    /// Another one with the same contents.
    pub async fn fork(&self) -> Self {
        Self::forked(self.api).await
    }

    async fn forked(api: Api) -> Self {
        let made = api.post("/_fork", &json!({})).await.is(200).value();
        let address = made["address"].as_str().and_then(|text| text.parse().ok());
        Self { api: Api { address: address.expect("the emulator tells the address of its fork") } }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.api.address)
    }

    /// All calls since the beginning or [`Self::forget`], in order.
    pub async fn calls(&self) -> Vec<Logged> {
        let log = self.api.get("/_calls").await.is(200).value();
        log.as_array().expect("a list").iter().map(Logged::read).collect()
    }

    /// Those that change something, by name.
    pub async fn mutations(&self) -> Vec<String> {
        self.calls().await.into_iter().filter(|call| call.mutating).map(|call| call.call).collect()
    }

    /// Empties the log; mutating calls are counted anew.
    pub async fn forget(&self) {
        self.api.delete("/_calls").await.is(200);
    }

    /// Adds rules (`tests/aws/emulator/faults.py`).
    pub async fn faults(&self, rules: Value) {
        self.api.post("/_faults", &rules).await.is(200);
    }

    pub async fn no_faults(&self) {
        self.api.delete("/_faults").await.is(200);
    }

    /// How slow and unlucky it is (`tests/aws/emulator/world.py`).
    pub async fn settings(&self, settings: Value) {
        self.api.post("/_settings", &settings).await.is(200);
    }

    /// From now on only what these IAM policies allow.
    pub async fn allow_only(&self, policies: &[Value]) {
        self.api.post("/_policy", &json!(policies)).await.is(200);
    }

    /// Whether those policies allow a call, which is not made.
    pub async fn may(&self, service: &str, operation: &str, params: Value) -> bool {
        let asked = json!({"service": service, "operation": operation, "params": params});
        self.api.post("/_may", &asked).await.is(200).value()["may"] == json!(true)
    }

    /// All that exists, in a form that two runs can be compared by.
    pub async fn state(&self) -> Value {
        self.api.get("/_state").await.is(200).value()
    }

    /// A call of the test's own, which no log or rule sees.
    pub async fn ask(&self, service: &str, operation: &str, params: Value) -> Value {
        let asked = json!({"service": service, "operation": operation, "params": params});
        self.api.post("/_ask", &asked).await.is(200).value()
    }

    /// Freezes everything at the `at`-th mutating call (1 is the first).
    pub async fn halt(&self, at: usize, when: When) {
        let when = match when {
            When::Before => "before",
            When::After => "after",
        };
        self.api.post("/_halt", &json!({"at": at, "when": when})).await.is(200);
    }

    /// Whether it is frozen by now; waits for up to a second.
    pub async fn halted(&self) -> bool {
        self.api.get("/_halted?seconds=1").await.is(200).value()["halted"] == json!(true)
    }

    /// Goes on after a halt; whoever was frozen is cut off.
    pub async fn thaw(&self) {
        self.api.post("/_thaw", &json!({})).await.is(200);
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(self.api.address) {
            let _ = stream.write_all(b"POST /_quit HTTP/1.1\r\nhost: emulator\r\ncontent-length: 0\r\n\r\n");
        }
    }
}

impl Logged {
    fn read(entry: &Value) -> Self {
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        let problems = entry["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            call: text("call").unwrap_or_default(),
            mutating: entry["mutating"] == json!(true),
            params: entry["params"].clone(),
            problems: problems.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            fault: text("fault"),
            status: entry["status"].as_u64(),
            code: text("code"),
        }
    }
}

/// The one that somebody runs already and `TODO_AWS_EMULATOR=127.0.0.1:PORT` names, or one of our own.
async fn original() -> Option<Original> {
    if let Ok(address) = std::env::var("TODO_AWS_EMULATOR") {
        let address = address.parse().expect("TODO_AWS_EMULATOR is an address with a port");
        return Some(Original { address, _child: None });
    }
    let venv = tokio::task::spawn_blocking(Venv::get);
    let venv =
        within("the emulator's Python environment to be made", MAKING, venv).await.expect("no panic")?;
    let process = tokio::task::spawn_blocking(move || process(&venv));
    Some(within("the emulator to start", PATIENCE, process).await.expect("no panic"))
}

fn process(venv: &Venv) -> Original {
    let mut command = venv.command("python");
    command.args(["-B", "-m", "emulator"]).current_dir(emulator_sources());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the environment has Python");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("standard output is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the emulator says where it listens");
    let address = line.trim().parse().expect("an address");
    Original { address, _child: Some(child) }
}
