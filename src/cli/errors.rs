//! `bwp-sync errors`: every error that is known.
//!
//! Not here: the texts, which are the catalogue's.

use comfy_table::{ContentArrangement, Table, presets};

use super::args::Errors;
use super::exit::Exit;
use super::terminal::{say, say_json};
use crate::policy::catalogue::entries;

pub(super) fn errors(args: &Errors) -> anyhow::Result<Exit> {
    if args.json {
        let entries: Vec<_> = entries().collect();
        say_json(serde_json::to_string_pretty(&entries)?)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["operation", "type", "code", "class", "decision", "what can be done"]);
    for entry in entries() {
        let code = entry.code.unwrap_or("-");
        table.add_row([entry.operation, entry.error_type, code, entry.class, entry.decision, entry.suggested_action]);
    }
    say(table)?;
    Ok(Exit::Done)
}
