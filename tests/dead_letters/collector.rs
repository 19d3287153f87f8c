//! A collector of traces on this machine: takes what the worker sends by OTLP, and shows it span by span.
//! Not here: what a span should say.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message;

use crate::stage::SOON;
use crate::support::private::assert_nothing_private;
use crate::support::until::until;

/// A span as it was sent, with what is the same for all spans of its request.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    /// As OTLP numbers it: 3 client, 4 producer, 5 consumer.
    pub(crate) kind: i32,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty for the first span of a trace.
    pub(crate) parent: String,
    /// Trace and span of each link.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) is_error: bool,
    pub(crate) service: String,
    pub(crate) schema: String,
    attributes: Vec<KeyValue>,
}

impl Span {
    /// An attribute as a text; empty where there is none.
    pub(crate) fn attribute(&self, key: &str) -> String {
        text(&self.attributes, key)
    }
}

/// The collector and all that has come.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    spans: Vec<Span>,
    /// All requests as they came.
    text: String,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let kept = Arc::clone(&taken);
        let take = move |body: Bytes| async move {
            let mut kept = kept.lock().unwrap();
            kept.text.push_str(&String::from_utf8_lossy(&body));
            let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
            kept.spans.extend(read(request));
            StatusCode::OK
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, taken }
    }

    /// All spans so far, once they are as they should be. They are searched for private data.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let look = async || self.taken.lock().unwrap().spans.clone();
        let spans = until(what, SOON, look, |spans| holds(spans)).await;
        assert_nothing_private("spans", &self.taken.lock().unwrap().text);
        spans
    }
}

fn read(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_process in request.resource_spans {
        let service = text(&of_process.resource.map(|it| it.attributes).unwrap_or_default(), "service.name");
        for of_scope in of_process.scope_spans {
            for span in of_scope.spans {
                spans.push(Span {
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
                    is_error: span.status.is_some_and(|status| status.code == 2),
                    name: span.name,
                    kind: span.kind,
                    service: service.clone(),
                    schema: of_scope.schema_url.clone(),
                    attributes: span.attributes,
                });
            }
        }
    }
    spans
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|it| it.key == key).and_then(|it| it.value.clone());
    match value {
        Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => text,
        Some(AnyValue { value: Some(any_value::Value::IntValue(number)) }) => number.to_string(),
        _ => String::new(),
    }
}
