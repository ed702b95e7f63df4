//! What an answer says when the SDK finds no error code or words in it: pages of proxies, XML in place of JSON, nothing.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// Characters of a body that are told.
const WORDS_MAX: usize = 300;

/// The HTTP status, and what a person can read of the body.
pub(super) fn words(answer: &HttpResponse) -> String {
    let body = answer.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    of(answer.status().as_u16(), &body)
}

/// By which AWS knows the request.
pub(super) fn request(answer: &HttpResponse) -> Option<&str> {
    let names = ["x-amzn-requestid", "x-amz-request-id", "x-amz-cf-id"];
    names.iter().find_map(|name| answer.headers().get(*name))
}

fn of(status: u16, body: &str) -> String {
    let text = member(body).unwrap_or_else(|| without_tags(body));
    let mut words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(WORDS_MAX) {
        words.truncate(end);
        words.push('…');
    }
    if words.is_empty() { format!("HTTP {status} without a word") } else { format!("HTTP {status}: {words}") }
}

/// A JSON object's words.
fn member(body: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    let names = ["message", "Message", "errorMessage", "__type"];
    names.iter().find_map(|name| value[name].as_str()).map(str::to_owned)
}

/// HTML and XML without their tags, styles and scripts.
fn without_tags(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let hidden = ["style", "script", "head"].iter().find(|name| tag.starts_with(**name));
        let end = hidden.and_then(|name| tag.find(&format!("</{name}"))).unwrap_or(0);
        rest = tag
            .get(end + usize::from(end > 0)..)
            .and_then(|tag| tag.split_once('>'))
            .map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_body_is_something_is_said() {
        let page = "<!doctype html><html><head><title>404</title><style>p {}</style></head>\n<body><h1>Not Found</h1>\n\
                    <p>The URL is not here.</p></body></html>";
        let table = [
            ("", "HTTP 404 without a word"),
            ("  \n", "HTTP 404 without a word"),
            (page, "HTTP 404: Not Found The URL is not here."),
            (r#"{"__type": "UnknownOperationException"}"#, "HTTP 404: UnknownOperationException"),
            (r#"{"Message": "not in this region"}"#, "HTTP 404: not in this region"),
            ("<Error><Code>X</Code><Message>no</Message></Error>", "HTTP 404: X no"),
            ("plain words <", "HTTP 404: plain words"),
        ];
        for (body, expected) in table {
            assert_eq!(of(404, body), expected, "{body}");
        }
        let long = of(502, &"ä ".repeat(1000));
        assert!(long.ends_with('…') && long.chars().count() < 320, "{long}");
    }
}
