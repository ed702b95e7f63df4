//! Parses the command line and hands over to the library.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use todo_api::config::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    match start(config) {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the log may be what could not be started")]
            {
                eprintln!("todo-api: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start(config: Config) -> anyhow::Result<ExitCode> {
    if config.check_health {
        return todo_api::check_health(config.listen).map(|()| ExitCode::SUCCESS);
    }
    todo_api::telemetry::start(&config.log, config.log_format)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.worker_threads {
        runtime.worker_threads(usize::from(threads));
    }
    let runtime = runtime.enable_all().build().context("starting the runtime")?;
    let code = runtime.block_on(todo_api::run(config));
    // Connections that outlived the deadline end here.
    runtime.shutdown_background();
    code
}
