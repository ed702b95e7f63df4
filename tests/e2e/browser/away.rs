//! The page while the service is away.

use super::served::Served;
use super::{first_of, hidden, text};
use serde_json::json;

#[test]
fn nothing_is_lost_while_the_service_is_away() {
    let Some((mut service, mut page)) = Served::with_page(&[]) else { return };
    service.add(&json!({"title": "here before"}));
    page.click("[data-testid=refresh]");
    page.see(&first_of(1, "here before"));
    service.kill();

    // What was typed stays, and the message says what to do.
    page.fill("#new-title", "typed in vain?");
    page.click("#new-submit");
    page.see(&text("notice-text", "The todo was not added. The service cannot be reached."));
    page.see("document.querySelector('#new-title').value === 'typed in vain?'");
    page.see(&text("health", "No answer"));

    // A change that did not arrive is taken back on the page.
    page.click("[data-testid=todo-done]");
    page.see(&text("notice-text", "“here before” was not changed."));
    page.see("!document.querySelector('[data-testid=todo-done]').checked");
    page.click("[data-testid=todo-delete]");
    page.see(&text("notice-text", "“here before” was not deleted."));
    page.see(&first_of(1, "here before"));
    page.click("[data-testid=refresh]");
    page.see(&text("list-error", "The todos could not be loaded."));

    service.start();
    page.click("[data-testid=retry]");
    page.see(&hidden("list-error"));
    page.see(&first_of(1, "here before"));
    page.see(&text("health", "Healthy"));
    page.click("#new-submit");
    page.see(&first_of(2, "typed in vain?"));
}
