//! `bwp-sync schema [KIND]`: the JSON Schemas of messages and results, or one AsyncAPI document of all.
//!
//! Not here: their contents.

use strum::IntoEnumIterator;

use super::args::{Schema, kinds};
use super::asyncapi::document;
use super::exit::Exit;
use super::terminal::{say, say_json};
use crate::domain::envelope::Kind;
use crate::domain::outcome::ResultKind;
use crate::domain::schema::{of_message, of_result};

pub(super) fn schema(args: &Schema) -> anyhow::Result<Exit> {
    if args.asyncapi {
        say_json(serde_json::to_string_pretty(&document())?)?;
        return Ok(Exit::Done);
    }
    let Some(name) = &args.kind else {
        kinds().try_for_each(say)?;
        return Ok(Exit::Done);
    };
    let message = Kind::iter().find(|kind| kind.name() == name).map(of_message);
    let result = || ResultKind::iter().find(|kind| kind.name() == name).map(of_result);
    let schema = message.or_else(result).unwrap_or_default();
    say_json(serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}
