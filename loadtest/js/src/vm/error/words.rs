//! What the engine says of its own exceptions, in the words of k6's engine, for the log. Scripts see the engine's
//! words, which they may not depend on: `message` stays as it is.

use std::sync::Arc;

/// Beginnings of messages of both engines that stand for the same, where no more of the message is needed.
const SAME: &[(&str, &str)] = &[
    ("TypeError: cannot read property 'Symbol.iterator' of ", "Cannot convert undefined or null to object"),
    ("TypeError: cannot set property '", "Cannot convert undefined or null to object"),
    (
        "TypeError: class constructors must be invoked with 'new'",
        "Class constructor cannot be invoked without 'new'",
    ),
    ("TypeError: not a constructor", "Value is not a constructor"),
    ("TypeError: value is not iterable", "object is not iterable"),
    ("RangeError: invalid array length", "Invalid array length"),
    ("RangeError: Date value is NaN", "Invalid time value"),
    ("SyntaxError: Unexpected end of JSON input", "Unexpected end of JSON input (EOF)"),
];

/// A message, with the class of the error before it, and a stack as they are logged. `text` gives the text of a
/// module.
pub(super) fn reword(
    message: String,
    stack: &str,
    text: impl Fn(&str) -> Option<Arc<str>>,
) -> (String, String) {
    let reworded = translate(&message, stack, text).unwrap_or(message);
    let frames: Vec<String> = stack.lines().filter_map(frame).collect();
    (reworded, frames.join("\n"))
}

/// Indented by a tab, and without a name where it has none.
fn frame(line: &str) -> Option<String> {
    let Some(frame) = line.trim().strip_prefix("at ") else { return Some(line.to_owned()) };
    // Where in a text that is parsed, which is no place in the script.
    if frame.starts_with("<input>:") {
        return None;
    }
    let anonymous = frame.strip_prefix("<anonymous> (").and_then(|place| place.strip_suffix(')'));
    Some(format!("\tat {}", anonymous.unwrap_or(frame)))
}

fn translate(message: &str, stack: &str, text: impl Fn(&str) -> Option<Arc<str>>) -> Option<String> {
    if let Some((theirs, ours)) = SAME.iter().find(|(engine, _)| message.starts_with(engine)) {
        let class = theirs.split_once(':')?.0;
        return Some(format!("{class}: {ours}"));
    }
    if let Some(rest) = message.strip_prefix("TypeError: cannot read property '") {
        let (name, _) = rest.rsplit_once("' of ")?;
        return Some(format!("TypeError: Cannot read property '{name}' of undefined"));
    }
    if message.starts_with("TypeError: '") && message.ends_with("' is read-only") {
        return Some("TypeError: Assignment to constant variable.".to_owned());
    }
    if let Some(token) = message.strip_prefix("SyntaxError: unexpected token: '")
        && stack.contains("at parse (native)")
    {
        let first = token.chars().next()?;
        return Some(format!("SyntaxError: invalid character '{first}' looking for beginning of value"));
    }
    if message == "TypeError: not a function" {
        let name = called_member(stack.lines().next()?, text)?;
        return Some(format!("TypeError: Object has no member '{name}'"));
    }
    None
}

/// The name in `.name(` at the place of a frame.
fn called_member(frame: &str, text: impl Fn(&str) -> Option<Arc<str>>) -> Option<String> {
    let place = frame.trim().rsplit_once('(').map_or(frame.trim(), |(_, place)| place).trim_end_matches(')');
    let place = place.strip_prefix("at ").unwrap_or(place);
    let mut parts = place.rsplitn(3, ':');
    let (column, line, module) = (parts.next()?, parts.next()?, parts.next()?);
    let text = text(module)?;
    let line = text.lines().nth(line.parse::<usize>().ok()?.checked_sub(1)?)?;
    let at = column.parse::<usize>().ok()?.checked_sub(1)?;
    let before: String = line.chars().take(at).collect();
    let name: String =
        line.chars().skip(at).take_while(|&c| c.is_alphanumeric() || c == '_' || c == '$').collect();
    let is_called = line.chars().skip(at + name.chars().count()).find(|c| !c.is_whitespace()) == Some('(');
    (!name.is_empty() && is_called && before.trim_end().ends_with('.')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reworded(message: &str) -> String {
        let text = "const a = {};\n  a.b.foo(1); ä.bar (2); f();";
        let stack = "    at <anonymous> (file:///k6.js:2:7)\n    at default (file:///k6.js:1:1)";
        reword(message.to_owned(), stack, |name| (name == "file:///k6.js").then(|| text.into())).0
    }

    #[test]
    fn words_are_those_of_k6() {
        assert_eq!(
            reworded("TypeError: cannot read property 'x of y' of null"),
            "TypeError: Cannot read property 'x of y' of undefined"
        );
        assert_eq!(reworded("TypeError: 'K' is read-only"), "TypeError: Assignment to constant variable.");
        assert_eq!(reworded("TypeError: not a function"), "TypeError: Object has no member 'foo'");
        assert_eq!(reworded("RangeError: invalid array length"), "RangeError: Invalid array length");
    }

    #[test]
    fn what_a_script_says_itself_stays() {
        for message in ["Error: mine", "text", "", "Error: not a function", "TypeError: 'K' is mine"] {
            assert_eq!(reworded(message), message);
        }
    }

    #[test]
    fn only_calls_of_members_are_named() {
        let named = |place: &str| {
            let text = "const a = {};\n  a.b.foo(1); ä.bar (2); f(); a.x;";
            called_member(&format!("at f (file:///k6.js:{place})"), |_| Some(text.into()))
        };
        assert_eq!(named("2:7").as_deref(), Some("foo"));
        assert_eq!(named("2:17").as_deref(), Some("bar"));
        for place in ["2:3", "2:25", "2:32", "9:9", "2:99", "0:0", "x"] {
            assert_eq!(named(place), None, "{place}");
        }
    }

    #[test]
    fn frames_are_as_in_k6() {
        let stack = "    at <input>:1:1\n    at parse (native)\n    at <anonymous> (file:///a b.js:5:8)";
        let (message, stack) = reword("SyntaxError: unexpected token: '<'".to_owned(), stack, |_| None);
        assert_eq!(message, "SyntaxError: invalid character '<' looking for beginning of value");
        assert_eq!(stack, "\tat parse (native)\n\tat file:///a b.js:5:8");
    }
}
