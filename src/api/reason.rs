//! Why there is no answer, in one line for people: the libraries' chain of errors without empty phrases.
//!
//! Not here: whether a request was sent.

use std::error::Error;
use std::io::{self, ErrorKind};

/// Phrases that libraries use for every failure, so that they tell nothing.
const SAYS_NOTHING: [&str; 6] = [
    "error sending request",
    "client error (Connect)",
    "client error (SendRequest)",
    "tcp connect error",
    "error decoding response body",
    "error reading a body from connection",
];

/// The whole chain in one line, without the address.
pub(super) fn reason(error: reqwest::Error) -> String {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let error = error.without_url();
    if is_timeout {
        return if is_connect { "no connection in time" } else { "no answer in time" }.to_owned();
    }
    let whole = error.to_string();
    let mut words: Vec<String> = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        next = cause.source();
        let said = in_words(cause);
        if !SAYS_NOTHING.contains(&said.as_str()) && !words.iter().any(|before| before.contains(&said)) {
            words.push(said);
        }
    }
    if words.is_empty() { whole } else { words.join(": ") }
}

fn in_words(error: &(dyn Error + 'static)) -> String {
    if let Some(tls) = of_tls(error) {
        return format!("TLS: {tls}");
    }
    let Some(io) = error.downcast_ref::<io::Error>() else {
        return match error.to_string() {
            dns if dns == "dns error" => "name not resolved".to_owned(),
            other => other,
        };
    };
    match io.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset => "connection reset".to_owned(),
        ErrorKind::HostUnreachable => "host not reachable".to_owned(),
        ErrorKind::NetworkUnreachable => "network not reachable".to_owned(),
        ErrorKind::TimedOut => "no connection in time".to_owned(),
        _ => io.to_string(),
    }
}

/// The error of TLS, which libraries wrap in errors of I/O.
fn of_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    error.downcast_ref().or_else(|| of_tls(error.downcast_ref::<io::Error>()?.get_ref()?))
}
