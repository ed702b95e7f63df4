//! Targets that do as a test says, and clients that see every byte: plain blocking sockets, one thread each.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// No wait of a test is longer: what is not there by then never comes.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A target.
#[derive(Debug, Clone)]
pub(super) struct Stub {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

/// One connection at a target.
pub(super) struct Served {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
    stub: Stub,
}

impl Stub {
    /// A target whose every connection is served so.
    pub(super) fn new(serve: impl Fn(&mut Served) + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", serve)
    }

    pub(super) fn on(address: &str, serve: impl Fn(&mut Served) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stub = Self { address, seen: Arc::default(), connections: Arc::default(), open: Arc::default() };
        let (given, serve) = (stub.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (stub, serve) = (given.clone(), Arc::clone(&serve));
                stub.connections.fetch_add(1, Ordering::SeqCst);
                stub.open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
                    let mut served = Served { stream, buffer: Vec::new(), stub: stub.clone() };
                    serve(&mut served);
                    drop(served);
                    stub.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        stub
    }

    /// Answers every request with 200 and this body.
    pub(super) fn saying(body: &'static str) -> Self {
        Self::new(move |served| while served.request().is_some() && served.answer(body) {})
    }

    /// Answers every request once with these bytes, then closes.
    pub(super) fn once(bytes: &'static [u8]) -> Self {
        Self::new(move |served| {
            if served.request().is_some() {
                served.send(bytes);
            }
        })
    }

    /// Every request that came, health checks excepted, with its body as it came.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.seen().len()
    }

    /// Connections that were made, and those that are open.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Served {
    /// The next request, whole. `None`: the connection ended.
    pub(super) fn request(&mut self) -> Option<String> {
        let (raw, used) = loop {
            if let Some(whole) = whole(&self.buffer) {
                break whole;
            }
            let mut piece = [0; 16384];
            let count = self.stream.read(&mut piece).ok().filter(|&count| count > 0)?;
            self.buffer.extend_from_slice(&piece[..count]);
        };
        self.buffer.drain(..used);
        if !raw.contains("ELB-HealthChecker") {
            self.stub.seen.lock().expect("no panic").push(raw.clone());
        }
        Some(raw)
    }

    pub(super) fn answer(&mut self, body: &str) -> bool {
        let length = body.len();
        self.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Waits until the other side closes.
    pub(super) fn wait_for_end(&mut self) {
        while self.stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    }
}

/// The first message of these bytes and its length, if it is whole.
fn whole(bytes: &[u8]) -> Option<(String, usize)> {
    // Byte for byte, so that places in the text are places in the bytes.
    let ascii = |&byte: &u8| if byte.is_ascii() { char::from(byte) } else { '?' };
    let text: String = bytes.iter().map(ascii).collect();
    let end = text.find("\r\n\r\n")? + 4;
    let head = text[..end].to_ascii_lowercase();
    let used = if let Some(at) = head.find("content-length: ") {
        let digits: String = head[at + 16..].chars().take_while(char::is_ascii_digit).collect();
        end + digits.parse::<usize>().ok()?
    } else if head.contains("transfer-encoding: chunked") {
        end + text[end..].find("0\r\n\r\n")? + 5
    } else {
        end
    };
    (bytes.len() >= used).then(|| (String::from_utf8_lossy(&bytes[..used]).into_owned(), used))
}

/// A client's connection.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a client got: the head, and the body without its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Client {
    pub(super) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the balancer listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, buffer: Vec::new() }
    }

    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    pub(super) fn get(&mut self, path: &str) -> Option<Got> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        self.answer()
    }

    fn fill(&mut self) -> bool {
        let mut piece = [0; 16384];
        match self.stream.read(&mut piece) {
            Ok(count) if count > 0 => {
                self.buffer.extend_from_slice(&piece[..count]);
                true
            }
            _ => false,
        }
    }

    /// The next answer; none when the connection ended before it was whole.
    pub(super) fn answer(&mut self) -> Option<Got> {
        self.answer_to("GET")
    }

    pub(super) fn answer_to(&mut self, method: &str) -> Option<Got> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if !self.fill() {
                return None;
            }
        };
        let head = String::from_utf8(self.buffer.drain(..end).collect()).expect("text");
        let status = head[9..12].parse().expect("a status");
        let mut got = Got { status, head, body: String::new() };
        if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) {
            return Some(got);
        }
        if let Some(length) = got.header("content-length") {
            let length: usize = length.parse().expect("a number");
            while self.buffer.len() < length {
                if !self.fill() {
                    return None;
                }
            }
            got.body = String::from_utf8_lossy(&self.buffer.drain(..length).collect::<Vec<_>>()).into_owned();
        } else if got.header("transfer-encoding").is_some() {
            got.body = self.chunks()?;
        } else {
            while self.fill() {}
            got.body = String::from_utf8_lossy(&std::mem::take(&mut self.buffer)).into_owned();
        }
        Some(got)
    }

    fn chunks(&mut self) -> Option<String> {
        let mut body = String::new();
        loop {
            let line = loop {
                if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                    break String::from_utf8(self.buffer.drain(..end + 2).collect()).expect("text");
                }
                if !self.fill() {
                    return None;
                }
            };
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
            while self.buffer.len() < size + 2 {
                if !self.fill() {
                    return None;
                }
            }
            let piece: Vec<_> = self.buffer.drain(..size + 2).collect();
            body.push_str(&String::from_utf8_lossy(&piece[..size]));
            if size == 0 {
                return Some(body);
            }
        }
    }

    /// Everything that comes until the connection ends; how long that took is bounded by the patience.
    pub(super) fn rest(mut self) -> String {
        while self.fill() {}
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    /// Whether the other side has closed.
    pub(super) fn is_closed(&mut self) -> bool {
        !self.fill() && self.buffer.is_empty()
    }
}

/// Looks until it is so.
#[track_caller]
pub(super) fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = now() + PATIENCE;
    while !look() {
        assert!(now() < deadline, "not within {PATIENCE:?}: {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests look at sockets in real time")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "slow targets, and the pause between two looks")]
pub(super) fn pause_for(time: Duration) {
    std::thread::sleep(time);
}

pub(super) fn pause() {
    pause_for(Duration::from_millis(2));
}
