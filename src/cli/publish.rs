//! `bwp-sync publish FILE…`: messages from files.
//!
//! Not here: whether the worker takes a message.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::args::Publish;
use super::exit::Exit;
use super::terminal::{one_line, say};
use crate::broker::{Outbox, event_properties};
use crate::domain::packing::without_mark;
use crate::settings::Settings;

/// The attributes of an event that are needed to publish it. The body goes out as it stands in the file.
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

pub(super) async fn publish(settings: &Settings, args: &Publish) -> anyhow::Result<Exit> {
    let events = args.files.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let config = settings.broker();
    let outbox = Outbox::open(&config).await.context("cannot reach the broker")?;
    for (event, body) in &events {
        let properties = event_properties(&event.id);
        let sent = outbox.publish(&config.names.events, &event.kind, properties, body).await;
        sent.with_context(|| format!("message {} was not taken", event.id))?;
        say(format_args!("{} {}", one_line(&event.kind), one_line(&event.id)))?;
    }
    outbox.close().await;
    Ok(Exit::Done)
}

fn read(file: &Path) -> anyhow::Result<(Event, Vec<u8>)> {
    let name = file.display();
    let body = std::fs::read(file).with_context(|| format!("cannot read `{name}`"))?;
    let event: Event = serde_json::from_slice(without_mark(&body))
        .with_context(|| format!("`{name}`: expected a CloudEvent with `id` and `type`"))?;
    if event.kind.len() > 255 {
        bail!("`{name}`: expected a `type` of at most 255 bytes");
    }
    Ok((event, body))
}
