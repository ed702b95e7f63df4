//! Where a timeline comes from: a file, or a dashboard that is asked.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::Timeline;
use crate::net::client::{Client, Wire};
use crate::net::connect::Network;
use crate::net::h1::now;
use crate::net::{Origin, Want};
use crate::source::{is_pipe, text_of};

/// Longest wait for a dashboard's answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Larger answers and files are refused: a timeline of a week has a few megabytes.
const BYTES_MAX: u64 = 64 << 20;

/// A place that a timeline is read from, before and after a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    File(PathBuf),
    Url(Url),
}

/// Why there is no timeline, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => write!(f, "{url}"),
        }
    }
}

impl Where {
    /// A dashboard's address (its `/timeline.json` is meant), the address of a timeline, or a file.
    ///
    /// # Errors
    /// A URL that is none, and no text at all.
    pub fn parse(text: &str) -> Result<Self, Unavailable> {
        let bad = |why: &str| {
            Unavailable(format!(
                "--timeline {text}: {why}; name a dashboard such as http://127.0.0.1:8081, or a file"
            ))
        };
        if text.trim().is_empty() {
            return Err(bad("it is empty"));
        }
        if !text.contains("://") {
            let path = PathBuf::from(text);
            if text.contains(':') && !path.exists() {
                return Err(bad(&format!(
                    "there is no such file; if it is a dashboard, write http://{text}"
                )));
            }
            return Ok(Self::File(path));
        }
        let mut url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        if Origin::of(&url).is_none() {
            return Err(bad("it must begin with http:// or https:// and name a host"));
        }
        if url.path() == "/" {
            url.set_path("/timeline.json");
        }
        Ok(Self::Url(url))
    }

    /// Whether a second reading would find nothing, or wait for ever: a pipe.
    pub fn reads_once(&self) -> bool {
        let Self::File(path) = self else { return false };
        std::fs::metadata(path).is_ok_and(|metadata| is_pipe(metadata.file_type()))
    }

    /// The timeline as it is now.
    ///
    /// # Errors
    /// What could not be reached or read, and what to do.
    pub async fn read(&self, network: &Arc<Network>) -> Result<Timeline, Unavailable> {
        let text = match self {
            Self::File(path) => text_of(path, BYTES_MAX).map_err(|why| self.fails(&why))?,
            Self::Url(url) => fetch(url, network).await.map_err(|why| self.fails(&why))?,
        };
        Timeline::parse(&text).map_err(|why| self.fails(&why))
    }

    fn fails(&self, why: &str) -> Unavailable {
        let remedy = match self {
            Self::File(_) => {
                "write one with todo-deploy simulate --timeline FILE, or from a dashboard's /timeline.json"
            }
            Self::Url(_) => {
                "start the dashboard (todo-deploy local up, todo-deploy dashboard), or check its address"
            }
        };
        Unavailable(format!("there is no timeline at {self}: {why}; {remedy}"))
    }
}

async fn fetch(url: &Url, network: &Arc<Network>) -> Result<String, String> {
    let origin = Rc::new(Origin::of(url).ok_or("it is no address to call")?);
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let headers = [("Host", origin.authority()), ("Accept", "application/json".to_owned())];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    let wire = Wire {
        origin: &origin,
        method: "GET",
        target: &target,
        headers: &headers,
        head: None,
        body: &Bytes::new(),
        want: Want { headers: false, body: true, encoded_body: true },
        deadline: now() + TIMEOUT,
    };
    let hop = Client::new(Arc::clone(network), true).hop(wire).await;
    let reply = hop.result.map_err(|error| error.to_string())?;
    if reply.status != 200 {
        return Err(format!("the answer is {} {}", reply.status, reply.reason));
    }
    if reply.body.len() as u64 > BYTES_MAX {
        return Err(format!("it has {} bytes, and a timeline at most {BYTES_MAX}", reply.body.len()));
    }
    String::from_utf8(reply.body).map_err(|_| "it is no text".to_owned())
}
