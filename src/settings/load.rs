//! Loading the settings: the environment goes over the files, the files over the built-in defaults.
//!
//! Not here: the syntax of values (`values`), the sources (`reader`).

use std::path::PathBuf;
use std::time::Duration;

use strum::IntoEnumIterator;

use super::checks;
use super::mappings::mappings;
use super::reader::Reader;
use super::shape::{Log, Rate, Settings, SettingsError, StartFulfillment};
use crate::api::ClientConfig;
use crate::broker::{BrokerConfig, Names, TlsFiles};
use crate::domain::conventions::Conventions;
use crate::domain::order::AliasTypes;
use crate::domain::rule::Rule;
use crate::policy::breaker::Waits;
use crate::policy::decide::Limits;
use crate::worker::{Pacing, Timing};

/// Every key, its default and its reason, as TOML.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

impl Settings {
    /// Loads the defaults, the files in sequence, and the environment.
    ///
    /// # Errors
    /// Every problem at once, without any secret.
    pub fn load(files: &[PathBuf]) -> Result<Self, SettingsError> {
        Self::read(Reader::new(DEFAULTS, files, std::env::vars_os())?)
    }

    fn read(mut reader: Reader) -> Result<Self, SettingsError> {
        let settings = Self::of(&mut reader)?;
        checks::check(&settings, &mut reader.problems);
        reader.finish()?;
        Ok(settings)
    }

    fn of(reader: &mut Reader) -> Result<Self, SettingsError> {
        let max_hold = reader.get("broker.max_hold")?;
        let api = api(reader)?;
        let mut broker = broker(reader)?;
        let mappings = mappings(reader)?;
        broker.names.bind(mappings.iter().flat_map(|mapping| &mapping.routing_keys));
        let timing = timing(reader, max_hold, api.timeout, broker.prefetch)?;
        Ok(Self {
            broker,
            mappings,
            allow_plain_http: reader.get("api.allow_plain_http")?,
            conventions: conventions(reader)?,
            limits: limits(reader)?,
            timing,
            pacing: pacing(reader)?,
            max_hold,
            max_message_bytes: reader.get("broker.max_message_bytes")?,
            admin: reader.get("admin.listen")?,
            log: Log { format: reader.get("log.format")?, filter: reader.get("log.filter")? },
            relation: reader.get("traces.relation")?,
            grace: reader.get("shutdown.grace")?,
            api,
            changed: reader.changed(),
        })
    }
}

fn broker(reader: &mut Reader) -> Result<BrokerConfig, SettingsError> {
    Ok(BrokerConfig {
        uri: reader.secret("broker.uri")?,
        tls: TlsFiles {
            ca: reader.file("broker.tls.ca_file")?,
            certificates: reader.file("broker.tls.cert_file")?,
            key: reader.file("broker.tls.key_file")?,
        },
        management: Some(reader.secret("broker.management_uri")?).filter(|uri| !uri.is_empty()),
        heartbeat: reader.get("broker.heartbeat")?,
        prefetch: reader.get("broker.prefetch")?,
        max_bytes_in_flight: reader.get("broker.max_bytes_in_flight")?,
        declare: reader.get("broker.declare")?,
        consumer_tag: reader.get("broker.consumer_tag")?,
        give_back_after: reader.get("broker.give_back_after")?,
        confirm_timeout: reader.get("broker.confirm_timeout")?,
        unroutable: reader.get("results.unroutable")?,
        names: Names {
            events: reader.get("broker.events")?,
            bindings: reader.get("broker.bindings")?,
            queue: reader.get("broker.queue")?,
            results: reader.get("results.exchange")?,
            dead: reader.get("dead_letters.exchange")?,
            dead_letters: reader.get("dead_letters.queue")?,
        },
        delays: reader.get("retry.delays")?,
    })
}

fn api(reader: &mut Reader) -> Result<ClientConfig, SettingsError> {
    Ok(ClientConfig {
        endpoint: reader.get("api.endpoint")?,
        token_endpoint: reader.get("api.token_endpoint")?,
        client_id: reader.secret("api.client_id")?,
        client_secret: reader.secret("api.client_secret")?,
        target_id: reader.get("api.target_id")?,
        target_header: reader.get("api.target_header")?,
        access_key: Some(reader.secret("api.access_key")?).filter(|key| !key.is_empty()),
        version: reader.get("api.version")?,
        timeout: reader.get("api.timeout")?,
        connect_timeout: reader.get("api.connect_timeout")?,
        ca: reader.file("api.tls.ca_file")?,
        proxy: Some(reader.secret("api.proxy")?).filter(|proxy| !proxy.is_empty()),
    })
}

fn conventions(reader: &mut Reader) -> Result<Conventions, SettingsError> {
    let start: StartFulfillment = reader.get("orders.start_fulfillment")?;
    let mut rules = Vec::new();
    for rule in Rule::iter() {
        if reader.get(&format!("orders.rules.{}", rule.setting()))? {
            rules.push(rule);
        }
    }
    Ok(Conventions {
        aliases: AliasTypes {
            order: reader.get("orders.aliases.order")?,
            order_display: reader.get("orders.aliases.order_display")?,
            line: reader.get("orders.aliases.line")?,
            line_display: reader.get("orders.aliases.line_display")?,
            refund: reader.get("orders.aliases.refund")?,
        },
        start_with_order: start == StartFulfillment::WithOrder,
        rules: rules.into_iter().collect(),
    })
}

fn limits(reader: &mut Reader) -> Result<Limits, SettingsError> {
    Ok(Limits {
        attempts: reader.get("retry.attempts")?,
        denied_attempts: reader.get("retry.denied_attempts")?,
        panics: reader.get("retry.panics")?,
        delays: reader.get("retry.delays")?,
        wait_for_create: reader.get("orders.wait_for_create")?,
    })
}

fn timing(reader: &mut Reader, max_hold: Duration, timeout: Duration, prefetch: u16) -> Result<Timing, SettingsError> {
    let visible_after = reader.get("api.settle")?;
    Ok(Timing {
        visible_after,
        call_ended: timeout + visible_after,
        first_wait: reader.get("retry.first_wait")?,
        longest_wait: reader.get("retry.longest_wait")?,
        retries: reader.get("retry.in_process")?,
        last_call: max_hold.saturating_sub(timeout),
        // the other half stays free for other messages
        hold_at_most: usize::from(prefetch / 2),
    })
}

fn pacing(reader: &mut Reader) -> Result<Pacing, SettingsError> {
    let Rate(max_calls_per_second) = reader.get("api.max_calls_per_second")?;
    let waits = Waits { first: reader.get("pause.first_probe")?, longest: reader.get("pause.longest_probe")? };
    Ok(Pacing { max_calls_per_second, waits })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    /// Loads settings from these defaults, with the required keys alone.
    fn load(defaults: &str) -> Result<Settings, SettingsError> {
        let needed = ["BWP__API__CLIENT_ID", "BWP__API__CLIENT_SECRET", "BWP__API__TARGET_ID"];
        let environment = needed.map(|name| (OsString::from(name), OsString::from("007")));
        Settings::read(Reader::new(defaults, &[], environment)?)
    }

    /// Keys of the defaults, each with its lines.
    fn keys() -> Vec<(String, std::ops::Range<usize>)> {
        let lines: Vec<&str> = DEFAULTS.lines().collect();
        let (mut section, mut keys) = (String::new(), Vec::new());
        for (at, line) in lines.iter().enumerate() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.to_owned();
            } else if let Some((name, value)) = line.split_once(" = ").filter(|_| !line.starts_with(['#', ' '])) {
                let rest = if value == "[" { lines[at..].iter().position(|line| *line == "]").unwrap() } else { 0 };
                let key = format!("{section}.{name}").trim_start_matches('.').to_owned();
                keys.push((key, at..at + rest + 1));
            }
        }
        keys
    }

    #[test]
    fn the_defaults_name_every_key_that_is_read() {
        assert!(keys().len() > 40);
        for (key, lines) in keys() {
            let without: Vec<_> =
                DEFAULTS.lines().enumerate().filter(|(at, _)| !lines.contains(at)).map(|(_, line)| line).collect();
            let error = load(&without.join("\n")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("built-in defaults: {key}: ")), "without {key}: {error}");
        }
    }

    #[test]
    fn the_defaults_name_no_key_that_is_not_read() {
        load(DEFAULTS).unwrap();
        let error = load(&format!("{DEFAULTS}\n[nobody]\nreads = 1\n")).unwrap_err().to_string();
        assert!(error.starts_with("nobody.reads: unknown key"), "{error}");
    }

    #[test]
    fn a_message_is_held_no_longer_than_max_hold_and_stuck_after_five_times_that() {
        let settings = load(DEFAULTS).unwrap();
        let (timing, seconds) = (settings.timing(), Duration::from_secs);
        // `broker.max_hold` is 60 s, `api.timeout` 10 s and `api.settle` 2 s
        assert_eq!(timing.last_call, seconds(50), "a call that begins then ends in time");
        assert_eq!(timing.call_ended, seconds(12), "a call may take its time, and its effect shows late");
        assert_eq!(settings.stuck_after(), seconds(300));
        assert_eq!((settings.broker().prefetch, timing.hold_at_most), (50, 25));
    }

    #[test]
    fn settings_show_no_secret() {
        let secrets = ["broker.uri", "api.client_id", "api.client_secret", "api.access_key", "api.proxy"];
        let environment = secrets.map(|key| {
            let value = if key == "broker.uri" { "amqp://shop:pa55word@rabbit/%2f" } else { "https://pa55word@proxy" };
            (OsString::from(format!("BWP__{}", key.replace('.', "__"))), OsString::from(value))
        });
        let target = (OsString::from("BWP__API__TARGET_ID"), OsString::from("store-1"));
        let reader = Reader::new(DEFAULTS, &[], environment.into_iter().chain([target])).unwrap();
        let settings = format!("{:#?}", Settings::read(reader).unwrap());
        assert!(settings.contains("store-1") && !settings.contains("pa55word"), "{settings}");
    }

    #[test]
    fn an_environment_value_that_looks_like_a_number_stays_text() {
        let settings = load(DEFAULTS).unwrap();
        let id = settings.api().client_id.read();
        assert_eq!((secrecy::ExposeSecret::expose_secret(&id), settings.api().target_id.as_str()), ("007", "007"));
    }
}
