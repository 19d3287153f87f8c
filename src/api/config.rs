//! The settings of a client, and why one could not be made.
//!
//! Not here: where the values come from; the connection itself.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use strum::EnumIter;
use url::Url;

use crate::secret::Secret;
use crate::tls::TlsError;

/// The target header's name in the public documentation; Amazon's own connector writes it differently.
pub const DEFAULT_TARGET_HEADER: &str = "x-api-target-id";

/// The settings of a client.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The GraphQL endpoint, `http` or `https`.
    pub endpoint: Url,
    /// The token endpoint, `http` or `https`.
    pub token_endpoint: Url,
    /// Client id of the credentials; read for each token.
    pub client_id: Secret,
    /// Client secret of the credentials; read for each token.
    pub client_secret: Secret,
    /// The store that the calls are for.
    pub target_id: String,
    /// Name of the header that carries `target_id`; see [`DEFAULT_TARGET_HEADER`].
    pub target_header: String,
    /// Sent as `x-api-access-key` where there is one; read for each token.
    pub access_key: Option<Secret>,
    /// Version of the API.
    pub version: ApiVersion,
    /// Limit of one call, from the wait for a token to the last byte of the answer. A token request has as long again,
    /// since other calls wait for it when one gives up.
    pub timeout: Duration,
    /// Limit of name resolution, connection and TLS together. It is below `timeout`, or a connection that hangs is
    /// reported as [`NoAnswer`](crate::ports::ApiError::NoAnswer) although nothing was sent.
    pub connect_timeout: Duration,
    /// Certificate authorities in PEM, trusted beside those of the system. They are read again for each token, and
    /// after a call that could not be sent.
    pub ca: Option<Secret>,
    /// Proxy of all requests, `http://user:password@host:port`. It is read again together with `ca`.
    pub proxy: Option<Secret>,
}

impl ClientConfig {
    /// All settings that no client can be made of.
    pub fn problems(&self) -> Vec<ClientError> {
        let access_key = self.access_key.as_ref().map(Secret::read);
        let checks = [
            check_address("endpoint", &self.endpoint).err(),
            check_address("token_endpoint", &self.token_endpoint).err(),
            target_header(&self.target_header).err(),
            header("target_id", &self.target_id).err(),
            access_key.and_then(|key| sensitive_header("access_key", &key).err()),
            self.proxy.as_ref().and_then(|proxy| check_proxy(&proxy.read()).err()),
        ];
        checks.into_iter().flatten().collect()
    }
}

/// A version of the API; each has a dialect of its own.
#[derive(Clone, Copy, Debug, Default, EnumIter, Eq, PartialEq)]
pub enum ApiVersion {
    /// `2024-11-01`.
    #[default]
    V2024_11_01,
    /// `2024-04-01`, in which the public page about updates is written.
    V2024_04_01,
}

impl ApiVersion {
    /// The version as the header `x-api-version` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2024_11_01 => "2024-11-01",
            Self::V2024_04_01 => "2024-04-01",
        }
    }
}

/// Why a client could not be made. Most messages begin with the field of [`ClientConfig`] at fault. Nothing was
/// connected.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An address that no call can be made to.
    #[error("{setting}: expected an http or https address without user and password")]
    Address {
        /// Field of [`ClientConfig`].
        setting: &'static str,
    },
    /// Something that HTTP does not allow in a header.
    #[error("{setting}: expected text that can stand in an HTTP header")]
    Header {
        /// Field of [`ClientConfig`].
        setting: &'static str,
    },
    /// Something that is not the address of a proxy. It is not shown: it may hold a password.
    #[error("proxy: expected `http://host:port` or `https://host:port`, with or without `user:password@`")]
    Proxy,
    /// TLS cannot be set up.
    #[error("tls.{0}")]
    Tls(#[from] TlsError),
    /// The HTTP client refused its settings.
    #[error("HTTP client")]
    Http(#[source] reqwest::Error),
}

/// The name of the header that says which store a call is for.
pub(super) fn target_header(name: &str) -> Result<HeaderName, ClientError> {
    HeaderName::try_from(name).map_err(|_| ClientError::Header { setting: "target_header" })
}

/// A header that may be shown.
pub(super) fn header(setting: &'static str, value: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::try_from(value).map_err(|_| ClientError::Header { setting })
}

/// A header that must not be shown.
pub(super) fn sensitive_header(setting: &'static str, value: &SecretString) -> Result<HeaderValue, ClientError> {
    let mut value = header(setting, value.expose_secret())?;
    value.set_sensitive(true);
    Ok(value)
}

fn check_address(setting: &'static str, url: &Url) -> Result<(), ClientError> {
    let anonymous = url.username().is_empty() && url.password().is_none();
    if anonymous && is_http(url) { Ok(()) } else { Err(ClientError::Address { setting }) }
}

fn check_proxy(proxy: &SecretString) -> Result<(), ClientError> {
    let url = Url::parse(proxy.expose_secret()).ok();
    url.filter(is_http).map(drop).ok_or(ClientError::Proxy)
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}
