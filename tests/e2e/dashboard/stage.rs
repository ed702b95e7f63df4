//! A dashboard served from this process, told whatever a test wants, and a browser at it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use e2e::chromium::Chromium;
use e2e::skipped;
use todo_deploy::dashboard::{self, Board, Source};
use todo_deploy::deployment::{Defaults, Deployment, Target};
use todo_deploy::pricing::Prices;
use todo_deploy::simulate::{Options, Plan, simulate};
use todo_deploy::status::{About, Recording};
use todo_deploy::time::Time;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// A smaller run than the practical's on EC2, simulated once for all tests: 1 → 4 → 1.
pub(super) fn practical() -> Recording {
    static RUN: LazyLock<Recording> = LazyLock::new(simulated);
    RUN.clone()
}

fn simulated() -> Recording {
    let target = Target::Ec2;
    let deployment = Deployment::parse("", "test", Defaults::of(target)).expect("valid");
    let service_time = Some("lognormal 2ms cv 1".parse().expect("a distribution"));
    let prices = Prices::default();
    let options = Options { seed: 1, service_time, until: None, prices, faults: Vec::new() };
    let plan = Plan::from_stages(&["1m:400", "10m:1000"].map(String::from), &Default::default());
    let run = simulate(&deployment, target, &plan.expect("a plan"), &options);
    Recording::of_run(&deployment, &run)
}

pub(super) struct Stage {
    pub(super) board: Board,
    source: Source,
    pub(super) address: SocketAddr,
    recording: Recording,
    /// How much of the recording was told.
    shown: Option<Time>,
    running: Option<oneshot::Sender<()>>,
    runtime: Runtime,
}

impl Stage {
    /// Nothing has happened yet; `None` where there is no browser.
    pub(super) fn with_page(recording: Recording) -> Option<(Self, Chromium)> {
        let Some(program) = Chromium::program() else {
            return skipped("every test of the dashboard: no chromium in PATH");
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (board, source) = dashboard::board(about(&recording));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut stage = Self { board, source, address, recording, shown: None, running: None, runtime };
        stage.start();
        let page = Chromium::open(program, &stage.url());
        Some((stage, page))
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves, where it served before.
    pub(super) fn start(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let listener = self.runtime.block_on(TcpListener::bind(self.address)).expect("the port is free");
        self.address = listener.local_addr().expect("an address");
        let source = self.source.clone();
        self.runtime.spawn(dashboard::serve(listener, source, async {
            let _: Result<(), _> = stopped.await;
        }));
        self.running = Some(stop);
    }

    /// Connections that use up the places for readers of events.
    pub(super) fn take_all_streams(&self) -> Vec<TcpStream> {
        let taken = || {
            let mut stream = TcpStream::connect(self.address).expect("connected");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
            stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
            let mut status = [0; 12];
            stream.read_exact(&mut status).expect("an answer");
            status.ends_with(b"200").then_some(stream)
        };
        std::iter::from_fn(taken).collect()
    }

    /// Nobody answers any more.
    pub(super) fn stop(&mut self) {
        self.running = None;
        let address = self.address;
        let gone = e2e::eventually("the dashboard is gone", Duration::from_secs(20), || async {
            tokio::net::TcpStream::connect(address).await.err()
        });
        self.runtime.block_on(gone);
    }

    /// Tells the recording until `seconds`, as a driver would.
    pub(super) fn play_to(&mut self, seconds: u64) {
        let now = Time::from_secs(seconds);
        let is_new = |at: Time| at <= now && self.shown.is_none_or(|shown| at > shown);
        for event in self.recording.timeline.events.iter().filter(|event| is_new(event.at)) {
            self.board.event(event);
        }
        for (name, points) in &self.recording.timeline.series {
            let period = Duration::from_secs(60);
            for point in points.iter().filter(|point| is_new(point.at + period)) {
                self.board.record(name, point.at, point.value);
            }
        }
        self.shown = Some(now);
        self.board.publish(now);
    }
}

fn about(recording: &Recording) -> About {
    let about = recording.about.clone();
    about
        .link("Service", "http://127.0.0.1:8080")
        .fact("CPU limit", "0.1 vCPU per instance, by cgroup v2 cpu.max")
}
