//! Where `up` and `down` stand, and how that looks on a terminal of a given size. Pure: the time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::panel::{Line, Size, Style, cut};
use super::shown::stopwatch;
use crate::aws::apply::{Progress, Step};
use crate::aws::plan::Action;
use crate::aws::value::Logical;

/// Names longer than this are cut.
const NAME_MAX: usize = 24;

/// One resource of the plan.
#[derive(Debug)]
struct Item {
    action: Action,
    /// What must be done before its turn comes.
    after: BTreeSet<Logical>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Its turn has not come.
    Blocked,
    Running {
        since: Duration,
        why: String,
    },
    Over,
}

/// Every resource of a plan and how far it is.
#[derive(Debug, Default)]
pub(super) struct Board {
    title: String,
    items: BTreeMap<Logical, Item>,
    /// What all of them wait for in the end, and since when.
    wait: Option<(String, Duration)>,
    is_stopping: bool,
}

impl Board {
    /// `after`: of each resource, what it waits for.
    pub(super) fn new(
        title: &str,
        changes: impl IntoIterator<Item = (Logical, Action)>,
        after: &BTreeMap<Logical, BTreeSet<Logical>>,
    ) -> Self {
        let items = changes.into_iter().map(|(logical, action)| {
            let after = after.get(&logical).cloned().unwrap_or_default();
            (logical, Item { action, after, state: State::Blocked })
        });
        Self { title: title.to_owned(), items: items.collect(), ..Self::default() }
    }

    pub(super) fn progress(&mut self, progress: &Progress, now: Duration) {
        let Some(item) = self.items.get_mut(&progress.logical) else { return };
        let since = now.saturating_sub(progress.elapsed);
        item.state = match &progress.state {
            Step::Begun => State::Running { since, why: String::new() },
            Step::Waiting(why) => State::Running { since, why: why.clone() },
            Step::Done | Step::Failed => State::Over,
        };
    }

    /// Something that is no resource is waited for.
    pub(super) fn wait(&mut self, what: &str, since: Duration) {
        self.wait = Some((what.to_owned(), since));
    }

    pub(super) fn stopping(&mut self) {
        self.is_stopping = true;
    }

    /// A line for the whole, one for each resource in work with its own time, one for each that waits for others. Where
    /// there is no room for all, the last line says how many more there are.
    pub(super) fn frame(&self, now: Duration, size: Size) -> Vec<Line> {
        let width = self.items.keys().map(|logical| logical.chars().count()).max().unwrap_or_default();
        let width = width.min(NAME_MAX);
        let running = self.items.iter().filter_map(|(logical, item)| match &item.state {
            State::Running { since, why } => {
                let time = stopwatch(now.saturating_sub(*since));
                let style = if why.is_empty() { Style::Plain } else { Style::Held };
                Some((
                    style,
                    format!("{} {:<width$} {time:>6}  {why}", sign(item.action), cut(logical, width)),
                ))
            }
            State::Blocked | State::Over => None,
        });
        let wait = self.wait.iter().map(|(what, since)| {
            (
                Style::Held,
                format!("  {:<width$} {:>6}  {what}", "waiting", stopwatch(now.saturating_sub(*since))),
            )
        });
        let blocked = self.items.iter().filter(|(_, item)| item.state == State::Blocked && !self.is_stopping);
        let blocked = blocked.map(|(logical, item)| {
            let left = item.after.iter().filter(|one| self.is_open(one)).map(String::as_str);
            let left: Vec<&str> = left.collect();
            let why = if left.is_empty() { String::new() } else { format!("after {}", left.join(", ")) };
            (Style::Faint, format!("{} {:<width$} {:>6}  {why}", sign(item.action), cut(logical, width), "–"))
        });
        let mut lines: Vec<(Style, String)> = vec![(Style::Strong, self.head(now))];
        lines.extend(wait.chain(running).chain(blocked));
        // One row is the cursor's.
        let room = size.rows.saturating_sub(1).max(1);
        if lines.len() > room {
            let more = lines.len() - room + 1;
            lines.truncate(room - 1);
            lines.push((Style::Faint, format!("  … {more} more")));
        }
        // A full last column makes some terminals begin a new line.
        let columns = size.columns.saturating_sub(1);
        lines.iter().map(|(style, text)| Line::new(*style, cut(text.trim_end(), columns))).collect()
    }

    fn is_open(&self, logical: &Logical) -> bool {
        self.items.get(logical).is_some_and(|item| item.state != State::Over)
    }

    /// `up todo  3 of 19 done  1:23`
    fn head(&self, now: Duration) -> String {
        const SPINNER: [char; 4] = ['|', '/', '–', '\\'];
        let turn = usize::try_from(now.as_millis() / FRAME.as_millis()).unwrap_or_default();
        let over = self.items.values().filter(|item| item.state == State::Over).count();
        let done = match self.items.len() {
            0 => String::new(),
            all => format!("  {over} of {all} done"),
        };
        let stopping = if self.is_stopping { "  stopping" } else { "" };
        let spinner = SPINNER[turn % SPINNER.len()];
        format!("{spinner} {}{done}{stopping}  {}", self.title, stopwatch(now))
    }
}

/// Between two frames while nothing happens.
pub(super) const FRAME: Duration = Duration::from_millis(250);

pub(super) fn sign(action: Action) -> &'static str {
    match action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "±",
        Action::Delete => "−",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Size = Size { columns: 80, rows: 24 };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn told(logical: &str, state: Step, elapsed_s: u64) -> Progress {
        Progress { logical: logical.to_owned(), action: Action::Create, state, elapsed: seconds(elapsed_s) }
    }

    fn board() -> Board {
        let names = ["Database", "Listener80", "LoadBalancer", "Service", "TargetGroup"];
        let after = |logical: &str, names: &[&str]| {
            (logical.to_owned(), names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>())
        };
        let after = [
            after("Listener80", &["LoadBalancer", "TargetGroup"]),
            after("Service", &["Database", "Listener80", "TargetGroup"]),
        ];
        let changes = names.map(|name| (name.to_owned(), Action::Create));
        let mut board = Board::new("up todo", changes, &after.into());
        for name in ["Database", "LoadBalancer", "TargetGroup"] {
            board.progress(&told(name, Step::Begun, 0), seconds(2));
        }
        board.progress(&told("TargetGroup", Step::Done, 1), seconds(3));
        let why = "the load balancer is being provisioned".to_owned();
        board.progress(&told("LoadBalancer", Step::Waiting(why), 7), seconds(9));
        board
    }

    fn text(lines: &[Line]) -> String {
        lines.iter().map(|line| format!("{:<6} {}\n", format!("{:?}", line.style), line.text)).collect()
    }

    #[test]
    fn each_with_its_own_time_and_what_it_waits_for() {
        insta::assert_snapshot!(text(&board().frame(seconds(83), WIDE)), @r"
        Strong | up todo  1 of 5 done  1:23
        Plain  + Database       1:21
        Held   + LoadBalancer   1:21  the load balancer is being provisioned
        Faint  + Listener80        –  after LoadBalancer
        Faint  + Service           –  after Database, Listener80
        ");
    }

    #[test]
    fn a_small_terminal_gets_what_runs_first() {
        let small = board().frame(seconds(83), Size { columns: 40, rows: 4 });
        insta::assert_snapshot!(text(&small), @r"
        Strong | up todo  1 of 5 done  1:23
        Plain  + Database       1:21
        Faint    … 3 more
        ");
        assert!(board().frame(seconds(83), Size { columns: 1, rows: 1 }).len() == 1);
        for line in board().frame(seconds(83), Size { columns: 30, rows: 24 }) {
            assert!(line.text.chars().count() < 30, "{line:?}");
        }
    }

    #[test]
    fn what_has_not_begun_does_not_when_it_stops() {
        let mut board = board();
        board.stopping();
        insta::assert_snapshot!(text(&board.frame(seconds(84), WIDE)), @r"
        Strong | up todo  1 of 5 done  stopping  1:24
        Plain  + Database       1:22
        Held   + LoadBalancer   1:22  the load balancer is being provisioned
        ");
    }

    #[test]
    fn the_wait_for_an_answer_comes_last() {
        let mut board = board();
        for name in ["Database", "LoadBalancer", "Listener80", "Service"] {
            board.progress(&told(name, Step::Done, 9), seconds(100));
        }
        board.wait("0 of 1 targets healthy (1 initial)", seconds(100));
        insta::assert_snapshot!(text(&board.frame(seconds(130), WIDE)), @r"
        Strong | up todo  5 of 5 done  2:10
        Held     waiting        0:30  0 of 1 targets healthy (1 initial)
        ");
    }
}
