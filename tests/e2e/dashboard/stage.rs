//! A dashboard served from this process, told whatever a test wants, and a browser at it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use e2e::chromium::Chromium;
use e2e::skipped;
use tempfile::TempDir;
use todo_deploy::dashboard::{self, Board, Source};
use todo_deploy::status::{About, Recording};
use todo_deploy::time::Time;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// A smaller run than the practical's on EC2: 1 → 4 → 1. Simulated once per process; every test may be one of its own.
pub(super) fn practical() -> Recording {
    static RUN: LazyLock<Recording> = LazyLock::new(simulated);
    RUN.clone()
}

fn simulated() -> Recording {
    let test = std::env::current_exe().expect("a running program has a path");
    let profile = test.parent().and_then(Path::parent).expect("target/PROFILE/deps/TEST");
    let program = profile.join(format!("todo-deploy-under-test{}", std::env::consts::EXE_SUFFIX));
    let place = TempDir::new().expect("a temporary directory");
    let file = place.path().join("run.json");
    let load =
        ["simulate", "--stage", "1m:400", "--stage", "10m:1000", "--service-time", "2ms", "--timeline"];
    let simulated = Command::new(program).current_dir(&place).args(load).arg(&file).output();
    let simulated = simulated.expect("todo-deploy was built with this test");
    assert!(simulated.status.success(), "{}", String::from_utf8_lossy(&simulated.stderr));
    let text = std::fs::read_to_string(&file).expect("a timeline was written");
    Recording::parse(&text).expect("a timeline")
}

/// Readers of events that a dashboard serves at once.
const STREAMS: usize = 32;

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
        // Whoever came in between and has the port for a moment.
        let address = self.address;
        let bound = e2e::eventually("the port is free", Duration::from_secs(20), || async {
            TcpListener::bind(address).await.ok()
        });
        let listener = self.runtime.block_on(bound);
        self.address = listener.local_addr().expect("an address");
        let source = self.source.clone();
        self.runtime.spawn(dashboard::serve(listener, source, async {
            let _: Result<(), _> = stopped.await;
        }));
        self.running = Some(stop);
    }

    /// Connections that use up the places for readers of events.
    pub(super) fn take_all_streams(&mut self) -> Vec<TcpStream> {
        let mut taken = Vec::new();
        let runtime = self.runtime.handle().clone();
        let all = e2e::eventually("every place for a stream is taken", Duration::from_secs(20), || {
            // A reader that left is noticed when it is told something.
            self.board.publish(self.shown.unwrap_or_default());
            taken.extend(self.take_stream());
            let count = taken.len();
            async move { (count == STREAMS).then_some(()) }
        });
        runtime.block_on(all);
        taken
    }

    fn take_stream(&self) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("an answer");
        status.ends_with(b"200").then_some(stream)
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
