//! How the page looks: screenshots for a person, and what a program can judge about them.

use std::path::Path;

use super::served::Served;
use super::{first_of, text};
use serde_json::json;

#[test]
fn light_dark_and_narrow() {
    let Some((mut service, mut page)) = Served::with_page(&["--instance-id", "blue-7"]) else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    page.see(&text("empty", "Nothing to do"));
    page.screenshot(&folder.join("empty.png"));
    service.add(&json!({"title": "Renew the passport", "description": "bring two photographs", "deadline_at": "2001-03-01T10:00:00"}));
    service.add(&json!({"title": "Book the venue", "deadline_at": "2999-05-04T16:30:00"}));
    service
        .add(&json!({"title": "Ein Wort ohne Lücke: Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"}));
    service.add(&json!({"title": "Water the plants", "description": "all of them", "completed": true}));
    page.click("[data-testid=refresh]");
    page.see(&first_of(4, "Renew the passport"));
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        page.resize(1100, 900);
        page.screenshot(&folder.join(format!("{scheme}.png")));
        page.resize(360, 740);
        page.see("document.documentElement.scrollWidth <= 360");
        page.screenshot(&folder.join(format!("{scheme}-360.png")));
    }
    page.click("[data-testid=todo-edit]");
    page.see("document.documentElement.scrollWidth <= 360");
    page.screenshot(&folder.join("dark-360-edit.png"));
    page.key("Escape");
    page.resize(1100, 900);
    page.prefer("light");
    page.click("[data-testid=todo-delete]");
    page.see(&text("notice-text", "Deleted"));
    page.screenshot(&folder.join("light-deleted.png"));
    service.kill();
    page.click("[data-testid=refresh]");
    page.see(&text("list-error", "could not be loaded"));
    page.screenshot(&folder.join("light-away.png"));
    assert_eq!(page.eval("document.querySelectorAll('img:not([alt])').length"), 0);
}
