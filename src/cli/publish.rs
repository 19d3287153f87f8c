//! `bwp-sync publish FILE…`: messages from files.
//!
//! Not here: whether the worker takes a message.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lapin::BasicProperties;
use serde::Deserialize;

use super::args::Publish;
use super::exit::Exit;
use super::terminal::{one_line, say};
use crate::broker::{Outbox, event_properties, json_properties};
use crate::domain::packing::without_mark;
use crate::settings::Settings;

/// Bytes of a routing key, by AMQP.
const MAX_KEY_BYTES: usize = 255;

/// The attributes of an event that are needed to publish it. The body goes out as it stands in the file.
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

/// A message that is about to be published.
struct Outgoing {
    routing_key: String,
    properties: BasicProperties,
    body: Vec<u8>,
    /// Its id, or its file where it has none.
    name: String,
}

pub(super) async fn publish(settings: &Settings, args: &Publish) -> anyhow::Result<Exit> {
    let read = |file: &PathBuf| match &args.routing_key {
        Some(key) => body(file, key),
        None => event(file),
    };
    let messages = args.files.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let config = settings.broker();
    let outbox = Outbox::open(&config).await.context("cannot reach the broker")?;
    for Outgoing { routing_key, properties, body, name } in messages {
        let sent = outbox.publish(&config.names.events, &routing_key, properties, &body).await;
        sent.with_context(|| format!("message {name} was not taken"))?;
        say(format_args!("{} {}", one_line(&routing_key), one_line(&name)))?;
    }
    outbox.close().await;
    Ok(Exit::Done)
}

/// A body of the shop, which names neither its id nor its kind to us.
fn body(file: &Path, routing_key: &str) -> anyhow::Result<Outgoing> {
    if routing_key.len() > MAX_KEY_BYTES {
        bail!("--routing-key: expected at most {MAX_KEY_BYTES} bytes");
    }
    let name = file.display().to_string();
    let body = std::fs::read(file).with_context(|| format!("cannot read `{name}`"))?;
    Ok(Outgoing { routing_key: routing_key.to_owned(), properties: json_properties(), body, name })
}

fn event(file: &Path) -> anyhow::Result<Outgoing> {
    let name = file.display();
    let body = std::fs::read(file).with_context(|| format!("cannot read `{name}`"))?;
    let event: Event = serde_json::from_slice(without_mark(&body)).with_context(|| {
        format!("`{name}`: expected a CloudEvent with `id` and `type`\nhint: `--routing-key` for other bodies")
    })?;
    if event.kind.len() > MAX_KEY_BYTES {
        bail!("`{name}`: expected a `type` of at most {MAX_KEY_BYTES} bytes");
    }
    Ok(Outgoing { routing_key: event.kind, properties: event_properties(&event.id), body, name: event.id })
}
