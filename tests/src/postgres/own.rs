//! A PostgreSQL server that belongs to one test, which may stop it, freeze it, and change its configuration.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tempfile::TempDir;

use super::local::{Account, binaries, path, run};
use crate::{Watchdog, eventually, skipped};

/// Longest start or stop.
const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "first-secret";

/// Runs the server `$2…`, with its log appended to the file `$1`, until the tests end or it is stopped.
const SERVE: &str = r#"
    log=$1; shift
    "$@" >>"$log" 2>&1 & server=$!
    watch
    kill -CONT $server; kill -QUIT $server; wait $server
"#;

/// A server on a port of its own, which stays the same when it is stopped and started.
#[derive(Debug)]
pub struct OwnPostgres {
    bin: PathBuf,
    account: Account,
    port: u16,
    running: Option<Watchdog>,
    directory: TempDir,
}

impl OwnPostgres {
    /// A server that is not started yet; `None` where PostgreSQL's programs are missing.
    pub fn new() -> Option<Self> {
        match Self::create() {
            Ok(server) => Some(server),
            Err(error) => skipped(&format!("tests with a PostgreSQL server of their own: {error:#}")),
        }
    }

    /// A server that accepts connections.
    pub async fn started() -> Option<Self> {
        let mut server = Self::new()?;
        server.start().await;
        Some(server)
    }

    fn create() -> anyhow::Result<Self> {
        let bin = binaries().context("no initdb and postgres in PATH or /usr/lib/postgresql/*/bin")?;
        let directory = tempfile::Builder::new().prefix("todo-e2e-own-postgres-").tempdir()?;
        let password = directory.path().join("password");
        fs::write(&password, PASSWORD)?;
        let account = Account::find(directory.path())?;
        let (data, password) = (path(&directory.path().join("data"))?, path(&password)?);
        let initdb = path(&bin.join("initdb"))?;
        let command = [&initdb, "-D", &data, "-U", "postgres", "-A", "scram-sha-256", "--pwfile", &password];
        run(&account.command(command.into_iter().chain(["-E", "UTF8", "--locale=C", "--no-sync"])))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { bin, account, port, running: None, directory })
    }

    /// A file of the server's data directory, such as `pg_hba.conf`; it belongs to the server.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) {
        let file = self.data().join(name);
        // Over a file that the server owns already, so that it still does.
        fs::copy(self.data().join("PG_VERSION"), &file).expect("writing to the data directory");
        fs::write(&file, content).expect("writing to the data directory");
        let file = file.to_str().expect("a path in UTF-8");
        run(&["chmod", "600", file].map(String::from)).expect("making a file private");
        if let Account::Other(user) = self.account {
            run(&["chown", user, file].map(String::from)).expect("giving a file to the server");
        }
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts it and waits until it accepts connections.
    pub async fn start(&mut self) {
        let port = self.port.to_string();
        let texts = [self.bin.join("postgres"), self.data(), self.directory.path().to_owned()];
        let [postgres, data, sockets] = texts.map(|place| path(&place).expect("a path in UTF-8"));
        let place = [postgres.as_str(), "-D", &data, "-p", &port, "-k", &sockets];
        let settings = ["-c", "fsync=off", "-c", "max_connections=100", "-c", "listen_addresses=localhost"];
        let log = path(&self.log_file()).expect("a path in UTF-8");
        let command = self.account.command(place.into_iter().chain(settings));
        let args: Vec<&str> = [log.as_str()].into_iter().chain(command.iter().map(String::as_str)).collect();
        self.running = Some(Watchdog::start(SERVE, &args).expect("starting PostgreSQL"));
        eventually("PostgreSQL to accept connections", PATIENCE, || async { self.connect().await.ok() })
            .await;
    }

    /// Ends all sessions and the server, as an administrator would.
    pub async fn stop(&mut self) {
        let pid = self.pid();
        kill_process(pid, Signal::INT).expect("stopping PostgreSQL");
        eventually("PostgreSQL to stop", PATIENCE, || async move {
            test_kill_process(pid).is_err().then_some(())
        })
        .await;
        self.running = None;
    }

    /// Stops all its processes where they are: connections stay open, and nothing is answered.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// The superuser's URL of the server's only database.
    pub fn url(&self) -> String {
        self.url_with(PASSWORD)
    }

    pub fn url_with(&self, password: &str) -> String {
        format!("postgresql://postgres:{password}@localhost:{}/postgres", self.port)
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.url()).await
    }

    /// Runs SQL statements, separated by semicolons.
    ///
    /// # Panics
    /// When the server refuses them.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await.expect("connecting");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("running SQL");
    }

    /// The one number that a query answers.
    ///
    /// # Panics
    /// When it answers something else.
    pub async fn number(&self, sql: &str) -> i64 {
        self.number_with(PASSWORD, sql).await
    }

    /// The same after the password has been changed.
    ///
    /// # Panics
    /// See [`OwnPostgres::number`].
    pub async fn number_with(&self, password: &str, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.url_with(password)).await.expect("connecting");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("running SQL");
        row.get(0)
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn pid(&self) -> Pid {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("the server runs");
        let pid = file.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
        pid.expect("a process id")
    }

    fn signal_all(&self, signal: Signal) {
        let server = self.pid();
        // The server first, so that it starts no further process meanwhile.
        kill_process(server, signal).expect("signalling PostgreSQL");
        for child in children(server) {
            // One that has just ended needs no signal.
            let _ = kill_process(child, signal);
        }
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if self.running.is_some() && self.data().join("postmaster.pid").exists() {
            self.thaw();
        }
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let of_parent = |process: &Path| {
        let status = fs::read_to_string(process.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        (line.trim() == parent.as_raw_nonzero().to_string()).then_some(())
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let ours = processes.filter(|process| of_parent(process).is_some());
    ours.filter_map(|process| process.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw)).collect()
}
