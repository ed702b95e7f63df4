//! A host without a network: it answers requests from a function and keeps all that a script reports.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use loadtest_js::*;

/// What a fake server says.
pub(crate) type Server = fn(&HttpRequest) -> HttpResponse;

/// Everything a script did, as lines, in order.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) lines: RefCell<Vec<String>>,
    pub(crate) now: Cell<Duration>,
    pub(crate) options: RefCell<Option<Arc<str>>>,
    /// Added to the clock whenever it is read, to make loops take time.
    pub(crate) tick: Cell<Duration>,
}

impl Log {
    pub(crate) fn push(&self, line: impl Into<String>) {
        self.lines.borrow_mut().push(line.into());
    }
}

fn tags(tags: SampleTags<'_>) -> String {
    let mut all: BTreeMap<&str, &str> = BTreeMap::new();
    all.extend(tags.context.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    all.extend(tags.extra.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    if !tags.context.group.is_empty() {
        all.insert("group", &tags.context.group);
    }
    let list: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
    if list.is_empty() { String::new() } else { format!(" {{{}}}", list.join(",")) }
}

impl Recorder for Log {
    fn now(&self) -> Duration {
        self.now.set(self.now.get() + self.tick.get());
        self.now.get()
    }
    fn unix_now(&self) -> Duration {
        Duration::from_secs(1_700_000_000) + self.now.get()
    }
    fn check(&self, name: &str, passed: bool, t: SampleTags<'_>) {
        self.push(format!("{} {name}{}", if passed { "✓" } else { "✗" }, tags(t)));
    }
    fn sample(&self, metric: &Rc<MetricDef>, value: f64, t: SampleTags<'_>) {
        self.push(format!("{:?} {} {value}{}", metric.kind, metric.name, tags(t)));
    }
    fn group(&self, duration: Duration, t: SampleTags<'_>) {
        self.push(format!("group {}ms{}", duration.as_millis(), tags(t)));
    }
    fn log(&self, level: LogLevel, message: &str, _: &str) {
        self.push(format!("{level:?}: {message}"));
    }
    fn fail_test(&self, reason: &str) {
        self.push(format!("failed: {reason}"));
    }
    fn status(&self) -> TestStatus {
        TestStatus { elapsed: self.now.get(), vus_active: 2, vus_initialized: 3, ..TestStatus::default() }
    }
    fn options(&self) -> Arc<str> {
        self.options.borrow().clone().unwrap_or_else(|| "{}".into())
    }
}

/// A task on its way.
pub(crate) struct Run {
    step: Option<Step>,
    events: VecDeque<(Duration, OpId, Event)>,
}

/// A VU with its host.
pub(crate) struct Rig {
    pub(crate) script: Script,
    pub(crate) vu: Vu,
    pub(crate) log: Rc<Log>,
    pub(crate) server: Server,
    scenario: Rc<Scenario>,
    iterations: u64,
    pub(crate) setup_data: Option<Arc<str>>,
}

pub(crate) fn source(text: &str) -> Source {
    Source::Text {
        text: text.to_owned(),
        name: "script.js".to_owned(),
        directory: std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files"),
    }
}

pub(crate) fn load(text: &str) -> Result<Script, ScriptError> {
    let env = BTreeMap::from([("HOST".to_owned(), "http://e.test".to_owned())]);
    Script::load(source(text), env, Rc::new(Unrecorded::default()))
}

impl Rig {
    pub(crate) fn new(text: &str) -> Self {
        Self::with(load(text).unwrap_or_else(|e| panic!("{e}")), VuConfig { id: 1, ..VuConfig::default() })
    }

    pub(crate) fn with(script: Script, config: VuConfig) -> Self {
        Self::made(script, |script, log| Vu::new(script, config, log))
    }

    /// With a VU that shares its interpreter.
    pub(crate) fn of_pool(script: Script, pool: &VuPool, config: VuConfig) -> Self {
        Self::made(script, |_, log| pool.vu(config, log))
    }

    fn made(script: Script, make: impl FnOnce(&Script, Rc<Log>) -> Result<Vu, VuError>) -> Self {
        let log = Rc::new(Log::default());
        let vu = make(&script, Rc::clone(&log)).unwrap_or_else(|e| panic!("{e}"));
        let scenario = Scenario { name: "default".into(), exec: "default".to_owned(), ..Scenario::default() };
        Self { script, vu, log, server: echo, scenario: Rc::new(scenario), iterations: 0, setup_data: None }
    }

    pub(crate) fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenario = Rc::new(scenario);
        self
    }

    pub(crate) fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    pub(crate) fn next(&mut self) -> Task {
        self.iterations += 1;
        Task::Iteration(Iteration {
            scenario: Rc::clone(&self.scenario),
            in_scenario: self.iterations - 1,
            in_instance: self.iterations - 1,
            in_test: self.iterations - 1,
            setup_data: self.setup_data.clone(),
        })
    }

    /// Runs one iteration to its end.
    pub(crate) fn iterate(&mut self) -> TaskResult {
        let task = self.next();
        self.run(task)
    }

    /// Runs a task to its end, doing at once whatever it asks for.
    pub(crate) fn run(&mut self, task: Task) -> TaskResult {
        let mut run = self.begin(task);
        loop {
            if let Some(result) = self.advance(&mut run) {
                return result;
            }
        }
    }

    pub(crate) fn begin(&mut self, task: Task) -> Run {
        Run { step: Some(self.vu.start(task)), events: VecDeque::new() }
    }

    /// Does what the VU asked for, up to its next question; the result when there is none.
    pub(crate) fn advance(&mut self, run: &mut Run) -> Option<TaskResult> {
        let call = match run.step.take().expect("a run is over when it has a result") {
            Step::Done(result) => return Some(result),
            Step::Call(call) => call,
        };
        let reply = self.answer(call, &mut run.events);
        run.step = Some(self.vu.resume(reply));
        None
    }

    fn answer(&self, call: HostCall, events: &mut VecDeque<(Duration, OpId, Event)>) -> Reply {
        let now = self.log.now.get();
        match call {
            HostCall::Http(request) => {
                self.log.push(shown(&request));
                Reply::Http(Box::new((self.server)(&request)))
            }
            HostCall::Batch(requests) => {
                requests.iter().for_each(|r| self.log.push(format!("batch {}", shown(r))));
                Reply::Batch(requests.iter().map(self.server).collect())
            }
            HostCall::Sleep(time) => {
                self.log.now.set(now + time);
                self.log.push(format!("sleep {time:?}"));
                Reply::Done
            }
            HostCall::Start(id, op) => {
                let (at, event) = match op {
                    AsyncOp::Timer(time) => (now + time, Event::Timer),
                    AsyncOp::Http(request) => {
                        self.log.push(format!("async {}", shown(&request)));
                        (now + Duration::from_millis(10), Event::Http(Box::new((self.server)(&request))))
                    }
                };
                events.push_back((at, id, event));
                Reply::Done
            }
            HostCall::Cancel(id) => {
                events.retain(|(_, op, _)| *op != id);
                Reply::Done
            }
            HostCall::Wait => {
                let next = events.iter().enumerate().min_by_key(|(_, (at, ..))| *at).map(|(i, _)| i);
                let (at, id, event) =
                    next.and_then(|i| events.remove(i)).expect("a waiting script waits for something");
                self.log.now.set(now.max(at));
                Reply::Event(id, event)
            }
            HostCall::Yield => Reply::Done,
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lines.borrow_mut())
    }
}

/// A request in one line.
pub(crate) fn shown(request: &HttpRequest) -> String {
    let mut line = format!("{} {}", request.method, request.url);
    for (name, value) in &request.headers {
        line.push_str(&format!(" [{name}: {value}]"));
    }
    let cookies = cookie_header(&request.jar.merged(&request.url, &request.cookies, || 1_700_000_000));
    if !cookies.is_empty() {
        line.push_str(&format!(" [Cookie: {cookies}]"));
    }
    if let Some(body) = &request.body {
        line.push_str(&format!(" <{}>", String::from_utf8_lossy(body)));
    }
    line.push_str(&tags(SampleTags { context: &request.context, extra: &request.tags }));
    line
}

/// A server that answers with what it was asked, and obeys `/status/N`.
pub(crate) fn echo(request: &HttpRequest) -> HttpResponse {
    let path = request.url.splitn(4, '/').nth(3).unwrap_or("");
    let status = path.strip_prefix("status/").and_then(|s| s.parse().ok()).unwrap_or(200);
    let body = serde_json::json!({
        "method": request.method,
        "url": request.url,
        "body": request.body.as_ref().map(|b| String::from_utf8_lossy(b)),
        "headers": request.headers.iter().cloned().collect::<BTreeMap<_, _>>(),
        "list": [1, 2, {"name": "three"}],
    });
    respond(request, status, "application/json", &body.to_string())
}

pub(crate) fn respond(request: &HttpRequest, status: u16, content_type: &str, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        status_text: format!("{status} {}", if status == 200 { "OK" } else { "Other" }),
        url: request.url.as_str().into(),
        proto: "HTTP/1.1",
        remote_ip: "127.0.0.1".to_owned(),
        remote_port: 80,
        headers: vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("Set-Cookie".to_owned(), "sid=abc; Path=/; HttpOnly".to_owned()),
        ],
        body: body.to_owned().into(),
        timings: Timings {
            blocked: Duration::from_micros(1),
            sending: Duration::from_millis(1),
            waiting: Duration::from_millis(5),
            receiving: Duration::from_millis(2),
            ..Timings::default()
        },
        ..HttpResponse::default()
    }
}

/// Runs one iteration of `text` and gives the lines it logged.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let mut rig = Rig::new(text);
    let result = rig.iterate();
    crate::shared::compare(&rig.script, &result, &rig.log.lines.borrow());
    let mut lines = rig.lines();
    match result.outcome {
        Outcome::Completed => {}
        Outcome::Threw(e) => lines.push(format!("threw {}", e.message)),
        other => lines.push(format!("{other:?}")),
    }
    lines
}

/// Runs `body` as the default function; each line it logs is one expectation.
pub(crate) fn check(imports: &str, body: &str, expected: &[&str]) {
    let text = format!("{imports}\nexport default function () {{\n{body}\n}}");
    assert_eq!(lines(&text), expected, "{text}");
}
