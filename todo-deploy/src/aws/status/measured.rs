//! What CloudWatch measured: each alarm's own metric, and what the dashboard draws; the last hour minute by minute and,
//! coarser, all of the time since the deployment was made.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_smithy_types::DateTime;

use super::Clock;
use crate::aws::failure::{Failure, of};
use crate::aws::resources::At;
use crate::deployment::Target;
use crate::status::{Grid, Series, Traffic, series};
use crate::time::Time;
use crate::timeline::Point;

const GET: &str = "cloudwatch:GetMetricData";
/// What is shown minute by minute, in seconds.
pub(super) const RECENT_S: f64 = 3600.0;
/// CloudWatch keeps points of one minute for 15 days and makes no finer ones of what AWS measures.
const MINUTE_S: f64 = 60.0;
/// Points of the whole time.
const POINTS_MAX: f64 = 300.0;
/// Questions of one call (AWS takes 500), and pages of its answer that are read.
const QUERIES_MAX: usize = 400;
const PAGES_MAX: usize = 20;
/// The newest value is told as the present one while it is not older.
const STALE_S: f64 = 300.0;

/// A metric of CloudWatch, and how its values become ours.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) namespace: String,
    pub(super) metric: String,
    pub(super) dimensions: Vec<(String, String)>,
    /// `Average`, `Sum`, `p95`, …
    pub(super) statistic: String,
    pub(super) scale: Scale,
}

/// From CloudWatch's unit to ours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    Times(f64),
    /// A sum over a period, as a rate.
    PerSecond,
}

impl Scale {
    fn of(self, value: f64, period_s: f64) -> f64 {
        match self {
            Self::Times(factor) => value * factor,
            Self::PerSecond => value / period_s,
        }
    }
}

/// Measurements by name: those of alarms by the alarm's own name, instances' CPU by instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measured {
    pub(super) series: BTreeMap<String, Series>,
    pub(super) alarms: BTreeMap<String, Grid>,
    pub(super) cpu: BTreeMap<String, f64>,
    pub(super) healthy: Grid,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Span {
    Recent,
    Whole,
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq)]
enum Of {
    Series(&'static str),
    Alarm(String),
    Instance(String),
    Healthy,
}

/// Who the deployment is in the dimensions of metrics.
#[derive(Debug, Default)]
pub(super) struct Subject {
    /// `app/NAME/ID`
    pub(super) balancer: Option<String>,
    /// `targetgroup/NAME/ID`
    pub(super) target_group: Option<String>,
    pub(super) instances: Vec<String>,
}

/// The last part of an ARN, as metrics name balancers and target groups.
pub(super) fn full_name(arn: &str) -> Option<String> {
    let rest = arn.rsplit(':').next()?;
    Some(rest.strip_prefix("loadbalancer/").unwrap_or(rest).to_owned())
}

fn sources(at: At<'_>, subject: &Subject) -> Vec<(Of, Source)> {
    let mut found = Vec::new();
    let source =
        |namespace: &str, metric: &str, dimensions: &[(&str, &str)], statistic: &str, scale| Source {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: dimensions
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            statistic: statistic.to_owned(),
            scale,
        };
    let plain = Scale::Times(1.0);
    let (group, cluster) = (at.names.service(), at.names.cluster());
    match at.names.target {
        Target::Ec2 => {
            let of_group = [("AutoScalingGroupName", group.as_str())];
            found.push((
                Of::Series(series::CPU),
                source("AWS/EC2", "CPUUtilization", &of_group, "Average", plain),
            ));
            found.extend(subject.instances.iter().map(|id| {
                let of_one = [("InstanceId", id.as_str())];
                (Of::Instance(id.clone()), source("AWS/EC2", "CPUUtilization", &of_one, "Average", plain))
            }));
        }
        Target::Ecs | Target::Local => {
            let of_service = [("ClusterName", cluster.as_str()), ("ServiceName", cluster.as_str())];
            for (name, metric) in [(series::CPU, "CPUUtilization"), (series::MEMORY, "MemoryUtilization")] {
                found.push((Of::Series(name), source("AWS/ECS", metric, &of_service, "Average", plain)));
            }
        }
    }
    let Some(balancer) = &subject.balancer else { return found };
    let of_balancer = [("LoadBalancer", balancer.as_str())];
    let is_application = balancer.starts_with("app/");
    if is_application {
        let ours = |metric: &str, statistic: &str, scale| {
            source("AWS/ApplicationELB", metric, &of_balancer, statistic, scale)
        };
        let milliseconds = Scale::Times(1000.0);
        found.extend([
            (Of::Series(series::REQUESTS), ours("RequestCount", "Sum", Scale::PerSecond)),
            (Of::Series(series::ERRORS), ours("HTTPCode_Target_5XX_Count", "Sum", Scale::PerSecond)),
            (Of::Series(series::ERRORS), ours("HTTPCode_ELB_5XX_Count", "Sum", Scale::PerSecond)),
            (Of::Series(series::P50), ours("TargetResponseTime", "p50", milliseconds)),
            (Of::Series(series::P95), ours("TargetResponseTime", "p95", milliseconds)),
            (Of::Series(series::P99), ours("TargetResponseTime", "p99", milliseconds)),
        ]);
    }
    if let Some(targets) = &subject.target_group {
        let namespace = if is_application { "AWS/ApplicationELB" } else { "AWS/NetworkELB" };
        let both = [of_balancer[0], ("TargetGroup", targets.as_str())];
        found.push((Of::Healthy, source(namespace, "HealthyHostCount", &both, "Maximum", plain)));
    }
    found
}

/// A raster of time: `values` bins of `step_s` from `start_s` (seconds since 1970, a multiple of the step).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Raster {
    start_s: f64,
    step_s: f64,
    bins: usize,
}

impl Raster {
    fn new(from_s: f64, to_s: f64, step_s: f64) -> Self {
        let start_s = (from_s / step_s).floor() * step_s;
        let bins = ((to_s - start_s) / step_s).ceil().clamp(1.0, 2.0 * POINTS_MAX);
        Self { start_s, step_s, bins: bins as usize }
    }

    fn of(span: Span, began_s: f64, now_s: f64) -> Self {
        match span {
            Span::Recent => Self::new((now_s - RECENT_S).max(began_s), now_s, MINUTE_S),
            Span::Whole => {
                let step = ((now_s - began_s) / POINTS_MAX / MINUTE_S).ceil().max(1.0) * MINUTE_S;
                Self::new(began_s, now_s, step)
            }
        }
    }

    /// What CloudWatch answered on this raster. A period without a point stays one.
    fn grid(self, points: &[(f64, f64)], scale: Scale, clock: Clock) -> Grid {
        let mut values = vec![None; self.bins];
        for (at_s, value) in points {
            let place = ((at_s - self.start_s) / self.step_s).round();
            if place >= 0.0
                && let Some(bin) = values.get_mut(place as usize)
            {
                *bin = Some(crate::status::rounded(scale.of(*value, self.step_s)));
            }
        }
        Grid { start: self.start_s - clock.began, step: self.step_s, values }
    }
}

/// Everything at once. `alarms`: names and metrics of the alarms.
pub(super) async fn measured(
    at: At<'_>,
    clock: Clock,
    now_s: f64,
    subject: &Subject,
    alarms: Vec<(String, Source)>,
) -> Result<Measured, Failure> {
    let mut asked: Vec<(Of, Span, Source)> = Vec::new();
    for (of, source) in sources(at, subject) {
        if matches!(of, Of::Series(_) | Of::Healthy) {
            asked.push((of.clone(), Span::Whole, source.clone()));
        }
        asked.push((of, Span::Recent, source));
    }
    asked.extend(alarms.into_iter().map(|(name, source)| (Of::Alarm(name), Span::Recent, source)));
    asked.truncate(QUERIES_MAX);
    let mut measured = Measured::default();
    for span in [Span::Recent, Span::Whole] {
        let asked: Vec<&(Of, Span, Source)> = asked.iter().filter(|(_, of, _)| *of == span).collect();
        let raster = Raster::of(span, clock.began, now_s);
        let answers = ask(at, raster, now_s, asked.iter().map(|(.., source)| source)).await?;
        for ((of, _, source), points) in asked.into_iter().zip(answers) {
            measured.take(of, span, raster.grid(&points, source.scale, clock));
        }
    }
    measured.no_errors();
    Ok(measured)
}

impl Measured {
    fn take(&mut self, of: &Of, span: Span, grid: Grid) {
        match of {
            Of::Series(_) if grid.values.iter().all(Option::is_none) => {}
            Of::Series(name) => {
                let series = self.series.entry((*name).to_owned()).or_default();
                let place = match span {
                    Span::Recent => &mut series.recent,
                    Span::Whole => &mut series.whole,
                };
                if place.values.is_empty() {
                    *place = grid;
                } else {
                    place.values.iter_mut().zip(grid.values).for_each(|(sum, more)| add(sum, more));
                }
            }
            Of::Alarm(name) => drop(self.alarms.insert(name.clone(), grid)),
            Of::Instance(id) => {
                self.cpu
                    .extend(grid.values.iter().rev().find_map(|value| *value).map(|cpu| (id.clone(), cpu)));
            }
            Of::Healthy if span == Span::Whole => self.healthy = grid,
            Of::Healthy => {}
        }
    }

    /// CloudWatch counts no errors where there are none: a minute with requests and without a count is one of zero.
    fn no_errors(&mut self) {
        let Some(requests) = self.series.get(series::REQUESTS).cloned() else { return };
        let errors = self.series.entry(series::ERRORS.to_owned()).or_default();
        for (errors, requests) in [(&mut errors.recent, requests.recent), (&mut errors.whole, requests.whole)]
        {
            if errors.values.is_empty() {
                *errors = Grid { values: vec![None; requests.values.len()], ..requests };
            }
            for (errors, requests) in errors.values.iter_mut().zip(&requests.values) {
                add(errors, requests.map(|_| 0.0));
            }
        }
    }

    /// The newest values, at `now` seconds since the deployment was made.
    pub(super) fn traffic(&self, now: f64) -> Traffic {
        let newest = |name: &str| {
            let grid = &self.series.get(name)?.recent;
            let (place, value) =
                grid.values.iter().enumerate().rev().find_map(|(place, value)| Some((place, (*value)?)))?;
            let ended = grid.start + (place + 1) as f64 * grid.step;
            (now - ended <= STALE_S).then_some(value)
        };
        Traffic::newest(newest)
    }
}

/// Measurements as a timeline has them: the newest part as fine as it is known.
pub(super) fn points(series: &BTreeMap<String, Series>) -> BTreeMap<String, Vec<Point>> {
    let of_grid = |grid: &Grid| -> Vec<Point> {
        let point = |(place, value): (usize, &Option<f64>)| {
            let at = Duration::try_from_secs_f64((grid.start + place as f64 * grid.step).max(0.0));
            Some(Point { at: Time::after_start(at.ok()?), value: (*value)? })
        };
        grid.values.iter().enumerate().filter_map(point).collect()
    };
    let all = |Series { whole, recent }: &Series| {
        let recent = of_grid(recent);
        let mut points = of_grid(whole);
        points.retain(|point| recent.first().is_none_or(|first| point.at < first.at));
        points.extend(recent);
        points
    };
    series.iter().map(|(name, series)| (name.clone(), all(series))).collect()
}

fn add(sum: &mut Option<f64>, more: Option<f64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or_default() + more);
    }
}

/// One answer per source, in their order: points as (seconds since 1970, value).
async fn ask(
    at: At<'_>,
    raster: Raster,
    now_s: f64,
    sources: impl Iterator<Item = &Source>,
) -> Result<Vec<Vec<(f64, f64)>>, Failure> {
    let query = |(number, source): (usize, &Source)| {
        let dimensions = source.dimensions.iter();
        let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
        let metric = Metric::builder().namespace(&source.namespace).metric_name(&source.metric);
        let metric = metric.set_dimensions(Some(dimensions.collect())).build();
        let statistic = MetricStat::builder().metric(metric).period(raster.step_s as i32);
        let statistic = statistic.stat(&source.statistic).build();
        MetricDataQuery::builder().id(format!("m{number}")).metric_stat(statistic).build()
    };
    let queries: Vec<MetricDataQuery> = sources.enumerate().map(query).collect();
    let mut answers = vec![Vec::new(); queries.len()];
    if queries.is_empty() {
        return Ok(answers);
    }
    let mut next = None;
    for _ in 0..PAGES_MAX {
        let request = at.cloud.cloudwatch.get_metric_data().set_metric_data_queries(Some(queries.clone()));
        let request = request.scan_by(ScanBy::TimestampAscending).set_next_token(next);
        let request = request.start_time(DateTime::from_secs_f64(raster.start_s));
        let page = request.end_time(DateTime::from_secs_f64(now_s)).send().await.map_err(of(GET))?;
        for result in page.metric_data_results() {
            let number = result.id().and_then(|id| id.strip_prefix('m')?.parse::<usize>().ok());
            let Some(points) = number.and_then(|number| answers.get_mut(number)) else { continue };
            let times = result.timestamps().iter().map(DateTime::as_secs_f64);
            points.extend(times.zip(result.values().iter().copied()));
        }
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_on_a_raster_of_whole_minutes() {
        let (began, now) = (1_000_030.0, 1_000_260.0);
        let raster = Raster::of(Span::Recent, began, now);
        assert_eq!(raster, Raster { start_s: 1_000_020.0, step_s: 60.0, bins: 4 });
        let clock = Clock { began };
        let points = [(1_000_020.0, 30.0), (1_000_140.0, 90.0), (2_000_000.0, 1.0)];
        let grid = raster.grid(&points, Scale::PerSecond, clock);
        assert_eq!((grid.start, grid.step), (-10.0, 60.0), "in seconds since the deployment was made");
        assert_eq!(grid.values, [Some(0.5), None, Some(1.5), None]);
        let week = Raster::of(Span::Whole, now - 7.0 * 86_400.0, now);
        assert_eq!(week.step_s, 34.0 * 60.0, "three hundred points, each of whole minutes");
        assert!(week.bins <= 302);
    }

    #[test]
    fn a_minute_without_errors_is_one_with_none() {
        let grid = |values: [Option<f64>; 3]| Grid { start: 0.0, step: 60.0, values: values.to_vec() };
        let mut measured = Measured::default();
        measured.take(&Of::Series(series::REQUESTS), Span::Recent, grid([Some(5.0), None, Some(7.0)]));
        for _ in ["of the targets", "of the balancer itself"] {
            measured.take(&Of::Series(series::ERRORS), Span::Recent, grid([None, None, Some(1.0)]));
        }
        measured.no_errors();
        assert_eq!(measured.series[series::ERRORS].recent.values, [Some(0.0), None, Some(2.0)]);
        let traffic = measured.traffic(180.0);
        assert_eq!((traffic.requests_per_s, traffic.errors_per_s), (Some(7.0), Some(2.0)));
        assert_eq!(measured.traffic(1000.0).requests_per_s, None, "too old to be the present");
    }

    #[test]
    fn metrics_know_balancers_by_the_end_of_their_arn() {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/todo/50dc6c495c0c9188";
        assert_eq!(full_name(arn).as_deref(), Some("app/todo/50dc6c495c0c9188"));
        let arn = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/todo/73e2d6bc24d8a067";
        assert_eq!(full_name(arn).as_deref(), Some("targetgroup/todo/73e2d6bc24d8a067"));
    }
}
