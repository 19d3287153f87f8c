//! RabbitMQ's management API, read for facts that AMQP does not show.
//!
//! Not here: which facts are faults; changing anything.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::DATE;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use crate::tls;

/// Limit of one request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The management API at one address.
pub struct Management {
    client: Client,
    base: Url,
}

/// Why there is no answer. The address is left out: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// The setting is no address.
    #[error("`broker.management_uri` is not an address")]
    Address,
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// Not reachable, or not readable.
    #[error("{}", .0)]
    Http(String),
    /// It answered with something else.
    #[error("HTTP {0}")]
    Status(StatusCode),
}

impl From<reqwest::Error> for ManagementError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url().to_string())
    }
}

/// A user's permissions in a virtual host: regular expressions over names.
#[derive(Debug, Deserialize)]
pub struct Permissions {
    /// Declare and delete.
    pub configure: String,
    /// Publish and bind.
    pub write: String,
    /// Consume and bind from.
    pub read: String,
}

/// A consumer of a queue.
#[derive(Debug, Deserialize)]
pub struct QueueConsumer {
    /// The consumer tag.
    #[serde(rename = "consumer_tag")]
    pub tag: String,
    /// Whether it is fed; of a queue with a single active consumer, one is.
    #[serde(default)]
    pub active: bool,
}

/// A way by which messages come to a queue.
#[derive(Debug, Deserialize)]
pub struct Binding {
    /// The exchange.
    pub source: String,
    /// The routing key.
    pub routing_key: String,
}

impl Management {
    /// The management API at this address, user and password included.
    ///
    /// # Errors
    /// No address, or no TLS.
    pub fn new(address: &SecretString, ca: Option<&SecretString>) -> Result<Self, ManagementError> {
        let base: Url = address.expose_secret().parse().map_err(|_| ManagementError::Address)?;
        let tls = if base.scheme() == "https" { tls::client_config(ca, None)? } else { tls::trusting_nobody()? };
        let client = Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(TIMEOUT).build()?;
        Ok(Self { client, base })
    }

    /// The broker's version.
    ///
    /// # Errors
    /// No answer.
    pub async fn version(&self) -> Result<String, ManagementError> {
        #[derive(Deserialize)]
        struct Overview {
            rabbitmq_version: String,
        }
        let overview: Option<Overview> = self.get(&["overview"]).await?;
        overview.map(|overview| overview.rabbitmq_version).ok_or(ManagementError::Status(StatusCode::NOT_FOUND))
    }

    /// Arguments of a queue; `None` where there is no such queue.
    ///
    /// # Errors
    /// No answer.
    pub async fn arguments(&self, vhost: &str, queue: &str) -> Result<Option<Map<String, Value>>, ManagementError> {
        #[derive(Deserialize)]
        struct Queue {
            arguments: Map<String, Value>,
        }
        let queue: Option<Queue> = self.get(&["queues", vhost, queue]).await?;
        Ok(queue.map(|queue| queue.arguments))
    }

    /// Consumers of a queue; none where there is no such queue.
    ///
    /// # Errors
    /// No answer.
    pub async fn consumers(&self, vhost: &str, queue: &str) -> Result<Vec<QueueConsumer>, ManagementError> {
        #[derive(Deserialize)]
        struct Queue {
            #[serde(default)]
            consumer_details: Vec<QueueConsumer>,
        }
        let queue: Option<Queue> = self.get(&["queues", vhost, queue]).await?;
        Ok(queue.map(|queue| queue.consumer_details).unwrap_or_default())
    }

    /// The permissions of a user.
    ///
    /// # Errors
    /// No answer.
    pub async fn permissions(&self, vhost: &str, user: &str) -> Result<Option<Permissions>, ManagementError> {
        self.get(&["permissions", vhost, user]).await
    }

    /// Bindings of a queue; none where there is no such queue.
    ///
    /// # Errors
    /// No answer.
    pub async fn bindings(&self, vhost: &str, queue: &str) -> Result<Vec<Binding>, ManagementError> {
        let bindings: Option<Vec<Binding>> = self.get(&["queues", vhost, queue, "bindings"]).await?;
        Ok(bindings.unwrap_or_default())
    }

    /// The time of its machine, as HTTP tells it.
    ///
    /// # Errors
    /// No answer.
    pub(super) async fn date(&self) -> Result<Option<Timestamp>, ManagementError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| ManagementError::Address)?.pop_if_empty().push("api").push("overview");
        let answer = self.client.get(url).send().await?;
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| rfc2822::parse(date).ok()).map(|date| date.timestamp()))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, ManagementError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| ManagementError::Address)?.pop_if_empty().push("api").extend(path);
        let answer = self.client.get(url).send().await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                let body = answer.bytes().await?;
                serde_json::from_slice(&body).map(Some).map_err(|error| ManagementError::Http(error.to_string()))
            }
            status => Err(ManagementError::Status(status)),
        }
    }
}
