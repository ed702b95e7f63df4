//! The log: what scripts write to the console, and what happens meanwhile, in k6's formats and to where it is wanted
//! (`--log-format`, `--log-output`, `--console-output`, `-v`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use loadtest_js::LogLevel;
use serde_json::json;

use super::args::LogArgs;
use super::exit::Failure;
use crate::engine::shared::{Clock, LogLine};

/// Where lines go and how they look. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    format: Format,
    to: Place,
    /// What scripts write goes here instead.
    console: Option<Place>,
    lowest: LogLevel,
    clock: Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `key=value` pairs.
    Text,
    /// For eyes.
    Colored,
    Json,
    /// The message alone.
    Raw,
}

#[derive(Debug)]
enum Place {
    Stderr,
    Stdout,
    Nowhere,
    File(Mutex<File>),
}

impl Log {
    /// The log that flags and variables ask for.
    ///
    /// # Errors
    /// When the output is unknown, or a file cannot be made.
    pub(super) fn new(
        args: &LogArgs,
        colors: bool,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let or = |flag: &Option<String>, variable| flag.clone().or_else(|| lookup(variable));
        let output = or(&args.log_output, "K6_LOG_OUTPUT").unwrap_or_else(|| "stderr".to_owned());
        let (to, level) = place(&output)?;
        let console = args.console_output.clone().or_else(|| lookup("K6_CONSOLE_OUTPUT").map(PathBuf::from));
        let console = match console {
            Some(path) if !path.as_os_str().is_empty() => Some(file(&path.display().to_string())?),
            _ => None,
        };
        let terminal = match to {
            Place::Stderr => std::io::stderr().is_terminal(),
            Place::Stdout => std::io::stdout().is_terminal(),
            Place::Nowhere | Place::File(_) => false,
        };
        let format = match or(&args.log_format, "K6_LOG_FORMAT").as_deref() {
            Some("json") => Format::Json,
            Some("raw") => Format::Raw,
            _ if terminal && colors => Format::Colored,
            _ => Format::Text,
        };
        let usual = if args.verbose { LogLevel::Debug } else { LogLevel::Info };
        let lowest = level.unwrap_or(usual);
        Ok(Self(Arc::new(Inner { format, to, console, lowest, clock: Clock::start() })))
    }

    /// Text on standard error.
    pub(super) fn plain() -> Self {
        let (format, to, console) = (Format::Text, Place::Stderr, None);
        Self(Arc::new(Inner { format, to, console, lowest: LogLevel::Info, clock: Clock::start() }))
    }

    /// Writes a line. `stderr` writes what is meant for standard error, which may hold a drawing.
    pub(super) fn line(&self, line: &LogLine, stderr: impl FnOnce(&str)) {
        if rank(line.level) < rank(self.0.lowest) {
            return;
        }
        let console = self.0.console.as_ref().filter(|_| line.source == "console");
        let clean = |text: &String| loadtest_js::redact(text).into_owned();
        let line = LogLine {
            message: clean(&line.message),
            fields: line.fields.iter().map(|(name, value)| (*name, clean(value))).collect(),
            source: line.source.clone(),
            level: line.level,
        };
        let text = self.text(&line, console.is_some());
        match console.unwrap_or(&self.0.to) {
            Place::Stderr => stderr(&text),
            place => place.write(&text),
        }
    }

    pub(super) fn warn(&self, message: &str) {
        self.say(LogLevel::Warn, message);
    }

    pub(super) fn error(&self, message: &str) {
        self.say(LogLevel::Error, message);
    }

    /// Writes a line while nothing is drawn.
    pub(super) fn plain_line(&self, line: &LogLine) {
        self.line(line, |text| Place::Stderr.write(text));
    }

    /// As above.
    pub(super) fn say(&self, level: LogLevel, message: &str) {
        self.plain_line(&LogLine::plain(level, message));
    }

    /// As above, of a script.
    pub(super) fn of_script(&self, level: LogLevel, message: &str, source: &str) {
        let line = LogLine { source: source.to_owned(), ..LogLine::plain(level, message) };
        self.plain_line(&line);
    }

    fn text(&self, line: &LogLine, in_console: bool) -> String {
        let mut fields: BTreeMap<&str, &str> =
            line.fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
        if !line.source.is_empty() && !in_console {
            fields.insert("source", &line.source);
        }
        let clock = &self.0.clock;
        let elapsed = clock.elapsed();
        let seconds = i64::try_from((clock.start_unix + elapsed).as_secs()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default();
        let message = line.message.trim_end_matches('\n');
        match self.0.format {
            Format::Raw => format!("{}\n", line.message),
            Format::Json => {
                let level = name(line.level);
                fields.extend([("level", level), ("msg", line.message.as_str()), ("time", time.as_str())]);
                format!("{}\n", json!(fields))
            }
            Format::Colored if !in_console => {
                let (color, short) = match line.level {
                    LogLevel::Debug => (37, "DEBU"),
                    LogLevel::Info => (36, "INFO"),
                    LogLevel::Warn => (33, "WARN"),
                    LogLevel::Error => (31, "ERRO"),
                };
                let fields: String = fields
                    .iter()
                    .map(|(key, value)| format!(" \u{1b}[{color}m{key}\u{1b}[0m={}", quoted(value)))
                    .collect();
                format!("\u{1b}[{color}m{short}\u{1b}[0m[{:04}] {message:<44} {fields}\n", elapsed.as_secs())
            }
            Format::Text | Format::Colored => {
                let fields: String =
                    fields.iter().map(|(key, value)| format!(" {key}={}", quoted(value))).collect();
                let (level, message) = (name(line.level), quoted(&line.message));
                format!("time=\"{time}\" level={level} msg={message}{fields}\n")
            }
        }
    }
}

impl Place {
    fn write(&self, text: &str) {
        // A closed stream or a full disk must not end the test.
        let _ = match self {
            Self::Stderr => std::io::stderr().write_all(text.as_bytes()),
            Self::Stdout => std::io::stdout().write_all(text.as_bytes()),
            Self::Nowhere => Ok(()),
            Self::File(file) => {
                file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
            }
        };
    }
}

/// `stderr`, `stdout`, `none`, or `file=PATH` with `,level=LEVEL` behind it.
fn place(text: &str) -> Result<(Place, Option<LogLevel>), Failure> {
    let bad = |why: &str| {
        Failure::system(format!(
            "--log-output {text}: {why}; known are stderr, stdout, none and file=PATH, such as file=run.log,level=error"
        ))
    };
    let Some(path) = text.strip_prefix("file=") else {
        return match text {
            "stderr" => Ok((Place::Stderr, None)),
            "stdout" => Ok((Place::Stdout, None)),
            "none" => Ok((Place::Nowhere, None)),
            _ => Err(bad("unknown output")),
        };
    };
    let (path, level) = path.split_once(",level=").map_or((path, None), |(path, level)| (path, Some(level)));
    let level = match level {
        None => None,
        Some("debug" | "trace") => Some(LogLevel::Debug),
        Some("info") => Some(LogLevel::Info),
        Some("warn" | "warning") => Some(LogLevel::Warn),
        Some("error" | "fatal" | "panic") => Some(LogLevel::Error),
        Some(_) => return Err(bad("unknown level")),
    };
    if path.is_empty() {
        return Err(bad("there is no path"));
    }
    Ok((file(path)?, level))
}

/// Appends, as k6 does.
fn file(path: &str) -> Result<Place, Failure> {
    let file = File::options().create(true).append(true).open(path);
    file.map(|file| Place::File(Mutex::new(file)))
        .map_err(|error| Failure::system(format!("cannot write the log to {path}: {error}")))
}

fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warning",
        LogLevel::Error => "error",
    }
}

fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Info => 1,
        LogLevel::Warn => 2,
        LogLevel::Error => 3,
    }
}

/// As it is if it is one plain word, else in quotes, with Go's escapes as k6 has them.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_ascii_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values as k6 v2.2.1 prints them.
    #[test]
    fn formats_are_k6s() {
        let log = |format: &str| {
            let args = LogArgs { log_format: Some(format.to_owned()), ..LogArgs::default() };
            Log::new(&args, false, |_| None).expect("is valid")
        };
        let line = LogLine {
            level: LogLevel::Warn,
            message: "hello \"world\"".to_owned(),
            source: "console".to_owned(),
            fields: vec![("error", "dial: refused".to_owned())],
        };
        let without_time = |text: String| {
            let at = text.find("time=").or_else(|| text.find("\"time\":")).expect("has a time");
            let end = text[at..].find("Z\"").expect("in UTC") + at + 2;
            format!("{}{}", &text[..at], &text[end..])
        };
        let text = without_time(log("").text(&line, false));
        assert_eq!(
            text,
            " level=warning msg=\"hello \\\"world\\\"\" error=\"dial: refused\" source=console\n"
        );
        let text = without_time(log("json").text(&line, false));
        let json = "{\"error\":\"dial: refused\",\"level\":\"warning\",\"msg\":\"hello \\\"world\\\"\",\"source\":\"console\",}\n";
        assert_eq!(text, json);
        assert_eq!(log("raw").text(&line, false), "hello \"world\"\n");
        let console = without_time(log("").text(&LogLine { fields: Vec::new(), ..line }, true));
        assert_eq!(console, " level=warning msg=\"hello \\\"world\\\"\"\n");
        assert_eq!([quoted("td"), quoted("a b"), quoted("")], ["td", "\"a b\"", ""]);
    }

    #[test]
    fn outputs() {
        assert!(matches!(place("none"), Ok((Place::Nowhere, None))));
        for bad in ["x", "loki", "file=", "file=a,level=loud"] {
            assert_eq!(place(bad).expect_err(bad).code, 255);
        }
    }
}
