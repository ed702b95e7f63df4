//! What a person sees who runs `up` at a terminal.

use e2e::aws::{Deploy, Emulator};
use serde_json::{Value, json};

use super::UP;

/// Lines of the last screen and of what scrolled out of it.
fn lines(seen: &Value) -> Vec<&str> {
    let of = |name: &str| seen[name].as_array().expect("lines").iter().filter_map(Value::as_str);
    of("history").chain(of("screen")).filter(|line| !line.is_empty()).collect()
}

fn with<'a>(lines: &[&'a str], part: &str) -> Vec<&'a str> {
    lines.iter().filter(|line| line.contains(part)).copied().collect()
}

/// Every screen on which the head of the display was seen, as text.
fn live(seen: &Value) -> Vec<String> {
    let screens = seen["seen"].as_array().expect("screens").iter().map(|screen| {
        let lines = screen.as_array().expect("lines").iter().filter_map(Value::as_str);
        lines.collect::<Vec<_>>().join("\n")
    });
    screens.filter(|screen| screen.contains("up todo on ecs")).collect()
}

#[tokio::test]
async fn every_resource_has_its_line_and_the_terminal_is_left_tidy() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    emulator.settings(json!({"database_after": 40})).await;
    let up = deploy.command(&emulator, &UP);
    let Some(seen) = deploy.at_terminal(&up, (80, 24), json!([])).await else { return };
    assert_eq!(seen["code"], 0, "{seen:#}");
    let live = live(&seen);
    // The database takes its time; what needs it says so, what does not is done meanwhile.
    let busy = live.iter().find(|screen| screen.contains("creating") && screen.contains("after Database"));
    let busy = busy.unwrap_or_else(|| panic!("{live:#?}"));
    assert!(busy.contains("+ Service               –  after DatabaseUrl"), "{busy}");
    for screen in &live {
        assert_eq!(screen.matches("up todo on ecs").count(), 1, "one picture at a time:\n{screen}");
    }
    // In the end one line for each resource, in the order in which they were done, and the result.
    let lines = lines(&seen);
    let done = with(&lines, "  done");
    assert_eq!(done.len(), 16, "{lines:#?}");
    assert!(with(&done, "+ Database ").len() == 1 && done.last().is_some_and(|line| line.contains("Policy")));
    assert_eq!(with(&lines, "up todo on ecs"), [""; 0], "{lines:#?}");
    assert_eq!(lines.last(), Some(&"http://taskoverflow-1.us-east-1.elb.amazonaws.com"), "{lines:#?}");
    assert_eq!(seen["cursor"][1], 0);
    assert_eq!(seen["modes_kept"], true);
}

#[tokio::test]
async fn a_small_terminal_that_is_resized_and_interrupted() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    // It never comes: only Ctrl-C ends this.
    emulator.settings(json!({"database_after": 1_000_000_000})).await;
    let mut up = deploy.command(&emulator, &UP);
    up.env_remove("NO_COLOR");
    let steps = json!([
        {"see": "after Database", "columns": 36, "rows": 6},
        {"see": "more", "columns": 100, "rows": 30},
        {"see": "  creating", "keys": "\u{3}"},
    ]);
    let Some(seen) = deploy.at_terminal(&up, (44, 20), steps).await else { return };
    assert_eq!(seen["code"], 1, "{seen:#}");
    for screen in live(&seen) {
        assert_eq!(screen.matches("up todo on ecs").count(), 1, "one picture at a time:\n{screen}");
    }
    let lines = lines(&seen);
    assert_eq!(with(&lines, "stopping: what runs is finished").len(), 1, "{lines:#?}");
    assert_eq!(with(&lines, "Database: stopped while creating").len(), 1, "{lines:#?}");
    // What a shrinking terminal pushed out of itself nobody can take back; on the screen nothing is left.
    assert!(!seen["screen"].to_string().contains("up todo on ecs"), "{:#}", seen["screen"]);
    assert_eq!((&seen["cursor"][1], &seen["modes_kept"]), (&json!(0), &json!(true)));
    // What was begun is finished by the next, which is not watched: plain lines, no sequences.
    emulator.settings(json!({"database_after": 2})).await;
    let again = deploy.run(&emulator, &UP).await.is(0);
    assert!(again.stderr.contains("done") && !again.stderr.contains('\u{1b}'), "{again}");
}

/// Whether every line below the head of the display is one of its own: none is the rest of a longer one.
fn is_whole(screen: &str) -> bool {
    let mut lines = screen.lines().skip_while(|line| !line.contains("up todo on ecs"));
    lines.next();
    lines
        .take_while(|line| !line.is_empty())
        .all(|line| line.starts_with(['+', '~', '±', '−']) || line.starts_with("  "))
}

#[tokio::test]
async fn no_line_wraps_on_a_narrow_terminal() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ecs").await;
    emulator.settings(json!({"database_after": 40, "healthy_after": 20})).await;
    let up = deploy.command(&emulator, &UP);
    let Some(seen) = deploy.at_terminal(&up, (40, 30), json!([])).await else { return };
    assert_eq!(seen["code"], 0, "{seen:#}");
    let live = live(&seen);
    assert!(live.iter().any(|screen| screen.contains("…")), "something was too long: {live:#?}");
    for screen in &live {
        assert_eq!(screen.matches("up todo on ecs").count(), 1, "one picture at a time:\n{screen}");
        assert!(is_whole(screen), "a line goes on in the next:\n{screen}");
    }
    let lines = lines(&seen);
    assert_eq!(with(&lines, "up todo on ecs"), [""; 0], "{lines:#?}");
    // What is watched fits too, whatever is in it.
    let watch = deploy.command(&emulator, &["status", "--watch"]);
    let steps = json!([{"see": "more lines", "columns": 60, "rows": 12}, {"see": "todo on ecs: running for", "keys": "\u{3}"}]);
    let Some(seen) = deploy.at_terminal(&watch, (40, 10), steps).await else { return };
    assert_eq!((&seen["code"], &seen["history"]), (&json!(0), &json!([])), "nothing scrolled: {seen:#}");
}

#[tokio::test]
async fn plain_lines_where_they_are_asked_for() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    for (flag, variable) in
        [("--plain", ("TERM", "xterm")), ("--no-wait", ("TERM", "dumb")), ("--no-wait", ("CI", "1"))]
    {
        let fork = emulator.fork().await;
        let mut up = deploy.command(&fork, &[&UP[..], &[flag]].concat());
        up.env(variable.0, variable.1);
        let Some(seen) = deploy.at_terminal(&up, (80, 50), json!([])).await else { return };
        assert_eq!(seen["code"], 0, "{seen:#}");
        let lines = lines(&seen);
        assert!(with(&lines, "done").len() > 10, "{flag} {variable:?}: {lines:#?}");
        let drawn = seen["seen"].to_string();
        assert!(!drawn.contains("up todo on"), "{flag} {variable:?}: nothing is drawn anew");
    }
}

#[tokio::test]
async fn a_status_that_is_watched_is_drawn_in_place_until_ctrl_c() {
    let Some(emulator) = Emulator::started().await else { return };
    let deploy = Deploy::to("ec2").await;
    deploy.run(&emulator, &UP).await.is(0);
    let watch = deploy.command(&emulator, &["status", "--watch"]);
    let steps = json!([{"see": "1 healthy", "keys": "\u{3}"}]);
    let Some(seen) = deploy.at_terminal(&watch, (80, 40), steps).await else { return };
    assert_eq!((&seen["code"], &seen["modes_kept"]), (&json!(0), &json!(true)), "{seen:#}");
    let lines = lines(&seen);
    assert_eq!(with(&lines, "todo on ec2: running").len(), 1, "one picture, nothing scrolled: {lines:#?}");
}
