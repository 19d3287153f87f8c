//! `bwp-sync validate FILE…`: all that is wrong with messages, not the first thing alone.
//!
//! Not here: finding faults of a message (`domain::faults`); mapping.

use std::path::Path as File;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::args::{MappedBy, Validate};
use super::exit::Exit;
use super::map::{Shop, hint, raw, read};
use super::terminal::{one_line, say, say_json};
use crate::domain::conventions::Conventions;
use crate::domain::envelope::id_outside;
use crate::domain::envelope::mapped::{Answer, MappedMessage};
use crate::domain::faults::{Fault, Faults, of_event};
use crate::domain::packing::without_mark;
use crate::mapper::{Foreign, Mapper, own_program};
use crate::mapping::{Path, changes, differs};
use crate::policy::catalogue::OwnCode;
use crate::settings::Settings;

/// Most fields of the shop that are named for one fault.
const ORIGINS: usize = 3;

/// Faults of one file.
#[derive(Serialize)]
struct Report<'f> {
    file: &'f File,
    /// A mapping said that the body is no message.
    ignored: bool,
    faults: Vec<Told>,
    /// Others may be hidden behind the last fault.
    #[serde(rename = "moreMayFollow")]
    more_may_follow: bool,
}

#[derive(Serialize)]
struct Told {
    path: String,
    reason: String,
    code: &'static str,
    /// Fields of the shop's body that the value comes from.
    from: Vec<String>,
}

pub(super) async fn validate(settings: Option<&Settings>, args: &Validate) -> anyhow::Result<Exit> {
    let conventions = settings.map(Settings::conventions).unwrap_or_default();
    let MappedBy { mapping, preset, program, kind, .. } = &args.by;
    let is_mapped = mapping.is_some() || preset.is_some() || program.is_some();
    let shop = if is_mapped { Some(Shop::of(settings, &args.by)?) } else { None };
    let mut reports = Vec::new();
    for file in &args.files {
        let body = read(file)?;
        let body = without_mark(&body);
        reports.push(match &shop {
            Some(shop) => of_body(file, body, shop, &conventions).await?,
            None => of_message(file, body, kind, &conventions),
        });
    }
    if args.json {
        say_json(serde_json::to_string_pretty(&reports)?)?;
    } else {
        reports.iter().try_for_each(show)?;
    }
    let good = reports.iter().all(|report| report.faults.is_empty());
    Ok(if good { Exit::Done } else { Exit::Failed })
}

/// A file with an event, or with the data of one.
fn of_message<'f>(file: &'f File, body: &[u8], kind: &str, conventions: &Conventions) -> Report<'f> {
    let faults = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) if fields.contains_key("specversion") => {
            of_event(&Value::Object(fields), conventions, Timestamp::now())
        }
        Ok(data) => {
            of_event(&event(&json!({ "id": "data", "kind": kind, "data": data })), conventions, Timestamp::now())
        }
        Err(error) => no_json(&error),
    };
    report(file, faults)
}

/// A file with a body of the shop.
async fn of_body<'f>(
    file: &'f File,
    body: &[u8],
    shop: &Shop,
    conventions: &Conventions,
) -> anyhow::Result<Report<'f>> {
    let foreign = Foreign { body, headers: &shop.headers, routing_key: &shop.routing_key };
    let mut mapper = Mapper::new(own_program()?, vec![shop.mapping.clone()]);
    let answer = mapper.map(0, foreign).await?;
    let hint = hint(&mut mapper, foreign, &answer).await;
    let made = match answer {
        Answer::Message(message) => message_of(&message, &id_outside(&raw(foreign))),
        Answer::Nothing => return Ok(Report { ignored: true, ..report(file, Faults::default()) }),
        Answer::Failed(why) => {
            let why = match hint {
                Some(hint) => format!("{why} ({hint})"),
                None => why,
            };
            let fault = Fault { path: format!("mapping {}", shop.mapping.name), ..not_mapped(why) };
            return Ok(report(file, Faults { faults: vec![fault], more_may_follow: true }));
        }
    };
    let mut report = report(file, of_event(&event(&made), conventions, Timestamp::now()));
    if !report.faults.is_empty() {
        find_origins(&mut mapper, foreign, &made, &mut report.faults).await?;
    }
    Ok(report)
}

/// Finds the fields of the body that faulty values come from.
async fn find_origins(
    mapper: &mut Mapper,
    foreign: Foreign<'_>,
    made: &Value,
    faults: &mut [Told],
) -> anyhow::Result<()> {
    let body: Value = serde_json::from_slice(foreign.body)?;
    for changed in changes(&body) {
        let body = serde_json::to_vec(&changed.body)?;
        let Answer::Message(message) = mapper.map(0, Foreign { body: &body, ..foreign }).await? else { continue };
        let other = message_of(&message, "");
        for fault in faults.iter_mut().filter(|fault| fault.from.len() < ORIGINS) {
            if differs(&Path::read(&fault.path), &made["data"], &other["data"]) {
                fault.from.push(changed.input.clone());
            }
        }
    }
    Ok(())
}

/// The attributes and data of a mapped message.
fn message_of(message: &MappedMessage, id: &str) -> Value {
    let MappedMessage { kind, id: own, time, sequence, subject, data } = message;
    let data: Value = serde_json::from_str(data.get()).unwrap_or_default();
    json!({ "id": own.as_deref().unwrap_or(id), "kind": kind, "time": time, "sequence": sequence, "subject": subject,
        "data": data })
}

/// A message as a structured event.
fn event(message: &Value) -> Value {
    let mut event = message.clone();
    event["specversion"] = json!("1.0");
    event["source"] = json!("/shop");
    event["type"] = message["kind"].clone();
    event
}

fn no_json(error: &serde_json::Error) -> Faults {
    let reason = format!("not JSON at line {} column {}", error.line(), error.column());
    Faults { faults: vec![Fault { path: "body".to_owned(), ..not_mapped(reason) }], more_may_follow: true }
}

fn not_mapped(reason: String) -> Fault {
    Fault { path: String::new(), reason, code: crate::domain::rejection::RejectionCode::InvalidMessage }
}

fn report(file: &File, faults: Faults) -> Report<'_> {
    let Faults { faults, more_may_follow } = faults;
    let told = |fault: Fault| Told {
        path: fault.path,
        reason: fault.reason,
        code: OwnCode::from(fault.code).name(),
        from: Vec::new(),
    };
    Report { file, ignored: false, faults: faults.into_iter().map(told).collect(), more_may_follow }
}

fn show(report: &Report<'_>) -> anyhow::Result<()> {
    let file = report.file.display();
    if report.faults.is_empty() {
        return Ok(say(format_args!("{file}: {}", if report.ignored { "ignored: no message" } else { "ok" }))?);
    }
    for Told { path, reason, from, .. } in &report.faults {
        let from = if from.is_empty() { String::new() } else { format!(" (from {})", from.join(", ")) };
        say(format_args!("{file}: {}", one_line(&format!("{path}: {reason}{from}"))))?;
    }
    if report.more_may_follow {
        say(format_args!("{file}: more faults may be hidden behind the last one"))?;
    }
    Ok(())
}
