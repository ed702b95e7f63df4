//! The option `httpDebug`: what goes over the wire, in the log.

use loadtest_js::{HttpRequest, LogLevel};

use super::shared::{LogLine, Shared};
use crate::net::Reply;

/// How much of requests and answers is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireLog {
    #[default]
    Nothing,
    Heads,
    /// Bodies, too.
    All,
}

impl WireLog {
    /// As the option says it.
    pub fn of(option: Option<&str>) -> Self {
        match option {
            None | Some("") => Self::Nothing,
            Some("full") => Self::All,
            Some(_) => Self::Heads,
        }
    }
}

/// A hop that was made; `line` is its method and target.
pub fn log(
    shared: &Shared,
    request: &HttpRequest,
    line: (&str, &str),
    headers: &[(String, String)],
    body: &[u8],
    reply: Option<&Reply>,
) {
    let (method, target) = line;
    say(shared, request, "Request", &format!("{method} {target} HTTP/1.1"), headers, body);
    if let Some(reply) = reply {
        let status = format!("HTTP/1.1 {} {}", reply.status, reply.reason);
        say(shared, request, "Response", &status, &reply.headers, &reply.body);
    }
}

fn say(
    shared: &Shared,
    request: &HttpRequest,
    what: &str,
    first: &str,
    headers: &[(String, String)],
    body: &[u8],
) {
    let mut text = format!("{what}:\n{first}\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    if shared.options.wire_log == WireLog::All {
        text.push_str(&String::from_utf8_lossy(body));
    }
    text.push('\n');
    let context = &request.context;
    let fields = vec![("group", context.group.to_string()), ("scenario", context.scenario.to_string())];
    let line = LogLine { source: "http-debug".to_owned(), fields, ..LogLine::plain(LogLevel::Info, &text) };
    shared.log_with(line);
}
