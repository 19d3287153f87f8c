//! The broker room's settings: addresses, limits and names.
//!
//! Not here: where the values come from.

use std::time::Duration;

use lapin::uri::AMQPUri;
use secrecy::ExposeSecret;

use crate::secret::Secret;
use crate::tls::{self, Identity, TlsError};

/// The broker room's settings.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// The broker's address, `amqp://user:password@host:port/vhost` or `amqps://…`; read at each connect.
    pub uri: Secret,
    /// Files for `amqps://`; read at each connect.
    pub tls: TlsFiles,
    /// Address of RabbitMQ's management API, user and password included. A preflight reads there the facts that AMQP
    /// does not show.
    pub management: Option<Secret>,
    /// Interval of heartbeats; a silent peer is noticed after twice as long.
    pub heartbeat: Duration,
    /// Messages in flight at the same time, in this process.
    pub prefetch: u16,
    /// Bytes of message bodies in flight at the same time, in this process.
    pub max_bytes_in_flight: u32,
    /// Whether to declare exchanges, queues and bindings.
    pub declare: bool,
    /// Name of the consumer, as the broker lists it; empty stands for the host's name.
    pub consumer_tag: String,
    /// How long a delivery may be unacknowledged before the session gives all messages back. It is below RabbitMQ's own
    /// limit.
    pub give_back_after: Duration,
    /// How long to wait for the broker's confirm of a publication, while the broker is not blocked.
    pub confirm_timeout: Duration,
    /// How a result is treated that no queue is bound to.
    pub unroutable: Unroutable,
    /// Names of exchanges and queues.
    pub names: Names,
    /// Delays of the retry queues, shortest first, at least one.
    pub delays: Vec<Duration>,
}

impl BrokerConfig {
    /// The broker's address without user and password, for people; nothing if it cannot be read.
    pub fn address(&self) -> Option<String> {
        let AMQPUri { scheme, authority, vhost, .. } = self.uri.read().expose_secret().parse().ok()?;
        Some(format!("{scheme}://{}:{}/{}", authority.host, authority.port, vhost.replace('/', "%2f")))
    }
}

/// PEM files for TLS. Their names are the settings' under `broker.tls`.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Certificate authorities to trust beside those of the system.
    pub ca: Option<Secret>,
    /// Our own certificate, for a broker that asks for one. Needs `key`.
    pub certificates: Option<Secret>,
    /// The key of `certificates`.
    pub key: Option<Secret>,
}

impl TlsFiles {
    /// TLS settings from the present contents of the files.
    ///
    /// # Errors
    /// A file cannot be used, or no certificate authority is trusted.
    pub fn client_config(&self) -> Result<rustls::ClientConfig, TlsError> {
        let identity = self.certificates.as_ref().zip(self.key.as_ref());
        let identity =
            identity.map(|(certificates, key)| Identity { certificates: certificates.read(), key: key.read() });
        tls::client_config(self.ca.as_ref().map(Secret::read).as_ref(), identity.as_ref())
    }
}

/// How a result is treated that no queue is bound to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unroutable {
    /// It is dropped, and the message is settled. The log says so once.
    Accept,
    /// No message is settled until a queue is bound.
    Pause,
}

impl Unroutable {
    /// The word for it in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Pause => "pause",
        }
    }
}

/// Names of exchanges and queues.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// The shop's topic exchange.
    pub events: String,
    /// Routing keys by which the work queue is bound to the shop's exchange.
    pub bindings: Vec<String>,
    /// The work queue.
    pub queue: String,
    /// Topic exchange of results.
    pub results: String,
    /// Topic exchange of dead letters.
    pub dead: String,
    /// Queue of dead letters.
    pub dead_letters: String,
}

impl Names {
    /// Binds the work queue by further routing keys.
    pub fn bind<'k>(&mut self, keys: impl Iterator<Item = &'k String>) {
        for key in keys {
            if !self.bindings.contains(key) {
                self.bindings.push(key.clone());
            }
        }
    }

    /// The queue of records that the handling of a suspect has begun or ended.
    pub fn tries(&self) -> String {
        format!("{}.tries", self.queue)
    }

    /// The queue in which version 0.1.0 kept messages that may be killing the process. A migration empties and deletes it.
    pub fn suspects(&self) -> String {
        format!("{}.suspects", self.queue)
    }

    /// The queue that takes over during a migration all that the old queues hold.
    pub fn migration_old(&self) -> String {
        format!("{}.migration-old", self.queue)
    }

    /// The queue that collects the shop's messages during a migration. It exists until the migration has ended.
    pub fn migration_new(&self) -> String {
        format!("{}.migration-new", self.queue)
    }

    /// The queue in which a message waits for so long, for example `bwp.orders.retry.30s`.
    pub fn retry(&self, delay: Duration) -> String {
        format!("{}.retry.{}", self.queue, delay_name(delay))
    }

    /// The queue that takes over what the queue of dead letters loses.
    pub fn parked(&self) -> String {
        format!("{}.parked", self.dead_letters)
    }
}

/// A delay in its largest whole unit: `500ms`, `30s`, `2m`, `1h`.
fn delay_name(delay: Duration) -> String {
    let millis = delay.as_millis();
    [(3_600_000, "h"), (60_000, "m"), (1000, "s")]
        .into_iter()
        .find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit))
        .map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_named_in_its_largest_whole_unit() {
        let names = [500, 1500, 5000, 90_000, 120_000, 600_000, 3_600_000, 0]
            .map(|millis| delay_name(Duration::from_millis(millis)));
        assert_eq!(names, ["500ms", "1500ms", "5s", "90s", "2m", "10m", "1h", "0ms"]);
    }
}
