//! Everything that the worker declares, as definitions that RabbitMQ's management API imports.
//!
//! Not here: declaring; users and passwords; the queues themselves, which are a table of `topology`.

use lapin::uri::AMQPUri;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::config::BrokerConfig;
use super::topology::{argument, bindings, exchanges, needs, queues};

/// Names of queues that `check` makes for itself: RabbitMQ chooses them.
const OWN_QUEUES: &str = r"amq\.gen-.*";

/// Exchanges, queues, bindings, and the permissions of the user in `broker.uri`, for its virtual host. Nothing if the
/// address cannot be read.
pub fn definitions(config: &BrokerConfig) -> Option<Value> {
    let uri: AMQPUri = config.uri.read().expose_secret().parse().ok()?;
    let (vhost, names) = (uri.vhost.as_str(), &config.names);
    let exchange = |name: &str| {
        json!({
            "name": name, "vhost": vhost, "type": "topic", "durable": true, "auto_delete": false, "internal": false,
            "arguments": {},
        })
    };
    let queue = |(name, arguments): (String, lapin::types::FieldTable)| {
        let arguments: Map<_, _> =
            arguments.inner().iter().map(|(key, value)| (key.to_string(), argument(value))).collect();
        json!({ "name": name, "vhost": vhost, "durable": true, "auto_delete": false, "arguments": arguments })
    };
    let binding = |(exchange, key, queue): (&str, &str, &str)| {
        json!({
            "source": exchange, "vhost": vhost, "destination": queue, "destination_type": "queue", "routing_key": key,
            "arguments": {},
        })
    };
    let exchanges = exchanges(names).into_iter().chain([names.events.as_str()]);
    let [configure, write, read] = needs(config).map(|(_, names)| names);
    Some(json!({
        "permissions": [{
            "user": uri.authority.userinfo.username, "vhost": vhost,
            "configure": pattern(&configure, true), "write": pattern(&write, false), "read": pattern(&read, true),
        }],
        "exchanges": exchanges.map(exchange).collect::<Vec<_>>(),
        "queues": queues(config).into_iter().map(queue).collect::<Vec<_>>(),
        "bindings": bindings(names).map(binding).collect::<Vec<_>>(),
    }))
}

/// A regular expression of exactly these names.
fn pattern(names: &[String], own_queues: bool) -> String {
    let mut parts: Vec<_> = names.iter().map(|name| regex::escape(name)).collect();
    parts.sort();
    parts.dedup();
    parts.extend(own_queues.then(|| OWN_QUEUES.to_owned()));
    format!("^({})$", parts.join("|"))
}
