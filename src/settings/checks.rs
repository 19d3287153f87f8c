//! Checks across settings: required ones, and values that contradict each other.
//!
//! Not here: values of the wrong kind.

use std::time::Duration;

use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use super::reader::Problems;
use super::shape::Settings;
use crate::{broker, tls};

/// RabbitMQ's default `consumer_timeout`, after which it closes the channel of a delivery.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Notes every contradiction and every missing value.
pub(super) fn check(settings: &Settings, problems: &mut Problems) {
    needed(settings, problems);
    numbers(settings, problems);
    times(settings, problems);
    broker_address(settings, problems);
    unencoded(settings, problems);
    plain_http(settings, problems);
    for twice in broker::names_twice(&settings.broker.names, &settings.broker.delays) {
        problems.note(twice);
    }
    certificates(settings, problems);
    if let Err(error) = EnvFilter::try_new(&settings.log.filter) {
        problems.note(format!("log.filter: {error}"));
    }
    for error in settings.api.problems() {
        problems.note(format!("api.{error}"));
    }
}

fn needed(settings: &Settings, problems: &mut Problems) {
    let api = &settings.api;
    for (missing, key, what) in [
        (api.client_id.is_empty(), "api.client_id", "the app's client id"),
        (api.client_secret.is_empty(), "api.client_secret", "the app's client secret"),
        (api.target_id.is_empty(), "api.target_id", "the store's id"),
    ] {
        if missing {
            problems.note(format!("{key}: expected {what}, got nothing"));
        }
    }
}

fn numbers(settings: &Settings, problems: &mut Problems) {
    for (number, key) in [
        (u32::from(settings.broker.prefetch), "broker.prefetch"),
        (settings.broker.max_bytes_in_flight, "broker.max_bytes_in_flight"),
    ] {
        if number == 0 {
            problems.note(format!("{key}: expected at least 1"));
        }
    }
}

fn times(settings: &Settings, problems: &mut Problems) {
    let delays = &settings.limits.delays;
    if delays.is_empty() || !delays.is_sorted_by(|shorter, longer| shorter < longer) {
        let text = "retry.delays: expected at least one delay, shortest first, none twice";
        problems.note(text);
    }
    for (time, key) in [
        (settings.api.timeout, "api.timeout"),
        (settings.api.connect_timeout, "api.connect_timeout"),
        (settings.broker.confirm_timeout, "broker.confirm_timeout"),
    ] {
        if time.is_zero() {
            problems.note(format!("{key}: expected more than nothing, or no answer can come in time"));
        }
    }
    let waits = &settings.pacing.waits;
    if waits.first.is_zero() || waits.longest < waits.first {
        problems.note("pause: expected `first_probe` of more than nothing, and `longest_probe` not below it");
    }
    let give_back_after = settings.broker.give_back_after;
    if give_back_after.is_zero() || give_back_after >= CONSUMER_TIMEOUT {
        problems
            .note("broker.give_back_after: expected more than nothing, and less than RabbitMQ's limit of 30 minutes");
    }
    if settings.max_hold >= CONSUMER_TIMEOUT {
        let text = "broker.max_hold: expected less than RabbitMQ's own limit of 30 minutes";
        problems.note(text);
    }
    let (timeout, hold, grace) = (settings.api.timeout, settings.max_hold, settings.grace);
    if problems.has("api.timeout") {
        return;
    }
    let connect = settings.api.connect_timeout;
    if connect >= timeout {
        let text = format!(
            "api.connect_timeout: expected less than api.timeout ({timeout:?}), so that a call that was never sent is \
             told from one without an answer, got {connect:?}"
        );
        problems.note(text);
    }
    let longest_look = timeout * 4 + settings.timing.visible_after;
    if hold <= longest_look {
        let text = format!(
            "broker.max_hold: expected more than four times api.timeout and api.settle together ({longest_look:?}), for \
             a read, the end of a call of unknown outcome, a second read and a call, got {hold:?}"
        );
        problems.note(text);
    }
    if grace <= timeout {
        let text = format!(
            "shutdown.grace: expected more than api.timeout ({timeout:?}), so that no call is cut, got {grace:?}"
        );
        problems.note(text);
    }
}

fn broker_address(settings: &Settings, problems: &mut Problems) {
    let (uri, files) = (&settings.broker.uri, &settings.broker.tls);
    match broker::is_encrypted(uri.read().expose_secret()) {
        Err(error) => problems.note(format!("broker.uri: {error}")),
        Ok(false) if files.ca.is_some() || files.certificates.is_some() => {
            let text = "broker.tls: expected an `amqps://` address in `broker.uri`, got a plain one";
            problems.note(text);
        }
        Ok(_) => {}
    }
}

/// Addresses that may hold a user and a password.
fn unencoded(settings: &Settings, problems: &mut Problems) {
    for (key, address) in [("broker.management_uri", &settings.broker.management), ("api.proxy", &settings.api.proxy)] {
        if address.as_ref().is_some_and(|address| broker::is_unencoded(address.read().expose_secret())) {
            let hint = broker::PERCENT_ENCODING;
            problems.note(format!("{key}: expected `http://user:password@host:port` or `https://…`\nhint: {hint}"));
        }
    }
}

/// Plain HTTP shows credentials and addresses of people to everyone on the way.
fn plain_http(settings: &Settings, problems: &mut Problems) {
    let api = &settings.api;
    for (key, url) in [("api.endpoint", &api.endpoint), ("api.token_endpoint", &api.token_endpoint)] {
        if url.scheme() == "http" && !is_loopback(url) && !settings.allow_plain_http {
            let text =
                format!("{key}: expected https, got plain http to another machine\nhint: `api.allow_plain_http`");
            problems.note(text);
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn certificates(settings: &Settings, problems: &mut Problems) {
    let files = &settings.broker.tls;
    if files.certificates.is_some() != files.key.is_some() && !problems.has("broker.tls.cert_file") {
        let text = "broker.tls.key_file: expected both `cert_file` and `key_file`, or none";
        problems.note(text);
    }
    if (files.ca.is_some() || files.certificates.is_some())
        && let Err(error) = files.client_config()
    {
        problems.note(format!("broker.tls.{error}"));
    }
    if let Some(ca) = &settings.api.ca
        && let Err(error) = tls::client_config(Some(&ca.read()), None)
    {
        problems.note(format!("api.tls.{error}"));
    }
}
