//! Sends the calls of a plan: what depends on nothing that is still to come at the same time, the rest in order.
//!
//! Every call can meet a world that an earlier run left half done, or that somebody else changes right now: what is
//! there already is looked at and adopted when it is ours, what is not visible yet is asked for again, what is still in
//! use is waited for, and why is said.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::clients::Cloud;
use super::failure::{Failure, Kind, of};
use super::names::Names;
use super::observe::{Observed, observe};
use super::plan::{Action, Change, Plan, needs};
use super::resources::{At, Call, Resource};
use super::value::{Ids, Logical};
use super::wait::Deadline;
use crate::deployment::{Deployment, Target};

/// How often something that was just made is asked for again while it is not visible yet: a minute at the usual pace.
/// Not a time, in which a slow machine or connection would look less often.
pub(crate) const LOOKS_MAX: u32 = 12;

/// What happens to one resource, to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    pub logical: Logical,
    pub action: Action,
    /// `None` when it begins.
    pub state: Step,
    /// Since this resource's turn began.
    pub elapsed: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Begun,
    /// Not done yet, and why.
    Waiting(String),
    Done,
    Failed,
}

/// What did not work out, for one resource.
#[derive(Debug, thiserror::Error)]
#[error("{logical}: {why}")]
pub struct Trouble {
    pub logical: Logical,
    pub why: String,
}

/// Everything that the steps share.
pub struct Apply<'a> {
    pub cloud: &'a Cloud,
    pub names: &'a Names,
    pub deployment: &'a Deployment,
    pub target: Target,
    /// Told of every step.
    pub tell: &'a dyn Fn(Progress),
    /// Set to begin nothing more; what runs is finished.
    pub stop: &'a Cell<bool>,
}

impl std::fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apply").field("names", self.names).finish_non_exhaustive()
    }
}

/// What a step of the graph does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Remove,
    Make,
}

impl Apply<'_> {
    /// Brings everything about. Returns the ids of what is there now, and what did not work.
    pub async fn run(&self, plan: &Plan, observed: &Observed) -> (Ids, Vec<Trouble>) {
        let ids = RefCell::new(observed.ids.clone());
        let of = |actions: &[Action]| -> Vec<&Change> {
            plan.changes.iter().filter(|change| actions.contains(&change.action)).collect()
        };
        // What must be replaced goes first; what is only no longer wanted last, when its successor works.
        let mut troubles = self.walk(Way::Remove, &of(&[Action::Replace]), observed, &ids).await;
        if troubles.is_empty() {
            let made = of(&[Action::Create, Action::Update, Action::Replace]);
            troubles = self.walk(Way::Make, &made, observed, &ids).await;
        }
        if troubles.is_empty() {
            troubles = self.walk(Way::Remove, &of(&[Action::Delete]), observed, &ids).await;
        }
        (ids.into_inner(), troubles)
    }

    async fn walk(
        &self,
        way: Way,
        changes: &[&Change],
        observed: &Observed,
        ids: &RefCell<Ids>,
    ) -> Vec<Trouble> {
        let mut waiting: BTreeMap<&Logical, BTreeSet<Logical>> = order(way, changes);
        let mut running = FuturesUnordered::new();
        let mut troubles = Vec::new();
        loop {
            if troubles.is_empty() && !self.stop.get() {
                let ready: Vec<&Logical> = waiting
                    .iter()
                    .filter(|(_, needs)| needs.is_empty())
                    .map(|(logical, _)| *logical)
                    .collect();
                for logical in ready {
                    waiting.remove(logical);
                    if let Some(change) = changes.iter().find(|change| change.logical == *logical) {
                        running.push(async move { (logical, self.step(way, change, observed, ids).await) });
                    }
                }
            }
            let Some((logical, result)) = running.next().await else { break };
            match result {
                Ok(()) => {
                    for needs in waiting.values_mut() {
                        needs.remove(logical);
                    }
                }
                Err(why) => troubles.push(Trouble { logical: logical.clone(), why }),
            }
        }
        if troubles.is_empty() && !waiting.is_empty() {
            let logical = waiting.into_keys().next().cloned().unwrap_or_default();
            let why = "stopped before it; run the command again and it goes on from here".to_owned();
            troubles.push(Trouble { logical, why });
        }
        troubles
    }

    async fn step(
        &self,
        way: Way,
        change: &Change,
        observed: &Observed,
        ids: &RefCell<Ids>,
    ) -> Result<(), String> {
        let clock = Deadline::after(self.cloud.pace.total, self.cloud.pace.poll);
        let tell = |state: Step| {
            let (logical, action) = (change.logical.clone(), change.action);
            (self.tell)(Progress { logical, action, state, elapsed: clock.elapsed() });
        };
        tell(Step::Begun);
        let result = match way {
            Way::Remove => self.remove(change, ids, &clock, &tell).await,
            Way::Make => match self.wait_for_needs(change, observed, ids, &clock, &tell).await {
                Ok(()) => self.make(change, ids, &clock, &tell).await,
                failed => failed,
            },
        };
        tell(if result.is_ok() { Step::Done } else { Step::Failed });
        result
    }

    async fn make(
        &self,
        change: &Change,
        ids: &RefCell<Ids>,
        clock: &Deadline,
        tell: &dyn Fn(Step),
    ) -> Result<(), String> {
        let Some(want) = &change.want else { return Ok(()) };
        let is_new = change.action != Action::Update;
        let mut have = change.have.clone().filter(|_| !is_new);
        let mut calls = want.calls(have.as_ref());
        let mut own = ids.borrow().get(&change.logical).map(str::to_owned).filter(|_| !is_new);
        let mut adopted = false;
        let mut done = 0;
        while let Some(call) = calls.get(done) {
            let now = ids.borrow().clone();
            let at = At { cloud: self.cloud, names: self.names, ids: &now, own: own.as_deref() };
            match self.send(call, want, have.as_ref(), at, clock, tell).await {
                Ok(id) => {
                    own = id.or(own);
                    done += 1;
                }
                Err(failure) if failure.kind == Kind::Exists && !adopted => {
                    let found = self.adopt(change, want, &failure).await?;
                    calls = want.calls(Some(&found.resource));
                    (adopted, done) = (true, 0);
                    (have, own) = (Some(found.resource), Some(found.id));
                }
                // A rule that somebody else added in the meantime is what we wanted.
                Err(failure) if failure.kind == Kind::Exists => done += 1,
                Err(failure) => return Err(failure.to_string()),
            }
            if let Some(id) = &own {
                ids.borrow_mut().insert(&change.logical, id);
            }
        }
        self.settle(want, own.as_deref(), ids, clock, tell).await
    }

    /// What an earlier run began and did not wait for may not be usable yet.
    async fn wait_for_needs(
        &self,
        change: &Change,
        observed: &Observed,
        ids: &RefCell<Ids>,
        clock: &Deadline,
        tell: &dyn Fn(Step),
    ) -> Result<(), String> {
        let Some(want) = &change.want else { return Ok(()) };
        for needed in needs(&change.logical, want) {
            if let Some(found) = observed.found.get(&needed).filter(|found| found.ours) {
                self.settle(&found.resource, Some(&found.id), ids, clock, tell).await?;
            }
        }
        Ok(())
    }

    /// Something of the name appeared since we looked: an earlier try whose answer was lost, or another `up`.
    async fn adopt(
        &self,
        change: &Change,
        want: &Resource,
        failure: &Failure,
    ) -> Result<super::resources::Found, String> {
        let observed = observe(self.cloud, self.names, self.deployment, self.target);
        let observed = observed.await.map_err(|failure| failure.to_string())?;
        match observed.found.get(&change.logical) {
            Some(found) if found.ours => Ok(found.clone()),
            Some(_) => Err(format!(
                "{} `{}` is there and is not ours ({})",
                want.kind(),
                want.name(),
                failure.said()
            )),
            None => Err(failure.to_string()),
        }
    }

    /// One call, again while what it needs is not visible yet or still busy.
    async fn send(
        &self,
        call: Call,
        want: &Resource,
        have: Option<&Resource>,
        at: At<'_>,
        clock: &Deadline,
        tell: &dyn Fn(Step),
    ) -> Result<Option<String>, Failure> {
        let mut looks = 0..LOOKS_MAX;
        loop {
            let failure = match want.send(call, have, at).await {
                Ok(id) => return Ok(id),
                Err(failure) => failure,
            };
            let again = match failure.kind {
                Kind::NotFound => looks.next().is_some() && clock.again().await,
                Kind::InUse => {
                    tell(Step::Waiting(failure.message.clone()));
                    clock.again().await
                }
                _ => false,
            };
            if !again || self.stop.get() {
                return Err(failure);
            }
        }
    }

    /// Waits until others can use it.
    async fn settle(
        &self,
        want: &Resource,
        own: Option<&str>,
        ids: &RefCell<Ids>,
        clock: &Deadline,
        tell: &dyn Fn(Step),
    ) -> Result<(), String> {
        let Some(id) = own else { return Ok(()) };
        loop {
            let now = ids.borrow().clone();
            let at = At { cloud: self.cloud, names: self.names, ids: &now, own };
            let pending = want.is_pending(id, at).await.map_err(|failure| failure.to_string())?;
            let Some(reason) = pending else { return Ok(()) };
            if self.stop.get() {
                return Err(format!("stopped while {reason}"));
            }
            tell(Step::Waiting(reason.clone()));
            if !clock.again().await {
                return Err(format!("still {reason} when the time was over (--timeout)"));
            }
        }
    }

    async fn remove(
        &self,
        change: &Change,
        ids: &RefCell<Ids>,
        clock: &Deadline,
        tell: &dyn Fn(Step),
    ) -> Result<(), String> {
        let Some(have) = &change.have else { return Ok(()) };
        let now = ids.borrow().clone();
        let Some(id) = now.get(&change.logical) else { return Ok(()) };
        let at = At { cloud: self.cloud, names: self.names, ids: &now, own: Some(id) };
        for call in have.removal() {
            loop {
                let failure = match have.remove(call, id, at).await {
                    Ok(()) => break,
                    Err(failure) if failure.kind == Kind::NotFound => break,
                    Err(failure) => failure,
                };
                if failure.kind != Kind::InUse || self.stop.get() {
                    return Err(failure.to_string());
                }
                let holders = self.holders(have, id).await.unwrap_or_default();
                let reason = if holders.is_empty() { failure.message.clone() } else { holders };
                tell(Step::Waiting(reason.clone()));
                if !clock.again().await {
                    return Err(format!(
                        "{}; still held when the time was over (--timeout): {reason}",
                        failure.said()
                    ));
                }
            }
        }
        while !have.is_gone(id, at).await.map_err(|failure| failure.to_string())? {
            if self.stop.get() {
                return Err("stopped while it was going".to_owned());
            }
            tell(Step::Waiting("not gone yet".to_owned()));
            if !clock.again().await {
                return Err("not gone when the time was over (--timeout)".to_owned());
            }
        }
        ids.borrow_mut().remove(&change.logical);
        Ok(())
    }

    /// Which network interfaces still hold a security group.
    async fn holders(&self, have: &Resource, id: &str) -> Result<String, Failure> {
        if !matches!(have, Resource::SecurityGroup(_)) {
            return Ok(String::new());
        }
        let filter = aws_sdk_ec2::types::Filter::builder().name("group-id").values(id).build();
        let request = self.cloud.ec2.describe_network_interfaces().filters(filter);
        let found = request.send().await.map_err(of("ec2:DescribeNetworkInterfaces"))?;
        let names = found.network_interfaces().iter().map(|interface| {
            let id = interface.network_interface_id().unwrap_or("eni-?");
            format!("{id} ({})", interface.description().unwrap_or("no description"))
        });
        let names: Vec<String> = names.collect();
        Ok(if names.is_empty() { String::new() } else { format!("held by {}", names.join(", ")) })
    }
}

/// What of a plan each of its changes waits for: for people who watch.
pub fn waits(plan: &Plan) -> BTreeMap<Logical, BTreeSet<Logical>> {
    let (removed, made): (Vec<&Change>, Vec<&Change>) =
        plan.changes.iter().partition(|change| change.action == Action::Delete);
    let ordered = order(Way::Make, &made).into_iter().chain(order(Way::Remove, &removed));
    ordered.map(|(logical, needs)| (logical.clone(), needs)).collect()
}

/// What each change waits for, among the changes themselves: its needs to be made, or those that need it to be gone.
fn order<'a>(way: Way, changes: &[&'a Change]) -> BTreeMap<&'a Logical, BTreeSet<Logical>> {
    let here: BTreeSet<&Logical> = changes.iter().map(|change| &change.logical).collect();
    let mut waits: BTreeMap<&Logical, BTreeSet<Logical>> =
        changes.iter().map(|change| (&change.logical, BTreeSet::new())).collect();
    for change in changes {
        let value = match way {
            Way::Make => &change.want,
            Way::Remove => &change.have,
        };
        let Some(value) = value else { continue };
        // A service registers with a target group only when a balancer has it.
        let listeners = here
            .iter()
            .filter(|logical| matches!(value, Resource::Service(_)) && logical.starts_with("Listener"));
        let listeners: Vec<Logical> = listeners.map(|logical| (*logical).clone()).collect();
        for needed in
            needs(&change.logical, value).into_iter().chain(listeners).filter(|needed| here.contains(needed))
        {
            match way {
                Way::Make => drop(waits.entry(&change.logical).or_default().insert(needed)),
                Way::Remove => {
                    if let Some(needed) = here.get(&needed) {
                        waits.entry(needed).or_default().insert(change.logical.clone());
                    }
                }
            }
        }
    }
    waits
}
