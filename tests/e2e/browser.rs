//! What a person sees on the page at `/`, in a real Chromium, after each thing that they do.

mod away;
mod keyboard;
mod looks;
mod served;

use e2e::chromium::Chromium;
use serde_json::json;
use served::Served;

/// The number of todos on the page, and the title of the first.
fn first_of(count: usize, title: &str) -> String {
    format!(
        "document.querySelectorAll('[data-testid=todo]').length === {count} &&
         document.querySelector('[data-testid=todo-title]').textContent === '{title}'"
    )
}

/// An element that is seen, and its text with it.
fn text(test_id: &str, part: &str) -> String {
    let element = format!("document.querySelector('[data-testid={test_id}]')");
    format!("{element}.checkVisibility() && {element}.innerText.includes('{part}')")
}

fn hidden(test_id: &str) -> String {
    format!("!document.querySelector('[data-testid={test_id}]').checkVisibility()")
}

/// Adds a todo through the form.
fn add(page: &mut Chromium, title: &str) {
    page.fill("#new-title", title);
    page.click("#new-submit");
    page.see(&format!("document.querySelector('[data-testid=todo-title]')?.innerText === '{title}'"));
}

#[test]
fn a_todo_from_its_first_word_to_its_deletion() {
    let Some((service, mut page)) = Served::with_page(&[]) else { return };
    page.see(&text("empty", "Nothing to do"));

    // Added with a deadline, which a person gives in local time and the API keeps in UTC.
    page.fill("#new-title", "Water the plants");
    page.fill("#new-description", "<b>all</b> of them");
    page.choose("#new-deadline", "2999-06-15T09:30");
    page.click("#new-submit");
    page.see(&first_of(1, "Water the plants"));
    page.see(&text("todo-description", "<b>all</b> of them"));
    page.see(&text("todo-due", "2999"));
    page.see("document.querySelector('[data-testid=new-title]').value === ''");
    page.see(&hidden("empty"));
    let stored = service.get("/api/v1/todos/1");
    assert_eq!(stored["deadline_at"], "2999-06-14T21:30:00", "Auckland is twelve hours ahead in June");

    // Completed: shown so, and so in the database.
    page.click("[data-testid=todo-done]");
    page.see("document.querySelector('[data-testid=todo]').classList.contains('completed')");
    page.see(&text("counts", "1 done"));
    page.see("document.querySelector('[data-testid=announcer]').innerText.includes('is done')");
    assert_eq!(service.get("/api/v1/todos/1")["completed"], true);

    // Edited, after a change of mind.
    page.click("[data-testid=todo-edit]");
    page.see("document.activeElement.id === 'edit-1-title'");
    page.key("Escape");
    page.see("!document.querySelector('[data-testid=edit-form]')");
    page.click("[data-testid=todo-edit]");
    page.fill("#edit-1-title", "Water the cactus");
    page.click("[data-testid=edit-save]");
    page.see(&first_of(1, "Water the cactus"));
    let stored = service.get("/api/v1/todos/1");
    assert_eq!((&stored["title"], &stored["completed"]), (&"Water the cactus".into(), &true.into()));
    assert_eq!(stored["deadline_at"], "2999-06-14T21:30:00", "what was not touched is not sent");

    // Deleted, brought back, deleted.
    page.click("[data-testid=todo-delete]");
    page.see(&text("notice-text", "Deleted “Water the cactus”."));
    page.see(&text("empty", "Nothing to do"));
    assert_eq!(service.get("/api/v1/todos"), serde_json::json!([]));
    page.click("[data-testid=notice-action]");
    page.see(&first_of(1, "Water the cactus"));
    assert_eq!(service.get("/api/v1/todos")[0]["completed"], true);
    page.click("[data-testid=todo-delete]");
    page.see(&text("notice-text", "Deleted"));
    page.click("[data-testid=notice-close]");
    page.see("document.querySelector('[data-testid=notice-text]').innerText === ''");

    assert_eq!(page.complaints(), [""; 0], "the console stays empty");
    let ours = |url: &String| url.starts_with(&service.url()) || url.starts_with("data:");
    let strange: Vec<_> = page.requests().into_iter().filter(|url| !ours(url)).collect();
    assert_eq!(strange, [""; 0], "nothing is asked of any other host");
}

#[test]
fn filters_show_what_they_say() {
    let Some((service, mut page)) = Served::with_page(&[]) else { return };
    service.add(&json!({"title": "long ago", "deadline_at": "2001-01-01"}));
    service.add(&json!({"title": "one day", "deadline_at": "2999-01-01"}));
    service.add(&json!({"title": "whenever"}));
    service.add(&json!({"title": "finished", "completed": true}));
    page.click("[data-testid=refresh]");
    page.see(&first_of(4, "long ago"));
    page.see(&text("counts", "4 todos: 3 open, 1 done, 1 overdue"));
    page.see(&text("todo-badge", "Overdue"));

    page.click("label:has(#show-done)");
    page.see(&first_of(1, "finished"));
    page.click("label:has(#show-open)");
    page.see(&first_of(3, "long ago"));

    // A todo that no longer matches leaves the list, and can be taken back at once.
    page.click("[data-testid=todo-done]");
    page.see(&first_of(2, "one day"));
    page.see(&text("notice-text", "has left this filtered list"));
    page.click("[data-testid=notice-action]");
    page.see(&first_of(3, "long ago"));

    page.choose("#within", "7");
    page.see(&first_of(1, "long ago"));
    page.click("label:has(#show-done)");
    page.see(&text("empty", "No todo matches this filter."));
    page.click("[data-testid=show-everything]");
    page.see(&first_of(4, "long ago"));

    // What is added under a filter that hides it says so.
    page.click("label:has(#show-done)");
    page.see(&first_of(1, "finished"));
    page.fill("#new-title", "fresh");
    page.click("#new-submit");
    page.see(&text("notice-text", "The filter hides it."));
    page.click("[data-testid=notice-action]");
    page.see(&first_of(5, "long ago"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn what_is_wrong_is_said_beside_the_field() {
    let Some((service, mut page)) = Served::with_page(&[]) else { return };
    page.click("#new-submit");
    page.see("document.querySelector('#new-title-error').innerText === 'Give it a title.'");
    page.see("document.activeElement.id === 'new-title'");
    page.see("document.querySelector('#new-title').ariaInvalid === 'true'");
    page.fill("#new-title", &"é".repeat(81));
    page.click("#new-submit");
    page.see("document.querySelector('#new-title-error').innerText.startsWith('At most 80 characters')");
    // Eighty emoji are eighty characters, to the page and to the service.
    let emoji = "🌵".repeat(80);
    add(&mut page, &emoji);
    assert_eq!(service.get("/api/v1/todos/1")["title"], emoji);
}

#[test]
fn many_todos_come_page_by_page() {
    let Some((service, mut page)) = Served::with_page(&[]) else { return };
    for number in 1..=230 {
        service.add(&json!({ "title": format!("todo {number}") }));
    }
    page.reload();
    page.see(&first_of(100, "todo 1"));
    page.see(&text("counts", "100 todos so far, more below"));
    page.click("[data-testid=load-more]");
    page.see(&first_of(200, "todo 1"));
    page.click("[data-testid=load-more]");
    page.see(&first_of(230, "todo 1"));
    page.see(&hidden("load-more"));
    page.see("[...document.querySelectorAll('[data-testid=todo-title]')].at(-1).textContent === 'todo 230'");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn the_instance_that_answered_is_named() {
    let Some((_service, mut page)) = Served::with_page(&["--instance-id", "blue-7"]) else { return };
    page.see(&text("instance", "blue-7"));
    page.see(&text("health", "Healthy"));
    page.see(&text("instances-seen", "1 instance seen so far"));
    let before = page.eval("+document.querySelector('[data-testid=instances] b').innerText");
    page.click("[data-testid=ping]");
    let twenty_more = before.as_u64().unwrap_or_default() + 20;
    page.see(&format!("+document.querySelector('[data-testid=instances] b').innerText >= {twenty_more}"));
    // Every answer has an id of its own.
    page.see(
        r"/^[0-9a-f]{16}-[0-9a-f]{8}$/.test(document.querySelector('[data-testid=request-id]').innerText)",
    );
}
