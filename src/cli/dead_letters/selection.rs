//! The arguments that select letters.
//!
//! Not here: the filter itself.

use std::ops::RangeInclusive;

use anyhow::bail;
use jiff::Timestamp;

use crate::broker::Summary;
use crate::cli::terminal::note;
use crate::dead_letters::filter::{Filter, moment, replays};

/// Selects letters. A letter has one of the values of each option that is given.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Letters by their ids, or how these begin
    #[arg(value_name = "LETTER")]
    ids: Vec<String>,
    /// By error code, such as ItemOutOfStock
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    code: Vec<String>,
    /// By error type, such as ValidationError
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// By class, such as rejected
    #[arg(long, value_name = "CLASS", value_delimiter = ',')]
    class: Vec<String>,
    /// By the mapping that was for the message
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    mapping: Vec<String>,
    /// By operation, such as createOrder
    #[arg(long, value_name = "OPERATION", value_delimiter = ',')]
    operation: Vec<String>,
    /// By order id
    #[arg(long, value_name = "ORDER", value_delimiter = ',')]
    order: Vec<String>,
    /// Not older than this: an age (2h, 7d) or a time (2026-11-22T15:04:05Z)
    #[arg(long, value_name = "AGE", value_parser = since)]
    since: Option<Timestamp>,
    /// Older than this
    #[arg(long, value_name = "AGE", value_parser = since)]
    until: Option<Timestamp>,
    /// By a part of the error message
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// By how often they were replayed: 0, 2, or 1.. for at least once
    #[arg(long, value_name = "N", value_parser = replays)]
    replays: Option<RangeInclusive<u32>>,
}

/// Selects letters for a command that changes something: never all of them unless `--all` says so.
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    #[command(flatten)]
    selection: Selection,
    /// All letters, where no other option selects some
    #[arg(long)]
    all: bool,
}

impl Chosen {
    /// The filter. `None` where no option is given; the user is told how to select letters.
    pub(super) fn filter(&self, command: &str) -> std::io::Result<Option<Filter>> {
        let filter = self.selection.filter();
        if self.all || !filter.is_empty() {
            return Ok(Some(filter));
        }
        note(format_args!(
            "which letters? Give ids or a filter, or `--all`; see `bwp-sync dead-letters {command} --help`"
        ))?;
        Ok(None)
    }
}

impl Selection {
    /// Letters by their ids alone.
    pub(super) fn of_ids(ids: &[String]) -> Self {
        Self { ids: ids.to_vec(), ..Self::default() }
    }

    pub(super) fn filter(&self) -> Filter {
        Filter {
            ids: self.ids.clone(),
            codes: self.code.clone(),
            types: self.types.clone(),
            mappings: self.mapping.clone(),
            classes: self.class.clone(),
            operations: self.operation.clone(),
            orders: self.order.clone(),
            since: self.since,
            until: self.until,
            text: self.text.clone(),
            replays: self.replays.clone(),
        }
    }
}

/// Checks that every id that was given names one letter.
pub(super) fn check_ids(filter: &Filter, letters: &[Summary]) -> anyhow::Result<()> {
    let unclear = filter.unclear_ids(letters);
    if !unclear.is_empty() {
        bail!("{}", unclear.join("; "));
    }
    Ok(())
}

fn since(text: &str) -> Result<Timestamp, String> {
    moment(text, Timestamp::now())
}
