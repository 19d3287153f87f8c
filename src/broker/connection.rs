//! Opens and closes connections, each within a time.
//!
//! Not here: what goes over them; when to try again.

use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, RustlsConnector, TLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Acker, Connection, ConnectionProperties, ErrorKind};
use secrecy::ExposeSecret;
use url::{Host, Url};

use super::config::BrokerConfig;
use crate::tls::TlsError;

/// Opening includes name resolution, TCP, TLS and the AMQP handshake.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for the answer to a close. After that the broker notices by its heartbeat.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take. A queue whose leader is only busy answers within it.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The words for that; lapin's errors carry them.
const NO_ANSWER: &str = "no answer within 30 s: has the queue a leader?";
/// How often a pending acknowledgement looks whether its connection is lost.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error("broker.uri: {0}")]
    Uri(#[from] UriError),
    /// TLS cannot be set up.
    #[error("broker.tls.{0}")]
    Tls(#[from] TlsError),
    /// The broker, or the way to it, refused.
    #[error("{}{}", .0, hint(.0))]
    Refused(#[from] lapin::Error),
    /// Nobody answered.
    #[error("no answer within {} s", OPEN_TIMEOUT.as_secs())]
    Timeout,
    /// One of the other errors, and where it happened.
    #[error("{place}: {error}")]
    At {
        /// User, host and virtual host; no password.
        place: String,
        /// The error.
        error: Box<OpenError>,
    },
}

/// The text is not an AMQP address. Nothing of it is shown: it may hold a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UriError {
    /// It is no AMQP address at all.
    #[error("expected `amqp://user:password@host:port/vhost` or `amqps://…`")]
    NotAnAddress,
    /// User or password hold what ends them in an address.
    #[error("expected `amqp://user:password@host:port/vhost` or `amqps://…`\nhint: {PERCENT_ENCODING}")]
    Unencoded,
    /// The virtual host has no name.
    #[error("expected the name of a virtual host after the last `/`\nhint: `/%2f` at the end names the default one")]
    NoVirtualHost,
}

/// How characters that mean something in an address are written in a user or a password.
pub const PERCENT_ENCODING: &str =
    "in user and password, `@ : / ? # %` are written in percent-encoding, such as `%40` for `@` and `%2f` for `/`";

/// A hint what to check when the broker refuses an address.
fn hint(error: &lapin::Error) -> String {
    let said = error.to_string();
    if said.contains("Login was refused") {
        return format!("\nhint: are user and password right? {PERCENT_ENCODING}");
    }
    if said.contains("vhost") {
        return "\nhint: the virtual host is all that follows the `/` after the host; `%2f` names the default one"
            .into();
    }
    String::new()
}

/// Whether an address holds a user or password of which a part was taken for host, port, path or fragment.
pub fn is_unencoded(address: &str) -> bool {
    if !address.contains("://") || !address.contains('@') {
        return false;
    }
    let Ok(url) = Url::parse(address) else { return true };
    let nobody = url.username().is_empty() && url.password().is_none();
    // the name of a virtual host may hold an `@`, but not one that is followed by a host and a port
    let credentials_in_path = url.path().split_once('@').is_some_and(|(_, rest)| rest.contains([':', '/']));
    nobody || credentials_in_path || url.fragment().is_some()
}

/// Whether a broker's address asks for TLS.
///
/// # Errors
/// Not an AMQP address.
pub fn is_encrypted(uri: &str) -> Result<bool, UriError> {
    Ok(parse(uri)?.scheme == AMQPScheme::AMQPS)
}

/// How large a frame of a connection may be. lapin keeps room for 64 of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Frame {
    /// As large as the broker allows: room of 8 MiB by RabbitMQ's default.
    Any,
    /// 32 KiB: room of 2 MiB. Bodies of any size are split; headers fit, unless a shop has very many.
    Small,
}

/// Bytes of a frame that holds the largest header frame of a copy. Bodies are split.
pub const SMALL_FRAME: u32 = 32 * 1024;

/// Whether a connection ended since the headers of a message fitted into none of its frames.
pub(super) fn is_frame_too_large(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == 501)
}

/// Opens a connection that the broker lists under `name`, with the address and certificates of this moment.
///
/// lapin's own recovery stays off: it forgets the prefetch, and can leave a consumer that is registered nowhere. A lost
/// session is built anew instead.
pub async fn open(config: &BrokerConfig, name: &str, frame: Frame) -> Result<Connection, OpenError> {
    open_with_wire(config, name, frame).await.map(|(connection, _wire)| connection)
}

/// Opens a connection as [`open`] does, and keeps the socket under it.
pub(super) async fn open_with_wire(
    config: &BrokerConfig,
    name: &str,
    frame: Frame,
) -> Result<(Connection, Wire), OpenError> {
    let uri = parse(config.uri.read().expose_secret())?;
    let place = place(&uri);
    connect(config, uri, name, frame).await.map_err(|error| OpenError::At { place, error: Box::new(error) })
}

/// Host, port, virtual host and user.
fn place(uri: &AMQPUri) -> String {
    let AMQPUri { authority, vhost, .. } = uri;
    let (host, port, user) = (&authority.host, authority.port, &authority.userinfo.username);
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    format!("{user} at {host}:{port}, virtual host {vhost}")
}

async fn connect(
    config: &BrokerConfig,
    mut uri: AMQPUri,
    name: &str,
    frame: Frame,
) -> Result<(Connection, Wire), OpenError> {
    uri.query.frame_max = match frame {
        Frame::Any => None,
        Frame::Small => Some(SMALL_FRAME),
    };
    // AMQP counts heartbeats in whole seconds; 0 would switch them off
    uri.query.heartbeat = Some(u16::try_from(config.heartbeat.as_secs().max(1)).unwrap_or(u16::MAX));
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    // lapin's own TLS needs roots of the system even where others are given
    let tls = match uri.scheme {
        AMQPScheme::AMQP => None,
        AMQPScheme::AMQPS => Some(RustlsConnector::from(config.tls.client_config()?)),
    };
    let runtime = lapin::runtime::default_runtime()?;
    let (wire, own) = (Wire::default(), runtime.clone());
    let kept = wire.clone();
    let connect = async move |uri: AMQPUri, _| {
        let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri.clone() };
        let stream = plain.connect_with_config_async(TLSConfig::default(), &own).await?;
        if let AsyncTcpStream::Plain(stream) = &stream {
            kept.keep(stream.get_ref().as_fd())?;
        }
        Ok(match &tls {
            Some(tls) => stream.into_rustls(tls, &uri.authority.host).await?,
            None => stream,
        })
    };
    let connection = Connection::connector(uri, runtime, connect, properties);
    let connection = tokio::time::timeout(OPEN_TIMEOUT, connection).await.map_err(|_elapsed| OpenError::Timeout)??;
    Ok((connection, wire))
}

/// The socket under a connection, for cutting it.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire(Arc<Mutex<Option<TcpStream>>>);

impl Wire {
    fn keep(&self, socket: BorrowedFd<'_>) -> std::io::Result<()> {
        let socket = TcpStream::from(socket.try_clone_to_owned()?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
        Ok(())
    }

    /// Ends the connection as a lost network does: the broker requeues unacknowledged messages, in their order.
    pub(super) fn cut(&self) {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // an error says that it is cut already
        drop(socket.map(|socket| socket.shutdown(Shutdown::Both)));
    }
}

fn parse(text: &str) -> Result<AMQPUri, UriError> {
    if is_unencoded(text) {
        return Err(UriError::Unencoded);
    }
    let mut uri: AMQPUri = text.parse().map_err(|_| UriError::NotAnAddress)?;
    if uri.vhost.is_empty() {
        return Err(UriError::NoVirtualHost);
    }
    // lapin takes an IPv6 address for the local machine
    if let Ok(Some(Host::Ipv6(address))) = Url::parse(text).map(|url| url.host().map(|host| host.to_owned())) {
        uri.authority.host = address.to_string();
    }
    Ok(uri)
}

/// Closes a connection with its channels and consumers still open, or else cuts it. Unacknowledged messages are
/// requeued in their order only if no channel is closed and no consumer cancelled before.
pub(super) async fn give_back(connection: &Connection, wire: &Wire) {
    if !close(connection).await {
        wire.cut();
    }
}

/// Closes a connection, or gives up on it; whether the broker has confirmed that.
pub async fn close(connection: &Connection) -> bool {
    match tokio::time::timeout(CLOSE_TIMEOUT, connection.close(200, "OK".into())).await {
        Ok(Ok(())) => return true,
        // it is gone either way; the session reports its own error
        Ok(Err(error)) => tracing::debug!(%error, "connection was closed already"),
        Err(_elapsed) => tracing::debug!("connection did not confirm its close"),
    }
    false
}

/// Closes a channel, so that its unacknowledged messages are requeued.
pub async fn close_channel(channel: &lapin::Channel) {
    match tokio::time::timeout(CLOSE_TIMEOUT, channel.close(200, "OK".into())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "channel was closed already"),
        Err(_elapsed) => tracing::debug!("channel did not confirm its close"),
    }
}

/// Waits for an answer of the broker, but not without end: a queue whose leader is gone answers nothing, while heartbeats
/// go on.
///
/// # Errors
/// The broker's own; or none came in 30 seconds, which [`is_unanswered`] tells.
pub(super) async fn answered<T>(asked: impl Future<Output = lapin::Result<T>>) -> lapin::Result<T> {
    tokio::time::timeout(ANSWER_WITHIN, asked).await.unwrap_or_else(|_elapsed| Err(unanswered()))
}

/// The error for an answer that did not come in time.
pub(super) fn unanswered() -> lapin::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, NO_ANSWER).into()
}

/// Whether the broker gave no answer in time.
pub(super) fn is_unanswered(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(error) if error.kind() == std::io::ErrorKind::TimedOut)
}

/// Acknowledges; `false` means that the broker has not heard of it, and will deliver the message again.
///
/// # Errors
/// The connection is gone.
pub async fn acknowledge(acker: &Acker, options: BasicAckOptions) -> lapin::Result<bool> {
    unless_lost(acker, acker.ack(options)).await
}

/// Requeues a message; `false` means that the broker has not heard of it, and requeues by itself.
///
/// # Errors
/// The connection is gone.
pub async fn requeue(acker: &Acker) -> lapin::Result<bool> {
    unless_lost(acker, acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() })).await
}

/// Waits for lapin's answer to an acknowledgement, or for the loss of its connection. An acknowledgement that begins
/// while its connection is being lost is never ended by lapin. The delivery knows of the loss soon after.
async fn unless_lost(acker: &Acker, answer: impl Future<Output = lapin::Result<bool>>) -> lapin::Result<bool> {
    let connection_is_lost = async {
        while !acker.poisoned() {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        () = connection_is_lost => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_whether_it_is_encrypted_and_nothing_else_is_repeated() {
        assert_eq!(is_encrypted("amqp://guest:guest@rabbit/%2f"), Ok(false));
        assert_eq!(is_encrypted("amqps://rabbit/%2f?auth_mechanism=external"), Ok(true));
        for wrong in ["", "rabbit", "guest:pa55word@rabbit", "amqp:guest:pa55word@rabbit", "http://rabbit"] {
            assert!(!is_encrypted(wrong).unwrap_err().to_string().contains("pa55word"), "{wrong}");
        }
    }

    #[test]
    fn what_ends_a_password_in_an_address_is_recognised() {
        for unencoded in [
            "amqp://user:p@ss/w#rd@host:5672/%2f",
            "amqp://user:pass/word@host:5672/%2f",
            "amqp://user:pass#word@host:5672/%2f",
            "amqp://user:pass?word@host:5672/%2f",
            "amqp://user:12/34@host/%2f",
            "amqp://user:12#34@host/%2f",
            "amqp://user:12?34@host/%2f",
            "amqp://us/er:pass@host/%2f",
        ] {
            assert_eq!(is_encrypted(unencoded), Err(UriError::Unencoded), "{unencoded}");
        }
        for good in [
            "amqp://user:p%40ss%2fw%23rd@host:5672/%2f",
            "amqp://user:p@ss@host:5672/%2f",
            "amqp://user:pass@host/team@prod",
            "amqp://host",
            "amqp://host//",
        ] {
            assert_eq!(is_encrypted(good), Ok(false), "{good}");
        }
        for nameless in ["amqp://guest:guest@127.0.0.1:5672/", "amqps://host/?heartbeat=5"] {
            assert_eq!(is_encrypted(nameless), Err(UriError::NoVirtualHost), "{nameless}");
        }
    }

    #[test]
    fn the_place_of_a_failure_has_no_password() {
        for (uri, expected) in [
            ("amqp://worker:pa55word@rabbit:5673/shop", "worker at rabbit:5673, virtual host shop"),
            ("amqps://worker:pa55word@[2001:db8::7]/%2f", "worker at [2001:db8::7]:5671, virtual host /"),
        ] {
            assert_eq!(place(&parse(uri).unwrap()), expected);
        }
    }

    #[test]
    fn an_address_of_ipv6_is_kept() {
        assert_eq!(parse("amqp://guest:guest@[2001:db8::7]:5672/%2f").unwrap().authority.host, "2001:db8::7");
    }
}
