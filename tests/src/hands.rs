//! What a person does to the page in [`Chromium`]: point, click, press keys.

use serde_json::{Value, json};

use crate::chromium::Chromium;

impl Chromium {
    /// Clicks the middle of the element that a CSS selector finds, where the element must be seen.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        self.see(&format!("document.querySelector({})?.checkVisibility()", json!(selector)));
        let place = self.eval(&format!(
            "(() => {{
               const element = document.querySelector({});
               element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const box = element.getBoundingClientRect();
               const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
               const top = document.elementFromPoint(x, y);
               const hit = element.contains(top);
               return {{ x, y, hit }};
             }})()",
            json!(selector)
        ));
        assert_eq!(place["hit"], json!(true), "{selector} is covered or cannot be seen: {place}");
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Clicks into a text field and writes over what it holds.
    #[track_caller]
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.click(selector);
        self.eval(&format!("document.querySelector({}).select()", json!(selector)));
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Chooses in a select, or a date, as the browser does when a person has picked one in its own window.
    #[track_caller]
    pub fn choose(&mut self, selector: &str, value: &str) {
        self.eval(&format!(
            "(() => {{
               const field = document.querySelector({});
               field.focus();
               field.value = {};
               for (const event of ['input', 'change']) field.dispatchEvent(new Event(event, {{ bubbles: true }}));
             }})()",
            json!(selector),
            json!(value)
        ));
    }

    /// Types into whatever has the focus.
    pub fn write(&mut self, text: &str) {
        for character in text.chars() {
            self.key(&character.to_string());
        }
    }

    /// Presses a key: a character, or `Tab`, `Shift+Tab`, `Enter`, `Escape`, `ArrowRight`, `ArrowDown`.
    pub fn key(&mut self, key: &str) {
        let (shift, key) = key.strip_prefix("Shift+").map_or((0, key), |key| (8, key));
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            "Escape" => (27, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            character => (character.to_ascii_uppercase().bytes().next().unwrap_or_default(), Some(character)),
        };
        let event = |kind: &str, text: Option<&str>| -> Value {
            let mut event =
                json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "modifiers": shift });
            if let Some(text) = text {
                event["text"] = json!(text);
            }
            event
        };
        self.call(
            "Input.dispatchKeyEvent",
            event(if text.is_some() { "keyDown" } else { "rawKeyDown" }, text),
        );
        self.call("Input.dispatchKeyEvent", event("keyUp", None));
    }

    /// Presses Tab until the element that `selector` finds has the focus.
    #[track_caller]
    pub fn tab_to(&mut self, selector: &str) {
        for _ in 0..60 {
            if self.eval(&format!("document.activeElement.matches({})", json!(selector))) == json!(true) {
                return;
            }
            self.key("Tab");
        }
        panic!("{selector} cannot be reached with the Tab key");
    }
}
