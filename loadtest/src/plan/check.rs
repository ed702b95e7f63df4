//! Checks as flags and plans have them: `status=200`, `body~TEXT`, `duration<500ms`.

use loadtest_js::{NativeNumber, NativeOrder, NativeTest};

fn compare(order: NativeOrder, status: u16) -> NativeTest {
    NativeTest::Compare(NativeNumber::Status, order, f64::from(status))
}

/// A check as flags and plans have it, with its name in the results.
pub fn check(text: &str) -> Result<(String, NativeTest), String> {
    let bad = |why: &str| {
        format!(
            "check `{text}`: {why}; known are status=200, status!=404, status<400, body~TEXT, body and duration<500ms"
        )
    };
    let status = |text: &str| text.trim().parse::<u16>().map_err(|_| bad("the status is no number"));
    let rest = |prefix: &str| text.trim().strip_prefix(prefix);
    if let Some(rest) = rest("status!=") {
        return Ok((format!("status is not {}", rest.trim()), compare(NativeOrder::NotEqual, status(rest)?)));
    }
    if let Some(rest) = rest("status<") {
        return Ok((format!("status is below {}", rest.trim()), compare(NativeOrder::Less, status(rest)?)));
    }
    if let Some(rest) = rest("status=") {
        let rest = rest.trim_start_matches('=').trim();
        return Ok((format!("status is {rest}"), compare(NativeOrder::Equal, status(rest)?)));
    }
    if let Some(rest) = rest("body~") {
        return Ok((
            format!("body has {rest}"),
            NativeTest::And(
                Box::new(NativeTest::BodyTruthy),
                Box::new(NativeTest::BodyIncludes(rest.to_owned())),
            ),
        ));
    }
    if text.trim() == "body" {
        return Ok(("body is not empty".to_owned(), NativeTest::BodyTruthy));
    }
    if let Some(rest) = rest("duration<") {
        let limit = crate::duration::parse(rest).map_err(|error| bad(&error.to_string()))?;
        return Ok((
            format!("duration is below {}", rest.trim()),
            NativeTest::Compare(NativeNumber::Duration, NativeOrder::Less, limit.as_secs_f64() * 1e3),
        ));
    }
    Err(bad("unknown rule"))
}
