//! One HTTP exchange: the connection pool, TLS, a bounded body, and whether a request was sent at all.
//!
//! Not here: what is in a request or an answer.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use rustls_platform_verifier::BuilderVerifierExt;
use url::Url;

use super::config::ClientError;
use crate::ports::ApiError;

/// An answer is a few kilobytes; more than this is not one of the API's.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Load balancers close idle connections after about a minute. A request written into a connection that is just being
/// closed has an unknown outcome, so ours are given up well before.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// The pool of connections that all requests go through.
#[derive(Clone, Debug)]
pub(super) struct Http(reqwest::Client);

/// An answer, whatever it says.
#[derive(Debug)]
pub(super) struct RawAnswer {
    /// HTTP status.
    pub(super) status: u16,
    /// The header `Retry-After`, where it can be read.
    pub(super) retry_after: Option<Duration>,
    /// The body; empty where it was larger than any answer of the API.
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// No byte of the request was written.
    NotSent(String),
    /// The request may have been written.
    NoAnswer(String),
}

impl From<Unanswered> for ApiError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::NotSent(reason) => Self::NotSent { reason },
            Unanswered::NoAnswer(reason) => Self::NoAnswer { reason },
        }
    }
}

impl Http {
    /// A pool without connections.
    pub(super) fn new(connect_timeout: Duration) -> Result<Self, ClientError> {
        reqwest::Client::builder()
            .user_agent(concat!("bwp-sync/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls()?)
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(POOL_IDLE)
            // a call is one attempt: neither repeated nor sent elsewhere behind the caller's back
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map(Self)
            .map_err(ClientError::Http)
    }

    /// A request that is not sent yet.
    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.0.post(url)
    }
}

/// Sends a request and reads the whole answer, all within `timeout`.
pub(super) async fn exchange(request: RequestBuilder, timeout: Duration) -> Result<RawAnswer, Unanswered> {
    if timeout.is_zero() {
        return Err(Unanswered::NotSent("no time was left to send it".to_owned()));
    }
    let response = request.timeout(timeout).send().await.map_err(unanswered)?;
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let body = read(response).await.map_err(unanswered)?;
    Ok(RawAnswer { status, retry_after, body })
}

async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Name, connection and TLS come before the first byte; whatever fails later may have been read by the server.
fn unanswered(error: reqwest::Error) -> Unanswered {
    let not_sent = error.is_builder() || error.is_connect();
    let reason = reason(error);
    if not_sent { Unanswered::NotSent(reason) } else { Unanswered::NoAnswer(reason) }
}

/// The whole chain in one line, without the address.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // writing to a string cannot fail
        write!(text, ": {cause}").ok();
        source = cause.source();
    }
    text
}

/// TLS with a provider of our own, so that nothing depends on a default installed elsewhere in the process.
fn tls() -> Result<rustls::ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(ClientError::Certificates)?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Seconds, or a date; a date is counted from the answer's own `Date`, which needs no clock that agrees with the
/// server's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(value)?;
    let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn http_date(value: &str) -> Option<jiff::Timestamp> {
    jiff::fmt::rfc2822::parse(value).ok().map(|date| date.timestamp())
}
