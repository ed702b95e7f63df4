//! Every sample, written as it comes: `--out json=FILE` (a JSON object a line) and `--out csv=FILE`, in k6's
//! formats; compressed where the name ends in `.gz`. One thread writes, so that the load is not disturbed.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::metrics::recorder::Sample;
use crate::metrics::registry::{MetricId, Registry};
use crate::metrics::tags::SystemTags;

/// Batches that may wait for the writer; what does not fit is counted as lost.
pub const BATCHES_MAX: usize = 4096;

/// Where samples go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub format: Format,
    /// `None`: standard output.
    pub path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
}

impl Destination {
    /// Reads `json=file`, `csv=file.gz`, `json` or `json=-`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, path) = text.split_once('=').unwrap_or((text, ""));
        let format = match kind {
            "json" => Format::Json,
            "csv" => Format::Csv,
            other => {
                return Err(format!(
                    "unknown output `{other}`; known are json=FILE and csv=FILE (add .gz to compress), and --report FILE"
                ));
            }
        };
        let path = (!path.is_empty() && path != "-").then(|| PathBuf::from(path));
        if path.is_none() && format == Format::Csv {
            return Ok(Self { format, path: Some(PathBuf::from("file.csv")) });
        }
        Ok(Self { format, path })
    }

    /// As the banner names it.
    pub fn describe(&self) -> String {
        let kind = if self.format == Format::Json { "json" } else { "csv" };
        let path = self.path.as_ref().map_or_else(|| "stdout".to_owned(), |path| path.display().to_string());
        format!("{kind} ({path})")
    }

    /// Opens the file; fails before the test begins rather than after it.
    pub fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        let Some(path) = &self.path else { return Ok(Box::new(io::stdout())) };
        let file = BufWriter::new(File::create(path)?);
        if path.extension().is_some_and(|extension| extension == "gz") {
            Ok(Box::new(GzEncoder::new(file, Compression::fast())))
        } else {
            Ok(Box::new(file))
        }
    }
}

/// The batch that ends the outputs.
pub const END: Vec<Sample> = Vec::new();

/// Writes batches until there comes [`END`], or all senders are gone.
pub fn write_all(
    batches: &Receiver<Vec<Sample>>,
    mut outputs: Vec<(Destination, Box<dyn Write + Send>)>,
    registry: &Arc<Registry>,
    system: SystemTags,
    start_unix: Duration,
) -> io::Result<()> {
    let mut seen = HashSet::new();
    let mut columns = system.names();
    columns.retain(|name| !matches!(*name, "vu" | "iter"));
    columns.sort_unstable();
    for (destination, out) in &mut outputs {
        if destination.format == Format::Csv {
            writeln!(out, "metric_name,timestamp,metric_value,{},extra_tags,metadata", columns.join(","))?;
        }
    }
    while let Ok(batch) = batches.recv()
        && !batch.is_empty()
    {
        for sample in &batch {
            let first = seen.insert(sample.metric);
            for (destination, out) in &mut outputs {
                match destination.format {
                    Format::Json => write_json(out, sample, registry, start_unix, first)?,
                    Format::Csv => write_csv(out, sample, registry, start_unix, &columns)?,
                }
            }
        }
    }
    outputs.iter_mut().try_for_each(|(_, out)| out.flush())
}

fn write_json(
    out: &mut impl Write,
    sample: &Sample,
    registry: &Registry,
    start_unix: Duration,
    first: bool,
) -> io::Result<()> {
    let metric = &registry.metrics[sample.metric.0];
    if first {
        writeln!(out, "{}", declaration(registry, sample.metric))?;
    }
    let tags = |pairs: &[(String, String)]| {
        pairs.iter().cloned().map(|(k, v)| (k, json!(v))).collect::<serde_json::Map<_, _>>()
    };
    let value = if sample.value.fract() == 0.0 && sample.value.abs() < 9e15 {
        json!(sample.value as i64)
    } else {
        json!(sample.value)
    };
    let mut data =
        json!({"time": timestamp(start_unix, sample.at_ns), "value": value, "tags": tags(&sample.tags.tags)});
    if !sample.tags.metadata.is_empty() {
        data["metadata"] = tags(&sample.tags.metadata).into();
    }
    writeln!(out, "{}", json!({"metric": metric.name, "type": "Point", "data": data}))
}

fn declaration(registry: &Registry, id: MetricId) -> serde_json::Value {
    let metric = &registry.metrics[id.0];
    let thresholds: Vec<_> = metric.thresholds.iter().map(|rule| rule.to_json()).collect();
    let sub = |index: &usize| {
        let sub = &registry.subs[*index];
        let suffix = sub.name.split_once('{').map_or("", |(_, tags)| tags.trim_end_matches('}'));
        let tags: BTreeMap<&str, &str> =
            sub.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        json!({"name": sub.name, "suffix": suffix, "tags": tags})
    };
    let subs: Vec<_> = metric.subs.iter().map(sub).collect();
    json!({
        "type": "Metric",
        "data": {
            "name": metric.name,
            "type": metric.kind.name(),
            "contains": metric.contains.name(),
            "thresholds": thresholds,
            "submetrics": if subs.is_empty() { serde_json::Value::Null } else { subs.into() },
        },
        "metric": metric.name,
    })
}

fn write_csv(
    out: &mut impl Write,
    sample: &Sample,
    registry: &Registry,
    start_unix: Duration,
    columns: &[&str],
) -> io::Result<()> {
    let name = &registry.metrics[sample.metric.0].name;
    let seconds = (start_unix + Duration::from_nanos(sample.at_ns)).as_secs();
    write!(out, "{name},{seconds},{:.6}", sample.value)?;
    for column in columns {
        let value = sample.tags.tags.iter().find(|(key, _)| key == column).map_or("", |(_, value)| value);
        write!(out, ",{}", quoted(value))?;
    }
    let joined = |pairs: &[(String, String)]| {
        let own = pairs.iter().filter(|(key, _)| !columns.contains(&key.as_str()));
        own.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
    };
    writeln!(out, ",{},{}", quoted(&joined(&sample.tags.tags)), quoted(&joined(&sample.tags.metadata)))
}

fn quoted(value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) || value.starts_with(' ') {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

/// RFC 3339 with nanoseconds, in UTC.
pub fn timestamp(start_unix: Duration, at_ns: u64) -> String {
    let at = start_unix + Duration::from_nanos(at_ns);
    let nanos = i128::try_from(at.as_nanos()).unwrap_or(i128::MAX);
    jiff::Timestamp::from_nanosecond(nanos).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::recorder::SampleLabels;
    use crate::metrics::registry;

    fn written(format: Format) -> String {
        let (to, from) = std::sync::mpsc::sync_channel(4);
        let tags = vec![("kind".to_owned(), "a,b".to_owned()), ("status".to_owned(), "200".to_owned())];
        let labels = Arc::new(SampleLabels { tags, metadata: vec![("trace".to_owned(), "7".to_owned())] });
        let sample = |value| Sample {
            metric: registry::HTTP_REQS,
            at_ns: 1_500_000_000,
            value,
            tags: Arc::clone(&labels),
        };
        to.send(vec![sample(1.0), sample(2.5)]).expect("fits");
        drop(to);
        let registry = Arc::new(Registry::new([], &serde_json::Map::new()).expect("builds"));
        let file = std::env::temp_dir().join(format!("loadtest-samples-{}-{format:?}", std::process::id()));
        let destination = Destination { format, path: Some(file.clone()) };
        let out = destination.open().expect("opens");
        let start = Duration::from_secs(1_700_000_000);
        write_all(&from, vec![(destination, out)], &registry, SystemTags::default(), start).expect("writes");
        let text = std::fs::read_to_string(&file).expect("is there");
        std::fs::remove_file(file).expect("is there");
        text
    }

    #[test]
    fn json_declares_a_metric_once() {
        let text = written(Format::Json);
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["type"], "Metric");
        assert_eq!(lines[1]["data"]["time"], "2023-11-14T22:13:21.5Z");
        assert_eq!(lines[2]["data"]["value"], 2.5);
        assert_eq!(lines[2]["data"]["tags"]["status"], "200");
    }

    #[test]
    fn csv_has_a_column_for_each_system_tag() {
        let text = written(Format::Csv);
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some(
                "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,\
                 scenario,service,status,subproto,tls_version,url,extra_tags,metadata"
            )
        );
        assert_eq!(lines.next(), Some("http_reqs,1700000001,1.000000,,,,,,,,,,,200,,,,\"kind=a,b\",trace=7"));
    }

    #[test]
    fn destinations() {
        assert_eq!(Destination::parse("json=a.json.gz").expect("known").describe(), "json (a.json.gz)");
        assert_eq!(Destination::parse("json").expect("known").describe(), "json (stdout)");
        assert!(Destination::parse("influxdb=x").expect_err("unknown").contains("json=FILE"));
    }
}
