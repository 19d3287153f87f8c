//! What a client is made from, and why one could not be made.
//!
//! Not here: where the values come from; the connection itself.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// The target header's name in the public documentation; Amazon's own connector writes it differently.
pub const DEFAULT_TARGET_HEADER: &str = "x-api-target-id";

/// All that a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where GraphQL is spoken, `http` or `https`.
    pub endpoint: Url,
    /// Where tokens are had, `http` or `https`.
    pub token_endpoint: Url,
    /// Client id of the credentials.
    pub client_id: String,
    /// Client secret of the credentials.
    pub client_secret: SecretString,
    /// The store that the calls are for.
    pub target_id: String,
    /// Name of the header that carries `target_id`; see [`DEFAULT_TARGET_HEADER`].
    pub target_header: String,
    /// Sent as `x-api-access-key` where there is one.
    pub access_key: Option<SecretString>,
    /// Version of the API.
    pub version: ApiVersion,
    /// For one call, from the wait for a token to the last byte of the answer. A token request has as long again,
    /// since it goes on for other calls when one gives up.
    pub timeout: Duration,
    /// For name, connection and TLS together. Below `timeout`, or a connection that hangs is reported as
    /// [`NoAnswer`](crate::ports::ApiError::NoAnswer) although nothing was sent.
    pub connect_timeout: Duration,
}

/// A version of the API; each has a dialect of its own.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ApiVersion {
    /// `2024-11-01`.
    #[default]
    V2024_11_01,
    /// `2024-04-01`, in which the public page about updates is written.
    V2024_04_01,
}

impl ApiVersion {
    /// Every version, the default one first.
    pub const ALL: [Self; 2] = [Self::V2024_11_01, Self::V2024_04_01];

    /// The version as the header `x-api-version` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2024_11_01 => "2024-11-01",
            Self::V2024_04_01 => "2024-04-01",
        }
    }
}

/// Why a client could not be made. Nothing was connected.
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
    /// The system's certificates could not be loaded.
    #[error("certificates of the system")]
    Certificates(#[source] rustls::Error),
    /// The HTTP client refused its settings.
    #[error("HTTP client")]
    Http(#[source] reqwest::Error),
}
