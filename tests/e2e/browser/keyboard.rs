//! The page without a mouse, and as a screen reader is told of it.

use super::served::Served;
use super::{first_of, text};
use serde_json::json;

#[test]
fn everything_is_done_with_the_keyboard_alone() {
    let Some((_service, mut page)) = Served::with_page(&[]) else { return };
    page.see(&text("empty", "Nothing to do"));
    // The first stop is the link past the header.
    page.key("Tab");
    page.see("document.activeElement.matches('.skip')");

    page.key("n");
    page.see("document.activeElement.id === 'new-title' && document.activeElement.value === ''");
    page.write("Read n/u books");
    page.tab_to("#new-deadline");
    page.write("123129980930p");
    page.key("Enter");
    page.see(&first_of(1, "Read n/u books"));
    page.see("/Dec.*2998/.test(document.querySelector('[data-testid=todo-due]').innerText)");
    page.see("document.activeElement.id === 'new-title'");

    page.tab_to("[data-testid=todo-done]");
    page.key(" ");
    page.see(&text("counts", "1 done"));

    page.tab_to("[data-testid=todo-edit]");
    page.key("Enter");
    page.see("document.activeElement.id === 'edit-1-title'");
    page.write("Write books");
    page.key("Enter");
    page.see(&first_of(1, "Write books"));
    page.see("document.activeElement.matches('[data-testid=todo-edit]')");
    page.key("Shift+Tab");
    page.see("document.activeElement.matches('[data-testid=todo-done]')");

    // The filter is a group of radio buttons: arrows choose.
    page.eval("document.querySelector('.skip').focus()");
    page.tab_to("#show-all");
    page.key("ArrowRight");
    page.see(&text("empty", "No todo matches this filter."));
    page.key("ArrowRight");
    page.see(&first_of(1, "Write books"));

    page.tab_to("[data-testid=todo-delete]");
    page.key("Enter");
    page.see(&text("notice-text", "Deleted “Write books”."));
    page.see("document.activeElement !== document.body");
    page.key("u");
    page.see(&first_of(1, "Write books"));
    page.see("document.activeElement.matches('[data-testid=todo-delete]')");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn every_control_has_a_name() {
    let Some((service, mut page)) = Served::with_page(&[]) else { return };
    service.add(&json!({"title": "Feed the cat", "deadline_at": "2001-01-01"}));
    page.click("[data-testid=refresh]");
    page.see(&first_of(1, "Feed the cat"));
    let expected = [
        ("heading", "TaskOverflow"),
        ("heading", "New todo"),
        ("heading", "Todos"),
        ("textbox", "Title"),
        ("textbox", "Description optional"),
        ("checkbox", "Feed the cat"),
        ("button", "Edit “Feed the cat”"),
        ("button", "Delete “Feed the cat”"),
        ("radio", "Open"),
        ("combobox", "Due"),
        ("list", "Todos"),
        ("main", ""),
    ];
    for (role, name) in expected {
        page.hear(role, name);
    }
    let told = page.accessible();
    let controls = ["button", "checkbox", "combobox", "link", "radio", "textbox", "DateTime", "spinbutton"];
    let unnamed: Vec<_> =
        told.iter().filter(|(role, name)| controls.contains(&role.as_str()) && name.is_empty()).collect();
    assert_eq!(unnamed, Vec::<&(String, String)>::new());
}
