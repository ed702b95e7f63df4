//! The run directory: everything that one run keeps on disk, readable by its owner only.
//!
//! ```text
//! lock            held by the todo-deploy that runs here; whoever gets it knows that no other does
//! control.sock    where `status`, `scale`, `down` … ask
//! processes/i-3   what must be ended when nobody holds the lock any more
//! logs/i-3.log    what an instance said; todo-deploy.log: what `up -d` said; access.log: requests
//! facts.jsonl     what the engine was told; timeline.jsonl: what it decided, and what was measured
//! todo.db         the service's database, unless another was named
//! ```

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::procfs::{Identity, Stat};
use crate::timeline::InstanceId;

/// Longest path of a Unix socket that every system takes (macOS: 104 bytes with the end).
const SOCKET_PATH_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    root: PathBuf,
}

/// The proof that nobody else runs here; given up when dropped, also by the kernel when this process is killed.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the open file")] File);

impl RunDir {
    /// The directory of the run of this name: the one given, or one among the user's own state.
    pub fn of(name: &str, given: Option<&Path>) -> Result<Self> {
        let root = match given {
            Some(given) => std::path::absolute(given).context("the current directory cannot be read")?,
            None => {
                let state = std::env::var_os("XDG_STATE_HOME").filter(|state| !state.is_empty());
                let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
                let state = state.map(PathBuf::from).or_else(home);
                state
                    .context("there is no HOME to keep a run in; give --run-dir")?
                    .join("todo-deploy")
                    .join(name)
            }
        };
        let dir = Self { root };
        let length = dir.socket().as_os_str().len();
        ensure!(
            length <= SOCKET_PATH_MAX,
            "{} is too long for a socket's path ({length} of at most {SOCKET_PATH_MAX} bytes); give a shorter --run-dir",
            dir.socket().display()
        );
        Ok(dir)
    }

    /// Makes what is missing. Everything is for its owner alone: logs and environment may hold secrets.
    pub fn create(&self) -> Result<()> {
        for directory in [self.root.clone(), self.processes(), self.logs()] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&directory)
                .with_context(|| format!("cannot make the run directory {}", directory.display()))?;
        }
        Ok(())
    }

    /// None when a todo-deploy runs here.
    pub fn lock(&self) -> Result<Option<Lock>> {
        let path = self.root.join("lock");
        let open = || File::options().create(true).write(true).truncate(false).open(&path);
        let file = open().with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Whether a todo-deploy runs here.
    pub fn is_running(&self) -> Result<bool> {
        if !self.root.join("lock").exists() {
            return Ok(false);
        }
        Ok(self.lock()?.is_none())
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn log_of(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    pub fn own_log(&self) -> PathBuf {
        self.log_of("todo-deploy")
    }

    pub fn database(&self) -> PathBuf {
        self.root.join("todo.db")
    }

    pub(super) fn facts(&self) -> PathBuf {
        self.root.join("facts.jsonl")
    }

    pub fn timeline(&self) -> PathBuf {
        self.root.join("timeline.jsonl")
    }

    fn processes(&self) -> PathBuf {
        self.root.join("processes")
    }

    pub(super) fn record(&self, id: InstanceId) -> PathBuf {
        self.processes().join(id.to_string())
    }

    /// Every record of an instance that may still run.
    pub(super) fn records(&self) -> Vec<(PathBuf, Record)> {
        let Ok(entries) = fs::read_dir(self.processes()) else { return Vec::new() };
        let read = |entry: io::Result<fs::DirEntry>| {
            let path = entry.ok()?.path();
            let text = fs::read_to_string(&path).ok()?;
            Some((path, Record::parse(&text)))
        };
        entries.filter_map(read).collect()
    }

    /// Removes everything, the todos included.
    pub fn purge(&self) -> Result<()> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.with_context(|| format!("cannot remove {}", self.root.display())),
        }
    }
}

/// What must be known of an instance to end it without its todo-deploy.
///
/// The part that is known beforehand is written before the process is started, and its first own act is to add who it
/// is: so that at no moment a process runs of which nothing is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The boot it belongs to: process ids and start times begin anew with each.
    pub(super) boot: String,
    pub(super) groups: Vec<PathBuf>,
    /// Name of its container.
    pub(super) container: Option<String>,
    pub(super) process: Option<Identity>,
}

impl Record {
    fn parse(text: &str) -> Self {
        let mut record = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("boot", boot)) => boot.clone_into(&mut record.boot),
                Some(("group", group)) => record.groups.push(PathBuf::from(group)),
                Some(("container", name)) => record.container = Some(name.to_owned()),
                Some(("stat", stat)) => {
                    record.process = Stat::parse(stat)
                        .map(|stat| Identity { pid: stat.pid, start: stat.start.to_string() });
                }
                Some(("started", start)) => {
                    let process = start.split_once(' ').and_then(|(pid, start)| {
                        Some(Identity { pid: pid.parse().ok()?, start: start.to_owned() })
                    });
                    record.process = process.or(record.process);
                }
                // A line cut off by the end of the machine, or by a later version.
                _ => {}
            }
        }
        record
    }

    /// Writes what is known before the start.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut text = format!("boot {}\n", self.boot);
        for group in &self.groups {
            text.push_str(&format!("group {}\n", group.display()));
        }
        if let Some(name) = &self.container {
            text.push_str(&format!("container {name}\n"));
        }
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Adds who it is, where the process could not do so itself.
    pub(super) fn add_process(path: &Path, process: &Identity) -> Result<()> {
        let mut file = File::options().append(true).open(path)?;
        Ok(writeln!(file, "started {} {}", process.pid, process.start)?)
    }
}

/// What tells this boot of the machine from others.
pub(super) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    // Elsewhere a start is a date and needs no boot.
    if id.trim().is_empty() { "any".to_owned() } else { id.trim().to_owned() }
}

/// A name that becomes part of other names: letters, digits and hyphens.
pub fn check_name(name: &str) -> Result<()> {
    let fine = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && (1..=24).contains(&name.len());
    if !fine {
        bail!("`{name}` is no name of a run: 1 to 24 letters, digits and hyphens");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let dir = RunDir::of("x", Some(&place.path().join("a/b"))).unwrap();
        assert!(!dir.is_running().unwrap());
        dir.create().unwrap();
        let lock = dir.lock().unwrap().expect("nobody has it");
        assert!(dir.lock().unwrap().is_none() && dir.is_running().unwrap());
        drop(lock);
        assert!(!dir.is_running().unwrap());
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(dir.root()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700, "nobody else may look");
    }

    #[test]
    fn a_record_reads_back_whoever_completes_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("i-1");
        let known = Record {
            boot: boot_id(),
            groups: vec!["/sys/fs/cgroup/a b".into()],
            container: Some("todo-i-1".to_owned()),
            process: None,
        };
        known.write(&path).unwrap();
        assert_eq!(Record::parse(&fs::read_to_string(&path).unwrap()), known);
        let process = Identity { pid: 7, start: "Mon Nov 23 09:00:00 2026".to_owned() };
        Record::add_process(&path, &process).unwrap();
        let read = Record::parse(&fs::read_to_string(&path).unwrap());
        assert_eq!(read.process, Some(process));
        let stat = "stat 42 (sh) S 1 42 42 0 -1 4194560 100 0 0 0 7 3 2 1 20 0 1 0 987654 1000000 250 1";
        let read = Record::parse(stat).process.unwrap();
        assert_eq!((read.pid, read.start.as_str()), (42, "987654"));
        assert_eq!(Record::parse("stat 42 (sh"), Record::default(), "cut off");
    }

    #[test]
    fn a_socket_needs_a_short_path() {
        let long = format!("/tmp/{}", "x".repeat(120));
        assert!(RunDir::of("x", Some(Path::new(&long))).unwrap_err().to_string().contains("--run-dir"));
    }
}
