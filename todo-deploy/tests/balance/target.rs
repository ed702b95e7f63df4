//! A target that is a process, so that it can be killed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::pause_for;

/// Says to this program that it is a target, and where to listen.
const LISTEN: &str = "BALANCE_TEST_TARGET";
const LISTENING: &str = "target listens on ";

/// Not a test of anything: without the variable it does nothing.
#[test]
fn serve_as_a_target() {
    let Ok(address) = std::env::var(LISTEN) else { return };
    let listener = TcpListener::bind(address).expect("the address is free");
    println!("\n{LISTENING}{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            std::thread::spawn(move || serve(stream));
        }
    });
    // Ends with whoever started it: then standard input ends.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Answers every request with its own process id; `/slow/N` after so many milliseconds.
fn serve(stream: TcpStream) {
    let mut out = stream.try_clone().expect("a socket");
    let mut lines = BufReader::new(stream).lines();
    loop {
        let Some(Ok(request)) = lines.next() else { return };
        let mut body = 0;
        loop {
            let Some(Ok(line)) = lines.next() else { return };
            if let Some(length) = line.strip_prefix("Content-Length: ") {
                body = length.parse().unwrap_or(0);
            }
            if line.is_empty() {
                break;
            }
        }
        assert_eq!(body, 0, "tests send no bodies here");
        let path = request.split(' ').nth(1).unwrap_or_default();
        if let Some(millis) = path.strip_prefix("/slow/").and_then(|millis| millis.parse().ok()) {
            pause_for(Duration::from_millis(millis));
        }
        let text = format!("{}", std::process::id());
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        if out.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A running target; killed when dropped.
pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Target {
    pub(crate) fn start() -> Self {
        Self::at("127.0.0.1:0")
    }

    pub(crate) fn at(address: &str) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let mut child = Command::new(program)
            .args(["--exact", "target::serve_as_a_target", "--nocapture"])
            .env(LISTEN, address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started again");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = lines.find_map(|line| line.ok()?.strip_prefix(LISTENING)?.parse().ok());
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("it says where it listens") }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.kill();
    }
}
