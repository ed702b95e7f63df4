//! The service in this process, on a port of its own.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use todo_api::app::{App, router};
use todo_api::config::Config;
use todo_api::net::{Limits, bind, serve};
use tokio_util::task::AbortOnDropHandle;

use crate::{Api, Database, Kind, test_clock, within};

/// Longest that opening a database may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Service {
    pub app: Arc<App>,
    pub database: Database,
    api: Api,
    _serving: AbortOnDropHandle<bool>,
}

impl Service {
    /// A service on an empty database; `None` where there is no such database to test with.
    pub async fn on(kind: Kind) -> Option<Self> {
        Some(Self::with(Database::new(kind).await?, &[]).await)
    }

    /// A service on `database`, with further flags of the command line, which may name another way
    /// to it. Its date is [`test_clock`].
    pub async fn with(database: Database, args: &[&str]) -> Self {
        let mut line = vec!["todo-api", "--listen", "127.0.0.1:0"];
        if !args.contains(&"--database-url") {
            line.extend(["--database-url", database.url()]);
        }
        let config = Config::try_parse_from(line.iter().chain(args)).expect("a valid command line");
        let mut app = todo_api::app(&config).expect("a valid configuration");
        Arc::get_mut(&mut app).expect("nobody else has it yet").clock = test_clock;
        within("the database to be opened", PATIENCE, app.store.opened()).await;
        let listener = bind(config.listen).expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let limits = Limits {
            connections: usize::MAX,
            idle: config.limits.idle_timeout,
            header: config.limits.header_timeout,
            write: config.limits.write_timeout,
            drain: config.shutdown.shutdown_deadline,
        };
        let serving = serve(listener, router(Arc::clone(&app)), limits, app.phase.clone(), || Box::new(()));
        let serving = AbortOnDropHandle::new(tokio::spawn(serving));
        Self { app, database, api: Api { address }, _serving: serving }
    }
}

impl Deref for Service {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}
