//! `bwp-sync migrate`: from the queues of version 0.1.0 to those of this version.
//!
//! Not here: the steps.

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::exit::Exit;
use super::holder::holder;
use super::terminal::{note, one_line, say};
use crate::broker::{self, MigrateError, Step};
use crate::settings::Settings;

pub(super) async fn migrate(settings: &Settings) -> anyhow::Result<Exit> {
    let (config, bar) = (settings.broker(), bar());
    let migrated = broker::migrate(&config, &holder("migrate"), &mut |step| show(&bar, step)).await;
    bar.finish_and_clear();
    let queue = &config.names.queue;
    match migrated {
        Ok(Some(messages)) => say(format_args!("migrated {messages} messages to {queue}"))?,
        Ok(None) => say("nothing to migrate")?,
        Err(refused @ (MigrateError::Consumed(_) | MigrateError::Bound { .. })) => return Err(refused.into()),
        Err(error) => return Err(error).context("the migration has not ended, and goes on when it is run again"),
    }
    Ok(Exit::Done)
}

/// A progress bar, which only terminals show.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn show(bar: &ProgressBar, step: &Step<'_>) {
    match step {
        Step::Moving(..) => {
            bar.tick();
            bar.set_message(one_line(&step.to_string()));
        }
        Step::Moved(..) | Step::Declared(_) | Step::Deleted(_) => {
            // a closed output is no reason to stop
            bar.suspend(|| note(step).ok());
        }
    }
}
