//! What people are told: traps, costs, progress.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::super::say;
use crate::aws::apply::{Progress, Step};
use crate::aws::plan::Action;
use crate::check::check;
use crate::deployment::{BalancerKind, DatabaseSource, Deployment, Target};
use crate::pricing::{Prices, Use, alarms, bill};
use crate::simulate::plan::Plan;

/// The traps of the deployment, shortly; `check` has the reasons.
pub(super) fn traps(deployment: &Deployment, target: Target) -> String {
    let warnings = check(deployment, target, &Plan::practical());
    let own = warnings.iter().filter(|warning| warning.by_default.is_none());
    let lines: Vec<String> =
        own.map(|warning| format!("trap: {} ({})", warning.what, warning.remedy)).collect();
    lines.join("\n")
}

/// What it costs while nothing scales.
pub(super) fn cost(deployment: &Deployment, target: Target) -> String {
    let prices = Prices::default();
    let instances = f64::from(deployment.capacity.desired);
    let usage = Use {
        seconds: 3600.0,
        instance_s: instances * 3600.0,
        alarms: alarms(deployment),
        traffic: Vec::new(),
    };
    let bill = bill(&prices, deployment, target, &usage);
    let most = f64::from(deployment.capacity.max) / instances.max(1.0);
    let balancer = match deployment.load_balancer.kind {
        BalancerKind::Application => "application load balancer",
        BalancerKind::Network => "network load balancer",
    };
    let database = match deployment.database.source {
        DatabaseSource::Create => format!(", database {:.3}", bill.database),
        DatabaseSource::Existing | DatabaseSource::None => String::new(),
    };
    format!(
        "about ${:.3} an hour: instances {:.4} (up to {:.4} when scaled out), {balancer} {:.4}, addresses {:.4}{database} \
         (list prices of {}, without traffic)",
        bill.total(),
        bill.instances,
        bill.instances * most,
        bill.balancer,
        bill.addresses,
        prices.dated
    )
}

/// A line per resource when it begins, when it waits for something new, and when it is done.
#[derive(Debug, Default)]
pub(super) struct Lines {
    last: RefCell<BTreeMap<String, String>>,
}

impl Lines {
    pub(super) fn show(&self, progress: &Progress) {
        let sign = match progress.action {
            Action::Create => "+",
            Action::Update => "~",
            Action::Replace => "±",
            Action::Delete => "−",
        };
        let state = match &progress.state {
            Step::Begun => return,
            Step::Waiting(why) => why.clone(),
            Step::Done => "done".to_owned(),
            Step::Failed => "failed".to_owned(),
        };
        let said = self.last.borrow_mut().insert(progress.logical.clone(), state.clone());
        if said.as_ref() != Some(&state) {
            say(&format!("{sign} {:<16} {:>6}  {state}", progress.logical, stopwatch(progress.elapsed)));
        }
    }

    /// The same for what is no resource.
    pub(super) fn wait(&self, what: &str, elapsed: Duration) {
        let said = self.last.borrow_mut().insert(String::new(), what.to_owned());
        if said.as_deref() != Some(what) {
            say(&format!("  {:<16} {:>6}  {what}", "waiting", stopwatch(elapsed)));
        }
    }
}

pub(super) fn stopwatch(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
