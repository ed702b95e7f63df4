//! The status as a page that people watch: a small read-only web server over whatever is told to a [`Board`].
//!
//! A driver owns the board and tells it events, measurements and details as they come; [`Board::publish`] makes them
//! seen. Everybody else holds a [`Source`], which is cheap to clone. A slow reader misses intermediate states and
//! holds nobody up; a reader that is gone costs nothing.
//!
//! ```no_run
//! # async fn example(about: todo_deploy::status::About, event: todo_deploy::timeline::Event) -> std::io::Result<()> {
//! use todo_deploy::dashboard;
//!
//! let (mut board, source) = dashboard::board(about);
//! let listener = tokio::net::TcpListener::bind(dashboard::ADDRESS).await?;
//! tokio::spawn(dashboard::serve(listener, source, async { /* until Ctrl-C */ }));
//! board.event(&event);
//! board.publish(event.at);
//! # Ok(())
//! # }
//! ```

mod answers;
mod host;
mod page;
mod play;
mod serve;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

pub use play::{Play, play};
pub use serve::serve;

use crate::status::{About, Details, Fold, Phase, Recorder, Recording, Status, Totals};
use crate::time::Time;
use crate::timeline::{Event, InstanceId, Timeline};

/// Where a dashboard is served unless told otherwise: this machine only.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// The writing end.
#[derive(Debug)]
pub struct Board {
    fold: Fold,
    recorder: Arc<Mutex<Recorder>>,
    published: watch::Sender<Arc<Published>>,
}

/// The reading end; clones read the same board.
#[derive(Debug, Clone)]
pub struct Source {
    recorder: Arc<Mutex<Recorder>>,
    published: watch::Receiver<Arc<Published>>,
}

#[derive(Debug)]
struct Published {
    status: Status,
    /// Made by the first reader who wants it, for all of them.
    json: OnceLock<Bytes>,
}

/// A board on which nothing has happened yet, and its readers' end.
pub fn board(about: About) -> (Board, Source) {
    let recorder = Arc::new(Mutex::new(Recorder::new(about.clone())));
    let fold = Fold::new(about);
    let (published, seen) = watch::channel(Arc::new(Published::new(fold.status(Time::ZERO))));
    let source = Source { recorder: Arc::clone(&recorder), published: seen };
    (Board { fold, recorder, published }, source)
}

impl Board {
    /// Something happened. Events come in order of time.
    pub fn event(&mut self, event: &Event) {
        self.fold.event(event);
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner).event(event);
    }

    /// Something was measured in the period that began at `at`; [`crate::timeline::series`] has the names.
    pub fn record(&mut self, series: &str, at: Time, value: f64) {
        self.fold.record(series, at, value);
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner).record(series, at, value);
    }

    /// What else is known of an instance now.
    pub fn instance(&mut self, instance: InstanceId, details: Details) {
        self.fold.instance(instance, details);
    }

    /// Requests and errors since the start.
    pub fn totals(&mut self, totals: Totals) {
        self.fold.totals(totals);
    }

    /// Where this is not what follows from the instances.
    pub fn phase(&mut self, phase: Phase) {
        self.fold.phase(phase);
    }

    /// The deployment has changed, or what runs.
    pub fn about(&mut self, about: About) {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner).change(about.clone());
        self.fold.change(about);
    }

    /// Replaces what else a person should know.
    pub fn notes(&mut self, notes: Vec<String>) {
        self.fold.notes(notes);
    }

    /// Shows how things stand at `at`. Once a second is often enough.
    pub fn publish(&mut self, at: Time) {
        self.show(self.fold.status(at));
    }

    /// Shows a status and a timeline from elsewhere, such as those that AWS described; they take the place of all before.
    pub fn publish_told(&mut self, status: Status, timeline: &Timeline) {
        let recorder = Recorder::of_run(status.about.clone(), timeline);
        *self.recorder.lock().unwrap_or_else(PoisonError::into_inner) = recorder;
        self.show(status);
    }

    fn show(&mut self, status: Status) {
        self.published.send_replace(Arc::new(Published::new(status)));
    }
}

impl Source {
    /// What was published last.
    pub fn status(&self) -> Status {
        self.published.borrow().status.clone()
    }

    /// The timeline so far.
    pub fn recording(&self) -> Recording {
        let until = self.published.borrow().status.at;
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner).recording(until)
    }
}

impl Published {
    fn new(status: Status) -> Self {
        Self { status, json: OnceLock::new() }
    }

    /// A status always has a JSON: its keys are texts and its numbers finite or null.
    fn json(&self) -> Bytes {
        let json = self.json.get_or_init(|| serde_json::to_vec(&self.status).unwrap_or_default().into());
        json.clone()
    }
}

#[cfg(test)]
mod tests;
