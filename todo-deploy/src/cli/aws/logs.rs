//! `todo-deploy ec2 logs`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::builder::Resettable;

use super::super::{print, say};
use super::Common;
use super::session::Session;
use crate::aws::logs::{Line, follow, since};
use crate::deployment::{Target, duration};

/// Print what the service writes, from all instances or tasks
#[derive(Debug, clap::Args)]
#[command(mut_arg("file", |file| file.short(Resettable::Reset)))]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Go on with what comes, until Ctrl-C
    #[arg(short, long, short_alias = 'F')]
    follow: bool,
    /// How far back to begin
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
    since: Duration,
}

pub(super) async fn run(args: &Args, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let (cloud, names) = (&session.cloud, &session.names);
    let begin_s = cloud.now_unix_s() - args.since.as_secs_f64();
    let begin_ms = (begin_s * 1000.0) as i64;
    let show = |line: &Line| print(&format!("{}  {}", line.stream, line.text));
    if !args.follow {
        if !since(cloud, names, begin_ms, &mut |line| show(line)).await? {
            bail!("there is no log group {}; `up` makes it", names.log_group());
        }
        return Ok(ExitCode::SUCCESS);
    }
    tokio::select! {
        signal = tokio::signal::ctrl_c() => signal.map(|()| ExitCode::SUCCESS).context("Ctrl-C cannot be seen"),
        ended = follow(cloud, names, begin_ms, &show, &|failure| say(&failure.to_string())) => match ended? {},
    }
}
