//! Every metric: name, labels, meaning.
//!
//! Not here: the recording, which is done in place, by these names.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::settings::Settings;

/// Kinds of metrics in Prometheus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A count that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Observations, counted in buckets.
    Histogram,
}

/// A metric and its description.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name, unit and `_total` included.
    pub name: &'static str,
    /// Kind of metric in Prometheus.
    pub kind: Kind,
    /// Names of the labels.
    pub labels: &'static [&'static str],
    /// Meaning of the metric.
    pub help: &'static str,
}

const fn metric(kind: Kind, name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

use Kind::{Counter, Gauge, Histogram};

/// All metrics, in the sequence of docs/operating.md.
pub const METRICS: &[Metric] = &[
    metric(
        Counter,
        "bwp_messages_settled_total",
        &["kind", "outcome", "code"],
        "Messages by type of result (`later` is delivered again), outcome, and code of a failure",
    ),
    metric(Histogram, "bwp_message_seconds", &["kind"], "Time from the delivery of a message to its settlement"),
    metric(Gauge, "bwp_messages_in_hand", &[], "Messages in flight: delivered by the broker and not yet acknowledged"),
    metric(Gauge, "bwp_bytes_in_hand", &[], "Bytes of the bodies of messages in flight"),
    metric(Gauge, "bwp_oldest_message_in_hand_seconds", &[], "Time since the delivery of the oldest message in flight"),
    metric(
        Gauge,
        "bwp_oldest_delayed_message_seconds",
        &[],
        "Time that the oldest message in a retry queue has been failing, of those that this process sent there",
    ),
    metric(
        Histogram,
        "bwp_api_call_seconds",
        &["operation", "class"],
        "Duration of calls by operation and class; `ok` for a success",
    ),
    metric(
        Counter,
        "bwp_unlisted_errors_total",
        &["operation"],
        "API errors with a name that no row of the catalogue has",
    ),
    metric(
        Gauge,
        "bwp_api_failing",
        &[],
        "1 after a call failed for a reason outside its order, until a call succeeds",
    ),
    metric(
        Gauge,
        "bwp_api_rate_limit",
        &[],
        "Calls per second that the worker allows itself after throttling; 0 without a limit",
    ),
    metric(Histogram, "bwp_api_turn_seconds", &[], "Time that a call waits for the worker's own rate limit"),
    metric(
        Counter,
        "bwp_retries_refused_total",
        &[],
        "Retries left to the retry queues because the retry quota of all messages was used up",
    ),
    metric(
        Counter,
        "bwp_token_renewals_total",
        &["outcome"],
        "Token requests by outcome: `ok`, `refused`, `throttled`, `unavailable`",
    ),
    metric(Gauge, "bwp_consumer_prefetch", &[], "Prefetch of the registered consumer; 0 without a consumer"),
    metric(Gauge, "bwp_active", &[], "1 once the broker feeds this worker; 0 for a standby"),
    metric(
        Counter,
        "bwp_takeovers_total",
        &[],
        "Times that this worker became active and first got the messages that another had in flight",
    ),
    metric(Gauge, "bwp_held", &["reason"], "Messages that wait in this process, by reason"),
    metric(
        Counter,
        "bwp_sessions_lost_total",
        &["cause"],
        "Sessions with the broker that ended by themselves, or did not begin",
    ),
    metric(Histogram, "bwp_confirm_seconds", &[], "From a publication to the broker's confirm"),
    metric(
        Counter,
        "bwp_stale_acks_total",
        &[],
        "Acknowledgements after the end of their session; the message is redelivered",
    ),
    metric(Counter, "bwp_results_unroutable_total", &[], "Publications of results that no queue was bound for"),
    metric(
        Gauge,
        "bwp_paused",
        &["cause"],
        "1 while calls are paused for this cause: `broker-blocked`, `api-down`, `api-unclear`, `credentials-refused`, `creates-denied`",
    ),
    metric(
        Gauge,
        "bwp_queue_messages",
        &["role", "queue"],
        "Ready messages of a queue, as the broker tells every replica; NaN while it does not. Roles: `work`, `retry`, `letters`, `parked`",
    ),
    metric(
        Gauge,
        "bwp_head_age_seconds",
        &[],
        "Age of the oldest message that this worker was given and has not settled; 0 for a standby",
    ),
    metric(Gauge, "bwp_memory_bytes", &[], "Resident memory of the process"),
    metric(Gauge, "bwp_memory_limit_bytes", &[], "Memory limit of the container; 0 without a limit"),
    metric(Gauge, "bwp_build_info", &["version"], "Always 1, with the version as a label"),
    metric(
        Gauge,
        "bwp_settings_info",
        &["api_version", "declare", "prefetch", "start_fulfillment", "unroutable"],
        "Always 1, with settings as labels that all replicas must share",
    ),
];

/// Bounds of all histograms in seconds: from a fast confirm to the longest time that a delivery is held.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// Starts recording, and returns the handle that renders all metrics.
///
/// # Errors
/// A recorder is already installed.
pub fn record() -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)?;
    let handle = builder.install_recorder()?;
    for metric in METRICS {
        match metric.kind {
            Counter => describe_counter!(metric.name, Unit::Count, metric.help),
            Gauge => describe_gauge!(metric.name, metric.help),
            Histogram => describe_histogram!(metric.name, Unit::Seconds, metric.help),
        }
        // a series with labels is begun by the room that records it
        match metric.kind {
            _ if !metric.labels.is_empty() => {}
            Counter => metrics::counter!(metric.name).absolute(0),
            Gauge => gauge!(metric.name).set(0),
            Histogram => drop(metrics::histogram!(metric.name)),
        }
    }
    gauge!("bwp_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    Ok(handle)
}

/// Shows settings that all replicas must share.
pub fn show_settings(settings: &Settings) {
    let (api, broker) = (settings.api(), settings.broker());
    let start = if settings.conventions().start_with_order { "with-order" } else { "on-trigger" };
    let labels = [
        ("api_version", api.version.name().to_owned()),
        ("declare", broker.declare.to_string()),
        ("prefetch", broker.prefetch.to_string()),
        ("start_fulfillment", start.to_owned()),
        ("unroutable", broker.unroutable.name().to_owned()),
    ];
    gauge!("bwp_settings_info", &labels).set(1);
}
