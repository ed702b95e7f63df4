//! Drives a scripted VU: does what it asks for and gives it the answers.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use loadtest_js::{
    AsyncOp, Event, HostCall, HttpRequest, HttpResponse, OpId, Reply, Step, Task, TaskResult, Vu,
};
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

use super::http;
use super::shared::Shared;
use crate::net::client::Client;
use crate::net::h1::now;

/// Background operations that a VU may have at once.
const BACKGROUND_MAX: usize = 100_000;

/// Runs one task of a script to its end.
pub async fn drive(shared: &Rc<Shared>, client: &Rc<Client>, vu: &mut Vu, task: Task) -> TaskResult {
    let mut step = vu.start(task);
    let mut background = Background::default();
    loop {
        let call = match step {
            Step::Done(result) => return result,
            Step::Call(call) => call,
        };
        let reply = match call {
            // Boxed: most of a VU's life is not spent inside a request, and its state is large.
            HostCall::Http(request) => {
                Reply::Http(Box::new(Box::pin(http::send(shared, client, &request)).await))
            }
            HostCall::Batch(requests) => Reply::Batch(Box::pin(batch(shared, client, requests)).await),
            HostCall::Sleep(duration) => {
                tokio::time::sleep_until((now() + duration).into()).await;
                Reply::Done
            }
            HostCall::Start(id, operation) => {
                background.start(shared, client, id, operation);
                Reply::Done
            }
            HostCall::Cancel(id) => {
                background.cancel(id);
                Reply::Done
            }
            HostCall::Wait => match Box::pin(background.next()).await {
                Some((id, event)) => Reply::Event(id, event),
                // Nothing can end any more: a script that waits all the same has to be ended.
                None => Reply::Interrupt,
            },
            HostCall::Yield => {
                tokio::task::yield_now().await;
                Reply::Done
            }
        };
        step = vu.resume(reply);
    }
}

/// Ends what a VU is in the middle of.
pub fn interrupt(vu: &mut Vu) -> Option<TaskResult> {
    /// Calls that a script may still make while it is ended, such as in a `finally`.
    const LAST_CALLS_MAX: usize = 1000;
    for _ in 0..LAST_CALLS_MAX {
        if !vu.is_busy() {
            break;
        }
        if let Step::Done(result) = vu.resume(Reply::Interrupt) {
            return Some(result);
        }
    }
    None
}

/// What a script has begun and not yet heard of.
#[derive(Default)]
struct Background {
    running: Option<Box<Running>>,
}

#[derive(Default)]
struct Running {
    tasks: JoinSet<(OpId, Event)>,
    handles: HashMap<OpId, AbortHandle>,
}

impl Background {
    fn start(&mut self, shared: &Rc<Shared>, client: &Rc<Client>, id: OpId, operation: AsyncOp) {
        let running = self.running.get_or_insert_default();
        if running.handles.len() >= BACKGROUND_MAX {
            shared.log(
                loadtest_js::LogLevel::Error,
                "too many timers and requests at once; one is left out",
                "",
            );
            return;
        }
        let handle = match operation {
            AsyncOp::Timer(duration) => {
                let due = now() + duration;
                running.tasks.spawn_local(async move {
                    tokio::time::sleep_until(due.into()).await;
                    (id, Event::Timer)
                })
            }
            AsyncOp::Http(request) => {
                let (shared, client) = (Rc::clone(shared), Rc::clone(client));
                running.tasks.spawn_local(async move {
                    (id, Event::Http(Box::new(http::send(&shared, &client, &request).await)))
                })
            }
        };
        running.handles.insert(id, handle);
    }

    fn cancel(&mut self, id: OpId) {
        if let Some(handle) = self.running.as_mut().and_then(|running| running.handles.remove(&id)) {
            handle.abort();
        }
    }

    async fn next(&mut self) -> Option<(OpId, Event)> {
        let running = self.running.as_mut()?;
        while let Some(ended) = running.tasks.join_next().await {
            // A task that was cancelled ends with an error and is not reported.
            if let Ok((id, event)) = ended
                && running.handles.remove(&id).is_some()
            {
                return Some((id, event));
            }
        }
        None
    }
}

/// `http.batch`: in parallel, within the limits of the options; answers in the order of the requests.
async fn batch(shared: &Rc<Shared>, client: &Rc<Client>, requests: Vec<HttpRequest>) -> Vec<HttpResponse> {
    let mut answers: Vec<Option<HttpResponse>> = requests.iter().map(|_| None).collect();
    let mut waiting: VecDeque<(usize, String, HttpRequest)> = requests
        .into_iter()
        .enumerate()
        .map(|(index, request)| (index, host_of(&request.url), request))
        .collect();
    let mut tasks = JoinSet::new();
    let mut hosts: HashMap<String, usize> = HashMap::new();
    while !waiting.is_empty() || !tasks.is_empty() {
        while tasks.len() < shared.options.batch {
            let free = |host: &String| hosts.get(host).copied().unwrap_or(0) < shared.options.batch_per_host;
            let Some(at) = waiting.iter().position(|(_, host, _)| free(host)) else { break };
            let Some((index, host, request)) = waiting.remove(at) else { break };
            *hosts.entry(host.clone()).or_default() += 1;
            let (shared, client) = (Rc::clone(shared), Rc::clone(client));
            tasks.spawn_local(async move { (index, host, http::send(&shared, &client, &request).await) });
        }
        match tasks.join_next().await {
            Some(Ok((index, host, answer))) => {
                if let Some(count) = hosts.get_mut(&host) {
                    *count -= 1;
                }
                answers[index] = Some(answer);
            }
            Some(Err(_)) => {}
            None => break,
        }
    }
    answers.into_iter().map(Option::unwrap_or_default).collect()
}

fn host_of(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
