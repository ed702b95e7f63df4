//! `todo-deploy ec2 status`

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpListener;

use super::super::{panel, print, say};
use super::Common;
use super::session::Session;
use crate::aws::status::{Memory, status};
use crate::dashboard;
use crate::deployment::Target;
use crate::status::{Status, text};

/// Show how it stands: group or service, instances or tasks, target health with reasons, alarms, activity history
///
/// Exit code 0 when a target is healthy, 1 when none is or nothing is deployed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Look again every --poll, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Serve it as the dashboard, until Ctrl-C
    #[arg(long)]
    web: bool,
    /// Address of the dashboard
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = dashboard::ADDRESS, requires = "web")]
    listen: SocketAddr,
    /// Print it as JSON, the schema that `local` and `simulate` share (see the README)
    #[arg(long, conflicts_with = "web")]
    json: bool,
}

pub(super) async fn run(args: &Args, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    if args.web {
        return serve(&session, args.listen).await;
    }
    if args.watch {
        return tokio::select! {
            signal = tokio::signal::ctrl_c() => signal.map(|()| ExitCode::SUCCESS).context("Ctrl-C cannot be seen"),
            broken = watch(&session, args.json) => broken,
        };
    }
    let found = look(&session, &mut Memory::default()).await?;
    print(&shown(&found, args.json)?);
    Ok(ExitCode::from(u8::from(found.group.healthy == 0)))
}

fn shown(found: &Status, json: bool) -> Result<String> {
    Ok(if json { serde_json::to_string(found)? } else { text(found) })
}

/// Ends only when nothing is there at the first look, or it cannot be told.
async fn watch(session: &Session, json: bool) -> Result<ExitCode> {
    let mut memory = Memory::default();
    let is_drawn = !json && std::io::stdout().is_terminal();
    let show = |found: &Status, is_first: bool| -> Result<()> {
        let text = shown(found, json)?;
        print(&match is_drawn {
            // In the place of the one before.
            true => format!("{}{}", panel::TOP, panel::page(&text, panel::Size::of(std::io::stdout()))),
            false if is_first || json => text,
            false => format!("\n{text}"),
        });
        Ok(())
    };
    show(&look(session, &mut memory).await?, true)?;
    loop {
        pause(session).await;
        // One failed look is no reason to stop; the next one may work.
        match look(session, &mut memory).await {
            Ok(found) => show(&found, false)?,
            Err(error) => say(&format!("{error:#}")),
        }
    }
}

async fn pause(session: &Session) {
    session.cloud.patience().again().await;
}

async fn look(session: &Session, memory: &mut Memory) -> Result<Status> {
    let Session { cloud, names, deployment, .. } = session;
    match status(cloud, names, deployment, cloud.now_unix_s(), memory).await? {
        Some(found) => Ok(found),
        None => bail!("{} is not deployed on {}; `up` does it", names.deployment, names.target),
    }
}

async fn serve(session: &Session, listen: SocketAddr) -> Result<ExitCode> {
    let listener = TcpListener::bind(listen).await;
    let listener =
        listener.with_context(|| format!("cannot listen on {listen}; name another address with --listen"))?;
    let mut memory = Memory::default();
    let first = look(session, &mut memory).await?;
    let (mut board, source) = dashboard::board(first.about.clone());
    let told = memory.timeline(&first);
    board.publish_told(first, &told);
    say(&format!("http://{}  Ctrl-C ends it", listener.local_addr()?));
    let stop = async {
        // Where signals cannot be had, the default ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let looking = async {
        loop {
            pause(session).await;
            // One failed look is no reason to take the page away; the next one may work.
            match look(session, &mut memory).await {
                Ok(found) => {
                    let told = memory.timeline(&found);
                    board.publish_told(found, &told);
                }
                Err(error) => say(&format!("{error:#}")),
            }
        }
    };
    tokio::select! {
        served = dashboard::serve(listener, source, stop) => served.context("the page ended")?,
        () = looking => {}
    }
    Ok(ExitCode::SUCCESS)
}
