//! The control socket: how other commands ask the todo-deploy that runs. One request per connection, one line of JSON;
//! the answer is lines of progress and one last line. Only the owner of the run directory can connect.
#![expect(clippy::disallowed_methods, reason = "waits for the system to have room again; this is the edge")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::Wanted;

/// Largest request: a deployment's file fits many times.
const REQUEST_BYTES_MAX: u64 = 1 << 20;
/// For a whole request to arrive, and for one line of the answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// After the system refused a connection to us, for want of file descriptors: it would refuse the next one as well.
const PAUSE: Duration = Duration::from_millis(50);
/// Connections at once; further ones wait.
const CONNECTIONS_MAX: usize = 16;
/// Lines of an answer that a slow reader has not taken yet; then progress is left out.
pub(super) const LINES_MAX: usize = 64;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Request {
    Status,
    /// Have so many instances, as far as the limits allow.
    Scale {
        to: u32,
    },
    /// End this instance as a power cut would.
    Kill {
        instance: String,
    },
    /// Roll out another program or image.
    Deploy(Version),
    /// Become what `up` would have started.
    Reload(Box<Wanted>),
    /// Stop everything; `now` without draining.
    Down {
        now: bool,
    },
}

/// Another version of the service; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub program: Option<PathBuf>,
    pub image: Option<String>,
    pub arguments: Option<Vec<String>>,
    pub environment: Vec<(String, String)>,
}

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    Progress(String),
    Done(Value),
    Failed(String),
}

/// A request, and where its answer goes.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) answer: Answer,
}

#[derive(Debug, Clone)]
pub(super) struct Answer(mpsc::Sender<Reply>);

impl Answer {
    /// Whoever does not read misses it.
    pub(super) fn progress(&self, text: &str) {
        let _ = self.0.try_send(Reply::Progress(text.to_owned()));
    }

    pub(super) fn done(&self, value: Value) {
        let _ = self.0.try_send(Reply::Done(value));
    }

    pub(super) fn failed(&self, why: &str) {
        let _ = self.0.try_send(Reply::Failed(why.to_owned()));
    }

    /// Returns when whoever asked has been told, or waits no more.
    pub(super) async fn told(&self) {
        self.0.closed().await;
    }

    /// An answer that nobody waits for.
    pub(super) fn to_nobody() -> Self {
        Self(mpsc::channel(1).0)
    }
}

/// Listens on the socket; the caller holds the run directory's lock, so that what is there is left from a dead run.
pub(super) fn bind(path: &Path) -> Result<UnixListener> {
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))
}

/// Passes requests on until nobody takes them any more.
pub(super) async fn serve(listener: UnixListener, asked: mpsc::Sender<Asked>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let asked = asked.clone();
        tokio::spawn(async move {
            // A client that went away or was too slow: there is nobody to be told.
            let _ = converse(stream, asked).await;
            drop(slot);
        });
    }
}

async fn converse(stream: UnixStream, asked: mpsc::Sender<Asked>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = AsyncReader::new(read.take(REQUEST_BYTES_MAX));
    timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let (answer, mut lines) = mpsc::channel(LINES_MAX);
    match serde_json::from_str(&line) {
        Ok(request) => asked.send(Asked { request, answer: Answer(answer) }).await?,
        Err(error) => {
            Answer(answer).failed(&format!("no request that this todo-deploy understands: {error}"));
        }
    }
    let mut over = false;
    while let (false, Some(reply)) = (over, lines.recv().await) {
        over = !matches!(reply, Reply::Progress(_));
        let mut text = serde_json::to_string(&reply)?;
        text.push('\n');
        timeout(PATIENCE, write.write_all(text.as_bytes())).await??;
    }
    Ok(())
}

impl Request {
    /// The longest silence while this is answered.
    fn patience(&self) -> Duration {
        match self {
            Self::Status | Self::Scale { .. } | Self::Kill { .. } => Duration::from_secs(20),
            // Instances boot, drain and stop, each in its time.
            Self::Deploy(_) | Self::Reload(_) | Self::Down { .. } => Duration::from_secs(3600),
        }
    }
}

/// Asks the run whose socket this is; `progress` is shown what it says meanwhile.
///
/// # Errors
/// When nobody answers there, or the answer is a refusal.
pub fn ask(socket: &Path, request: &Request, mut progress: impl FnMut(&str)) -> Result<Value> {
    let mut stream =
        StdStream::connect(socket).with_context(|| format!("nobody answers at {}", socket.display()))?;
    stream.set_read_timeout(Some(request.patience()))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).context("the request was not taken")?;
    // An answer ends when the other side closes; its lines are as long as a status may be.
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line.context("no answer came, or it broke off")?)
            .context("the answer is not understood")?
        {
            Reply::Progress(text) => progress(&text),
            Reply::Done(value) => return Ok(value),
            Reply::Failed(why) => bail!("{why}"),
        }
    }
    bail!("the run ended before it answered")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(request: String) -> String {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("s");
        let listener = bind(&path).unwrap();
        let (sender, mut inbox) = mpsc::channel::<Asked>(4);
        tokio::spawn(serve(listener, sender));
        tokio::spawn(async move {
            while let Some(asked) = inbox.recv().await {
                asked.answer.progress("thinking");
                asked.answer.done(serde_json::to_value(&asked.request).unwrap());
            }
        });
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = String::new();
        // A connection that is closed with something unread is reset.
        let _ = timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_is_answered_line_by_line() {
        let answer = answered("{\"ask\":\"scale\",\"to\":3}\n".to_owned()).await;
        assert_eq!(answer, "{\"progress\":\"thinking\"}\n{\"done\":{\"ask\":\"scale\",\"to\":3}}\n");
    }

    #[tokio::test]
    async fn nonsense_is_refused_and_the_size_bounded() {
        let answer = answered("{\"ask\":\"fly\"}\n".to_owned()).await;
        assert!(answer.starts_with("{\"failed\":\"no request"), "{answer}");
        let answer = answered(format!("{}\n", "x".repeat(REQUEST_BYTES_MAX as usize + 10))).await;
        assert!(answer.is_empty() || answer.starts_with("{\"failed\""), "{answer}");
    }

    #[tokio::test]
    async fn asking_where_nobody_is() {
        let place = tempfile::tempdir().unwrap();
        let error = ask(&place.path().join("s"), &Request::Status, |_| {}).unwrap_err();
        assert!(error.to_string().contains("nobody answers"), "{error}");
    }
}
