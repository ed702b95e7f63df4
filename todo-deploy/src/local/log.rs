//! Files that grow to a bound and then begin anew, keeping one predecessor: logs, the timeline, the facts.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of one instance's log, and as many again of its predecessor.
pub(super) const LOG_BYTES_MAX: u64 = 1 << 20;
/// Logs of so many instances are kept, the newest ones.
const LOGS_MAX: usize = 40;
/// Lines kept in memory, to be shown when the instance ends early; and characters of each.
const TAIL_LINES: usize = 12;
const TAIL_LINE_CHARS: usize = 300;

/// A file of at most so many bytes; what was in it before stays beside it as `NAME.1`.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl Rotating {
    /// An empty file, whatever was there before.
    pub(super) fn create(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let _ = fs::remove_file(before(path));
        let file = File::create(path)?;
        Ok(Self { path: path.to_path_buf(), file, bytes: 0, bytes_max })
    }

    /// Appends to what is there.
    pub(super) fn append(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_path_buf(), file, bytes, bytes_max })
    }

    /// Writes all of `data` into one file. A full disk loses lines, not the run.
    pub(super) fn write(&mut self, data: &[u8]) {
        let more = u64::try_from(data.len()).unwrap_or(u64::MAX);
        if self.bytes > 0 && self.bytes.saturating_add(more) > self.bytes_max {
            let _ = self.rotate();
        }
        if self.file.write_all(data).is_ok() {
            self.bytes = self.bytes.saturating_add(more);
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        fs::rename(&self.path, before(&self.path))?;
        self.file = File::create(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

/// Moves a file aside that somebody else writes and that has more than so many bytes. True: there is none any more,
/// and the writer is to open it anew.
pub(super) fn set_aside(path: &Path, bytes_max: u64) -> bool {
    match fs::metadata(path) {
        Ok(file) => file.len() > bytes_max && fs::rename(path, before(path)).is_ok(),
        // Told once, the writer could not open it then.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Where the predecessor of a file is.
pub fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// The last lines of something.
#[derive(Debug, Default, Clone)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    rest: Vec<u8>,
}

impl Tail {
    fn take(&mut self, data: &[u8]) {
        for part in data.split_inclusive(|byte| *byte == b'\n') {
            let room = (TAIL_LINE_CHARS * 4).saturating_sub(self.rest.len());
            self.rest.extend(part.iter().take(room));
            if part.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.rest);
        let line: String =
            line.trim_end().chars().filter(|c| !c.is_control()).take(TAIL_LINE_CHARS).collect();
        self.rest.clear();
        if self.lines.len() == TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines, oldest first, an unfinished one included.
    pub(super) fn lines(mut self) -> Vec<String> {
        if !self.rest.is_empty() {
            self.end_line();
        }
        self.lines.into()
    }
}

/// Copies what an instance says into its log until it says no more; the result is its last lines.
pub(super) async fn keep(mut said: impl AsyncRead + Unpin, mut log: Rotating) -> Tail {
    let mut tail = Tail::default();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = said.read(&mut buffer).await {
        log.write(&buffer[..read]);
        tail.take(&buffer[..read]);
    }
    tail
}

/// Removes the logs of the instances of an earlier run, whose names come again.
pub(super) fn clear(logs: &Path) {
    for (_, path) in instances(logs) {
        let _ = fs::remove_file(path);
    }
}

/// The logs of instances, by number.
fn instances(logs: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(logs) else { return Vec::new() };
    let number = |path: &Path| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix("i-")?.split('.').next()?.parse().ok()
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    found.sort();
    found
}

/// Removes the logs of the oldest instances.
pub(super) fn prune(logs: &Path) {
    let found = instances(logs);
    let mut numbers: Vec<u32> = found.iter().map(|(number, _)| *number).collect();
    numbers.dedup();
    let Some(oldest_kept) = numbers.len().checked_sub(LOGS_MAX).map(|index| numbers[index]) else { return };
    for (_, path) in found.iter().filter(|(number, _)| *number < oldest_kept) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_bounded_and_its_predecessor_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.log");
        let mut file = Rotating::create(&path, 100).unwrap();
        for number in 0..50 {
            file.write(format!("line {number:04}\n").as_bytes());
        }
        let (old, new) = (fs::read_to_string(before(&path)).unwrap(), fs::read_to_string(&path).unwrap());
        assert!(old.len() <= 100 && new.len() <= 100);
        assert!(new.ends_with("line 0049\n") && old.ends_with("line 0039\n"), "{old}{new}");
        let mut file = Rotating::append(&path, 105).unwrap();
        file.write(b"more\n");
        assert!(fs::read_to_string(&path).unwrap().ends_with("line 0049\nmore\n"), "what was there counts");
        file.write(b"yet more\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "yet more\n");
    }

    #[tokio::test]
    async fn the_last_lines_are_known_and_long_ones_cut() {
        let place = tempfile::tempdir().unwrap();
        let log = Rotating::create(&place.path().join("i-1.log"), LOG_BYTES_MAX).unwrap();
        let mut said = String::new();
        (0..20).for_each(|number| said.push_str(&format!("line {number}\n")));
        said.push_str(&"x".repeat(100_000));
        said.push_str("\nthe \u{1b}[31mend");
        let lines = keep(said.as_bytes(), log).await.lines();
        assert_eq!(lines.len(), TAIL_LINES);
        assert_eq!(lines[0], "line 10");
        assert_eq!(lines[10].len(), TAIL_LINE_CHARS);
        assert_eq!(lines[11], "the [31mend", "no control characters");
    }

    #[test]
    fn a_file_of_somebody_else_is_set_aside() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("access.log");
        assert!(set_aside(&path, 4), "it is to be opened");
        fs::write(&path, "four").unwrap();
        assert!(!set_aside(&path, 4) && path.exists());
        fs::write(&path, "fives").unwrap();
        assert!(set_aside(&path, 4) && !path.exists());
        assert_eq!(fs::read_to_string(before(&path)).unwrap(), "fives");
    }

    #[test]
    fn old_logs_go() {
        let place = tempfile::tempdir().unwrap();
        for number in 1..=LOGS_MAX + 3 {
            fs::write(place.path().join(format!("i-{number}.log")), "").unwrap();
        }
        fs::write(place.path().join("i-1.log.1"), "").unwrap();
        fs::write(place.path().join("access.log"), "").unwrap();
        prune(place.path());
        assert!(!place.path().join("i-3.log").exists() && !place.path().join("i-1.log.1").exists());
        assert!(place.path().join("i-4.log").exists() && place.path().join("access.log").exists());
        clear(place.path());
        assert!(!place.path().join("i-4.log").exists() && place.path().join("access.log").exists());
    }
}
