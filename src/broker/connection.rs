//! Opens and closes connections, each within a time.
//!
//! Not here: what goes over them; when to try again.

use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use secrecy::ExposeSecret;

use super::config::BrokerConfig;

/// Opening includes name resolution, TCP, TLS and the AMQP handshake.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// A close that is not answered by then is left to the broker's heartbeat.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The setting is not an AMQP address. The address itself is not shown: it may hold a password.
    #[error("`broker.uri` is not an AMQP address: {0}")]
    Uri(String),
    /// The broker, or the way to it, refused.
    #[error("{0}")]
    Refused(#[from] lapin::Error),
    /// Nobody answered.
    #[error("no answer within {} s", OPEN_TIMEOUT.as_secs())]
    Timeout,
}

/// Opens a connection that the broker lists under `name`.
///
/// lapin's own recovery stays off: it forgets the prefetch and can leave a consumer that is
/// registered nowhere, so a lost session is built anew from the ground.
pub async fn open(config: &BrokerConfig, name: &str) -> Result<Connection, OpenError> {
    let mut uri: AMQPUri = config.uri.expose_secret().parse().map_err(|error: String| OpenError::Uri(error))?;
    // AMQP counts heartbeats in whole seconds; 0 would switch them off
    uri.query.heartbeat = Some(u16::try_from(config.heartbeat.as_secs().max(1)).unwrap_or(u16::MAX));
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    match tokio::time::timeout(OPEN_TIMEOUT, Connection::connect_uri(uri, properties)).await {
        Ok(connection) => Ok(connection?),
        Err(_elapsed) => Err(OpenError::Timeout),
    }
}

/// Closes a connection, or gives up on it.
pub async fn close(connection: &Connection) {
    match tokio::time::timeout(CLOSE_TIMEOUT, connection.close(200, "OK".into())).await {
        Ok(Ok(())) => {}
        // it is gone either way; the session's own error is the one that is reported
        Ok(Err(error)) => tracing::debug!(%error, "connection was closed already"),
        Err(_elapsed) => tracing::debug!("connection did not confirm its close"),
    }
}

/// Closes a channel, so that what is unacknowledged on it goes back to its queue.
pub async fn close_channel(channel: &lapin::Channel) {
    match tokio::time::timeout(CLOSE_TIMEOUT, channel.close(200, "OK".into())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "channel was closed already"),
        Err(_elapsed) => tracing::debug!("channel did not confirm its close"),
    }
}
