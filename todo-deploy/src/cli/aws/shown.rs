//! What people are told: traps, costs, progress.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::super::panel::{Line, Panel, Style};
use super::super::say;
use super::board::{Board, sign};
use crate::aws::Deadline;
use crate::aws::apply::{Progress, Step, waits};
use crate::aws::plan;
use crate::check::{Warning, check};
use crate::deployment::{BalancerKind, DatabaseSource, Deployment, Target};
use crate::pricing::{Bill, Prices, Use, alarms, bill};
use crate::simulate::plan::Plan;

/// The traps of the deployment, shortly (`check` has the reasons), and what could not be checked before the first change or
/// will be in the way later.
pub(super) fn warn(deployment: &Deployment, target: Target, notes: &[String]) {
    for warning in traps(deployment, target) {
        say(&format!("trap: {} ({})", warning.what, warning.remedy));
    }
    notes.iter().for_each(|note| say(&format!("note: {note}")));
}

/// The traps that are not our own defaults.
pub(super) fn traps(deployment: &Deployment, target: Target) -> Vec<Warning> {
    let warnings = check(deployment, target, &Plan::practical());
    warnings.into_iter().filter(|warning| warning.by_default.is_none()).collect()
}

/// An hour in which nothing scales and nobody asks.
fn quiet_hour(prices: &Prices, deployment: &Deployment, target: Target) -> Bill {
    let usage = Use {
        seconds: 3600.0,
        instance_s: f64::from(deployment.capacity.desired) * 3600.0,
        alarms: alarms(deployment),
        traffic: Vec::new(),
    };
    bill(prices, deployment, target, &usage)
}

/// What it costs while nothing scales, in US dollars.
pub(super) fn hourly(deployment: &Deployment, target: Target) -> f64 {
    quiet_hour(&Prices::default(), deployment, target).total()
}

/// What it costs while nothing scales, in words.
pub(super) fn cost(deployment: &Deployment, target: Target) -> String {
    let prices = Prices::default();
    let instances = f64::from(deployment.capacity.desired);
    let bill = quiet_hour(&prices, deployment, target);
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

/// What `up` and `down` show while they work: on a terminal a line per resource with its time, drawn anew; elsewhere a
/// line whenever one waits for something new or is done.
#[derive(Debug)]
pub(super) struct Screen {
    clock: Deadline,
    /// None where plain lines are wanted.
    live: Option<RefCell<Live>>,
    last: RefCell<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Live {
    panel: Panel,
    board: Board,
}

impl Screen {
    pub(super) fn open(plain: bool, clock: Deadline) -> Self {
        let panel = if plain { None } else { Panel::open() };
        let live = panel.map(|panel| RefCell::new(Live { panel, board: Board::default() }));
        Self { clock, live, last: RefCell::default() }
    }

    /// Everything that is about to happen.
    pub(super) fn begin(&self, title: &str, plan: &plan::Plan) {
        self.draw(None, |board| {
            let changes = plan.changes.iter().map(|change| (change.logical.clone(), change.action));
            *board = Board::new(title, changes, &waits(plan));
        });
    }

    pub(super) fn show(&self, progress: &Progress) {
        let (state, style) = match &progress.state {
            Step::Begun => ("", Style::Plain),
            Step::Waiting(why) => (why.as_str(), Style::Plain),
            Step::Done => ("done", Style::Good),
            Step::Failed => ("failed", Style::Bad),
        };
        let is_over = matches!(progress.state, Step::Done | Step::Failed);
        let line = || {
            let (sign, time) = (sign(progress.action), stopwatch(progress.elapsed));
            Line::new(style, format!("{sign} {:<19} {time:>6}  {state}", progress.logical))
        };
        if self.live.is_some() {
            let now = self.clock.elapsed();
            self.draw(is_over.then(line).as_ref(), |board| board.progress(progress, now));
        } else if !state.is_empty() && self.is_news(&progress.logical, state) {
            say(&line().text);
        }
    }

    /// The same for what is no resource.
    pub(super) fn wait(&self, what: &str, elapsed: Duration) {
        if self.live.is_some() {
            self.draw(None, |board| board.wait(what, self.clock.elapsed().saturating_sub(elapsed)));
        } else if self.is_news("", what) {
            say(&format!("  {:<19} {:>6}  {what}", "waiting", stopwatch(elapsed)));
        }
    }

    /// A line that stays.
    pub(super) fn say(&self, text: &str) {
        match &self.live {
            Some(_) => self.draw(Some(&Line::new(Style::Held, text)), |_| ()),
            None => say(text),
        }
    }

    /// The first Ctrl-C.
    pub(super) fn stopping(&self) {
        self.draw(None, Board::stopping);
        self.say("stopping: what runs is finished, nothing more begins (Ctrl-C again ends at once)");
    }

    /// Time went by.
    pub(super) fn tick(&self) {
        self.draw(None, |_| ());
    }

    /// Takes away what is drawn anew; the lines that stay are below each other then.
    pub(super) fn end(&self) {
        if let Some(live) = &self.live {
            live.borrow_mut().panel.draw(None, Vec::new());
        }
    }

    fn draw(&self, stays: Option<&Line>, change: impl FnOnce(&mut Board)) {
        if let Some(live) = &self.live {
            let live = &mut *live.borrow_mut();
            change(&mut live.board);
            live.panel.draw(stays, live.board.frame(self.clock.elapsed(), Panel::size()));
        }
    }

    fn is_news(&self, of: &str, said: &str) -> bool {
        let before = self.last.borrow_mut().insert(of.to_owned(), said.to_owned());
        before.as_deref() != Some(said)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.end();
    }
}

pub(super) fn stopwatch(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
