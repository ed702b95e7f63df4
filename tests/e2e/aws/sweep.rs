//! Killed at every call that changes something, and every answer lost once: the next run ends where an undisturbed one
//! does, with nothing twice and nothing left over.
//!
//! `cargo test` tries a sample; `TODO_DEPLOY_SWEEP=all` tries all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use e2e::aws::{Deploy, Emulator, When};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use super::{UP, changes};

/// Calls of each command that a sample disturbs.
const SAMPLE: usize = 3;

/// What happens at the call.
#[derive(Debug, Clone, Copy)]
enum Disturbance {
    /// The program is killed while the call is on its way.
    Killed(When),
    /// The call is executed; its answer is not heard, and the program goes on.
    AnswerLost,
}

const DISTURBANCES: [Disturbance; 3] =
    [Disturbance::Killed(When::Before), Disturbance::Killed(When::After), Disturbance::AnswerLost];

/// A command, and what it is to end in.
struct Sweep<'a> {
    deploy: &'a Deploy,
    start: &'a Emulator,
    args: &'a [&'a str],
    end: Value,
    /// Runs that were killed, and answers that were lost: a disturbance that never came tests nothing.
    killed: AtomicUsize,
    lost: AtomicUsize,
}

impl Sweep<'_> {
    /// What is wrong with the outcome, if anything is.
    async fn disturbed(&self, at: usize, how: Disturbance) -> Option<String> {
        let emulator = self.start.fork().await;
        emulator.forget().await;
        let mut first = String::new();
        match how {
            // Calls at the same time change places, so that the last may come earlier than it did.
            Disturbance::Killed(when) => {
                let halted = self.deploy.killed_at(&emulator, self.args, at, when).await;
                self.killed.fetch_add(usize::from(halted), Ordering::Relaxed);
            }
            Disturbance::AnswerLost => {
                let rule = json!([{"call": "*", "mode": "reset-after", "mutating": true, "skip": at - 1}]);
                emulator.faults(rule).await;
                first = self.deploy.run(&emulator, self.args).await.to_string();
                let lost = emulator.calls().await.iter().any(|call| call.fault.is_some());
                self.lost.fetch_add(usize::from(lost), Ordering::Relaxed);
            }
        }
        let before = emulator.mutations().await;
        let last = before.last().map_or("nothing", String::as_str);
        let again = self.deploy.run(&emulator, self.args).await;
        let now = emulator.state().await;
        let about = format!("{:?}, {how:?} at {at} ({last})", self.args);
        if again.code != Some(0) {
            return Some(format!("{about}: {first}\nrun again: {again}"));
        }
        (now != self.end).then(|| format!("{about}: {first}\n{}", difference(&self.end, &now, "")))
    }
}

/// Where two states differ, one place a line.
fn difference(want: &Value, have: &Value, path: &str) -> String {
    match (want, have) {
        (Value::Object(want), Value::Object(have)) => {
            let mut keys: Vec<&String> = want.keys().chain(have.keys()).collect();
            keys.sort();
            keys.dedup();
            let of = |map: &serde_json::Map<String, Value>, key: &str| {
                map.get(key).cloned().unwrap_or(Value::Null)
            };
            keys.iter()
                .map(|key| difference(&of(want, key), &of(have, key), &format!("{path}.{key}")))
                .collect()
        }
        (Value::Array(want), Value::Array(have)) if want.len() == have.len() => {
            want.iter().zip(have).map(|(want, have)| difference(want, have, &format!("{path}[]"))).collect()
        }
        _ if want == have => String::new(),
        _ => format!("{path}: {want} wanted, {have} there\n"),
    }
}

/// Disturbs the command at each of its calls, or at a sample of them. Returns what an undisturbed run leaves.
async fn sweep(deploy: &Deploy, start: &Emulator, args: &[&str]) -> Emulator {
    let undisturbed = start.fork().await;
    undisturbed.forget().await;
    deploy.run(&undisturbed, args).await.is(0);
    let calls = undisturbed.mutations().await.len();
    assert!(calls > 0, "{args:?} changes nothing");
    let end = undisturbed.state().await;
    let sweep = Sweep { deploy, start, args, end, killed: AtomicUsize::new(0), lost: AtomicUsize::new(0) };
    let is_all = std::env::var("TODO_DEPLOY_SWEEP").is_ok_and(|sweep| sweep == "all");
    // Of a sample each disturbance has calls of its own, from the first to the last.
    let chosen = (1..=calls).flat_map(|at| {
        let every = if is_all { 1 } else { calls.div_ceil(SAMPLE) };
        let turn = DISTURBANCES.into_iter().enumerate();
        turn.filter(move |(number, _)| (at + number) % every == 0 || at == calls)
            .map(move |(_, how)| (at, how))
    });
    let width = available_parallelism().map_or(2, |width| width.get().clamp(2, 8));
    let troubles = stream::iter(chosen).map(|(at, how)| sweep.disturbed(at, how)).buffer_unordered(width);
    let troubles: Vec<String> = troubles.filter_map(async |trouble| trouble).collect().await;
    assert!(troubles.is_empty(), "{} of {calls} calls:\n{}", troubles.len(), troubles.join("\n====\n"));
    let (killed, lost) = (sweep.killed.into_inner(), sweep.lost.into_inner());
    assert!(killed > 0 && lost > 0, "{args:?}: {killed} were killed, {lost} lost an answer");
    undisturbed
}

async fn path(target: &'static str) {
    let Some(nothing) = Emulator::started().await else { return };
    let deploy = Deploy::to(target).await;
    let built = sweep(&deploy, &nothing, &UP).await;
    let changed = [vec!["up"], changes(target)].concat();
    sweep(&deploy, &built, &changed).await;
    sweep(&deploy, &built, &["down"]).await;
    sweep(&deploy, &built, &["down", "--delete-database"]).await;
}

#[tokio::test]
async fn ec2_converges_from_anywhere() {
    path("ec2").await;
}

#[tokio::test]
async fn ecs_converges_from_anywhere() {
    path("ecs").await;
}
