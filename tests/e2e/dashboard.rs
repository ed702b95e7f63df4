//! The dashboard in a real Chromium, while a simulated run passes on it.

mod aws;
mod looks;
mod scaling;
mod stage;

use stage::{Stage, practical};
use todo_deploy::status::{Details, Phase};
use todo_deploy::timeline::InstanceId;

/// An element that is seen, and its text with it.
fn text(test_id: &str, part: &str) -> String {
    let element = format!("document.querySelector('[data-testid=\"{test_id}\"]')");
    format!("{element}?.checkVisibility() && {element}.innerText.includes('{part}')")
}

fn instances(count: usize) -> String {
    format!("document.querySelectorAll('[data-testid=instance]').length === {count}")
}

#[test]
fn a_run_is_followed_from_one_to_four_and_back() {
    let Some((mut stage, mut page)) = Stage::with_page(practical()) else { return };
    page.see(&text("of", "of 1 wanted"));
    stage.play_to(60);
    page.see(&text("in-service", "1"));
    page.see(&text("link", "Live"));
    page.see(&text("where", "on EC2 · running · 01:00"));
    page.see(&text("alarm-todo_scale_up", "No data yet"));
    page.see(&text("alarm-todo_scale_up", "CPU ≥ 20 % for 2 × 2 min"));
    page.see(&text("facts", "by cgroup v2"));
    page.eval("document.querySelector('[data-testid=instance]').dataset.mine = 'yes'");

    stage.play_to(250);
    page.see(&text("of", "of 2 wanted"));
    page.see(&text("alarm-todo_scale_up", "In alarm"));
    page.see(&text("activity", "1 → 2 by todo_scale_up"));
    page.see(&instances(2));
    page.see(&text("fleet", "Launching"));
    page.see(&text("announcer", "Wanted instances: 1 to 2."));
    page.see("document.title.startsWith('▲ 1 of 2')");
    // Nothing is built anew: what was there stays the same element.
    page.see("document.querySelector('[data-testid=instance][data-id=i-1]').dataset.mine === 'yes'");

    stage.play_to(310);
    page.see(&text("cooldown", "cooldown"));
    page.see(&text("policies", "blocked by cooldown until 06:45, 95 s left"));
    stage.play_to(800);
    page.see(&instances(4));
    page.see("document.querySelectorAll('[data-testid=fleet] [data-tone=good]').length >= 8");
    page.see(&text("policies", "4 is the limit"));
    // The plots say in words what they show.
    page.see("/requests: now [\\d.]+, between/.test(document.querySelector('[data-testid=plot-requests] svg').ariaLabel)");
    page.see("document.querySelector('[data-testid=plot-latency] path.line').getAttribute('d').length > 50");

    stage.play_to(2230);
    page.see(&text("of", "of 1 wanted"));
    page.see(&instances(1));
    stage.board.phase(Phase::Ended);
    stage.play_to(2231);
    page.see(&text("link", "Ended"));
    assert_eq!(page.complaints(), [""; 0], "the console stays empty");
    let strange: Vec<_> = page.requests().into_iter().filter(|url| !url.starts_with(&stage.url())).collect();
    assert_eq!(strange, [""; 0], "nothing is asked of any other host");
}

#[test]
fn a_lost_connection_is_said_and_mended() {
    let Some((mut stage, mut page)) = Stage::with_page(practical()) else { return };
    stage.play_to(60);
    page.see(&text("link", "Live"));
    stage.stop();
    page.see(&text("link", "Connection lost"));
    page.see(&text("banner", "trying again until it does. What you see is from"));
    page.see(&text("in-service", "1"));
    stage.play_to(300);
    stage.start();
    page.see(&text("link", "Live"));
    page.see(&instances(2));
    page.see("!document.querySelector('[data-testid=banner]').checkVisibility()");
}

#[test]
fn a_page_that_gets_no_stream_asks_again_and_again() {
    let Some((mut stage, mut page)) = Stage::with_page(practical()) else { return };
    // Away from the page, whose own stream would be among them.
    page.go(&format!("{}favicon.svg", stage.url()));
    let streams = stage.take_all_streams();
    page.go(&stage.url());
    page.see(&text("link", "Live, by asking"));
    stage.play_to(300);
    page.see(&instances(2));
    drop(streams);
    page.see("document.querySelector('[data-testid=link]').innerText === 'Live'");
}

#[test]
fn text_from_outside_is_text() {
    let Some((mut stage, mut page)) = Stage::with_page(practical()) else { return };
    let evil = "<img src=x onerror='document.title=1'><script>document.title=2</script>";
    let details =
        Details { address: Some(evil.to_owned()), process: Some(evil.to_owned()), ..Details::default() };
    stage.play_to(60);
    stage.board.instance(InstanceId(1), details);
    stage.board.notes(vec![evil.to_owned()]);
    stage.play_to(61);
    page.see("document.querySelector('#notes li')?.textContent.startsWith('<img src=x')");
    page.see("document.querySelector('[data-testid=instance]').textContent.includes('<script>')");
    page.see("document.images.length === 1 && document.scripts.length === 1");
    page.see("document.title === '1 of 1 · todo'");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn everything_is_reached_by_keyboard_and_has_a_name() {
    let Some((mut stage, mut page)) = Stage::with_page(practical()) else { return };
    stage.play_to(900);
    page.see(&instances(4));
    page.key("Tab");
    page.see("document.activeElement.matches('.skip')");
    page.key("Enter");
    page.see("document.activeElement.id === 'fleet'");
    page.tab_to("[data-testid=activity]");
    page.tab_to("input[name=range]");
    page.key("ArrowRight");
    page.see("document.querySelector('[data-testid=range-recent]').checked");
    let expected = [
        ("heading", "todo"),
        ("heading", "Policies and alarms"),
        ("heading", "Fleet"),
        ("table", "Fleet"),
        ("columnheader", "Target health"),
        ("radio", "Whole run"),
        ("list", "What happened, and why"),
        ("main", ""),
    ];
    for (role, name) in expected {
        page.hear(role, name);
    }
    let told = page.accessible();
    let named = ["button", "link", "radio", "image", "table"];
    let unnamed: Vec<_> =
        told.iter().filter(|(role, name)| named.contains(&role.as_str()) && name.is_empty()).collect();
    assert_eq!(unnamed, Vec::<&(String, String)>::new());
}
