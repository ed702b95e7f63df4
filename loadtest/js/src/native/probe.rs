//! Runs an iteration in the interpreter, twice, and compares it with the outline.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::outline::{Outline, outline};
use super::{NativeRequest, NativeScenario, NativeStep, NativeView};
use crate::api::host::{
    HostCall, Iteration, LogLevel, MetricDef, Outcome, Recorder, Reply, Scenario, Step, Task, TestStatus,
};
use crate::api::http::{Expected, HttpRequest, HttpResponse, ResponseType, Timings};
use crate::api::tags::SampleTags;
use crate::{Script, Vu, VuConfig};

/// What an iteration did.
#[derive(Debug, Clone, PartialEq)]
enum Note {
    Request(NativeRequest),
    Check {
        name: String,
        passed: bool,
        tags: Vec<(String, String)>,
    },
    Sleep(Duration),
    /// Anything else, which is not for native runs.
    Strange,
}

#[derive(Default)]
struct Notes(RefCell<Vec<Note>>);

/// The scenario as data, if it can be run without an interpreter.
pub(crate) fn classify(
    script: &Script,
    scenario: &Rc<Scenario>,
    config: &VuConfig,
) -> Option<NativeScenario> {
    if config.throw {
        return None;
    }
    let outline = outline(script.text_of(&script.entry())?.as_ref(), &scenario.exec)?;
    let [plain, odd] = [answer(200, "", 1), answer(503, "<h1>body</h1>", 700)];
    let first = run(script, scenario, config, &plain)?;
    let second = run(script, scenario, config, &odd)?;
    let steps = join(&outline, &first, &plain)?;
    (steps == join(&outline, &second, &odd)?).then_some(NativeScenario { steps })
}

fn answer(status: u16, body: &str, waiting_ms: u64) -> HttpResponse {
    let timings = Timings { waiting: Duration::from_millis(waiting_ms), ..Timings::default() };
    let body = bytes::Bytes::copy_from_slice(body.as_bytes());
    HttpResponse { status, body, timings, url: "http://probe.invalid/".into(), ..HttpResponse::default() }
}

fn run(
    script: &Script,
    scenario: &Rc<Scenario>,
    config: &VuConfig,
    answer: &HttpResponse,
) -> Option<Vec<Note>> {
    let notes = Rc::new(Notes::default());
    let recorder: Rc<dyn Recorder> = Rc::<Notes>::clone(&notes);
    let mut vu = Vu::new(script, VuConfig { id: 1, ..config.clone() }, recorder).ok()?;
    let iteration = Iteration {
        scenario: Rc::clone(scenario),
        in_scenario: 0,
        in_instance: 0,
        in_test: 0,
        setup_data: None,
    };
    let mut step = vu.start(Task::Iteration(iteration));
    loop {
        let call = match step {
            Step::Done(result) if result.outcome == Outcome::Completed => return Some(notes.0.take()),
            Step::Done(_) => return None,
            Step::Call(call) => call,
        };
        let (note, reply) = match call {
            HostCall::Http(request) => {
                (plain(&request).map_or(Note::Strange, Note::Request), Reply::Http(Box::new(answer.clone())))
            }
            HostCall::Sleep(time) => (Note::Sleep(time), Reply::Done),
            _ => return None,
        };
        notes.0.borrow_mut().push(note);
        step = vu.resume(reply);
    }
}

/// The request as data, if it has nothing that native runs do not know.
fn plain(request: &HttpRequest) -> Option<NativeRequest> {
    let simple = request.auth.is_none()
        && request.compression.is_empty()
        && request.cookies.is_empty()
        && request.expected == Expected::default()
        && request.context.group.is_empty()
        && matches!(request.response_type, ResponseType::Text | ResponseType::None);
    simple.then(|| NativeRequest {
        method: request.method.clone(),
        url: request.url.clone(),
        name: request.name.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        redirects_max: request.redirects_max,
        timeout: request.timeout,
        response_type: request.response_type,
        tags: request.tags.clone(),
    })
}

/// Puts the data into the outline; `None` where the two do not tell the same story.
fn join(outline: &[Outline], notes: &[Note], answer: &HttpResponse) -> Option<Vec<NativeStep>> {
    let mut notes = notes.iter();
    let mut steps = Vec::new();
    let mut bodies = Vec::new();
    for part in outline {
        match part {
            Outline::Request => {
                let Note::Request(request) = notes.next()? else { return None };
                bodies.push(request.response_type == ResponseType::Text);
                steps.push(NativeStep::Request(request.clone()));
            }
            Outline::Sleep => {
                let Note::Sleep(time) = notes.next()? else { return None };
                steps.push(NativeStep::Sleep(*time));
            }
            Outline::Check { request, tests } => {
                let view = NativeView {
                    status: answer.status,
                    error_code: answer.error_code,
                    body: bodies.get(*request)?.then_some(&answer.body),
                    duration: answer.timings.duration(),
                    waiting: answer.timings.waiting,
                };
                for (name, test) in tests {
                    let Note::Check { name: seen, passed, tags } = notes.next()? else { return None };
                    if seen != name || test.holds(view) != Ok(*passed) {
                        return None;
                    }
                    let (name, test, tags) = (name.clone(), test.clone(), tags.clone());
                    steps.push(NativeStep::Check { request: *request, name, test, tags });
                }
            }
        }
    }
    notes.next().is_none().then_some(steps)
}

impl Recorder for Notes {
    fn now(&self) -> Duration {
        // Straight statements take no time that would matter.
        Duration::ZERO
    }
    fn unix_now(&self) -> Duration {
        Duration::ZERO
    }
    fn check(&self, name: &str, passed: bool, tags: SampleTags<'_>) {
        let note = Note::Check { name: name.to_owned(), passed, tags: tags.extra.to_vec() };
        self.0.borrow_mut().push(note);
    }
    fn sample(&self, _: &Rc<MetricDef>, _: f64, _: SampleTags<'_>) {
        self.0.borrow_mut().push(Note::Strange);
    }
    fn group(&self, _: Duration, _: SampleTags<'_>) {
        self.0.borrow_mut().push(Note::Strange);
    }
    fn log(&self, _: LogLevel, _: &str, _: &str) {
        self.0.borrow_mut().push(Note::Strange);
    }
    fn fail_test(&self, _: &str) {
        self.0.borrow_mut().push(Note::Strange);
    }
    fn status(&self) -> TestStatus {
        TestStatus::default()
    }
    fn options(&self) -> Arc<str> {
        "{}".into()
    }
}
