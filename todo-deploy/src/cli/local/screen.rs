//! What `up` shows: lines that stay, and on a terminal a few below them that are drawn anew.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::terminal::Size;
use crate::local::{Said, before, url};
use crate::status::{Instance, Status};

/// No line of the live part is longer, nor than the terminal is wide, so that none wraps.
const COLUMNS: usize = 79;
/// Instances of the live part; of more than that only so many are shown.
const INSTANCES_MAX: usize = 10;
/// Bytes of the log of a run in the background, and as many again of its predecessor.
const LOG_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug)]
pub(super) struct Screen {
    /// Lines of the live part that are on the terminal now.
    drawn: Vec<String>,
    is_live: bool,
    /// The log that standard error goes to, in the background.
    log: Option<PathBuf>,
}

impl Screen {
    pub(super) fn new(log: Option<PathBuf>) -> Self {
        let is_live = log.is_none() && std::io::stderr().is_terminal();
        Self { drawn: Vec::new(), is_live, log }
    }

    pub(super) fn said(&mut self, said: &Said) {
        match said {
            Said::Line(line) => self.line(line),
            Said::Ready(address, dashboard) => self.line(&ready(*address, *dashboard)),
            Said::Status(status) if self.is_live => {
                let lines = live(status, COLUMNS.min(size().columns.saturating_sub(1)));
                self.draw("", lines);
            }
            Said::Status(_) => {}
        }
    }

    pub(super) fn line(&mut self, text: &str) {
        if let Some(log) = &self.log {
            bound(log);
        }
        let lines = std::mem::take(&mut self.drawn);
        let erase = rows(&lines);
        self.drawn = Vec::new();
        self.draw_over(erase, &format!("{text}\n"), lines);
    }

    fn draw(&mut self, text: &str, lines: Vec<String>) {
        let erase = rows(&self.drawn);
        self.draw_over(erase, text, lines);
    }

    fn draw_over(&mut self, erase: usize, text: &str, lines: Vec<String>) {
        let mut out = String::new();
        if erase > 0 {
            // Up to its first line, and remove it with all below.
            let _ = write!(out, "\x1b[{erase}A\x1b[J");
        }
        out.push_str(text);
        lines.iter().for_each(|line| {
            let _ = writeln!(out, "{line}");
        });
        self.drawn = lines;
        let mut stderr = std::io::stderr().lock();
        // Nobody who reads it: the run goes on.
        let _ = stderr.write_all(out.as_bytes());
        let _ = stderr.flush();
    }
}

fn size() -> Size {
    Size::of(std::io::stderr())
}

fn rows(lines: &[String]) -> usize {
    size().rows_of(lines.iter().map(String::as_str))
}

fn ready(address: std::net::SocketAddr, dashboard: Option<std::net::SocketAddr>) -> String {
    let mut text = format!("\nready\n  load balancer  {}", url(address));
    if let Some(dashboard) = dashboard {
        let _ = write!(text, "\n  dashboard      {}", url(dashboard));
    }
    let load = url(address);
    let _ = write!(
        text,
        "\n  put load on it: cargo run --release -p loadtest -- {load}/api/v1/todos --stage 1m:200 --stage 2m:200\n"
    );
    text
}

/// The live part.
fn live(status: &Status, columns: usize) -> Vec<String> {
    let group = &status.group;
    let traffic = &status.traffic;
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"));
    let mut lines = vec![
        String::new(),
        format!(
            "{}  desired {} of {}–{}  in service {}  healthy {}  │  {} requests/s  p95 {} ms  errors {}/s",
            status.at,
            group.desired,
            group.min,
            group.max,
            group.in_service,
            group.healthy,
            number(traffic.requests_per_s),
            number(traffic.p95_ms),
            number(traffic.errors_per_s),
        ),
    ];
    lines.extend(status.instances.iter().take(INSTANCES_MAX).map(instance));
    if status.instances.len() > INSTANCES_MAX {
        lines.push(format!("  … {} more", status.instances.len() - INSTANCES_MAX));
    }
    lines.into_iter().map(|line| line.chars().take(columns).collect()).collect()
}

fn instance(instance: &Instance) -> String {
    let health = instance.health.map_or_else(String::new, |health| format!("{health:?}").to_lowercase());
    let cpu = instance.details.cpu_percent.map_or(0.0, |percent| percent.clamp(0.0, 100.0));
    let bar: String = (0..20).map(|step| if f64::from(step) * 5.0 < cpu { '█' } else { '·' }).collect();
    let in_flight = instance.details.in_flight.unwrap_or_default();
    format!(
        "  {:<5} {:<11} {:<9} CPU {bar} {cpu:>3.0} %  {in_flight} in flight",
        instance.id,
        instance.state.words(),
        health
    )
}

/// Moves a log aside that has grown too long; standard error is appended to it.
fn bound(log: &Path) {
    if log.metadata().is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX)
        && std::fs::copy(log, before(log)).is_ok()
    {
        let _ = std::fs::File::options().write(true).open(log).and_then(|file| file.set_len(0));
    }
}
