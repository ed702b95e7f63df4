//! Iterations without JavaScript: a straight list of requests with constant parameters, checks and pauses.
//!
//! What a user describes on the command line runs this way, and so do scripts that are nothing more than such a
//! list. The results are the same as the interpreter's; anything out of the ordinary (a redirect, a cookie, an
//! encoded body) takes the same path as a script's request.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use loadtest_js::{CookieJar, Expected, HttpRequest, HttpResponse, ResponseType};

use super::http;
use super::shared::Shared;
use super::vu::ScenarioRun;
use crate::metrics::tags::{HttpTags, PlainTags};
use crate::net::client::{Client, Wire};
use crate::net::h1::{now, write_head};
use crate::net::{Hop, Origin, Want};

/// One thing that an iteration does.
#[derive(Debug, Clone, PartialEq)]
pub enum StepSpec {
    Request(RequestSpec),
    /// A check on the answer to the `request`-th request of the iteration, from 0.
    Check { request: usize, name: String, condition: Condition },
    Sleep(Duration),
}

/// A request with constant parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSpec {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Bytes>,
    pub timeout: Duration,
    pub tags: Vec<(String, String)>,
    pub discard_body: bool,
}

/// What a check asks of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Status(u16),
    StatusNot(u16),
    /// Below this status.
    StatusBelow(u16),
    BodyContains(String),
    BodyNotEmpty,
    /// `http_req_duration` in milliseconds below this.
    DurationBelowMs(f64),
}

/// The steps of each scenario, by its index.
pub type PlanSpec = Vec<Vec<StepSpec>>;

/// A [`PlanSpec`] made ready for one thread.
#[derive(Debug)]
pub struct Plan {
    scenarios: Vec<Vec<Step>>,
}

#[derive(Debug)]
enum Step {
    Request(Box<Prepared>),
    Check { request: usize, name: String, condition: Condition },
    Sleep(Duration),
}

#[derive(Debug)]
struct Prepared {
    spec: RequestSpec,
    /// With the base URL applied.
    url: String,
    origin: Rc<Origin>,
    target: String,
    headers: Vec<(String, String)>,
    head: Vec<u8>,
    body: Bytes,
    want: Want,
}

/// What checks can look at.
#[derive(Debug, Default)]
struct Answer {
    status: u16,
    body: Bytes,
    duration_ms: f64,
}

impl Plan {
    /// `None`: a request cannot be prepared (no http URL, a header with a line break), so let the general path
    /// report it.
    pub fn new(spec: &PlanSpec, shared: &Shared) -> Option<Self> {
        let steps = |steps: &Vec<StepSpec>| steps.iter().map(|step| prepare(step, steps, shared)).collect();
        Some(Self { scenarios: spec.iter().map(steps).collect::<Option<_>>()? })
    }

    /// Runs one iteration of a scenario.
    pub async fn iterate(&self, shared: &Shared, client: &Client, run: &ScenarioRun) {
        let mut answers: Vec<Answer> = Vec::new();
        let mut jar: Option<CookieJar> = None;
        for step in &self.scenarios[run.index] {
            match step {
                Step::Request(request) => answers.push(request.send(shared, client, run, &mut jar).await),
                Step::Check { request, name, condition } => {
                    let passed = answers.get(*request).is_some_and(|answer| condition.holds(answer));
                    let at_ns = shared.clock.now_ns();
                    shared.recorder.borrow_mut().check(name, passed, &run.context, &[], at_ns);
                }
                Step::Sleep(duration) => tokio::time::sleep_until((now() + *duration).into()).await,
            }
        }
    }
}

fn prepare(step: &StepSpec, all: &[StepSpec], shared: &Shared) -> Option<Step> {
    let spec = match step {
        StepSpec::Sleep(duration) => return Some(Step::Sleep(*duration)),
        StepSpec::Check { request, name, condition } => {
            return Some(Step::Check { request: *request, name: name.clone(), condition: condition.clone() });
        }
        StepSpec::Request(spec) => spec,
    };
    let url = http::target(shared, &spec.url).ok()?;
    let origin = Rc::new(Origin::of(&url)?);
    let target = http::path_and_query(&url);
    let body = spec.body.clone().unwrap_or_default();
    let set = |name: &str| spec.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    let host = set("host").filter(|_| shared.base_url.is_none());
    let mut headers =
        vec![("Host".to_owned(), host.map_or_else(|| origin.authority(), |(_, value)| value.clone()))];
    if set("user-agent").is_none() {
        headers.push(("User-Agent".to_owned(), shared.options.user_agent.clone()));
    }
    let own = ["host", "content-length"];
    let kept = |(name, _): &&(String, String)| !own.iter().any(|own| name.eq_ignore_ascii_case(own));
    headers.extend(spec.headers.iter().filter(kept).cloned());
    if !body.is_empty() || matches!(spec.method.as_str(), "POST" | "PUT" | "PATCH") {
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    if shared.options.no_connection_reuse && set("connection").is_none() {
        headers.push(("Connection".to_owned(), "close".to_owned()));
    }
    let mut head = Vec::new();
    write_head(&mut head, &spec.method, &target, &headers).ok()?;
    let looks_at_body = all.iter().any(|step| {
        matches!(step, StepSpec::Check { condition: Condition::BodyContains(_) | Condition::BodyNotEmpty, .. })
    });
    let want = Want { headers: false, body: looks_at_body && !spec.discard_body };
    let url = url.as_str().to_owned();
    Some(Step::Request(Box::new(Prepared { spec: spec.clone(), url, origin, target, headers, head, body, want })))
}

impl Prepared {
    async fn send(&self, shared: &Shared, client: &Client, run: &ScenarioRun, jar: &mut Option<CookieJar>) -> Answer {
        if jar.is_some() {
            let request = self.general(run, jar);
            return Answer::of(&Box::pin(http::send(shared, client, &request)).await);
        }
        if let Some(rate) = &client.network().rate {
            rate.wait().await;
        }
        let deadline = now() + self.spec.timeout;
        let wire = Wire {
            origin: &self.origin,
            method: &self.spec.method,
            target: &self.target,
            headers: &self.headers,
            head: Some(&self.head),
            body: &self.body,
            want: self.want,
            deadline,
        };
        let hop = client.hop(wire).await;
        if let Ok(reply) = &hop.result
            && reply.headers.is_empty()
        {
            let status = reply.status;
            self.record(shared, run, &hop, status);
            let duration_ms = hop.timings.duration().as_nanos() as f64 / 1e6;
            let body = hop.result.map(|reply| reply.body.into()).unwrap_or_default();
            return Answer { status, body, duration_ms };
        }
        let request = self.general(run, jar);
        Answer::of(&Box::pin(http::go_on(shared, client, &request, hop, deadline)).await)
    }

    /// The same request as a script would have made it.
    fn general(&self, run: &ScenarioRun, jar: &mut Option<CookieJar>) -> HttpRequest {
        HttpRequest {
            method: self.spec.method.clone(),
            url: self.spec.url.clone(),
            name: None,
            headers: self.spec.headers.clone(),
            body: self.spec.body.clone(),
            compression: Vec::new(),
            cookies: Vec::new(),
            jar: jar.get_or_insert_with(CookieJar::default).clone(),
            redirects_max: None,
            timeout: self.spec.timeout,
            response_type: if self.want.body { ResponseType::Text } else { ResponseType::None },
            auth: None,
            expected: Expected::default(),
            context: Rc::clone(&run.context),
            tags: self.spec.tags.clone(),
        }
    }

    fn record(&self, shared: &Shared, run: &ScenarioRun, hop: &Hop, status: u16) {
        let system = shared.options.system_tags;
        let tags = HttpTags {
            plain: PlainTags { context: &run.context, extra: &self.spec.tags, system, own: &[] },
            method: &self.spec.method,
            url: &self.url,
            status,
            proto: hop.proto,
            error: "",
            error_code: if status >= 400 { 1000 + status } else { 0 },
            tls_version: hop.tls.as_ref().map_or("", |tls| tls.version),
            expected: Some((200..400).contains(&status)),
            ip: hop.remote.map(|remote| remote.ip()),
        };
        shared.recorder.borrow_mut().http(&tags, &hop.timings, shared.clock.now_ns());
    }
}

impl Answer {
    fn of(response: &HttpResponse) -> Self {
        let duration_ms = response.timings.duration().as_nanos() as f64 / 1e6;
        Self { status: response.status, body: response.body.clone(), duration_ms }
    }
}

impl Condition {
    fn holds(&self, answer: &Answer) -> bool {
        match self {
            Self::Status(status) => answer.status == *status,
            Self::StatusNot(status) => answer.status != *status,
            Self::StatusBelow(status) => answer.status < *status,
            Self::BodyContains(text) => {
                let text = text.as_bytes();
                text.is_empty() || answer.body.windows(text.len()).any(|window| window == text)
            }
            Self::BodyNotEmpty => !answer.body.is_empty(),
            Self::DurationBelowMs(limit) => answer.duration_ms < *limit,
        }
    }
}
