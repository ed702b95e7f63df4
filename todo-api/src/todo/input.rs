//! Bodies and query strings into parsed types. The contract's decisions on odd input live here and nowhere else.

use serde_json::{Map, Value};

use super::{DESCRIPTION_CHARS_MAX, Filter, Moment, NewTodo, Patch, TITLE_CHARS_MAX, deadline};

/// Most todos one page can ask for.
pub const LIMIT_MAX: u32 = 1000;

/// Why a request was refused, as a sentence for the caller (status 400).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// What the list's query string asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    pub completed: Option<bool>,
    /// Days from now that a deadline may be away.
    pub window_days: Option<u64>,
    /// At most this many todos, with a `Link` to the next ones; all of them when absent.
    pub limit: Option<u32>,
    /// Only todos with a greater id.
    pub after: Option<i64>,
}

impl ListQuery {
    pub fn filter(&self, now: Moment) -> Filter {
        Filter {
            completed: self.completed,
            due_by: self.window_days.map(|days| now.saturating_add_days(days)),
        }
    }

    /// The query string of the page that follows the todo `last_id`.
    pub fn next_page(&self, last_id: i64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(completed) = self.completed {
            query.append_pair("completed", if completed { "true" } else { "false" });
        }
        if let Some(days) = self.window_days {
            query.append_pair("window", &days.to_string());
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        query.append_pair("after", &last_id.to_string());
        query.finish()
    }
}

/// A POST body.
pub fn new_todo(body: &[u8]) -> Result<NewTodo, Invalid> {
    let fields = object(body)?;
    let title = match fields.get("title") {
        None | Some(Value::Null) => return invalid("title is required"),
        Some(value) => title(value)?,
    };
    Ok(NewTodo {
        title,
        description: fields.get("description").map(description).transpose()?.flatten(),
        completed: match fields.get("completed") {
            None | Some(Value::Null) => false,
            Some(value) => completed(value)?,
        },
        deadline_at: fields.get("deadline_at").map(deadline_at).transpose()?.flatten(),
    })
}

/// A PUT body: fields that are absent keep their value.
pub fn patch(body: &[u8]) -> Result<Patch, Invalid> {
    let fields = object(body)?;
    Ok(Patch {
        title: fields.get("title").map(title).transpose()?,
        description: fields.get("description").map(description).transpose()?,
        completed: fields.get("completed").map(completed).transpose()?,
        deadline_at: fields.get("deadline_at").map(deadline_at).transpose()?,
    })
}

/// The list's query string. The first of a repeated parameter wins, an empty one counts as absent, unknown ones are
/// ignored.
pub fn list_query(query: &str) -> Result<ListQuery, Invalid> {
    let mut parsed = ListQuery::default();
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        if !matches!(&*key, "completed" | "window" | "limit" | "after") || seen.iter().any(|k| *k == key) {
            continue;
        }
        if !value.is_empty() {
            match &*key {
                "completed" => parsed.completed = Some(flag(&value)?),
                "window" => parsed.window_days = Some(window(&value)?),
                "limit" => parsed.limit = Some(limit(&value)?),
                _ => parsed.after = Some(after(&value)?),
            }
        }
        seen.push(key.into_owned());
    }
    Ok(parsed)
}

/// A JSON object that holds no other keys than a todo's own. Of a repeated key the last value wins.
fn object(body: &[u8]) -> Result<Map<String, Value>, Invalid> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return invalid("the body must be a JSON object"),
        Err(error) => return Err(Invalid(format!("the body is not valid JSON: {error}"))),
    };
    let known = ["title", "description", "completed", "deadline_at"];
    if fields.keys().any(|key| !known.contains(&key.as_str())) {
        return invalid("extra fields");
    }
    Ok(fields)
}

fn title(value: &Value) -> Result<String, Invalid> {
    match value {
        Value::String(text) if text.is_empty() => invalid("title must not be empty"),
        Value::String(text) => text_of("title", text, TITLE_CHARS_MAX),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            invalid("title must be a string")
        }
    }
}

fn description(value: &Value) -> Result<Option<String>, Invalid> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => text_of("description", text, DESCRIPTION_CHARS_MAX).map(Some),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            invalid("description must be a string or null")
        }
    }
}

fn text_of(field: &str, text: &str, chars_max: usize) -> Result<String, Invalid> {
    // PostgreSQL cannot store NUL in a text; both databases refuse it alike.
    if text.contains('\0') {
        return Err(Invalid(format!("{field} must not contain NUL characters")));
    }
    if text.chars().count() > chars_max {
        return Err(Invalid(format!("{field} must be at most {chars_max} characters")));
    }
    Ok(String::from(text))
}

fn completed(value: &Value) -> Result<bool, Invalid> {
    value.as_bool().map_or_else(|| invalid("completed must be true or false"), Ok)
}

fn deadline_at(value: &Value) -> Result<Option<Moment>, Invalid> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => match deadline::parse(text) {
            Some(moment) => Ok(Some(moment)),
            None => invalid("deadline_at must be an ISO 8601 date and time, such as 2023-03-31T14:00:00"),
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            invalid("deadline_at must be a string or null")
        }
    }
}

fn flag(text: &str) -> Result<bool, Invalid> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => invalid("invalid completed value: use true or false"),
    }
}

fn window(text: &str) -> Result<u64, Invalid> {
    natural(text).map_or_else(|| invalid("invalid window value: use a whole number of days, 0 or more"), Ok)
}

fn limit(text: &str) -> Result<u32, Invalid> {
    let limit = natural(text).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=LIMIT_MAX).contains(n));
    limit.ok_or_else(|| Invalid(format!("invalid limit value: use a whole number from 1 to {LIMIT_MAX}")))
}

fn after(text: &str) -> Result<i64, Invalid> {
    match natural(text) {
        Some(id) => Ok(i64::try_from(id).unwrap_or(i64::MAX)),
        None => invalid("invalid after value: use the id of a todo"),
    }
}

/// A whole number of 0 or more, with a `+` and blanks around it if need be; one too large for the type is its maximum.
fn natural(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

fn invalid<T>(reason: &str) -> Result<T, Invalid> {
    Err(Invalid(String::from(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_counted_in_characters() {
        let body = |title: &str| serde_json::json!({ "title": title }).to_string();
        assert!(new_todo(body(&"é".repeat(80)).as_bytes()).is_ok());
        assert_eq!(
            new_todo(body(&"é".repeat(81)).as_bytes()),
            Err(Invalid("title must be at most 80 characters".into()))
        );
    }

    #[test]
    fn refused_bodies() {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "5",
            "\"x\"",
            "{}",
            r#"{"title":null}"#,
            r#"{"title":""}"#,
            r#"{"title":5}"#,
            r#"{"title":"a","id":1}"#,
            r#"{"title":"a","extra":null}"#,
            r#"{"title":"a","completed":1}"#,
            r#"{"title":"a","completed":"true"}"#,
            r#"{"title":"a","deadline_at":""}"#,
            r#"{"title":"a","deadline_at":5}"#,
            r#"{"title":"a\u0000b"}"#,
            r#"{"title":"\ud800"}"#,
            r#"{"title":"a","description":true}"#,
        ] {
            assert!(new_todo(body.as_bytes()).is_err(), "{body}");
        }
        assert!(new_todo(b"{\"title\":\"\xff\"}").is_err());
        assert!(new_todo("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn accepted_bodies() {
        let todo = new_todo(br#"{"title":"a","title":"b","completed":null,"deadline_at":null}"#).unwrap();
        assert_eq!(
            todo,
            NewTodo { title: "b".into(), description: None, completed: false, deadline_at: None }
        );
        assert!(new_todo(b"\xEF\xBB\xBF{\"title\":\"  \"}").is_ok());
        assert!(patch(b"{}").unwrap().is_empty());
        assert_eq!(patch(br#"{"description":null}"#).unwrap().description, Some(None));
        assert!(patch(br#"{"completed":null}"#).is_err());
    }

    #[test]
    fn queries() {
        let ok = |q: &str| list_query(q).unwrap();
        assert_eq!(ok(""), ListQuery::default());
        assert_eq!(ok("completed=&window=&limit=&after=&x=1"), ListQuery::default());
        assert_eq!(ok("completed=true&completed=foo").completed, Some(true));
        assert_eq!(ok("window=%2B5").window_days, Some(5));
        assert_eq!(ok("window=+5").window_days, Some(5), "a plus is a blank in a query string");
        assert_eq!(ok("window=99999999999999999999999").window_days, Some(u64::MAX));
        assert_eq!(ok("limit=1000&after=7").next_page(9), "limit=1000&after=9");
        for bad in [
            "completed=True",
            "completed=1",
            "window=-1",
            "window=abc",
            "window=1.5",
            "limit=0",
            "limit=1001",
            "limit=x",
            "after=-1",
            "after=x",
            "completed=%ff",
        ] {
            assert!(list_query(bad).is_err(), "{bad}");
        }
    }
}
