//! `todo-deploy local logs`
//!
//! Reads the files of the run directory, also after the run. Files tell nobody that they have grown.
#![expect(clippy::disallowed_methods, reason = "looks again after a moment")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Which;
use crate::cli::{Answer, print};
use crate::local::before;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Bytes of each log that are shown of what was there before.
const SHOWN_MAX: u64 = 256 << 10;

/// Show what the instances say
///
/// Each log keeps its newest megabyte or two, those of the last forty instances are kept, also after the run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of this instance only, such as i-2; `access` is the load balancer's log, `todo-deploy` that of `up -d`
    #[arg(value_name = "INSTANCE")]
    instance: Option<String>,
    /// Go on showing what is said, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let dir = args.which.dir(None)?;
    let logs = dir.logs();
    if let Some(name) = &args.instance {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !plain || !dir.log_of(name).exists() {
            bail!("there is no log of {name} in {}; there are {}", logs.display(), names(&logs).join(", "));
        }
    }
    let mut seen = BTreeMap::new();
    loop {
        let files = match &args.instance {
            Some(name) => vec![dir.log_of(name)],
            None => instances(&logs),
        };
        for file in files {
            let prefix = match args.instance {
                Some(_) => String::new(),
                None => format!("{} | ", stem(&file)),
            };
            let log = seen.entry(file.clone()).or_insert_with(|| Seen::of(&file));
            log.news(&file).lines().for_each(|line| print(&format!("{prefix}{line}")));
        }
        if !args.follow {
            // What does not end with the end of a line, too.
            seen.iter_mut().filter(|(_, log)| !log.rest.is_empty()).for_each(|(file, log)| {
                let line = String::from_utf8_lossy(&log.rest).into_owned();
                print(&if args.instance.is_some() { line } else { format!("{} | {line}", stem(file)) });
            });
            return Ok(Answer::Yes);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// How far a log has been read.
#[derive(Debug, Default)]
struct Seen {
    offset: u64,
    /// A line that has not ended yet.
    rest: Vec<u8>,
}

impl Seen {
    /// Not from the very beginning of a long one.
    fn of(file: &Path) -> Self {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        Self { offset: length.saturating_sub(SHOWN_MAX), rest: Vec::new() }
    }

    /// Whole lines that were added.
    fn news(&mut self, file: &Path) -> String {
        let mut bytes = std::mem::take(&mut self.rest);
        if file.metadata().is_ok_and(|metadata| metadata.len() < self.offset) {
            // It began anew; its end was moved aside.
            let _ = read(&before(file), self.offset, &mut bytes);
            self.offset = 0;
        }
        self.offset += read(file, self.offset, &mut bytes).unwrap_or(0);
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.rest = bytes.split_off(end);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn read(path: &Path, from: u64, into: &mut Vec<u8>) -> Result<u64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let read = file.read_to_end(into).context("a log is a file")?;
    Ok(u64::try_from(read)?)
}

/// The logs of instances, in order of launch.
fn instances(logs: &Path) -> Vec<PathBuf> {
    let number = |name: &String| name.strip_prefix("i-").and_then(|number| number.parse::<u32>().ok());
    let mut found: Vec<(u32, PathBuf)> = names(logs)
        .iter()
        .filter_map(|name| Some((number(name)?, logs.join(format!("{name}.log")))))
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The names of all logs, always in the same order.
fn names(logs: &Path) -> Vec<String> {
    let Ok(entries) = logs.read_dir() else { return Vec::new() };
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        Some(entry.ok()?.file_name().to_str()?.strip_suffix(".log")?.to_owned())
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    // Instances before what has longer names, i-2 before i-10.
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_log_is_followed_line_by_line_across_its_rotation() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("i-1.log");
        fs::write(&path, "one\ntw").unwrap();
        let mut seen = Seen::of(&path);
        assert_eq!(seen.news(&path), "one\n");
        fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(seen.news(&path), "two\n");
        assert_eq!(seen.news(&path), "");
        fs::write(before(&path), "one\ntwo\nthree\n").unwrap();
        fs::write(&path, "4\n").unwrap();
        assert_eq!(seen.news(&path), "three\n4\n");
    }

    #[test]
    fn instances_come_in_order_of_launch() {
        let place = tempfile::tempdir().unwrap();
        for name in ["i-10.log", "i-2.log", "access.log", "i-2.log.1", "i-x.log"] {
            fs::write(place.path().join(name), "").unwrap();
        }
        let found: Vec<String> = instances(place.path()).iter().map(|path| stem(path)).collect();
        assert_eq!(found, ["i-2", "i-10"]);
        assert_eq!(names(place.path()), ["i-2", "i-x", "i-10", "access"]);
    }
}
