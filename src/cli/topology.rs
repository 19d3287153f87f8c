//! `bwp-sync topology`: everything that the worker declares, for those who declare it themselves.
//!
//! Not here: the table of queues (`broker::topology`).

use anyhow::Context;

use super::args::{Format, Topology};
use super::exit::Exit;
use super::terminal::say_json;
use crate::broker::definitions;
use crate::settings::Settings;

#[expect(clippy::unused_async, reason = "every command that has settings is one")]
pub(super) async fn topology(settings: &Settings, args: &Topology) -> anyhow::Result<Exit> {
    match args.format {
        Format::Definitions => {
            let definitions = definitions(&settings.broker()).context("`broker.uri` is not an AMQP address")?;
            say_json(format_args!("{definitions:#}"))?;
            Ok(Exit::Done)
        }
    }
}
