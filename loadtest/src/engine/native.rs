//! Iterations without JavaScript: a straight list of requests with constant parameters, checks and pauses.
//!
//! What a user describes on the command line runs this way, and so do scripts that are nothing more than such a
//! list. The results are the same as the interpreter's; anything out of the ordinary (a redirect, a cookie, an
//! encoded body, a failure) takes the same path as a script's request.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use loadtest_js::{
    CookieJar, Expected, HttpRequest, HttpResponse, NativeRequest, NativeScenario, NativeStep, NativeTest,
    NativeView, Outcome, Reads, ResponseType, ScriptException,
};

use super::http;
use super::shared::Shared;
use super::vu::ScenarioRun;
use crate::metrics::tags::{HttpTags, PlainTags};
use crate::net::client::{Client, Wire};
use crate::net::h1::{now, write_head};
use crate::net::proxy::basic;
use crate::net::{Hop, Origin, Want};

/// The steps of each scenario, by its index.
pub type PlanSpec = Vec<NativeScenario>;

/// A [`PlanSpec`] made ready for one thread.
#[derive(Debug)]
pub struct Plan {
    scenarios: Vec<Vec<Step>>,
}

#[derive(Debug)]
enum Step {
    Request(Box<Prepared>),
    Check { request: usize, name: String, test: NativeTest, tags: Vec<(String, String)> },
    Sleep(Duration),
}

#[derive(Debug)]
struct Prepared {
    spec: NativeRequest,
    /// With the base URL applied.
    url: String,
    origin: Rc<Origin>,
    target: String,
    headers: Vec<(String, String)>,
    head: Vec<u8>,
    body: Bytes,
    want: Want,
    /// The request's own tags, with the name from a URL template.
    tags: Vec<(String, String)>,
}

/// What checks can look at.
#[derive(Debug, Default)]
struct Answer {
    status: u16,
    error_code: u16,
    body: Option<Bytes>,
    duration: Duration,
    waiting: Duration,
}

impl Plan {
    /// `None`: a request cannot be prepared (no http URL, a header with a line break).
    pub fn new(spec: &PlanSpec, shared: &Shared) -> Option<Self> {
        let steps = |scenario: &NativeScenario| {
            scenario.steps.iter().map(|step| prepare(step, scenario, shared)).collect::<Option<Vec<_>>>()
        };
        Some(Self { scenarios: spec.iter().map(steps).collect::<Option<_>>()? })
    }

    /// Runs one iteration of a scenario.
    pub async fn iterate(&self, shared: &Shared, client: &Client, run: &ScenarioRun) -> Outcome {
        let mut answers: Vec<Answer> = Vec::new();
        let mut jar: Option<CookieJar> = None;
        for step in &self.scenarios[run.index] {
            match step {
                Step::Request(request) => answers.push(request.send(shared, client, run, &mut jar).await),
                Step::Check { request, name, test, tags } => {
                    let held = answers.get(*request).map_or(Ok(false), |answer| test.holds(answer.view()));
                    let at_ns = shared.clock.now_ns();
                    let passed = held == Ok(true);
                    shared.recorder.borrow_mut().check(name, passed, &run.context, tags, at_ns);
                    if let Err(message) = held {
                        let message = message.to_owned();
                        return Outcome::Threw(ScriptException { message, stack: String::new() });
                    }
                }
                Step::Sleep(duration) => tokio::time::sleep_until((now() + *duration).into()).await,
            }
        }
        Outcome::Completed
    }
}

fn prepare(step: &NativeStep, scenario: &NativeScenario, shared: &Shared) -> Option<Step> {
    let spec = match step {
        NativeStep::Sleep(duration) => return Some(Step::Sleep(*duration)),
        NativeStep::Check { request, name, test, tags } => {
            let (name, test, tags) = (name.clone(), test.clone(), tags.clone());
            return Some(Step::Check { request: *request, name, test, tags });
        }
        NativeStep::Request(spec) => spec,
    };
    let address = http::address(shared, &spec.url).ok()?;
    let origin = Rc::new(Origin::at(&address).ok()?);
    let target = address.target();
    let body = spec.body.clone().unwrap_or_default();
    let set = |name: &str| spec.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    let mut headers = spec.headers.clone();
    if shared.base_url.is_some() {
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    }
    if let Some((user, password)) = &address.user
        && !set("authorization")
    {
        let secret = basic(user, password.as_deref().unwrap_or(""));
        headers.push(("Authorization".to_owned(), secret));
    }
    let envelope = http::Envelope {
        method: &spec.method,
        host: &address.host_header(),
        user_agent: &shared.options.user_agent,
        // An empty body is sent as none: who describes a request without JavaScript means that.
        body: spec.body.as_ref().map(Bytes::len).filter(|length| *length > 0),
        close: shared.options.no_connection_reuse,
    };
    let headers = http::in_order(&envelope, headers);
    let mut head = Vec::new();
    write_head(&mut head, &spec.method, &target, &headers).ok()?;
    let looked_at =
        scenario.steps.iter().any(|step| matches!(step, NativeStep::Check { test, .. } if test.reads_body()));
    let encoded_body = spec.response_type != ResponseType::None;
    let want = Want { headers: false, body: looked_at && encoded_body, encoded_body };
    let mut tags = spec.tags.clone();
    if let Some(name) = &spec.name
        && shared.options.system_tags.has("name")
        && !tags.iter().any(|(key, _)| key == "name")
    {
        tags.push(("name".to_owned(), name.clone()));
    }
    let url = address.masked();
    Some(Step::Request(Box::new(Prepared {
        spec: spec.clone(),
        url,
        origin,
        target,
        headers,
        head,
        body,
        want,
        tags,
    })))
}

impl Prepared {
    async fn send(
        &self,
        shared: &Shared,
        client: &Client,
        run: &ScenarioRun,
        jar: &mut Option<CookieJar>,
    ) -> Answer {
        if jar.is_some() {
            let request = self.general(run, jar);
            return self.answer(&Box::pin(http::send(shared, client, &request)).await);
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
            let body = hop.result.map(|reply| reply.body.into()).unwrap_or_default();
            return Answer {
                status,
                error_code: if status >= 400 { 1000 + status } else { 0 },
                body: Some(body).filter(|_| self.spec.response_type != ResponseType::None),
                duration: hop.timings.duration(),
                waiting: hop.timings.waiting,
            };
        }
        let request = self.general(run, jar);
        self.answer(&Box::pin(http::go_on(shared, client, &request, hop, deadline)).await)
    }

    /// The same request as a script would have made it.
    fn general(&self, run: &ScenarioRun, jar: &mut Option<CookieJar>) -> HttpRequest {
        HttpRequest {
            method: self.spec.method.clone(),
            url: self.spec.url.clone(),
            name: self.spec.name.clone(),
            headers: self.spec.headers.clone(),
            body: self.spec.body.clone(),
            compression: Vec::new(),
            cookies: Vec::new(),
            jar: jar.get_or_insert_with(CookieJar::default).clone(),
            redirects_max: self.spec.redirects_max,
            timeout: self.spec.timeout,
            response_type: self.spec.response_type,
            auth: None,
            throws: false,
            expected: Expected::default(),
            context: Rc::clone(&run.context),
            tags: self.spec.tags.clone(),
            reads: Reads { headers: false, body: self.want.body, rest: false },
        }
    }

    fn answer(&self, response: &HttpResponse) -> Answer {
        let has_body = response.status != 0 && self.spec.response_type != ResponseType::None;
        Answer {
            status: response.status,
            error_code: response.error_code,
            body: has_body.then(|| response.body.clone()),
            duration: response.timings.duration(),
            waiting: response.timings.waiting,
        }
    }

    fn record(&self, shared: &Shared, run: &ScenarioRun, hop: &Hop, status: u16) {
        let system = shared.options.system_tags;
        let tags = HttpTags {
            plain: PlainTags { context: &run.context, extra: &self.tags, system, own: &[] },
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
    fn view(&self) -> NativeView<'_> {
        NativeView {
            status: self.status,
            error_code: self.error_code,
            body: self.body.as_deref(),
            duration: self.duration,
            waiting: self.waiting,
        }
    }
}
