//! `bwp-sync map FILE…`: the message that a mapping makes of a shop's body, and whether the worker would take it.
//!
//! Not here: examples (`map_check`), mapping itself.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::{Map, MappedBy};
use super::exit::Exit;
use super::terminal::{note, one_line, say_json};
use crate::domain::conventions::Conventions;
use crate::domain::envelope::mapped::{Answer, Mapped};
use crate::domain::envelope::{Envelope, RawMessage};
use crate::domain::packing::without_mark;
use crate::domain::transform::{check_rules, command_for};
use crate::mapper::{self, Foreign, Mapper, Mapping, own_program};
use crate::mapping::{PRESETS, Program};
use crate::settings::Settings;

impl Map {
    /// Whether programs are named that need no settings.
    pub(super) fn needs_no_settings(&self) -> bool {
        self.by.needs_no_settings() || (self.check && !self.files.is_empty())
    }
}

impl MappedBy {
    /// Whether a program is named that needs no settings.
    fn needs_no_settings(&self) -> bool {
        self.preset.is_some() || self.program.is_some()
    }
}

/// No mapping is named, and there are no settings to have one.
#[derive(Debug, thiserror::Error)]
#[error(
    "no mapping to work with: expected `--program FILE`, `--preset NAME` with one of {}, or `--config FILE` with the \
     settings that have the mapping",
    preset_names()
)]
pub(super) struct NoMapping;

fn preset_names() -> String {
    PRESETS.map(|(name, _)| name).join(", ")
}

/// The child: maps bodies until its input ends.
pub(super) fn serve() -> anyhow::Result<Exit> {
    mapper::serve_parent()?;
    Ok(Exit::Done)
}

pub(super) async fn map(settings: Option<&Settings>, args: &Map) -> anyhow::Result<Exit> {
    let conventions = settings.map(Settings::conventions).unwrap_or_default();
    let Shop { mapping, headers, routing_key } = Shop::of(settings, &args.by)?;
    let mut mapper = Mapper::new(own_program()?, vec![mapping.clone()]);
    let mut failed = false;
    for file in &args.files {
        let body = read(file)?;
        let foreign = Foreign { body: without_mark(&body), headers: &headers, routing_key: &routing_key };
        let answer = mapper.map(0, foreign).await?;
        let hint = hint(&mut mapper, foreign, &answer).await;
        let made = Made::of(&mapping, foreign, answer, &conventions);
        failed |= made.wrong.is_some();
        if args.json {
            let shown = json!({ "file": file, "message": made.event, "fault": made.wrong, "hint": hint });
            say_json(serde_json::to_string_pretty(&shown)?)?;
        } else if let Some(wrong) = &made.wrong {
            note(format_args!("{}: {wrong}", file.display()))?;
            hint.map_or(Ok(()), |hint| note(format_args!("hint: {}", one_line(&hint))))?;
        } else {
            say_json(serde_json::to_string_pretty(&made.event)?)?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The fields that a body has where its mapping failed; for the person who has the body.
pub(super) async fn hint(mapper: &mut Mapper, foreign: Foreign<'_>, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Failed(_) => mapper.explained(0, foreign).await?.hint,
        Answer::Message(_) | Answer::Nothing => None,
    }
}

/// The mapping that is meant, and what comes with a body.
pub(super) struct Shop {
    pub(super) mapping: Mapping,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) routing_key: String,
}

impl Shop {
    pub(super) fn of(settings: Option<&Settings>, by: &MappedBy) -> anyhow::Result<Self> {
        let mapping = chosen(settings, by)?;
        let headers = by.header.iter().map(|header| match header.split_once('=') {
            Some((name, text)) => Ok((name.to_owned(), text.to_owned())),
            None => bail!("--header: expected `name=text`, got `{header}`"),
        });
        let headers = headers.collect::<anyhow::Result<_>>()?;
        let first_key = mapping.routing_keys.first().cloned().unwrap_or_default();
        Ok(Self { mapping, headers, routing_key: by.routing_key.clone().unwrap_or(first_key) })
    }
}

/// Message that a mapping made of a body.
pub(super) struct Made {
    /// The message as an event, or null where the body is no message.
    pub(super) event: Value,
    /// Why it is no message that the worker takes.
    pub(super) wrong: Option<String>,
}

impl Made {
    pub(super) fn of(mapping: &Mapping, foreign: Foreign<'_>, answer: Answer, conventions: &Conventions) -> Self {
        if matches!(answer, Answer::Nothing) {
            return Self { event: Value::Null, wrong: None };
        }
        let event = event_of(&answer);
        let mapped = Mapped { mapping: mapping.name.clone(), answer };
        let wrong = match mapped.open(&raw(foreign)) {
            Ok(envelope) => wrong(&envelope, conventions),
            Err(refused) => Some(refused.rejection.message),
        };
        Self { event, wrong: wrong.map(|wrong| format!("mapping {}: {wrong}", mapping.name)) }
    }
}

/// A body with its headers, and no properties of AMQP.
pub(super) fn raw<'a>(foreign: Foreign<'a>) -> RawMessage<'a> {
    RawMessage {
        body: foreign.body,
        content_type: None,
        content_encoding: None,
        message_id: None,
        message_type: None,
        timestamp: None,
        routing_key: foreign.routing_key,
        headers: foreign.headers,
        max_unpacked_bytes: foreign.body.len(),
    }
}

fn wrong(envelope: &Envelope, conventions: &Conventions) -> Option<String> {
    let command = match command_for(envelope, conventions) {
        Ok(command) => command,
        Err(rejection) => return Some(rejection.message),
    };
    check_rules(&command, &conventions.rules, Timestamp::now()).err().map(|broken| broken.message)
}

/// A mapped message, with the attributes that its mapping gave it.
fn event_of(answer: &Answer) -> Value {
    let Answer::Message(message) = answer else { return Value::Null };
    let mut event = json!({ "kind": message.kind });
    let texts =
        [("id", &message.id), ("time", &message.time), ("sequence", &message.sequence), ("subject", &message.subject)];
    for (name, text) in texts {
        if let Some(text) = text {
            event[name] = json!(text);
        }
    }
    event["data"] = serde_json::from_str(message.data.get()).unwrap_or_default();
    event
}

/// The one mapping that is meant.
fn chosen(settings: Option<&Settings>, args: &MappedBy) -> anyhow::Result<Mapping> {
    if let Some(name) = &args.preset {
        let found = PRESETS.into_iter().find(|(preset, _)| preset == name);
        let (_, source) =
            found.with_context(|| format!("--preset: expected one of {}, got `{name}`", preset_names()))?;
        return Ok(alone(name.clone(), source.to_owned(), &args.kind));
    }
    if let Some(file) = &args.program {
        return of_file(file, &args.kind);
    }
    let mappings = settings.map(Settings::mappings).unwrap_or_default();
    let names = || mappings.iter().map(|mapping| mapping.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (&args.mapping, &args.routing_key, mappings) {
        (_, _, []) => bail!(NoMapping),
        (Some(name), _, _) => mappings.iter().find(|mapping| mapping.name == *name),
        (None, Some(key), _) => mappings.iter().find(|mapping| mapping.routing_keys.contains(key)),
        (None, None, [mapping]) => Some(mapping),
        (None, None, _) => bail!("--mapping: expected one of {}", names()),
    };
    found.cloned().with_context(|| format!("no such mapping, expected one of: {}", names()))
}

/// A mapping of a program's file alone.
pub(super) fn of_file(file: &Path, kind: &str) -> anyhow::Result<Mapping> {
    let source = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    if let Err(faults) = Program::compile(&source) {
        let faults: Vec<_> = faults.iter().map(|fault| format!("`{}`: {fault}", file.display())).collect();
        bail!("{}", faults.join("\n"));
    }
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Mapping { examples: Some(file.with_extension("")), ..alone(name, source, kind) })
}

fn alone(name: String, source: String, kind: &str) -> Mapping {
    let (routing_keys, types, variables) = (Vec::new(), Vec::new(), BTreeMap::new());
    Mapping { name, routing_keys, types, kind: kind.to_owned(), source, variables, examples: None }
}

pub(super) fn read(file: &PathBuf) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body).context("cannot read standard input")?;
        return Ok(body);
    }
    std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))
}
