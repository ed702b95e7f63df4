//! One task of a VU, run to its end: every call is answered at once, and written down.

use std::time::Duration;

use bytes::Bytes;
use loadtest_js::{
    AsyncOp, Event, HostCall, HttpRequest, HttpResponse, OpId, Outcome, Reply, SentRequest, Task, TaskValue,
    Timings, Vu,
};

use super::{Iteration, Request, Step};

/// Calls that one iteration may make; the rest of it is cut.
pub(super) const CALLS_MAX: usize = 1000;

/// Time slices of about 10 ms that one iteration may compute without end.
const SLICES_MAX: usize = 100;

/// How often a script that is being ended may ask for something else.
const FAREWELLS_MAX: usize = 1000;

/// Where answers come from.
pub(super) enum Answers<'a, 'b> {
    /// 200 with this body, whatever was asked.
    MadeUp(&'static str),
    Real(&'a mut (dyn FnMut(&HttpRequest) -> HttpResponse + 'b)),
}

impl Answers<'_, '_> {
    fn to(&mut self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Real(service) => service(request),
            Self::MadeUp(body) => HttpResponse {
                status: 200,
                status_text: "200 OK".to_owned(),
                url: request.url.as_str().into(),
                proto: "HTTP/1.1",
                headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
                body: Bytes::from_static(body.as_bytes()),
                timings: Timings { waiting: Duration::from_millis(1), ..Timings::default() },
                sent: Some(SentRequest {
                    method: request.method.clone(),
                    url: request.url.clone(),
                    headers: request.headers.clone(),
                    body: request.body.clone().unwrap_or_default(),
                    cookies: request.cookies.clone(),
                }),
                ..HttpResponse::default()
            },
        }
    }
}

/// What a task did and how it ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trace {
    pub(super) steps: Iteration,
    /// Why it did not end by itself, if it did not.
    pub(super) broken: Option<Broken>,
    pub(super) value: TaskValue,
}

/// Why a task did not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    Threw(String),
    Aborted(String),
    TooManyCalls,
    Endless,
}

/// Operations in the background, with virtual time.
#[derive(Default)]
struct Background {
    now: Duration,
    /// In the order in which they were begun.
    pending: Vec<(Duration, OpId, Event)>,
}

pub(super) fn run(vu: &mut Vu, task: Task, answers: &mut Answers<'_, '_>) -> Trace {
    let mut trace = Trace::default();
    let mut background = Background::default();
    let (mut calls, mut slices, mut farewells) = (0, 0, 0);
    let mut step = vu.start(task);
    loop {
        let call = match step {
            loadtest_js::Step::Done(result) => {
                let broken = match result.outcome {
                    Outcome::Completed | Outcome::Interrupted => None,
                    Outcome::Threw(exception) => {
                        let at = exception.stack.lines().next().unwrap_or_default().trim();
                        let at = if at.is_empty() { String::new() } else { format!(" ({at})") };
                        Some(Broken::Threw(format!("{}{at}", exception.message)))
                    }
                    Outcome::Aborted { reason } => Some(Broken::Aborted(reason)),
                };
                trace.broken = trace.broken.or(broken);
                trace.value = result.value;
                return trace;
            }
            loadtest_js::Step::Call(call) => call,
        };
        match &call {
            HostCall::Yield => slices += 1,
            HostCall::Batch(requests) => calls += requests.len().max(1),
            _ => calls += 1,
        }
        if trace.broken.is_none() {
            trace.broken = match () {
                () if calls > CALLS_MAX => Some(Broken::TooManyCalls),
                () if slices > SLICES_MAX => Some(Broken::Endless),
                () => None,
            };
        }
        let reply = if trace.broken.is_some() {
            farewells += 1;
            if farewells > FAREWELLS_MAX {
                return trace;
            }
            Reply::Interrupt
        } else {
            background.reply(call, &mut trace, answers)
        };
        step = vu.resume(reply);
    }
}

impl Background {
    fn reply(&mut self, call: HostCall, trace: &mut Trace, answers: &mut Answers<'_, '_>) -> Reply {
        match call {
            HostCall::Http(request) => {
                trace.steps.push(Step::Request(seen(&request)));
                Reply::Http(Box::new(answers.to(&request)))
            }
            HostCall::Batch(requests) => {
                match requests.as_slice() {
                    [] => {}
                    [one] => trace.steps.push(Step::Request(seen(one))),
                    several => trace.steps.push(Step::Batch(several.iter().map(seen).collect())),
                }
                Reply::Batch(requests.iter().map(|request| answers.to(request)).collect())
            }
            HostCall::Sleep(length) => {
                self.sleep(length, trace);
                Reply::Done
            }
            HostCall::Start(id, AsyncOp::Http(request)) => {
                let is_joining = self.pending.iter().any(|(_, _, event)| matches!(event, Event::Http(_)));
                begin(&mut trace.steps, seen(&request), is_joining);
                let answer = answers.to(&request);
                self.pending.push((self.now, id, Event::Http(Box::new(answer))));
                Reply::Done
            }
            HostCall::Start(id, AsyncOp::Timer(length)) => {
                self.pending.push((self.now + length, id, Event::Timer));
                Reply::Done
            }
            HostCall::Cancel(id) => {
                self.pending.retain(|pending| pending.1 != id);
                Reply::Done
            }
            HostCall::Wait => self.wait(trace),
            HostCall::Yield => Reply::Done,
        }
    }

    fn sleep(&mut self, length: Duration, trace: &mut Trace) {
        self.now += length;
        trace.steps.push(Step::Sleep(length));
    }

    /// What ends first, the earlier begun first.
    fn wait(&mut self, trace: &mut Trace) -> Reply {
        let first = (0..self.pending.len()).min_by_key(|&index| self.pending[index].0);
        let Some(first) = first else { return Reply::Interrupt };
        let (due, id, event) = self.pending.remove(first);
        let left = due.saturating_sub(self.now);
        if !left.is_zero() {
            self.sleep(left, trace);
        }
        Reply::Event(id, event)
    }
}

/// A request in the background; with others under way it is one of their batch.
fn begin(steps: &mut Iteration, request: Request, is_joining: bool) {
    match steps.last_mut().filter(|_| is_joining) {
        Some(Step::Batch(batch)) => batch.push(request),
        Some(last @ Step::Request(_)) => {
            let mut batch = last.requests().to_vec();
            batch.push(request);
            *last = Step::Batch(batch);
        }
        Some(Step::Sleep(_)) | None => steps.push(Step::Request(request)),
    }
}

fn seen(request: &HttpRequest) -> Request {
    let tag = request.tags.iter().find(|tag| tag.0 == "name").map(|tag| tag.1.clone());
    let name = tag.or_else(|| request.name.clone());
    Request { method: request.method.clone(), url: request.url.clone(), name }
}
