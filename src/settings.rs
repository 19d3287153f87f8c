//! Settings: the built-in defaults, files over them, the environment over both.
//!
//! Not here: what a setting does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::api::{ApiVersion, ClientConfig};
use crate::broker::{BrokerConfig, Names, Unroutable};
use crate::domain::order::AliasTypes;
use crate::policy::decide::Limits;
use crate::worker::Timing;

/// Every key, its default and its reason.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// All settings. The keys are explained in `config/default.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    broker: Broker,
    api: Api,
    orders: Orders,
    retry: Retry,
    results: Results,
    dead_letters: DeadLetters,
    admin: Admin,
    /// How to log.
    pub log: Log,
    shutdown: Shutdown,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broker {
    uri: SecretString,
    prefetch: u16,
    #[serde(deserialize_with = "duration")]
    heartbeat: Duration,
    declare: bool,
    queue: String,
    events: String,
    #[serde(deserialize_with = "list")]
    bindings: Vec<String>,
    #[serde(deserialize_with = "duration")]
    confirm_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    max_hold: Duration,
    max_bytes_in_flight: u32,
    max_message_bytes: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Api {
    endpoint: Url,
    token_endpoint: Url,
    client_id: String,
    client_secret: SecretString,
    target_id: String,
    target_header: String,
    access_key: SecretString,
    version: String,
    #[serde(deserialize_with = "duration")]
    timeout: Duration,
    #[serde(deserialize_with = "duration")]
    connect_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    settle: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Orders {
    #[serde(deserialize_with = "duration")]
    wait_for_create: Duration,
    aliases: AliasTypes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    in_process: usize,
    #[serde(deserialize_with = "duration")]
    first_wait: Duration,
    #[serde(deserialize_with = "duration")]
    longest_wait: Duration,
    #[serde(deserialize_with = "durations")]
    delays: Vec<Duration>,
    attempts: u32,
    denied_attempts: u32,
    panics: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Results {
    exchange: String,
    unroutable: UnroutableSetting,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UnroutableSetting {
    Accept,
    Pause,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadLetters {
    exchange: String,
    queue: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Admin {
    #[serde(deserialize_with = "listen")]
    listen: Option<SocketAddr>,
}

/// How to log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// For whom.
    pub format: LogFormat,
    /// What, in the syntax of `EnvFilter`.
    pub filter: String,
}

/// For whom to log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Coloured text.
    Pretty,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shutdown {
    #[serde(deserialize_with = "duration")]
    grace: Duration,
}

/// Settings that cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file or variable cannot be read, has an unknown key or a value of the wrong kind.
    #[error("{0}")]
    Unreadable(#[from] config::ConfigError),
    /// Values that do not go together or say nothing.
    #[error("{}", .0.join("\n"))]
    Contradictory(Vec<String>),
}

impl Settings {
    /// Reads the defaults, the files in their order, and the environment.
    ///
    /// # Errors
    /// What is wrong, with the key's name; all contradictions at once.
    pub fn load(files: &[PathBuf]) -> Result<Self, SettingsError> {
        let mut sources = config::Config::builder().add_source(toml(DEFAULTS));
        for file in files {
            sources = sources.add_source(config::File::from(file.as_path()).format(config::FileFormat::Toml));
        }
        let environment = config::Environment::with_prefix("BWP").prefix_separator("__").separator("__");
        let settings: Self = sources.add_source(environment).build()?.try_deserialize()?;
        let problems = settings.problems();
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError::Contradictory(problems)) }
    }

    fn problems(&self) -> Vec<String> {
        let Self { broker, api, retry, shutdown, .. } = self;
        let ascending = retry.delays.is_sorted_by(|shorter, longer| shorter < longer);
        let checks = [
            (broker.prefetch > 0, "broker.prefetch: expected at least 1".to_owned()),
            (broker.max_bytes_in_flight > 0, "broker.max_bytes_in_flight: expected at least 1".to_owned()),
            (!api.client_id.is_empty(), "api.client_id: expected the app's client id, got nothing".to_owned()),
            (
                !api.client_secret.expose_secret().is_empty(),
                "api.client_secret: expected the app's client secret, got nothing".to_owned(),
            ),
            (!api.target_id.is_empty(), "api.target_id: expected the store's id, got nothing".to_owned()),
            (
                version(&api.version).is_some(),
                format!("api.version: expected {}, got `{}`", known_versions(), api.version),
            ),
            (
                !retry.delays.is_empty() && ascending,
                "retry.delays: expected at least one delay, shortest first, none twice".to_owned(),
            ),
            (
                broker.max_hold > api.timeout * 2,
                format!(
                    "broker.max_hold: expected more than twice api.timeout ({:?}), so that a call can be followed by \
                     a read, got {:?}",
                    api.timeout, broker.max_hold
                ),
            ),
            (
                shutdown.grace > api.timeout,
                format!(
                    "shutdown.grace: expected more than api.timeout ({:?}), so that no call is cut, got {:?}",
                    api.timeout, shutdown.grace
                ),
            ),
        ];
        checks.into_iter().filter(|(holds, _)| !holds).map(|(_, problem)| problem).collect()
    }

    /// What the broker room is told.
    pub fn broker(&self) -> BrokerConfig {
        let broker = &self.broker;
        BrokerConfig {
            uri: broker.uri.clone(),
            heartbeat: broker.heartbeat,
            prefetch: broker.prefetch,
            max_bytes_in_flight: broker.max_bytes_in_flight,
            declare: broker.declare,
            confirm_timeout: broker.confirm_timeout,
            unroutable: match self.results.unroutable {
                UnroutableSetting::Accept => Unroutable::Accept,
                UnroutableSetting::Pause => Unroutable::Pause,
            },
            names: Names {
                events: broker.events.clone(),
                bindings: broker.bindings.clone(),
                queue: broker.queue.clone(),
                results: self.results.exchange.clone(),
                dead: self.dead_letters.exchange.clone(),
                dead_letters: self.dead_letters.queue.clone(),
            },
            delays: self.retry.delays.clone(),
        }
    }

    /// What the API's client is told.
    pub fn api(&self) -> ClientConfig {
        let api = &self.api;
        ClientConfig {
            endpoint: api.endpoint.clone(),
            token_endpoint: api.token_endpoint.clone(),
            client_id: api.client_id.clone(),
            client_secret: api.client_secret.clone(),
            target_id: api.target_id.clone(),
            target_header: api.target_header.clone(),
            access_key: Some(api.access_key.clone()).filter(|key| !key.expose_secret().is_empty()),
            version: version(&api.version).unwrap_or_default(),
            timeout: api.timeout,
            connect_timeout: api.connect_timeout,
        }
    }

    /// Alias types of the store.
    pub fn aliases(&self) -> AliasTypes {
        self.orders.aliases.clone()
    }

    /// Budgets and delays.
    pub fn limits(&self) -> Limits {
        Limits {
            attempts: self.retry.attempts,
            denied_attempts: self.retry.denied_attempts,
            panics: self.retry.panics,
            delays: self.retry.delays.clone(),
            wait_for_create: self.orders.wait_for_create,
        }
    }

    /// Waits inside the process.
    pub fn timing(&self) -> Timing {
        Timing {
            settle: self.api.settle,
            first_wait: self.retry.first_wait,
            longest_wait: self.retry.longest_wait,
            retries: self.retry.in_process,
            last_call: self.broker.max_hold.saturating_sub(self.api.timeout),
        }
    }

    /// Bytes of a body that is still read.
    pub fn max_message_bytes(&self) -> usize {
        self.broker.max_message_bytes
    }

    /// Where probes and metrics are served, if anywhere.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.listen
    }

    /// How long a message may be in hand before the process counts as stuck: long after it should have been let go.
    pub fn stuck_after(&self) -> Duration {
        self.broker.max_hold * 5
    }

    /// How long calls under way may take after a signal.
    pub fn grace(&self) -> Duration {
        self.shutdown.grace
    }
}

fn toml(text: &str) -> config::File<config::FileSourceString, config::FileFormat> {
    config::File::from_str(text, config::FileFormat::Toml)
}

fn version(name: &str) -> Option<ApiVersion> {
    ApiVersion::ALL.into_iter().find(|version| version.name() == name)
}

fn known_versions() -> String {
    ApiVersion::ALL.map(|version| format!("`{}`", version.name())).join(" or ")
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?)
}

/// An address, or nothing.
fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let expected =
        || serde::de::Error::custom(format!("expected an address, as `127.0.0.1:9464`, or nothing, got `{text}`"));
    text.parse().map(Some).map_err(|_| expected())
}

fn durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    list(deserializer)?.iter().map(|text| parse_duration(text)).collect()
}

fn parse_duration<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    let positive = parsed.and_then(|duration| Duration::try_from(duration).ok());
    positive.ok_or_else(|| E::custom(format!("expected a duration with a unit, as `10s`, got `{text}`")))
}

/// A list, or one text with commas as the environment gives it.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Many(Vec<String>),
        One(String),
    }
    Ok(match List::deserialize(deserializer)? {
        List::Many(entries) => entries,
        List::One(text) => text.split(',').map(|entry| entry.trim().to_owned()).collect(),
    })
}
