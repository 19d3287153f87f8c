//! Every metric: its name, its labels, what it means.
//!
//! Not here: where each is recorded; that is done in place, by these names.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Kinds of metrics, as Prometheus names them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name, unit and `_total` included.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

const fn metric(kind: Kind, name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

use Kind::{Counter, Gauge, Histogram};

/// All of them, in the order of docs/operating.md.
pub const METRICS: &[Metric] = &[
    metric(
        Counter,
        "bwp_messages_settled_total",
        &["kind", "outcome", "code"],
        "Messages by type of result (`later` and `suspect` for those that come again), outcome, and code where they failed",
    ),
    metric(Histogram, "bwp_message_seconds", &["kind"], "From the moment a message is taken up to its settlement"),
    metric(Gauge, "bwp_messages_in_hand", &[], "Messages taken from the broker and not yet acknowledged"),
    metric(Gauge, "bwp_bytes_in_hand", &[], "Bytes of their bodies"),
    metric(Gauge, "bwp_oldest_message_in_hand_seconds", &[], "For how long the oldest message has been in hand"),
    metric(
        Gauge,
        "bwp_oldest_delayed_message_seconds",
        &[],
        "For how long the oldest message that this process sent through a retry queue has been failing",
    ),
    metric(
        Histogram,
        "bwp_api_call_seconds",
        &["operation", "class"],
        "Calls by operation and class, `ok` for a success",
    ),
    metric(
        Counter,
        "bwp_unlisted_errors_total",
        &["operation"],
        "Errors that the API gave a name which stands in no row of the catalogue",
    ),
    metric(
        Gauge,
        "bwp_api_failing",
        &[],
        "1 since a call failed for a reason that is not its order's, until one succeeds",
    ),
    metric(
        Gauge,
        "bwp_api_rate_limit",
        &[],
        "Calls per second that the worker allows itself since the API throttled; 0 while there is no limit",
    ),
    metric(Histogram, "bwp_api_turn_seconds", &[], "From wanting to make a call to being allowed to by that limit"),
    metric(
        Counter,
        "bwp_retries_refused_total",
        &[],
        "Retries left to the retry queues, since the retries that all messages share were used up",
    ),
    metric(
        Counter,
        "bwp_token_renewals_total",
        &["outcome"],
        "Tokens asked for: `ok`, `refused`, `throttled`, `unavailable`",
    ),
    metric(Gauge, "bwp_consumer_prefetch", &[], "Prefetch of the registered consumer, 0 when there is none"),
    metric(Gauge, "bwp_active", &[], "1 once the broker feeds this worker; 0 for a standby"),
    metric(
        Counter,
        "bwp_takeovers_total",
        &[],
        "Times that this worker became the active one and got first what another had in hand",
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
        "Acknowledgements that came after their session: the message comes again",
    ),
    metric(Counter, "bwp_results_unroutable_total", &[], "Results that no queue was bound for"),
    metric(
        Gauge,
        "bwp_paused",
        &["cause"],
        "1 while calls are paused for this cause: `broker-blocked`, `api-down`, `api-unclear`, `credentials-refused`, `creates-denied`",
    ),
    metric(Gauge, "bwp_build_info", &["version"], "Always 1; the version is in the label"),
];

/// Bounds of all histograms in seconds: from a fast confirm to the longest time that a delivery is held.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// Begins to record, and gives what renders it.
///
/// # Errors
/// A recorder was there already.
pub fn record() -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)?;
    let handle = builder.install_recorder()?;
    for metric in METRICS {
        match metric.kind {
            Counter => describe_counter!(metric.name, Unit::Count, metric.help),
            Gauge => describe_gauge!(metric.name, metric.help),
            Histogram => describe_histogram!(metric.name, Unit::Seconds, metric.help),
        }
        // what has labels is begun by the room that records it
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
