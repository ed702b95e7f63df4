//! `loadtest URL`: one request described by flags, run without JavaScript.

use std::time::Duration;

use loadtest_js::{NativeRequest, NativeStep, ResponseType};

use super::args::RunArgs;
use super::exit::Failure;
use crate::plan::check;

/// What an iteration does.
pub(super) fn steps(url: &str, args: &RunArgs) -> Result<Vec<NativeStep>, Failure> {
    let request = &args.request;
    let body = request.body.as_deref().map(body).transpose()?;
    let method = request.method.as_ref().map_or_else(
        || if body.is_some() { "POST".to_owned() } else { "GET".to_owned() },
        |method| method.to_ascii_uppercase(),
    );
    let headers = request.headers.iter().map(|text| header(text)).collect::<Result<_, _>>()?;
    let timeout = request.timeout.as_deref().map(|text| duration("--timeout", text)).transpose()?;
    let mut steps = vec![NativeStep::Request(NativeRequest {
        method,
        url: url.to_owned(),
        headers,
        body: body.map(Into::into),
        timeout: timeout.unwrap_or(Duration::from_secs(60)),
        tags: Vec::new(),
        name: None,
        redirects_max: None,
        response_type: if args.http.discard_response_bodies {
            ResponseType::None
        } else {
            ResponseType::Text
        },
    })];
    let mut checks = request.checks.clone();
    if args.load.practical && checks.is_empty() {
        checks.push("status=200".to_owned());
    }
    for text in &checks {
        let (name, test) = check(text).map_err(Failure::config)?;
        steps.push(NativeStep::Check { request: 0, name, test, tags: Vec::new() });
    }
    let think = request.think_time.as_deref().map(|text| duration("--think-time", text)).transpose()?;
    let think =
        think.unwrap_or(if args.load.rate.is_some() { Duration::ZERO } else { Duration::from_secs(1) });
    if !think.is_zero() {
        steps.push(NativeStep::Sleep(think));
    }
    Ok(steps)
}

fn body(text: &str) -> Result<Vec<u8>, Failure> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec()),
        Some(path) => std::fs::read(path)
            .map_err(|error| Failure::config(format!("--body {text}: cannot read {path}: {error}"))),
    }
}

fn header(text: &str) -> Result<(String, String), Failure> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(Failure::config(format!("--header {text}: write NAME: VALUE"))),
    }
}

fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    crate::duration::parse(text).map_err(|error| Failure::config(format!("{flag}: {error}")))
}
