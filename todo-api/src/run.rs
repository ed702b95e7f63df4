//! The service from its settings to its exit.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::HeaderValue;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::app::{App, router};
use crate::config::Config;
use crate::lifecycle::{Phase, Signals};
use crate::metrics::{self, Metrics};
use crate::net::{Limits, bind, serve};
use crate::store::Store;
use crate::system_clock;

/// Serves until a signal asks to stop.
///
/// # Errors
/// When the settings cannot be used or an address cannot be bound. An absent database is no error.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("listening for signals")?;
    raise_open_files_limit();
    let listener = bind(config.listen).with_context(|| {
        format!("cannot listen on {}: is another program there? Choose another with --listen", config.listen)
    })?;
    let metrics_listener = config.metrics_listen.map(bind).transpose().with_context(|| {
        format!(
            "cannot listen for metrics on {:?}: choose another with --metrics-listen",
            config.metrics_listen
        )
    })?;
    let app = app(&config)?;
    let address = listener.local_addr().context("reading the listener's address")?;
    info!(
        %address,
        instance_id = app.instance_id.to_str().unwrap_or_default(),
        database = %config.database()?.url,
        "todo-api {} listening on http://{address}",
        env!("CARGO_PKG_VERSION"),
    );
    let phase = app.phase.clone();
    let serving = tokio::spawn(everything(listener, metrics_listener, app, limits(&config)));
    let signal = signals.next().await;
    info!(signal, "{signal} received, shutting down; once more ends at once");
    let stop = async {
        phase.shut_down(config.shutdown.shutdown_delay).await;
        serving.await
    };
    tokio::select! {
        _ = stop => {
            info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        signal = signals.next() => {
            warn!(signal, "{signal} received again, ending at once");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The service without its sockets, as `config` describes it. Must be called within a Tokio runtime.
///
/// # Errors
/// When the settings cannot be used.
pub fn app(config: &Config) -> anyhow::Result<Arc<App>> {
    let instance_id = match &config.instance_id {
        Some(id) => HeaderValue::from_str(id).with_context(|| {
            format!("the instance id {id:?} must be printable ASCII: it is sent as a header")
        })?,
        None => HeaderValue::from_str(&format!("{:08x}", crate::random_u64() as u32))?,
    };
    if let Some(dir) = &config.static_dir {
        anyhow::ensure!(dir.is_dir(), "--static-dir {}: there is no such directory", dir.display());
    }
    Ok(Arc::new(App {
        store: Store::open(&config.database()?),
        clock: system_clock,
        instance_id,
        request_timeout: config.limits.request_timeout,
        body_limit_bytes: usize::try_from(config.limits.body_limit).unwrap_or(usize::MAX),
        static_dir: config.static_dir.clone(),
        phase: Phase::default(),
        metrics: Metrics::default(),
    }))
}

async fn everything(
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    app: Arc<App>,
    limits: Limits,
) {
    let phase = app.phase.clone();
    let gauge = {
        let app = Arc::clone(&app);
        move || Box::new(metrics::Connected::new(Arc::clone(&app))) as Box<dyn Send>
    };
    let public = serve(listener, router(Arc::clone(&app)), limits, phase.clone(), gauge);
    let scraped = async {
        if let Some(listener) = metrics_listener {
            let router: Router = metrics::router(app);
            serve(listener, router, limits, phase, || Box::new(())).await;
        }
    };
    tokio::join!(public, scraped);
}

fn limits(config: &Config) -> Limits {
    Limits {
        connections: usize::try_from(config.limits.max_connections).unwrap_or(usize::MAX),
        idle: config.limits.idle_timeout,
        header: config.limits.header_timeout,
        write: config.limits.write_timeout,
        drain: config.shutdown.shutdown_deadline,
    }
}

/// Each connection is an open file, and the usual soft limit of 1024 is meant for other programs.
fn raise_open_files_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        warn!(%error, "cannot raise the limit of open files; many connections may be refused");
    }
}
