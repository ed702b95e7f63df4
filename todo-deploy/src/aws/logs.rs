//! What the service writes, from the deployment's log group.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use super::clients::Cloud;
use super::failure::{Absent as _, Failure, Kind, of};
use super::names::Names;
use super::wait::Deadline;

const FILTER: &str = "logs:FilterLogEvents";
const STREAMS: &str = "logs:DescribeLogStreams";
const GET: &str = "logs:GetLogEvents";

/// One line and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Instance or task.
    pub stream: String,
    pub text: String,
}

/// Lines of one page; CloudWatch Logs gives no more.
const PAGE_MAX: i32 = 10_000;

/// The last lines of the stream that was written to last.
pub(super) async fn last(cloud: &Cloud, names: &Names, count: usize) -> Result<Vec<Line>, Failure> {
    let request = cloud.logs.describe_log_streams().log_group_name(names.log_group());
    let request = request.order_by(aws_sdk_cloudwatchlogs::types::OrderBy::LastEventTime).descending(true);
    let Some(streams) = request.limit(1).send().await.map_err(of(STREAMS)).absent()? else {
        return Ok(Vec::new());
    };
    let Some(stream) = streams.log_streams().first().and_then(|stream| stream.log_stream_name()) else {
        return Ok(Vec::new());
    };
    let request = cloud.logs.get_log_events().log_group_name(names.log_group()).log_stream_name(stream);
    let request = request.limit(i32::try_from(count).unwrap_or(PAGE_MAX)).start_from_head(false);
    let events = request.send().await.map_err(of(GET))?;
    let line = |event: &aws_sdk_cloudwatchlogs::types::OutputLogEvent| Line {
        id: String::new(),
        at_ms: event.timestamp().unwrap_or_default(),
        stream: stream.to_owned(),
        text: event.message().unwrap_or_default().trim_end().to_owned(),
    };
    Ok(events.events().iter().map(line).collect())
}

/// Every line from `since_ms` on, page by page, each in order of time as AWS gives them. False where there is no log group.
pub async fn since(
    cloud: &Cloud,
    names: &Names,
    since_ms: i64,
    take: &mut dyn FnMut(&Line),
) -> Result<bool, Failure> {
    let request = cloud.logs.filter_log_events().log_group_name(names.log_group()).start_time(since_ms);
    let mut pages = request.limit(PAGE_MAX).into_paginator().send();
    while let Some(page) = pages.next().await {
        let Some(page) = page.map_err(of(FILTER)).absent()? else { return Ok(false) };
        let line = |event: &aws_sdk_cloudwatchlogs::types::FilteredLogEvent| Line {
            id: event.event_id().unwrap_or_default().to_owned(),
            at_ms: event.timestamp().unwrap_or_default(),
            stream: event.log_stream_name().unwrap_or_default().to_owned(),
            text: event.message().unwrap_or_default().trim_end().to_owned(),
        };
        let mut found: Vec<Line> = page.events().iter().map(line).collect();
        found.sort_by_key(|line| line.at_ms);
        found.iter().for_each(&mut *take);
    }
    Ok(true)
}

/// Hands over lines as they come, for ever. A line that arrives late, within the last minute, is not lost. What may pass
/// (`trouble` hears of it) is no reason to stop: the next look begins where the last one ended.
pub async fn follow(
    cloud: &Cloud,
    names: &Names,
    mut since_ms: i64,
    show: &dyn Fn(&Line),
    trouble: &dyn Fn(&Failure),
) -> Result<Infallible, Failure> {
    const LATE_MS: i64 = 60_000;
    let clock = Deadline::after(Duration::MAX, cloud.pace.poll);
    let mut seen = BTreeMap::new();
    loop {
        let mut take = |line: &Line| {
            if seen.insert(line.id.clone(), line.at_ms).is_none() {
                show(line);
            }
        };
        match since(cloud, names, since_ms, &mut take).await {
            Err(failure) if matches!(failure.kind, Kind::Throttled | Kind::Server | Kind::Unreachable) => {
                trouble(&failure);
            }
            looked => drop(looked?),
        }
        if let Some(newest) = seen.values().max().copied() {
            since_ms = since_ms.max(newest - LATE_MS);
            seen.retain(|_, at_ms| *at_ms >= since_ms);
        }
        clock.again().await;
    }
}
