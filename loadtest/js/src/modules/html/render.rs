//! HTML as k6 writes it, which is Go's way.

use dom_query::NodeRef;

/// What is inside an element. However deep it goes: a VU's stack is small.
pub(super) fn inner(node: &NodeRef<'_>) -> String {
    let mut out = String::new();
    let mut todo: Vec<Step<'_>> = node.children().into_iter().rev().map(Step::Node).collect();
    while let Some(step) = todo.pop() {
        let node = match step {
            Step::Node(node) => node,
            Step::Close(name) => {
                out.push_str("</");
                out.push_str(&name);
                out.push('>');
                continue;
            }
        };
        if let Some(name) = node.node_name() {
            if open(&mut out, &node, &name) {
                if &*name != "plaintext" {
                    todo.push(Step::Close(name.to_string()));
                }
                todo.extend(node.children().into_iter().rev().map(Step::Node));
            }
        } else if node.is_text() {
            let parent = node.parent().and_then(|parent| parent.node_name());
            match parent {
                Some(parent) if RAW.contains(&&*parent) => out.push_str(&node.text()),
                _ => escape(&mut out, &node.text()),
            }
        } else if node.is_comment() || node.is_doctype() {
            // They are written everywhere alike.
            out.push_str(&node.html());
        }
    }
    out
}

enum Step<'a> {
    Node(NodeRef<'a>),
    Close(String),
}

const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "meta", "param", "source",
    "track", "wbr",
];
/// Their text is no markup.
const RAW: &[&str] = &["iframe", "noembed", "noframes", "plaintext", "script", "style", "xmp"];

/// The tag that opens an element; false if there is nothing inside.
fn open(out: &mut String, node: &NodeRef<'_>, name: &str) -> bool {
    out.push('<');
    out.push_str(name);
    for attribute in node.attrs() {
        out.push(' ');
        out.push_str(&attribute.name.local);
        out.push_str("=\"");
        escape(out, &attribute.value);
        out.push('"');
    }
    if VOID.contains(&name) {
        out.push_str("/>");
        return false;
    }
    out.push('>');
    let first = node.first_child().filter(NodeRef::is_text).map(|text| text.text());
    if matches!(name, "pre" | "listing" | "textarea") && first.is_some_and(|text| text.starts_with('\n')) {
        out.push('\n');
    }
    true
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}
