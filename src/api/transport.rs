//! One HTTP exchange: the connection pool, TLS, a bounded body, and whether a request was sent at all.
//!
//! Not here: what is in a request or an answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::body::{self, Body};
use super::config::{ClientConfig, ClientError};
use super::reason::reason;
use crate::ports::ApiError;
use crate::secret::Secret;
use crate::tls;

/// How long an idle connection is kept. Load balancers close idle connections after about a minute, and a request
/// written into a closing one has an unknown outcome.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// The connection pool of all requests. It is built anew when the files of its certificates or proxy change.
#[derive(Clone, Debug)]
pub(super) struct Http(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    wiring: Wiring,
    current: Mutex<Current>,
}

/// The settings of a pool.
#[derive(Debug)]
struct Wiring {
    connect_timeout: Duration,
    /// Limit of a call.
    timeout: Duration,
    /// Whether some address needs TLS, and with it certificate authorities.
    encrypted: bool,
    ca: Option<Secret>,
    proxy: Option<Secret>,
}

#[derive(Debug)]
struct Current {
    made_from: Contents,
    pool: reqwest::Client,
}

/// The contents of the files that a pool was made from.
#[derive(Debug)]
struct Contents {
    ca: Option<SecretString>,
    proxy: Option<SecretString>,
}

/// An HTTP answer with any status.
#[derive(Debug)]
pub(super) struct RawAnswer {
    pub(super) status: u16,
    /// The header `Retry-After`, where it can be read.
    pub(super) retry_after: Option<Duration>,
    /// The body, as far as it can be read.
    pub(super) body: Body,
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
    pub(super) fn new(config: &ClientConfig) -> Result<Self, ClientError> {
        let addresses = [&config.endpoint, &config.token_endpoint];
        let wiring = Wiring {
            connect_timeout: config.connect_timeout,
            timeout: config.timeout,
            encrypted: addresses.iter().any(|url| url.scheme() == "https"),
            ca: config.ca.clone(),
            proxy: config.proxy.clone(),
        };
        let made_from = wiring.contents();
        let pool = wiring.pool(&made_from)?;
        Ok(Self(Arc::new(Shared { wiring, current: Mutex::new(Current { made_from, pool }) })))
    }

    /// A request that is not sent yet.
    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.current().pool.post(url)
    }

    /// A question for the head of an answer.
    pub(super) fn head(&self, url: Url) -> RequestBuilder {
        self.current().pool.head(url)
    }

    /// Sends a request and reads the whole answer, all within `timeout`.
    pub(super) async fn exchange(&self, request: RequestBuilder, timeout: Duration) -> Result<RawAnswer, Unanswered> {
        let answer = exchange(request, timeout).await;
        if matches!(answer, Err(Unanswered::NotSent(_))) {
            // a certificate authority may have been replaced; the next call shows
            self.refresh();
        }
        answer
    }

    /// Takes over changed files. Requests under way keep the pool that they began with.
    pub(super) fn refresh(&self) {
        let contents = self.0.wiring.contents();
        let mut current = self.current();
        if contents.same(&current.made_from) {
            return;
        }
        match self.0.wiring.pool(&contents) {
            Ok(pool) => {
                tracing::info!("changed certificate authorities or proxy loaded");
                current.pool = pool;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot load the changed certificate authorities or proxy, keeping the old ones")
            }
        }
        // logged once for each content, usable or not
        current.made_from = contents;
    }

    /// Nothing panics while the lock is held.
    fn current(&self) -> MutexGuard<'_, Current> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wiring {
    fn contents(&self) -> Contents {
        Contents { ca: self.ca.as_ref().map(Secret::read), proxy: self.proxy.as_ref().map(Secret::read) }
    }

    fn pool(&self, contents: &Contents) -> Result<reqwest::Client, ClientError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("bwp-sync/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(self.tls(contents)?)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(POOL_IDLE)
            // a call is one attempt: neither repeated nor sent elsewhere behind the caller's back
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            // those of the environment are none of ours
            .no_proxy();
        // a request that was not received by then is not sent later, when its order may have been read meanwhile
        #[cfg(target_os = "linux")]
        let builder = builder.tcp_user_timeout(self.timeout);
        let builder = match &contents.proxy {
            // its error repeats the address
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.expose_secret()).map_err(|_| ClientError::Proxy)?),
            None => builder,
        };
        builder.build().map_err(ClientError::Http)
    }

    fn tls(&self, contents: &Contents) -> Result<rustls::ClientConfig, ClientError> {
        let by_https_proxy = contents.proxy.as_ref().is_some_and(|proxy| proxy.expose_secret().starts_with("https:"));
        let mut config = if self.encrypted || by_https_proxy {
            tls::client_config(contents.ca.as_ref(), None)?
        } else {
            // plain HTTP alone needs nobody to trust, and a minimal image has nobody
            tls::trusting_nobody()?
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl Contents {
    fn same(&self, other: &Self) -> bool {
        let texts = |contents: &Self| {
            [&contents.ca, &contents.proxy].map(|text| text.as_ref().map(|text| text.expose_secret().to_owned()))
        };
        texts(self) == texts(other)
    }
}

async fn exchange(request: RequestBuilder, timeout: Duration) -> Result<RawAnswer, Unanswered> {
    if timeout.is_zero() {
        return Err(Unanswered::NotSent("no time was left to send it".to_owned()));
    }
    let response = request.timeout(timeout).send().await.map_err(unanswered)?;
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let encoding = response.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").to_owned());
    let body = match read(response).await.map_err(unanswered)? {
        Some(bytes) => Body::decoded(bytes, encoding.as_deref()),
        None => Body::too_large(),
    };
    Ok(RawAnswer { status, retry_after, body })
}

/// The bytes as they come; none where there are too many.
async fn read(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > body::LARGEST {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Tells whether a request can have reached the server: errors of name, connection and TLS come before the first byte.
fn unanswered(error: reqwest::Error) -> Unanswered {
    let not_sent = error.is_builder() || error.is_connect();
    let reason = reason(error);
    if not_sent { Unanswered::NotSent(reason) } else { Unanswered::NoAnswer(reason) }
}

/// The wait in `Retry-After`: seconds, or a date counted from the answer's own `Date`, which needs no common clock. A
/// wait too long to count is the longest that there is.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let until = http_date(value)?;
    let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A date in HTTP, which is in GMT. It is read as a civil one, since the last days of 9999 are no timestamp in every
/// time zone.
fn http_date(value: &str) -> Option<jiff::civil::DateTime> {
    let civil = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", value).and_then(|date| date.to_datetime());
    civil.or_else(|_| jiff::fmt::rfc2822::parse(value).map(|date| date.with_time_zone(TimeZone::UTC).datetime())).ok()
}
