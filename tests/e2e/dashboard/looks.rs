//! How the dashboard looks: screenshots for a person, and what a program can judge about them.

use std::path::Path;

use e2e::chromium::Chromium;
use serde_json::json;
use todo_deploy::status::{Details, Totals};
use todo_deploy::timeline::InstanceId;

use super::instances;
use super::stage::{Stage, practical};

/// Every text that is seen, with a contrast to its ground below 4.5 to 1 (WCAG 2.2, 1.4.3).
pub(super) const FAINT: &str = r"(() => {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => channels(color).slice(0, 3)
    .map((value) => value / 255).map((value) => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [.2126, .7152, .0722][index], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('.hidden, script, noscript')) continue;
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [one, other] = [light(color), light(ground(element))].sort((a, b) => b - a);
    const contrast = (one + .05) / (other + .05);
    if (contrast < 4.5) faint.push(`${walker.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return faint;
})()";

#[test]
fn light_dark_and_narrow() {
    let Some((mut stage, mut page)) = Stage::with_page(practical()) else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots").join("dashboard");
    page.see(&super::text("of", "of 1 wanted"));
    page.screenshot(&folder.join("empty.png"));
    stage.play_to(470);
    for id in 1..=3 {
        let details = Details {
            address: Some(format!("127.0.0.1:4123{id}")),
            process: Some(format!("pid 471{id}")),
            in_flight: Some(u64::from(id) * 3),
            requests: Some(12_345 / u64::from(id)),
            cpu_percent: Some(95.0 - 30.0 * f64::from(id)),
            memory_bytes: None,
        };
        stage.board.instance(InstanceId(id), details);
    }
    let errors = [("502 refused".to_owned(), 12)].into();
    stage.board.totals(Totals { requests: 123_456, errors });
    stage.play_to(471);
    page.see(&instances(3));
    looks(&mut page, &folder, "scaling-out");
    stage.play_to(1010);
    looks(&mut page, &folder, "scaling-in");
    stage.stop();
    page.see("document.querySelector('[data-testid=banner]').checkVisibility()");
    page.screenshot(&folder.join("lost.png"));
    assert_eq!(page.eval("document.querySelectorAll('img:not([alt])').length"), 0);
}

fn looks(page: &mut Chromium, folder: &Path, name: &str) {
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        for width in [1280, 820, 360] {
            page.resize(width, 800);
            page.see(&format!("document.documentElement.scrollWidth <= {width}"));
            page.screenshot(&folder.join(format!("{name}-{scheme}-{width}.png")));
            // Colours that change slowly have arrived by now: a screenshot waits for them.
            assert_eq!(page.eval(FAINT), json!([]), "{name}, {scheme}, {width}");
        }
    }
    page.resize(1280, 800);
    page.prefer("light");
}
