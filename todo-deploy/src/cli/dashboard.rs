//! `todo-deploy dashboard`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::{Answer, say};
use crate::dashboard::{self, Play};
use crate::deployment::duration;
use crate::status::Recording;
use crate::time::Time;

/// Files larger than this are refused: a recording of a week is a few megabytes.
const FILE_MAX: u64 = 256 << 20;
/// A run is played in so many seconds unless told otherwise.
const WATCHED_S: f64 = 120.0;

const EXAMPLES: &str = "\
Examples:
  todo-deploy simulate k6.js --timeline run.json     the practical's load, simulated
  todo-deploy dashboard run.json                     watch it in two minutes
  todo-deploy dashboard run.json --from 15m --speed 60";

/// Watch a recorded or simulated run on the dashboard, as it would have looked live
///
/// FILE is a timeline: from `simulate --timeline`, or /timeline.json of a dashboard. Nothing runs but the page. Ends
/// with Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The timeline
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Seconds of the run per second of watching; by default the whole run takes two minutes
    #[arg(long, value_name = "K", value_parser = speed)]
    speed: Option<f64>,
    /// Begin at this moment of the run, with everything before it
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    from: Option<Duration>,
    /// Address of the page. Anyone who can reach it can read it: by default this machine only
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = dashboard::ADDRESS)]
    listen: SocketAddr,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| (0.01..=100_000.0).contains(speed));
    speed.ok_or_else(|| format!("`{text}` is no speed; write a number from 0.01 to 100000, such as 20"))
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let recording = read(args)?;
    let length = recording.until.as_secs_f64();
    let play = Play {
        speed: args.speed.unwrap_or_else(|| (length / WATCHED_S).max(1.0)),
        from: Time::after_start(args.from.unwrap_or_default()),
    };
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(watch(&recording, play, args.listen))?;
    Ok(Answer::Yes)
}

fn read(args: &Args) -> Result<Recording> {
    let name = args.file.display();
    let size = std::fs::metadata(&args.file).with_context(|| format!("cannot read {name}"))?.len();
    anyhow::ensure!(size <= FILE_MAX, "{name} has {size} bytes; a timeline has at most {FILE_MAX}");
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {name}"))?;
    Recording::parse(&text).with_context(|| format!("cannot read {name}"))
}

async fn watch(recording: &Recording, play: Play, listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await;
    let listener =
        listener.with_context(|| format!("cannot listen on {listen}; name another address with --listen"))?;
    let address = listener.local_addr().context("cannot tell the address of the page")?;
    if !address.ip().is_loopback() {
        say("note: anyone who can reach this address can read the page");
    }
    let playing = format!("{:.0} × as fast, from {} to {}", play.speed, play.from, recording.until);
    say(&format!("http://{address}  plays {} {playing}; Ctrl-C ends it", recording.about.name));
    let about = recording.about.clone().fact("Played", &playing);
    let (mut board, source) = dashboard::board(about);
    let interrupted = async {
        // Where signals cannot be had, the default ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let played = async {
        dashboard::play(recording, &mut board, play).await;
        say("played to its end; the page stays");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = dashboard::serve(listener, source, interrupted) => served.context("the page ended"),
        () = played => Ok(()),
    }
}
