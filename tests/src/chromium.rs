//! A headless Chromium, driven over its DevTools protocol through a pair of pipes.
//!
//! No driver program and no web socket in between, and the browser ends by itself when this process does. What is
//! clicked and typed arrives as real mouse and key events, at the place where the element is seen.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for an answer of the browser, and for something to be seen on the page.
const PATIENCE: Duration = Duration::from_secs(20);

/// What keeps a browser that was just installed quiet and alone.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--lang=en-US",
    "--remote-debugging-pipe",
];

/// One browser with one page.
#[derive(Debug)]
pub struct Chromium {
    browser: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// Events that came while an answer was awaited.
    events: Vec<Value>,
    calls: u64,
    session: Option<String>,
    _profile: TempDir,
}

impl Chromium {
    /// The browser's program on this machine.
    pub fn program() -> Option<&'static str> {
        let works = |program: &&str| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        ["chromium", "chromium-browser", "google-chrome"].into_iter().find(works)
    }

    /// Starts the browser with a fresh profile and opens `url`.
    pub fn open(program: &str, url: &str) -> Self {
        let profile = TempDir::new().expect("a directory for the browser's profile");
        // The protocol's pipes are descriptors 3 and 4, which only a shell hands over without unsafe code.
        let mut browser = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#, program])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("TZ", "Pacific/Auckland")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starting the browser");
        let to = browser.stdin.take().expect("the browser's input is a pipe");
        let output = BufReader::new(browser.stdout.take().expect("the browser's output is a pipe"));
        let (send, from) = channel();
        thread::spawn(move || {
            for message in output.split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let mut chromium =
            Self { browser, to, from, events: Vec::new(), calls: 0, session: None, _profile: profile };
        chromium.attach();
        chromium.go(url);
        chromium
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", target);
        self.session = session["sessionId"].as_str().map(String::from);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        self.resize(1100, 900);
    }

    /// Opens `url` and waits until its scripts have run.
    pub fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
        self.see("document.readyState === 'complete' && location.protocol.startsWith('http')");
    }

    pub fn reload(&mut self) {
        self.eval("window.before = true");
        self.call("Page.reload", json!({}));
        self.see("!window.before && document.readyState === 'complete'");
    }

    pub fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// `light` or `dark`, as the system's setting would be.
    pub fn prefer(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Sends a command and waits for its result.
    #[expect(clippy::needless_pass_by_value, reason = "every caller makes its parameters on the spot")]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser listens");
        loop {
            let mut answer = self.from.recv_timeout(2 * PATIENCE).expect("the browser answers");
            if answer["id"] != json!(self.calls) {
                self.events.push(answer);
                continue;
            }
            assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
            return answer["result"].take();
        }
    }

    /// The value of a JavaScript expression on the page; a promise is awaited.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut outcome = self.call("Runtime.evaluate", params);
        let thrown = &outcome["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}\n{}", thrown["exception"]["description"]);
        outcome["result"]["value"].take()
    }

    /// Waits until a JavaScript condition holds on the page.
    #[track_caller]
    pub fn see(&mut self, condition: &str) {
        let patience_ms = PATIENCE.as_millis();
        let seen = self.eval(&format!(
            "new Promise((done) => {{
               const end = performance.now() + {patience_ms};
               const look = () => ({condition}) ? done(true)
                 : performance.now() > end ? done(false) : setTimeout(look, 15);
               look();
             }})"
        ));
        if seen != json!(true) {
            let page = self.eval("document.body.innerText");
            panic!("never seen on the page: {condition}\n{}", page.as_str().unwrap_or_default());
        }
    }

    /// Writes what is seen, the whole page, as a PNG file.
    pub fn screenshot(&mut self, file: &Path) {
        // Transitions and images have come to rest.
        self.eval(
            "Promise.all(document.getAnimations()
               .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
               .map((one) => one.finished.catch(() => {})))",
        );
        let image = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let image = BASE64_STANDARD.decode(image["data"].as_str().unwrap_or_default());
        fs::create_dir_all(file.parent().expect("a directory")).expect("a directory for screenshots");
        fs::write(file, image.expect("an image in base64")).expect("writing a screenshot");
    }

    /// Role and name of each element as assistive technology is told of it.
    pub fn accessible(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        let told = nodes.iter().filter(|node| node["ignored"] == json!(false));
        told.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
    }

    /// Waits until assistive technology is told of an element of this role and name, which is after it is seen.
    #[track_caller]
    pub fn hear(&mut self, role: &str, name: &str) {
        for _ in 0..PATIENCE.as_millis() / 50 {
            if self.accessible().iter().any(|told| (told.0.as_str(), told.1.as_str()) == (role, name)) {
                return;
            }
            self.eval("new Promise((done) => setTimeout(done, 50))");
        }
        panic!("never told of a {role} {name:?}: {:#?}", self.accessible());
    }

    /// Everything that scripts and the browser complained about so far.
    pub fn complaints(&mut self) -> Vec<String> {
        self.eval("0");
        let complaint = |event: &Value| match event["method"].as_str()? {
            "Runtime.exceptionThrown" => Some(event["params"]["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" => Some(event["params"]["args"].to_string()),
            "Log.entryAdded" => Some(event["params"]["entry"]["text"].to_string()),
            _ => None,
        };
        self.events.iter().filter_map(complaint).collect()
    }

    /// The address of every request that the page made so far.
    pub fn requests(&mut self) -> Vec<String> {
        self.eval("0");
        let sent = self.events.iter().filter(|event| event["method"] == json!("Network.requestWillBeSent"));
        sent.filter_map(|event| event["params"]["request"]["url"].as_str().map(String::from)).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Ended at once: nothing of a profile that is deleted next is worth saving. Its helpers follow it.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
