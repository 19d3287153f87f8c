//! Spans of a message for a collector of traces, by OpenTelemetry's conventions, and the context that travels in headers.
//!
//! Not here: sending spans away (`telemetry`); the span of a message's log lines (`worker`). Without a collector every
//! span here is disabled and costs nothing.

use std::collections::{BTreeMap, HashMap};

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Target of all spans that are sent away. The log leaves them out.
pub const TARGET: &str = "traces";

/// Version of the conventions by which spans and attributes are named.
pub const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.37.0";

/// How the span of a message is related to the shop's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Relation {
    /// Each attempt is a trace of its own, with a link to the shop's span.
    #[default]
    Link,
    /// Each attempt is a part of the shop's trace.
    Parent,
}

/// A message that was delivered, as its span tells it.
#[derive(Debug)]
pub struct Delivered<'a> {
    /// Its headers; `traceparent` and `tracestate` are the shop's context.
    pub headers: &'a BTreeMap<String, String>,
    /// The exchange that the shop published to.
    pub exchange: &'a str,
    /// The routing key that the shop published with.
    pub routing_key: &'a str,
    /// The queue that it was consumed from.
    pub queue: &'a str,
    /// Its id.
    pub message_id: &'a str,
    /// The order that it is about.
    pub order: Option<&'a str>,
    /// Bytes of its body.
    pub bytes: usize,
    /// Attempts that were counted before.
    pub attempts: u32,
    /// How often it was replayed.
    pub replays: u32,
}

/// Span from a delivery to its settlement.
pub fn process(message: &Delivered<'_>, relation: Relation) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "process",
        otel.name = format!("process {}", message.queue),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.system = "rabbitmq",
        messaging.operation.name = "process",
        "messaging.operation.type" = "process",
        messaging.destination.name = joined(&[message.exchange, message.routing_key, message.queue]),
        messaging.rabbitmq.destination.routing_key = message.routing_key,
        messaging.message.id = message.message_id,
        messaging.message.body.size = message.bytes,
        bwp.order.id = message.order,
        bwp.attempts = message.attempts,
        bwp.replays = message.replays,
        bwp.outcome = Empty,
        "error.type" = Empty,
    );
    if !span.is_disabled() {
        let shop = TraceContextPropagator::new().extract(&Headers(message.headers));
        if relation == Relation::Link {
            span.add_link(shop.span().span_context().clone());
        } else {
            // refused only where the span has no trace
            span.set_parent(shop).ok();
        }
    }
    span
}

/// Span of one call of the API. `kind` is `query` or `mutation`.
pub fn call(kind: &str, operation: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "call",
        otel.name = format!("{kind} {operation}"),
        otel.kind = "client",
        otel.status_code = Empty,
        "graphql.operation.type" = kind,
        graphql.operation.name = operation,
        "error.type" = Empty,
    )
}

/// Span from a publication to its confirm. The default exchange has no name.
pub fn publish(exchange: &str, routing_key: &str, bytes: usize) -> Span {
    tracing::info_span!(
        target: TARGET,
        "publish",
        otel.name = format!("publish {}", joined(&[exchange, routing_key])),
        otel.kind = "producer",
        otel.status_code = Empty,
        messaging.system = "rabbitmq",
        messaging.operation.name = "publish",
        "messaging.operation.type" = "send",
        messaging.destination.name = joined(&[exchange, routing_key]),
        messaging.rabbitmq.destination.routing_key = routing_key,
        messaging.message.body.size = bytes,
        "error.type" = Empty,
    )
}

/// A span ends with this outcome.
pub fn ended(span: &Span, outcome: &str) {
    span.record("bwp.outcome", outcome);
}

/// A span ends with an error of this type.
pub fn failed(span: &Span, error_type: &str) {
    span.record("error.type", error_type);
    span.record("otel.status_code", "ERROR");
}

/// Id of the trace that a span belongs to.
pub fn trace_id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

/// Headers by which a message carries a span's context on.
pub fn headers(span: &Span) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    if span.is_disabled() {
        return headers;
    }
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    headers.retain(|_, value| !value.is_empty());
    headers
}

/// Parts of a destination. One that is empty, or the same as the part before it, is left out.
fn joined(parts: &[&str]) -> String {
    let mut named: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    named.dedup();
    named.join(":")
}

struct Headers<'a>(&'a BTreeMap<String, String>);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_no_empty_and_no_repeated_part() {
        assert_eq!(
            joined(&["shop.events", "checkout-completed", "bwp.orders"]),
            "shop.events:checkout-completed:bwp.orders"
        );
        assert_eq!(joined(&["", "bwp.orders.retry.5s"]), "bwp.orders.retry.5s");
        assert_eq!(joined(&["", "bwp.orders", "bwp.orders"]), "bwp.orders");
    }

    #[test]
    fn without_a_collector_there_is_no_trace() {
        let headers = BTreeMap::new();
        let message = Delivered {
            headers: &headers,
            exchange: "",
            routing_key: "k",
            queue: "q",
            message_id: "1",
            order: None,
            bytes: 0,
            attempts: 0,
            replays: 0,
        };
        let span = process(&message, Relation::Parent);
        assert_eq!((trace_id(&span), self::headers(&span).len()), (None, 0));
    }
}
