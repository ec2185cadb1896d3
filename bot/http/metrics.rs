//! The numbers for monitoring, in Prometheus' text form.
//!
//! Labels come from small closed sets (route templates, known methods, names of infra repositories), never
//! from what a client sends, so that nobody can fill the memory with new ones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, StatusCode};
use metrics::{Key, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

/// A recorder of its own: nothing global, so that several servers in one process don't mix.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    taken: Arc<AtomicU64>,
}

const REQUESTS: &str = "gantry_http_requests_total";
const SECONDS: &str = "gantry_http_request_seconds";
const BUILDS: &str = "gantry_builds_received_total";
const UNDER_WAY: &str = "gantry_promotions_under_way";
const SINCE_LOOK: &str = "gantry_seconds_since_look";
const PROBLEMS: &str = "gantry_repository_problems";
const IMAGES: &str = "gantry_registry_images";
const FAILING: &str = "gantry_registry_images_failing";
const INBOX: &str = "gantry_inbox_pending";
const INBOX_AGE: &str = "gantry_inbox_oldest_pending_seconds";
const EVENT_CLIENTS: &str = "gantry_event_clients";
const CONNECTIONS: &str = "gantry_http_connections";
const WRONG_TOKENS: &str = "gantry_http_wrong_tokens_total";
const REFUSED: &str = "gantry_http_connections_refused_total";

/// The bounds of the latency buckets, in seconds.
const BUCKETS: &[f64] = &[0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0];

/// How many samples lie before they are put into their buckets, where nobody asks for the numbers.
const UPKEEP: u64 = 1024;

const HERE: Metadata<'static> = Metadata::new("gantry::http", Level::INFO, Some(module_path!()));

/// A name and its labels.
pub(super) fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> = labels
        .iter()
        .map(|(name, value)| Label::new(*name, SharedString::from((*value).to_owned())))
        .collect();
    Key::from_parts(name, labels)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A recorder with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // It refuses an empty list only.
        let builder = builder.set_buckets(BUCKETS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let counter = |name: &'static str, says: &'static str| {
            recorder.describe_counter(name.into(), Some(Unit::Count), says.into());
        };
        counter(REQUESTS, "Requests answered, by method, route and status.");
        counter(WRONG_TOKENS, "Tokens that were wrong, or came after too many wrong ones.");
        counter(REFUSED, "Connections refused because as many were open as the settings allow.");
        counter(BUILDS, "Builds reported by CI, by status.");
        recorder.describe_histogram(SECONDS.into(), Some(Unit::Seconds), "Time to the answer's head.".into());
        let gauge = |name: &'static str, unit: Unit, says: &'static str| {
            recorder.describe_gauge(name.into(), Some(unit), says.into());
        };
        gauge(UNDER_WAY, Unit::Count, "Releases on their way into an environment, by repository and step.");
        gauge(SINCE_LOOK, Unit::Seconds, "Time since the last look at an infra repository ended.");
        gauge(PROBLEMS, Unit::Count, "Problems in an infra repository that people must mend.");
        gauge(IMAGES, Unit::Count, "Images that are watched in a registry.");
        gauge(FAILING, Unit::Count, "Of them, those that could not be read when they were last asked for.");
        gauge(INBOX, Unit::Count, "Requests stored and not yet dealt with.");
        gauge(INBOX_AGE, Unit::Seconds, "How long the oldest of them has waited.");
        gauge(EVENT_CLIENTS, Unit::Count, "Open streams of events.");
        gauge(CONNECTIONS, Unit::Count, "Open connections, when the last one was taken.");
        Self { recorder: Arc::new(recorder), taken: Arc::default() }
    }

    /// The recorder, for the rest of the process: `metrics::set_global_recorder` takes it.
    #[must_use]
    pub fn recorder(&self) -> Arc<PrometheusRecorder> {
        self.recorder.clone()
    }

    /// A request was answered. `route` is the template of the path, never the path itself.
    pub(super) fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE | Method::PATCH => {
                method.as_str()
            }
            _ => "other",
        };
        let labels = [("method", method), ("route", route)];
        let counted = [labels.as_slice(), &[("status", status.as_str())]].concat();
        self.recorder.register_counter(&key(REQUESTS, &counted), &HERE).increment(1);
        self.recorder.register_histogram(&key(SECONDS, &labels), &HERE).record(took.as_secs_f64());
        if self.taken.fetch_add(1, Ordering::Relaxed) % UPKEEP == UPKEEP - 1 {
            self.recorder.handle().run_upkeep();
        }
    }

    /// A build was stored.
    pub(super) fn build_received(&self, status: &'static str) {
        self.recorder.register_counter(&key(BUILDS, &[("status", status)]), &HERE).increment(1);
    }

    fn set(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.recorder.register_gauge(&key(name, labels), &HERE).set(value);
    }

    /// How many releases are at a step.
    pub(super) fn under_way(&self, repository: &str, step: &'static str, count: usize) {
        self.set(UNDER_WAY, &[("repository", repository), ("step", step)], count as f64);
    }

    /// How a repository stands.
    pub(super) fn repository(&self, repository: &str, since_look: f64, problems: usize) {
        self.set(SINCE_LOOK, &[("repository", repository)], since_look);
        self.set(PROBLEMS, &[("repository", repository)], problems as f64);
    }

    /// How a registry stands. Its name is of the settings.
    pub(super) fn registry(&self, host: &str, images: usize, failing: usize) {
        self.set(IMAGES, &[("registry", host)], images as f64);
        self.set(FAILING, &[("registry", host)], failing as f64);
    }

    /// How the inbox stands.
    pub(super) fn inbox(&self, pending: u64, oldest: f64) {
        self.set(INBOX, &[], pending as f64);
        self.set(INBOX_AGE, &[], oldest);
    }

    /// How many streams of events are open.
    pub(super) fn event_clients(&self, open: usize) {
        self.set(EVENT_CLIENTS, &[], open as f64);
    }

    /// How many connections are open.
    pub(super) fn connections(&self, open: usize) {
        self.set(CONNECTIONS, &[], open as f64);
    }

    /// A connection was refused for want of room.
    pub(super) fn connection_refused(&self) {
        self.recorder.register_counter(&key(REFUSED, &[]), &HERE).increment(1);
    }

    /// A token was refused as wrong.
    pub(super) fn wrong_token(&self) {
        self.recorder.register_counter(&key(WRONG_TOKENS, &[]), &HERE).increment(1);
    }

    /// Everything, as Prometheus reads it.
    pub(super) fn render(&self) -> String {
        self.recorder.handle().render()
    }
}
