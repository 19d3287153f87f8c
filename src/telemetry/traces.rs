//! Traces: spans go to a collector by OTLP over HTTP, set up by the standard variables `OTEL_…`. Off unless one names a
//! collector.
//!
//! Not here: the spans (`trace`).

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::secret::Secret;
use crate::settings::Settings;
use crate::tls::{self, TlsError};
use crate::trace::CONVENTIONS;

/// An address that is set says where a collector is.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
/// The one protocol that is spoken.
const PROTOCOL: &str = "http/protobuf";
/// Limit of one request where no variable says another, as OpenTelemetry has it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the last spans.
const END_WITHIN: Duration = Duration::from_secs(3);
/// A collector that stays away is told again after this time.
const TELL_AGAIN: Duration = Duration::from_secs(600);

/// Traces cannot be sent as the variables say.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A protocol that is not spoken.
    #[error("{0}: expected `{PROTOCOL}`, got `{1}`")]
    Protocol(&'static str, String),
    /// No number.
    #[error("{0}: expected milliseconds, got `{1}`")]
    Timeout(&'static str, String),
    /// TLS cannot be set up.
    #[error("api.tls.{0}")]
    Tls(#[from] TlsError),
    /// The HTTP client cannot be made; the address of a proxy is not repeated.
    #[error("api.proxy: expected `http://host:port`")]
    Client,
    /// Another variable has a value that cannot be used.
    #[error("OTEL_EXPORTER_OTLP_…: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// The way of spans to a collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// The way to the collector that a variable names; none where none does.
    ///
    /// # Errors
    /// A variable or a file cannot be used.
    pub fn start(settings: &Settings, runtime: &Handle) -> Result<Option<Self>, TracesError> {
        let Some((_, endpoint)) = first(&ENDPOINTS) else { return Ok(None) };
        let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|given| given.eq_ignore_ascii_case(value));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        if let Some((name, protocol)) = first(&PROTOCOLS).filter(|(_, protocol)| protocol != PROTOCOL) {
            return Err(TracesError::Protocol(name, protocol));
        }
        let sender = Sender {
            client: client(settings, endpoint.starts_with("https:"))?,
            runtime: runtime.clone(),
            told: Arc::default(),
        };
        let exporter = SpanExporter::builder().with_http().with_http_client(sender).build()?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
        Ok(Some(Self { provider }))
    }

    /// The source of spans.
    pub(super) fn tracer(&self) -> SdkTracer {
        let scope = InstrumentationScope::builder("bwp-sync")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(CONVENTIONS)
            .build();
        self.provider.tracer_with_scope(scope)
    }

    /// Sends the last spans. Blocks for a few seconds at most.
    pub fn end(self) {
        // a failure has been told by the sender
        self.provider.shutdown_with_timeout(END_WITHIN).ok();
    }
}

/// The first of these variables that has a value.
fn first(names: &[&'static str]) -> Option<(&'static str, String)> {
    let value = |name: &&'static str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    names.iter().find_map(|name| Some((*name, value(name)?)))
}

/// The process, as `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` name it.
fn resource() -> Resource {
    let named = Resource::builder().build();
    let name = named.get(&"service.name".into()).map(|name| name.to_string());
    if name.is_some_and(|name| !name.starts_with("unknown_service")) {
        return named;
    }
    Resource::builder().with_service_name("bwp-sync").build()
}

/// A client that trusts whom the API's client trusts. A collector by plain HTTP is near, so a proxy is for HTTPS alone.
fn client(settings: &Settings, encrypted: bool) -> Result<reqwest::Client, TracesError> {
    let api = settings.api();
    let ca = api.ca.as_ref().map(Secret::read);
    let tls = if encrypted { tls::client_config(ca.as_ref(), None)? } else { tls::trusting_nobody()? };
    let timeout = match first(&TIMEOUTS) {
        Some((name, given)) => {
            Duration::from_millis(given.parse().map_err(|_| TracesError::Timeout(name, given.clone()))?)
        }
        None => TIMEOUT,
    };
    let builder = reqwest::Client::builder()
        .user_agent(concat!("bwp-sync/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .connect_timeout(api.connect_timeout)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    let builder = match api.proxy.as_ref().filter(|_| encrypted).map(Secret::read) {
        Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.expose_secret()).map_err(|_| TracesError::Client)?),
        None => builder,
    };
    builder.build().map_err(|_| TracesError::Client)
}

/// Sends requests on the process' runtime: the thread that makes them has none.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    told: Arc<Mutex<Told>>,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, told) = (self.client.clone(), Arc::clone(&self.told));
        let sent = self.runtime.spawn(async move {
            let sent = send(&client, request).await;
            let line = told.lock().unwrap_or_else(PoisonError::into_inner).line(sent.is_err(), Instant::now());
            match (line, &sent) {
                (Some(failed), Err(error)) => {
                    tracing::warn!(%error, failed, "cannot send traces: their spans are dropped");
                }
                (Some(failed), Ok(_)) => tracing::info!(failed, "traces are sent again"),
                (None, _) => {}
            }
            sent
        });
        sent.await?
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let answer = client.execute(request.try_into()?).await.map_err(with_causes)?;
    let answer = answer.error_for_status().map_err(with_causes)?;
    let status = answer.status();
    Ok(Response::builder().status(status).body(answer.bytes().await.map_err(with_causes)?)?)
}

/// An error without the address, and its causes: the error alone says no more than that a request could not be sent.
fn with_causes(error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text.into()
}

/// The last line about the collector.
#[derive(Debug, Default)]
struct Told {
    /// When it was told that the collector takes no spans; none while it does.
    failing: Option<Instant>,
    /// Requests that have failed since that line.
    failed_since: u64,
}

impl Told {
    /// Whether a line is due after a request, with how many failed since the last line. One is due for a change, and for
    /// failures that go on now and then.
    fn line(&mut self, has_failed: bool, now: Instant) -> Option<u64> {
        let since = self.failed_since;
        match (has_failed, self.failing) {
            (false, None) => None,
            (false, Some(_)) => {
                *self = Self::default();
                Some(since)
            }
            (true, Some(told)) if now < told + TELL_AGAIN => {
                self.failed_since += 1;
                None
            }
            (true, _) => {
                *self = Self { failing: Some(now), failed_since: 0 };
                Some(since)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_go_on_are_told_once_in_a_while_and_their_end_once() {
        let (mut told, began) = (Told::default(), Instant::now());
        let mut line = |has_failed, seconds| told.line(has_failed, began + Duration::from_secs(seconds));
        assert_eq!([line(false, 0), line(true, 1), line(true, 2), line(true, 600)], [None, Some(0), None, None]);
        assert_eq!([line(true, 601), line(true, 602)], [Some(2), None]);
        assert_eq!([line(false, 603), line(false, 604), line(true, 605)], [Some(1), None, Some(0)]);
    }
}
