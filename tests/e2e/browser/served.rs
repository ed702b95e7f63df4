//! The real program with its page open in a browser.

use std::net::SocketAddr;

use e2e::{Database, Process, skipped};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use e2e::chromium::Chromium;

/// A service on SQLite that can go away and come back at the same address.
pub(super) struct Served {
    process: Option<Process>,
    address: SocketAddr,
    args: Vec<String>,
    database: Database,
    /// The browser is driven from a plain thread; the rest of the harness runs in here.
    runtime: Runtime,
}

impl Served {
    /// A fresh service, and a fresh browser at its page; `None` where there is no browser.
    pub(super) fn with_page(args: &[&str]) -> Option<(Self, Chromium)> {
        let Some(program) = Chromium::program() else {
            return skipped("every test of the page: no chromium in PATH");
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let database = Database::sqlite();
        let process = runtime.block_on(Process::on(&database, args));
        let address = process.address;
        let args =
            [args, &["--listen", &address.to_string()]].concat().into_iter().map(String::from).collect();
        let service = Self { process: Some(process), address, args, database, runtime };
        let page = Chromium::open(program, &service.url());
        Some((service, page))
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The service is gone, at once.
    pub(super) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        self.runtime.block_on(process.kill());
    }

    /// The service is back where it was.
    pub(super) fn start(&mut self) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.process = Some(self.runtime.block_on(Process::on(&self.database, &args)));
    }

    pub(super) fn get(&self, path: &str) -> Value {
        let process = self.process.as_ref().expect("it runs");
        self.runtime.block_on(process.get(path)).is(200).value()
    }

    pub(super) fn add(&self, todo: &Value) {
        let process = self.process.as_ref().expect("it runs");
        self.runtime.block_on(process.post("/api/v1/todos", todo)).is(201);
    }
}
