//! The dashboard while real processes scale out under a real load, and back.

use std::path::Path;
use std::time::Duration;

use e2e::chromium::Chromium;
use e2e::{Load, Local, skipped};
use serde_json::Value;
use tokio::runtime::Builder;

use super::{instances, text};

/// Sixty times as fast as on AWS, and slack for a machine ten times slower than that.
const PATIENCE: Duration = Duration::from_secs(150);

#[test]
fn a_real_run_is_seen_from_one_to_two_and_back() {
    let Some(program) = Chromium::program() else {
        return skipped("the dashboard of a real run: no chromium in PATH").unwrap_or_default();
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut local = Local::nowhere();
    let file = local.place().join("deployment.toml");
    std::fs::write(&file, e2e::up_and_down(2)).unwrap();
    runtime.block_on(local.start(&[file.to_str().unwrap(), "--speed", "60"]));
    let mut page = Chromium::open(program, &format!("http://{}/", local.dashboard.address));
    page.see(&text("link", "Live"));
    page.see(&text("where", "on this machine · running"));
    page.see(&text("where", "60 × as fast"));
    page.see(&instances(1));
    page.see(&text("fleet", "pid "));
    page.see(&text("fleet", "Healthy"));

    let load = runtime.block_on(async { Load::start(local.balancer.address, "/api/v1/todos", 4) });
    let healthy = |count: u64| move |status: &Value| (status["group"]["healthy"] == count).then_some(());
    runtime.block_on(local.until("two healthy instances", PATIENCE, healthy(2)));
    page.see(&instances(2));
    page.see(&text("activity", "1 → 2 by up: "));
    page.see("document.querySelector('#numbers .figure').innerText !== '–'");
    // The metric is drawn, and beyond its threshold.
    page.see("document.querySelector('[data-testid=alarm-up] .beyond').getAttribute('d').length > 20");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots").join("dashboard");
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        page.screenshot(&folder.join(format!("real-{scheme}.png")));
    }
    runtime.block_on(load.without_a_failure());

    let alone = |status: &Value| {
        (status["group"]["in_service"] == 1 && status["group"]["leaving"] == 0).then_some(())
    };
    runtime.block_on(local.until("one instance", PATIENCE, alone));
    page.see(&instances(1));
    page.see(&text("activity", "2 → 1 by down: "));
    page.screenshot(&folder.join("real-after.png"));
    local.signal(e2e::Signal::INT);
    assert_eq!(runtime.block_on(local.ended()), Some(0), "{}", local.said());
    page.see(&text("link", "Connection lost"));
}
