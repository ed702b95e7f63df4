//! The access log: lines gather in each worker and are written by a thread that may wait for a disk.
//!
//! Bounded: when the disk is too slow for that many pages, pages are dropped, and counted, rather than requests
//! delayed.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::settings::AccessLog;

/// A worker hands its lines on when it has this many bytes of them.
pub(super) const PAGE: usize = 32 << 10;
/// Pages that may wait for the disk.
const PAGES_MAX: usize = 64;

#[derive(Debug)]
enum Message {
    Page(Vec<u8>),
    /// Write there from now on.
    To(Out),
    End,
}

/// Where lines go.
struct Out(Option<Box<dyn Write + Send>>);

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Out" } else { "Out(off)" })
    }
}

/// A place for lines that is open, so that nothing can go wrong any more.
#[derive(Debug)]
pub(super) struct Opened(Out);

/// The way to the writing thread.
#[derive(Debug)]
pub(super) struct Log {
    sender: SyncSender<Message>,
    /// Lines that were not written.
    pub(super) lost: AtomicU64,
}

impl Log {
    /// # Errors
    /// When the file cannot be opened.
    pub(super) fn start(to: &AccessLog) -> io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (sender, receiver) = sync_channel(PAGES_MAX);
        let Opened(out) = open(to)?;
        let thread = std::thread::Builder::new().name("balancer-log".to_owned());
        let thread = thread.spawn(move || write(&receiver, out))?;
        Ok((Self { sender, lost: AtomicU64::new(0) }, thread))
    }

    /// Hands on whole lines. The page that comes back is empty, with room.
    pub(super) fn page(&self, page: &mut Vec<u8>) {
        if page.is_empty() {
            return;
        }
        let full = std::mem::replace(page, Vec::with_capacity(PAGE + PAGE / 4));
        if let Err(
            TrySendError::Full(Message::Page(full)) | TrySendError::Disconnected(Message::Page(full)),
        ) = self.sender.try_send(Message::Page(full))
        {
            let lines = memchr::memchr_iter(b'\n', &full).count();
            self.lost.fetch_add(lines as u64, Ordering::Relaxed);
        }
    }

    /// Lines go there from now on. Waits while many pages do.
    pub(super) fn switch(&self, Opened(to): Opened) {
        let _ = self.sender.send(Message::To(to));
    }

    pub(super) fn end(&self) {
        let _ = self.sender.send(Message::End);
    }
}

/// # Errors
/// When the file cannot be opened: the error names it.
pub(super) fn open(to: &AccessLog) -> io::Result<Opened> {
    let file = |path: &Path| {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open the access log {}: {error}", path.display()))
        })
    };
    Ok(Opened(Out(match to {
        AccessLog::Off => None,
        AccessLog::Stdout => Some(Box::new(io::stdout())),
        AccessLog::File(path) => Some(Box::new(file(path)?)),
    })))
}

fn write(receiver: &Receiver<Message>, Out(mut out): Out) {
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Page(page) => {
                if let Some(out) = &mut out {
                    // A full disk must not end the service; the next page may fit again.
                    let _ = out.write_all(&page).and_then(|()| out.flush());
                }
            }
            Message::To(Out(opened)) => out = opened,
            Message::End => return,
        }
    }
}
