//! PostgreSQL from the binaries of this machine, in a temporary directory.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use sqlx::{Connection, PgConnection};
use url::Url;

use super::Server;
use crate::{Watchdog, eventually};

/// Longest start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the server `$2…` with its log in the directory `$1`, and removes both when the tests have ended. QUIT is
/// PostgreSQL's immediate shutdown.
const SERVE: &str = r#"
    directory=$1; shift
    "$@" >"$directory/log" 2>&1 & server=$!
    watch
    kill -QUIT $server; wait $server
    rm -rf "$directory"
"#;

pub(super) async fn start() -> anyhow::Result<Server> {
    let bin = binaries().context("no initdb and postgres in PATH or /usr/lib/postgresql/*/bin")?;
    let directory = tempfile::Builder::new().prefix("todo-e2e-postgres-").tempdir()?;
    let user = Account::find(directory.path())?;
    let data = path(&directory.path().join("data"))?;
    let initdb = path(&bin.join("initdb"))?;
    let init = ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    run(&user.command([initdb.as_str()].into_iter().chain(init)))?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let (postgres, sockets, port_text) =
        (path(&bin.join("postgres"))?, path(directory.path())?, port.to_string());
    let settings = ["-c", "fsync=off", "-c", "max_connections=200", "-c", "listen_addresses=127.0.0.1"];
    let place = [postgres.as_str(), "-D", &data, "-p", &port_text, "-k", &sockets];
    let server = user.command(place.into_iter().chain(settings));
    let args: Vec<&str> = [sockets.as_str()].into_iter().chain(server.iter().map(String::as_str)).collect();
    let watchdog = Watchdog::start(SERVE, &args)?;
    // The watchdog removes the directory: a static value is never dropped.
    let directory = directory.keep();
    let url = Url::parse(&format!("postgresql://postgres@127.0.0.1:{port}/postgres"))?;
    let log = || std::fs::read_to_string(directory.join("log")).unwrap_or_default();
    eventually("PostgreSQL to accept connections", PATIENCE, || async {
        assert!(!log().contains("FATAL:  could not"), "PostgreSQL did not start:\n{}", log());
        PgConnection::connect(url.as_str()).await.ok()
    })
    .await;
    Ok(Server { url, ended_by: Some(watchdog) })
}

/// Where `initdb` and `postgres` are: in PATH, or where Debian keeps them, the newest version first.
pub(super) fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort();
    let mut places = std::env::split_paths(&path).chain(debian.into_iter().rev());
    places.find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

/// Who runs the server: PostgreSQL refuses to be run by root.
#[derive(Debug)]
pub(super) enum Account {
    Ours,
    Other(&'static str),
}

impl Account {
    pub(super) fn find(directory: &Path) -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ours);
        }
        let directory = path(directory)?;
        for user in ["postgres", "nobody"] {
            if run(&["chown", user, &directory].map(String::from)).is_ok() {
                return Ok(Self::Other(user));
            }
        }
        bail!("PostgreSQL refuses to be run by root, and there is no user postgres or nobody")
    }

    pub(super) fn command<'a>(&self, command: impl Iterator<Item = &'a str>) -> Vec<String> {
        let user = match self {
            Self::Ours => vec![],
            Self::Other(user) => vec!["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups"],
        };
        user.into_iter().chain(command).map(String::from).collect()
    }
}

pub(super) fn run(command: &[String]) -> anyhow::Result<()> {
    let [program, args @ ..] = command else { bail!("an empty command") };
    let output = Command::new(program).args(args).output().with_context(|| format!("running {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

pub(super) fn path(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(String::from).context("a path that is no UTF-8")
}
