//! Todos as JSON bytes. The list is written straight from database rows into the body's buffer.

use super::{Moment, TodoRef};

/// One todo as a JSON object with the handout's key order.
pub fn write_todo(out: &mut Vec<u8>, todo: TodoRef<'_>) {
    out.extend_from_slice(b"{\"id\":");
    write_integer(out, todo.id);
    out.extend_from_slice(b",\"title\":");
    write_string(out, todo.title);
    out.extend_from_slice(b",\"description\":");
    match todo.description {
        Some(text) => write_string(out, text),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(if todo.completed { b",\"completed\":true" } else { b",\"completed\":false" });
    out.extend_from_slice(b",\"deadline_at\":");
    match todo.deadline_at {
        Some(moment) => write_moment(out, moment),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"created_at\":");
    write_moment(out, todo.created_at);
    out.extend_from_slice(b",\"updated_at\":");
    write_moment(out, todo.updated_at);
    out.push(b'}');
}

/// One todo as a whole body, ending with a newline as Flask's bodies do.
pub fn todo_body(todo: TodoRef<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(320);
    write_todo(&mut out, todo);
    out.push(b'\n');
    out
}

fn write_moment(out: &mut Vec<u8>, moment: Moment) {
    let mut buffer = [0; 26];
    out.push(b'"');
    out.extend_from_slice(moment.iso(&mut buffer).as_bytes());
    out.push(b'"');
}

/// Writes a JSON string. Most todos need no escape, so whole runs between escapes are copied at once.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                let hex = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(hex[usize::from(control >> 4)]);
                out.push(hex[usize::from(control & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

fn write_integer(out: &mut Vec<u8>, value: i64) {
    // 20 bytes hold every i64 with its sign.
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::todo::Todo;

    proptest! {
        #[test]
        fn any_todo_reads_back(
            id in any::<i64>(),
            title in any::<String>(),
            description in any::<Option<String>>(),
            completed in any::<bool>(),
            deadline in proptest::option::of(0_i64..4_000_000_000_000_000),
        ) {
            let at = Moment::from_unix_micros(1_680_082_200_000_000).unwrap();
            let deadline_at = deadline.and_then(Moment::from_unix_micros);
            let todo = Todo {
                id, title: title.clone(), description: description.clone(), completed, deadline_at,
                created_at: at, updated_at: at,
            };
            let read: Value = serde_json::from_slice(&todo_body(todo.as_ref())).unwrap();
            prop_assert_eq!(read, json!({
                "id": id, "title": title, "description": description, "completed": completed,
                "deadline_at": deadline_at.map(|d| d.to_string()),
                "created_at": "2023-03-29T09:30:00", "updated_at": "2023-03-29T09:30:00",
            }));
        }
    }
}
