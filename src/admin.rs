//! Probes and metrics over HTTP, for an orchestrator and for Prometheus.
//!
//! Not here: measuring.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::listening::{self, Limits};
use crate::ports::{ApiState, BrokerState, Pause, Trouble, WaitReason, Waiting};
use crate::worker::{Pace, Status};

/// The state that the probes read.
#[derive(Clone)]
pub struct View {
    /// State of the broker room.
    pub broker: watch::Receiver<BrokerState>,
    /// Status of the worker.
    pub status: Arc<Status>,
    /// The pace of all calls.
    pub pace: Arc<Pace>,
    /// All metrics.
    pub metrics: PrometheusHandle,
    /// Time without progress after which `/livez` fails: of one message, pauses left out, or of the pool.
    pub stuck_after: Duration,
}

/// Probes and Prometheus send their requests at once.
const LIMITS: Limits = Limits {
    what: "probes and metrics",
    request_within: Duration::from_secs(5),
    lasts: Duration::from_secs(60),
    connections: 64,
};

/// Serves until the process ends, also while it stops: it is alive then, and not ready.
pub async fn serve(listener: TcpListener, view: View) {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/held", get(held))
        .with_state(view);
    listening::serve(listener, router, LIMITS).await;
}

/// The probe of the process itself: waiting for the broker, for confirms or for the end of a pause is progress.
async fn livez(State(view): State<View>) -> Response {
    let stuck = |age: Option<Duration>, what: &str| {
        let age = age.filter(|age| *age > view.stuck_after)?;
        Some((StatusCode::SERVICE_UNAVAILABLE, format!("{what} for {} s\n", age.as_secs())).into_response())
    };
    stuck(view.status.longest_handled(&view.pace), "a message has been handled")
        .or_else(|| stuck(view.status.without_step(), "no message could be taken or ended"))
        .unwrap_or_else(|| "ok\n".into_response())
}

/// The body of `/readyz`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    ready: bool,
    /// The pause; absent while work goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<Paused>,
    broker: Broker,
    api: Api,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Paused {
    cause: &'static str,
    /// The API's last answer, by status and in its own names.
    answer: String,
    /// The operation that is paused; absent while all calls are.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    since: Timestamp,
    /// The time of the next probe; absent once the next message may try.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_probe: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Broker {
    /// Prefetch of the registered consumer; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefetch: Option<u16>,
    /// Whether the broker feeds this worker; a standby is ready, too.
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Api {
    /// Status of the API, `unknown` until the first token.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

impl Readiness {
    /// Readiness. An API that fails does not make the process unready. A pause is right then, and a roll-out that mends
    /// a credential must not be blocked.
    fn of(broker: &BrokerState, pause: Option<Pause>, api: ApiState) -> Self {
        let BrokerState { prefetch, active, cause, since, next_try, .. } = broker.clone();
        let api = match api {
            ApiState::Unknown => Api { status: "unknown", cause: None, since: None },
            ApiState::Works => Api { status: "works", cause: None, since: None },
            ApiState::Fails(Trouble { cause, since }) => {
                Api { status: "fails", cause: Some(cause), since: Some(since) }
            }
        };
        Self {
            ready: prefetch.is_some(),
            pause: pause.map(Paused::from),
            broker: Broker { prefetch, active, cause, since, next_try },
            api,
        }
    }
}

impl From<Pause> for Paused {
    fn from(Pause { cause, answer, operation, since, next_probe }: Pause) -> Self {
        Self { cause, answer, operation, since, next_probe }
    }
}

async fn readyz(State(view): State<View>) -> Response {
    let readiness = Readiness::of(&view.broker.borrow(), view.pace.pause(), view.status.api());
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &readiness)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body + "\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// One message in the body of `/held`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The shop's order id, or Buy with Prime's, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The message's id; absent for one without an id that is not taken yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Why it waits, in one word.
    pub reason: String,
    /// Why it waits, in a sentence.
    pub words: String,
    /// The time at which the wait began.
    pub since: Timestamp,
}

impl From<Waiting> for Held {
    fn from(Waiting { order, message_id, reason, since }: Waiting) -> Self {
        Self { order, message_id, reason: reason.name().into(), words: reason.words().into(), since }
    }
}

/// The messages that wait in this process.
fn waiting(view: &View) -> Vec<Waiting> {
    let mut waiting = view.status.held(&view.pace);
    waiting.extend(view.broker.borrow().waiting());
    waiting.sort_by_key(|waiting| waiting.since);
    waiting
}

async fn held(State(view): State<View>) -> Response {
    json(StatusCode::OK, &waiting(&view).into_iter().map(Held::from).collect::<Vec<_>>())
}

async fn metrics(State(view): State<View>) -> Response {
    let seconds = |age: Option<Duration>| age.unwrap_or_default().as_secs_f64();
    gauge!("bwp_oldest_message_in_hand_seconds").set(seconds(view.status.oldest_in_flight()));
    gauge!("bwp_oldest_delayed_message_seconds").set(seconds(view.status.oldest_delayed()));
    let waiting = waiting(&view);
    for reason in WaitReason::iter() {
        let held = waiting.iter().filter(|waiting| waiting.reason == reason).count();
        gauge!("bwp_held", "reason" => reason.name()).set(held as f64);
    }
    gauge!("bwp_api_failing").set(if matches!(view.status.api(), ApiState::Fails(_)) { 1 } else { 0 });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], view.metrics.render()).into_response()
}
