//! A replay under way: warnings about orders, the question, progress, Ctrl-C, and the report.
//!
//! Not here: replaying; which letters.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::ask::{Answer, ask};
use super::mapping::mappings;
use super::run_args::RunArgs;
use super::table::letters;
use crate::api::Client;
use crate::broker::{Holder, LockedLetterBox};
use crate::cli::exit::Exit;
use crate::cli::terminal::{note, one_line, say, say_json};
use crate::dead_letters::edit::Edit;
use crate::dead_letters::guard::check;
use crate::dead_letters::journal::Journal;
use crate::dead_letters::ledger::Ledger;
use crate::dead_letters::plan::Plan;
use crate::dead_letters::replay::{End, Progress, Replay};
use crate::settings::Settings;
use crate::shutdown::Signals;

/// A replay that a command has prepared.
pub(super) struct Task<'a> {
    pub(super) who: Holder,
    pub(super) plan: &'a Plan,
    pub(super) edit: &'a Edit,
    pub(super) journal: Journal,
    pub(super) args: &'a RunArgs,
}

/// A summary of a plan: counts, calls, time.
pub(super) fn preview(plan: &Plan, rate: f64, target: &str) -> String {
    let mut text = format!("{} to {target}\n", letters(plan.letters.len()));
    for (code, number) in &plan.head.codes {
        // writing to a string cannot fail
        writeln!(text, "{number:9}  {}", one_line(code)).ok();
    }
    let seconds = plan.letters.len() as f64 / rate;
    let time = if seconds < 90.0 { format!("{seconds:.0} seconds") } else { format!("{:.0} minutes", seconds / 60.0) };
    write!(text, "calls of the API: {} at least; time: {time} at {rate} a second", plan.calls()).ok();
    text
}

/// Warns, asks, replays and reports.
pub(super) async fn run(settings: &Settings, letter_box: LockedLetterBox, task: Task<'_>) -> anyhow::Result<Exit> {
    let Task { who, plan, edit, journal, args } = task;
    if !args.no_check {
        warn_of_orders(settings, plan).await?;
    }
    match ask(&format!("{} {}?", who.command, letters(plan.letters.len())), args.yes)? {
        Answer::Yes => {}
        Answer::No => return Ok(Exit::Failed),
        Answer::Nobody => {
            note("nothing is done: there is no terminal to ask on\nhint: `--yes`")?;
            return Ok(Exit::Usage);
        }
    }
    let ledger = Ledger::open(args.ledger.as_deref(), who, args.reason.clone());
    let mut ledger = ledger.context("cannot open the ledger")?;
    let bar = bar(plan.letters.len());
    let mut watch = |progress: &Progress| show(&bar, progress);
    let (mut progress, stop, config) = (Progress::default(), CancellationToken::new(), settings.broker());
    let mut mappings = mappings(settings)?;
    let replay = Replay {
        config: &config,
        letters: &letter_box,
        plan,
        edit,
        mappings: &mut mappings,
        options: args.options(),
        journal,
        ledger: &mut ledger,
        stop: &stop,
        watch: &mut watch,
    };
    let ended = until_stopped(replay.run(&mut progress), &stop).await?;
    bar.finish_and_clear();
    letter_box.close().await;
    let failure = ended.as_ref().err().map(ToString::to_string);
    if args.json {
        say_json(as_json(plan, &progress, ended.as_ref().ok(), failure.as_deref()))?;
    } else {
        say(report(plan, &progress, ended.as_ref().ok()))?;
    }
    if let Some(failure) = failure {
        bail!("{failure}\nhint: letters that were not replayed are in their queue; run the same command again");
    }
    let good = matches!(ended, Ok(End::Done)) && progress.failed.is_empty() && progress.missing == <_>::default();
    Ok(if good { Exit::Done } else { Exit::Failed })
}

/// Works until the end or a signal. A first signal stops between two letters, a second one at once.
pub(super) async fn until_stopped<T>(work: impl Future<Output = T>, stop: &CancellationToken) -> anyhow::Result<T> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return Ok(done),
        _ = signals.next() => stop.cancel(),
    }
    tokio::select! {
        done = &mut work => Ok(done),
        _ = signals.next() => bail!("stopped at once, by a second signal; letters that were held are in their queue"),
    }
}

/// Warns of orders whose letters may be replayed for nothing.
async fn warn_of_orders(settings: &Settings, plan: &Plan) -> anyhow::Result<()> {
    const SHOWN: usize = 20;
    let api = Client::new(settings.api()).context("cannot set up the API client")?;
    let warnings = check(&api, &plan.letters, &settings.conventions().aliases.order).await;
    for (order, warning) in warnings.iter().take(SHOWN) {
        note(format_args!("order {} {}", one_line(order), one_line(&warning.to_string())))?;
    }
    if warnings.len() > SHOWN {
        note(format_args!("and {} more orders like that", warnings.len() - SHOWN))?;
    }
    Ok(())
}

/// A progress bar, which only terminals show.
fn bar(letters: usize) -> ProgressBar {
    let bar = ProgressBar::new(letters as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {per_sec}  {eta} left  {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_position((progress.replayed + progress.repeated) as u64);
    bar.set_message(format!("{} done, {} failed", progress.succeeded, progress.failed.len()));
}

fn report(plan: &Plan, progress: &Progress, ended: Option<&End>) -> String {
    const SHOWN: usize = 20;
    let Progress { replayed, repeated, earlier, succeeded, came_back, failed, missing } = progress;
    let waiting = replayed + came_back - succeeded - failed.len();
    let mut lines =
        vec![format!("replayed {replayed} of {}, run {}", letters(plan.letters.len()), plan.head.replay_id)];
    let mut count = |number: usize, what: &str| {
        if number > 0 {
            lines.push(format!("{number:9}  {what}"));
        }
    };
    count(*succeeded, "done by the worker");
    count(failed.len(), "failed again, and have new letters");
    count(waiting, "without an outcome yet");
    count(*repeated, "published before, now removed from the queue");
    count(*earlier, "replayed by an earlier run");
    count(missing.gone.len(), "gone: replayed or discarded meanwhile");
    count(missing.in_use.len(), "in use by another reader, so not replayed");
    count(missing.changed.len(), "not replayed: the body is not the planned one");
    for (order, code) in failed.iter().take(SHOWN) {
        let (order, code) = (one_line(order.as_deref().unwrap_or("–")), one_line(code));
        lines.push(format!("failed again: order {order}: {code}"));
    }
    let left = plan.letters.len() - replayed - repeated - earlier - missing.gone.len();
    let left = format!("{} not replayed, in the queue as before", letters(left));
    match ended {
        None | Some(End::Done) => {}
        Some(End::Stopped) => lines.push(format!("stopped by a signal: {left}")),
        Some(End::FirstFailed) => lines.push(format!("stopped, since the first one failed again: {left}")),
        Some(End::FirstUnknown) => {
            lines.push(format!("stopped, since nothing came of the first one in time: {left}"));
            lines.push("hint: does a worker run? `--no-wait` does not wait for it".to_owned());
        }
        Some(End::TooManyFailures) => lines.push(format!("stopped by `--max-failures`: {left}")),
    }
    lines.join("\n")
}

fn as_json(plan: &Plan, progress: &Progress, ended: Option<&End>, failure: Option<&str>) -> serde_json::Value {
    let ended = match ended {
        None => "error",
        Some(End::Done) => "done",
        Some(End::Stopped) => "stopped",
        Some(End::FirstFailed) => "first-failed",
        Some(End::FirstUnknown) => "first-unknown",
        Some(End::TooManyFailures) => "too-many-failures",
    };
    let Progress { replayed, repeated, earlier, succeeded, came_back: _, failed, missing } = progress;
    let failed: Vec<_> = failed.iter().map(|(order, code)| json!({ "order": order, "code": code })).collect();
    json!({ "replayId": plan.head.replay_id, "letters": plan.letters.len(), "replayed": replayed,
        "repeated": repeated, "earlier": earlier, "succeeded": succeeded, "failed": failed, "missing": missing, "ended": ended,
        "error": failure })
}
