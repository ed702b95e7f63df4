//! `--calibrate URL`: a short real load of one user against one instance.
//!
//! Plain HTTP/1.1 over one kept connection. This file reads the clock: it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use loadtest::dry::{HttpRequest, HttpResponse};

use crate::simulate::calibration::{ANSWERS_MIN, Calibration, fit};

/// How long is measured, and how long an answer may take.
const MEASURE: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);

/// No answer is read further than this.
const BODY_MAX: usize = 64 << 20;

pub(super) fn calibrate(url: &str) -> Result<Calibration> {
    let (authority, path) = split(url)?;
    let mut connection =
        Connection::open(&authority).with_context(|| format!("cannot calibrate against {url}"))?;
    let mut times = Vec::new();
    let started = now();
    while now().duration_since(started) < MEASURE {
        times.push(connection.get(&path).with_context(|| format!("GET {url}"))?);
    }
    // The first answers warm up the connection and the service.
    let times = times.split_off(times.len().min(10));
    let count = times.len();
    let way = connection.way()?;
    fit(times, way).with_context(|| {
        format!("{count} answers in {} s are too few; at least {ANSWERS_MIN}", MEASURE.as_secs())
    })
}

#[expect(clippy::disallowed_methods, reason = "measuring response times is what this file is for")]
fn now() -> Instant {
    Instant::now()
}

fn split(url: &str) -> Result<(String, String)> {
    let rest = url.strip_prefix("http://");
    let rest = rest.with_context(|| {
        format!("`{url}` is no address to calibrate against; write http://HOST:PORT/PATH")
    })?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    ensure!(!authority.is_empty(), "`{url}` names no host");
    let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    Ok((authority, format!("/{path}")))
}

struct Connection {
    stream: BufReader<TcpStream>,
    authority: String,
    opened: Duration,
}

impl Connection {
    fn open(authority: &str) -> Result<Self> {
        let address = authority.to_socket_addrs()?.next().context("the host has no address")?;
        let started = now();
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        let opened = now().duration_since(started);
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), authority: authority.to_owned(), opened })
    }

    /// The time of the way there and back, in milliseconds: what it takes to open a connection.
    fn way(&self) -> Result<f64> {
        let again = Self::open(&self.authority)?;
        Ok(self.opened.min(again.opened).as_secs_f64() * 1000.0)
    }

    /// One request; its response time in milliseconds.
    fn get(&mut self, path: &str) -> Result<f64> {
        let started = now();
        let answer = self.exchange("GET", path, &[], None)?;
        ensure!(answer.status == 200, "answered `{} {}`, not 200", answer.status, answer.reason);
        Ok(now().duration_since(started).as_secs_f64() * 1000.0)
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<&[u8]>,
    ) -> Result<Answer> {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: todo-deploy\r\n", self.authority);
        for (name, value) in headers {
            let is_ours = ["host", "user-agent", "content-length", "connection", "accept-encoding"];
            if !is_ours.contains(&name.to_ascii_lowercase().as_str()) {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        if let Some(body) = body {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.stream.get_mut().write_all(body.unwrap_or_default())?;
        let line = self.line()?;
        let mut words = line.splitn(3, ' ').skip(1);
        let status = words.next().and_then(|code| code.parse().ok());
        let status: u16 = status.with_context(|| format!("answered `{line}`, which is no HTTP"))?;
        let reason = words.next().unwrap_or_default().to_owned();
        let headers = self.headers()?;
        let body = match method == "HEAD" || matches!(status, 204 | 304) {
            true => Vec::new(),
            false => self.body(&headers)?,
        };
        Ok(Answer { status, reason, headers, body })
    }

    fn headers(&mut self) -> Result<Vec<(String, String)>> {
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                ensure!(line.is_empty(), "`{line}` is no header");
                return Ok(headers);
            };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn body(&mut self, headers: &[(String, String)]) -> Result<Vec<u8>> {
        let header = |wanted: &str| headers.iter().find(|header| header.0.eq_ignore_ascii_case(wanted));
        let mut body = Vec::new();
        if header("transfer-encoding").is_none() {
            let (_, length) = header("content-length").context("the answer has no length")?;
            self.part(length.parse().context("a length that is no number")?, &mut body)?;
            return Ok(body);
        }
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).context("a chunk without a size")?;
            self.part(size, &mut body)?;
            self.line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = (&mut self.stream).take(16 << 10).read_line(&mut line)?;
        ensure!(read > 0, "the service closed the connection");
        Ok(line.trim_end().to_owned())
    }

    fn part(&mut self, length: usize, body: &mut Vec<u8>) -> Result<()> {
        if length.saturating_add(body.len()) > BODY_MAX {
            bail!("an answer of {length} bytes is too long to measure");
        }
        let read = (&mut self.stream).take(length as u64).read_to_end(body)?;
        ensure!(read == length, "the service closed the connection");
        Ok(())
    }
}

struct Answer {
    status: u16,
    reason: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The service that answers a script's iterations while they are looked at.
pub(super) struct Service {
    authority: String,
}

impl Service {
    pub(super) fn at(url: &str) -> Result<Self> {
        let (authority, _) = split(url)?;
        Ok(Self { authority })
    }

    /// Asks the service, whatever host the request names. A failure is an answer too, as scripts have it.
    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let rest = request.url.split_once("://").map_or(request.url.as_str(), |parts| parts.1);
        let rest = rest.split('#').next().unwrap_or_default();
        let path = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        let answer = Connection::open(&self.authority).and_then(|mut connection| {
            connection.exchange(&request.method, &path, &request.headers, request.body.as_deref())
        });
        match answer {
            Ok(answer) => HttpResponse {
                status: answer.status,
                status_text: format!("{} {}", answer.status, answer.reason),
                url: request.url.as_str().into(),
                proto: "HTTP/1.1",
                headers: answer.headers,
                body: answer.body.into(),
                ..HttpResponse::default()
            },
            Err(error) => HttpResponse {
                url: request.url.as_str().into(),
                error: format!("{error:#}"),
                error_code: 1000,
                ..HttpResponse::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_a_service() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let mut stream = BufReader::new(stream.expect("a connection"));
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
                    if line == "\r\n" {
                        let answer =
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n";
                        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                            break;
                        }
                    }
                    line.clear();
                }
            }
        });
        let mut connection = Connection::open(&address.to_string()).expect("it listens");
        let times: Vec<f64> = (0..100).map(|_| connection.get("/").expect("an answer")).collect();
        let found = fit(times, connection.way().expect("a second connection")).expect("enough");
        assert!(found.mean_ms > 0.0 && found.mean_ms < 1000.0, "{found:?}");
        assert!(split("https://example.com/").is_err());
        assert_eq!(split("http://h/a/b").expect("fine"), ("h:80".to_owned(), "/a/b".to_owned()));
    }

    /// A script that reads a list and each of its elements sees the real ones.
    #[test]
    fn a_service_answers_a_script() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.expect("a connection"));
                let (mut first, mut line) = (String::new(), String::new());
                stream.read_line(&mut first).expect("a request");
                while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let body =
                    if first.starts_with("GET /todos?all ") { "[{\"id\":4},{\"id\":5}]" } else { "{}" };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.get_mut().write_all(answer.as_bytes()).expect("somebody listens");
            }
        });
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/input/data/branches.js");
        let service = Service::at(&format!("http://{address}/")).expect("an address");
        let mut answer = |request: &HttpRequest| service.answer(request);
        let settings = loadtest::dry::Settings::default();
        let real = loadtest::dry::load_of(script, &settings, Some(&mut answer)).expect("a load");
        assert_eq!((real.iterations[0][0].len(), real.depends_on_answers), (4, false), "{real:?}");
        let made_up = loadtest::dry::load_of(script, &settings, None).expect("a load");
        assert!(made_up.depends_on_answers && made_up.iterations[0][0].len() == 3, "{made_up:?}");
        let nobody = Service::at("http://127.0.0.1:1/").expect("an address");
        let mut answer = |request: &HttpRequest| nobody.answer(request);
        let dead = loadtest::dry::load_of(script, &settings, Some(&mut answer)).expect("a load");
        assert!(dead.notes[0].contains("the service's answers"), "{:?}", dead.notes);
    }
}
