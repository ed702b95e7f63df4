//! `--calibrate URL`: a short real load of one user against one instance.
//!
//! Plain HTTP/1.1 over one kept connection. This file reads the clock: it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

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
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: todo-deploy\r\n\r\n", self.authority);
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let code = status.split_whitespace().nth(1).unwrap_or_default();
        ensure!(code == "200", "answered `{status}`, not 200");
        let body = self.headers()?;
        match body {
            Body::Length(length) => self.skip(length)?,
            Body::Chunked => loop {
                let line = self.line()?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(size, 16).context("a chunk without a size")?;
                self.skip(size)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            },
        }
        Ok(now().duration_since(started).as_secs_f64() * 1000.0)
    }

    fn headers(&mut self) -> Result<Body> {
        let mut body = None;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                ensure!(line.is_empty(), "`{line}` is no header");
                return body.context("the answer has no length");
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    body = Some(Body::Length(value.trim().parse().context("a length that is no number")?))
                }
                "transfer-encoding" => body = Some(Body::Chunked),
                _ => {}
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = (&mut self.stream).take(16 << 10).read_line(&mut line)?;
        ensure!(read > 0, "the service closed the connection");
        Ok(line.trim_end().to_owned())
    }

    fn skip(&mut self, length: usize) -> Result<()> {
        if length > BODY_MAX {
            bail!("an answer of {length} bytes is too long to measure");
        }
        std::io::copy(&mut (&mut self.stream).take(length as u64), &mut std::io::sink())?;
        Ok(())
    }
}

enum Body {
    Length(usize),
    Chunked,
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
}
