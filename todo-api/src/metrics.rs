//! Every metric of this instance, declared in one place; the comment above each is its help text.
//!
//! Routes are known before the first request, so counting one is a few atomic additions: no map, no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;
use crate::error::ApiError;
use crate::store::pool::Usage;

mod histogram;
mod process;

use histogram::Durations;

/// Route templates that have their own label; anything else counts as `other`, so that labels stay few.
const ROUTES: [&str; 5] = ["/api/v1/todos", "/api/v1/todos/{id}", "/api/v1/health", "/api/v1/live", "other"];
const OTHER: usize = ROUTES.len() - 1;
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "other"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Index of a route template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route(usize);

#[derive(Debug, Default)]
pub struct Metrics {
    /// `[route][method][status class]`
    requests: [[[AtomicU64; CLASSES.len()]; METHODS.len()]; ROUTES.len()],
    durations: [Durations; ROUTES.len()],
    in_flight: AtomicU64,
    connections: AtomicU64,
}

impl Metrics {
    pub fn route(&self, template: Option<&str>) -> Route {
        let known = template.and_then(|template| ROUTES[..OTHER].iter().position(|route| *route == template));
        Route(known.unwrap_or(OTHER))
    }

    pub fn route_name(&self, route: Route) -> &'static str {
        ROUTES[route.0]
    }

    /// Counts a request as in flight until the guard is dropped.
    pub fn enter(&self) -> Gauge<'_> {
        Gauge::up(&self.in_flight)
    }

    pub fn count(&self, route: Route, method: &Method, status: StatusCode, took: Duration) {
        let method = METHODS.iter().position(|m| *m == method.as_str()).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.requests[route.0][method][class].fetch_add(1, Ordering::Relaxed);
        self.durations[route.0].observe(took);
    }
}

/// Adds one to a gauge for as long as it lives.
#[derive(Debug)]
pub struct Gauge<'a>(&'a AtomicU64);

impl<'a> Gauge<'a> {
    fn up(gauge: &'a AtomicU64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a client connection as open for as long as it lives.
#[derive(Debug)]
pub struct Connected(Arc<App>);

impl Connected {
    pub fn new(app: Arc<App>) -> Self {
        app.metrics.connections.fetch_add(1, Ordering::Relaxed);
        Self(app)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `/metrics` in the Prometheus text format, for a listener of its own.
pub fn router(app: Arc<App>) -> Router {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(app)));
    let registry = Arc::new(registry);
    let scrape = move || async move {
        let mut body = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut body, &registry);
        ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], body)
    };
    Router::new().route("/metrics", get(scrape)).fallback(|| async { ApiError::NotFound })
}

#[derive(Debug)]
struct Scrape(Arc<App>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let metrics = &self.0.metrics;
        encode_requests(metrics, &mut encoder)?;
        histogram::encode(ROUTES.iter().zip(&metrics.durations), &mut encoder)?;
        let now = |gauge: &AtomicU64| ConstGauge::new(gauge.load(Ordering::Relaxed));
        gauge(
            &mut encoder,
            "http_requests_in_flight",
            "Requests being handled",
            None,
            &now(&metrics.in_flight),
        )?;
        gauge(&mut encoder, "http_connections", "Client connections open", None, &now(&metrics.connections))?;
        encode_pools(&self.0, &mut encoder)?;
        process::encode(&mut encoder)
    }
}

fn encode_requests(metrics: &Metrics, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
    let total = ConstCounter::new(0_u64);
    let help = "Requests answered, by route template, method and status class";
    let mut family = encoder.encode_descriptor("http_requests", help, None, total.metric_type())?;
    for (route, methods) in ROUTES.iter().zip(&metrics.requests) {
        for (method, classes) in METHODS.iter().zip(methods) {
            for (class, count) in CLASSES.iter().zip(classes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = [("route", *route), ("method", *method), ("status", *class)];
                    ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
                }
            }
        }
    }
    Ok(())
}

/// What a gauge of a pool shows.
type Reading = fn(&Usage) -> usize;

fn encode_pools(app: &App, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
    let usage = app.store.usage();
    let gauges: [(&str, &str, Reading); 4] = [
        ("db_pool_size_max", "Most database connections of the pool", |usage| usage.size),
        ("db_pool_in_use", "Database connections lent to requests", |usage| usage.lent),
        ("db_pool_idle", "Database connections open and free", |usage| usage.idle),
        ("db_pool_waiting", "Requests that wait for a database connection", |usage| usage.waiting),
    ];
    for (name, help, value) in gauges {
        let kind = ConstGauge::new(0_u64).metric_type();
        let mut family = encoder.encode_descriptor(name, help, None, kind)?;
        for (pool, usage) in &usage {
            ConstGauge::new(value(usage) as u64).encode(family.encode_family(&[("pool", *pool)])?)?;
        }
    }
    Ok(())
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: &impl EncodeMetric,
) -> Result<(), std::fmt::Error> {
    value.encode(encoder.encode_descriptor(name, help, unit, value.metric_type())?)
}
