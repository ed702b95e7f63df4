//! The program under test, clients that count what fails, and waiting with a limit.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No wait is longer: what is not there by then never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "other processes are watched in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "slow targets, and the pause between two looks")]
pub(crate) fn pause_for(time: Duration) {
    std::thread::sleep(time);
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = now() + PATIENCE;
    while !look() {
        assert!(now() < deadline, "not within {PATIENCE:?}: {what}");
        pause_for(Duration::from_millis(10));
    }
}

/// `todo-deploy balance`, running; killed when dropped.
pub(crate) struct Balance {
    child: Child,
    log: Arc<Mutex<String>>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Balance {
    /// On free ports, with an admin address, checks every 200 ms, and these arguments besides.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_todo-deploy")), args)
    }

    /// The same where this shell command stands before it.
    pub(crate) fn after(shell: &str, args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_todo-deploy")]);
        Self::of(command, args)
    }

    fn of(mut command: Command, args: &[&str]) -> Self {
        command.args(["balance", "--admin", "127.0.0.1:0"]);
        if !args.contains(&"--listen") && !args.contains(&"--config") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !args.contains(&"--check-interval") && !args.contains(&"--config") {
            command.args(["--check-interval", "200ms", "--check-timeout", "200ms"]);
        }
        let mut child =
            command.args(args).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it was built");
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, seen) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = seen.lock().expect("no panic");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let find = |what: &str| {
            let text = log.lock().expect("no panic").clone();
            let (_, rest) = text.split_once(what)?;
            rest.lines().next()?.parse().ok()
        };
        eventually("it listens", || {
            let ended = child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "it ended:\n{}", log.lock().expect("no panic"));
            find("admin on http://").is_some()
        });
        let address = find("listening on http://").expect("it listens before it says where admin is");
        let admin = find("admin on http://").expect("just seen");
        Self { child, log, address, admin }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().expect("a child can be asked");
            status.is_some()
        });
        status.expect("just seen")
    }

    /// A request to the admin address; status and body.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}");
        let back = exchange(self.admin, &request);
        let (head, body) = back.split_once("\r\n\r\n").expect("an answer");
        (head[9..12].parse().expect("a status"), body.to_owned())
    }

    pub(crate) fn targets(&self) -> Vec<serde_json::Value> {
        serde_json::from_str(&self.admin("GET", "/targets", "").1).expect("JSON")
    }

    /// Client connections that are open.
    pub(crate) fn connections(&self) -> usize {
        let (_, metrics) = self.admin("GET", "/metrics", "");
        let line = metrics.lines().find_map(|line| line.strip_prefix("balancer_connections "));
        line.and_then(|count| count.parse().ok()).expect("a number")
    }

    /// Waits until so many targets are healthy.
    pub(crate) fn wait_for_healthy(&self, count: usize) {
        eventually("all targets are healthy", || {
            self.targets().iter().filter(|target| target["state"] == "healthy").count() == count
        });
    }

    /// Bytes that it has in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    /// CPU time it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("Linux");
        let after = stat.rsplit_once(')').expect("a name").1;
        let ticks: u64 =
            after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Balance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "what it said helps to see why the test failed")]
            {
                eprintln!("--- what it said ---\n{}---", self.log());
            }
        }
    }
}

/// Sends this, and gives everything that comes back.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let _ = stream.write_all(request.as_bytes());
    let mut back = Vec::new();
    let _ = stream.read_to_end(&mut back);
    String::from_utf8_lossy(&back).into_owned()
}

/// A client that keeps its connection while it may.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Asks for a path; the body of a 200, or what went wrong.
    pub(crate) fn ask(&mut self, method: &str, path: &str) -> Result<String, String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).map_err(|error| format!("connect: {error}"))?;
                stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
                BufReader::new(stream)
            }
        };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: t\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes()).map_err(|error| format!("write: {error}"))?;
        let (mut status, mut length, mut close) = (String::new(), 0, false);
        loop {
            let mut line = String::new();
            let read = stream.read_line(&mut line).map_err(|error| format!("read: {error}"))?;
            if read == 0 {
                return Err(format!("closed after {status:?}"));
            }
            let line = line.trim_end();
            if status.is_empty() {
                line.clone_into(&mut status);
            } else if line.is_empty() {
                break;
            } else if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.parse().unwrap_or(0);
            } else if line == "Connection: close" {
                close = true;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).map_err(|error| format!("cut: {error}"))?;
        if !close {
            self.stream = Some(stream);
        }
        if status.starts_with("HTTP/1.1 200 ") {
            Ok(String::from_utf8_lossy(&body).into_owned())
        } else {
            Err(status)
        }
    }
}

/// Clients that ask until they are told to stop.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    pub(crate) asked: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn of(clients: usize, address: SocketAddr, method: &'static str) -> Self {
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..clients).map(|_| {
            let (over, asked, failures) = (Arc::clone(&over), Arc::clone(&asked), Arc::clone(&failures));
            std::thread::spawn(move || {
                let mut client = Client::to(address);
                while !over.load(Ordering::SeqCst) {
                    if let Err(why) = client.ask(method, "/") {
                        failures.lock().expect("no panic").push(why);
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        let threads = threads.collect();
        Self { over, asked, failures, threads }
    }

    /// Waits until so many more requests have been asked.
    pub(crate) fn go_on_for(&self, count: usize) {
        let until = self.asked.load(Ordering::SeqCst) + count;
        eventually("the load goes on", || self.asked.load(Ordering::SeqCst) >= until);
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().expect("no panic").clone()
    }

    /// Stops; what failed.
    pub(crate) fn stop(self) -> Vec<String> {
        self.over.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().expect("no panic");
        }
        let failures = self.failures.lock().expect("no panic");
        failures.clone()
    }
}
