//! Actions of operators, by the ledger.
//!
//! Not here: writing it.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tokio::task::block_in_place;
use uuid::Uuid;

use super::access::Visitor;
use super::app::App;
use super::layout::{Page, problem};
use super::query::list_of;
use super::words::{letters, line, moment};
use crate::dead_letters::ledger::{Action, By, Entry, Step, latest};

/// Bytes at the end of the ledger that are read.
const LOOKED_THROUGH: u64 = 1024 * 1024;
/// Lines that are shown.
const SHOWN: usize = 500;

pub(super) async fn history(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>) -> Response {
    let entries = match &app.settings.ledger {
        Some(ledger) if ledger.exists() => block_in_place(|| latest(ledger, LOOKED_THROUGH)),
        Some(_) | None => Ok(Vec::new()),
    };
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let why = format!("The ledger cannot be read: {error}");
            return problem(&app, Some(&visitor), StatusCode::INTERNAL_SERVER_ERROR, &why);
        }
    };
    let body = html! {
        @if entries.is_empty() { p.empty { @if app.is_read_only() { "There is no ledger." } @else { "The ledger has nothing yet." } } }
        @else {
            p { "The latest first; the ledger itself has all." }
            ol.history { @for entry in entries.iter().take(SHOWN) { li {
                @match entry { Entry::Action(action) => (one(action)), Entry::Step(step) => (step_of(step)) }
            } } }
        }
    };
    Page { app: &app, visitor: &visitor, title: "History", again: None, body }.into_response()
}

/// Actions as a list.
pub(super) fn actions<'a>(actions: impl Iterator<Item = &'a Action>) -> Markup {
    html! { ol.history { @for action in actions { li { (one(action)) } } } }
}

fn one(action: &Action) -> Markup {
    let Action { by, letter, order, replay_id, edited, outcome, failed } = action;
    html! {
        (moment(by.at)) " " strong.failed[*failed] { (line(outcome)) } " "
        a href={ "/letters/" (letter) } { "letter " (&letter.to_string()[..8]) }
        @if let Some(order) = order { ", " a href=(list_of("order", order)) { "order " (line(order)) } }
        @if !edited.is_empty() { ", changed " (line(&edited.join(", "))) }
        (who(by, *replay_id))
    }
}

fn step_of(step: &Step) -> Markup {
    let Step { by, replay_id, letters: count, step } = step;
    html! { (moment(by.at)) " " strong { (line(step)) } " " (letters(*count)) (who(by, *replay_id)) }
}

fn who(by: &By, run: Option<Uuid>) -> Markup {
    let By { user, host, command, why, .. } = by;
    html! {
        ", " (line(command)) " by " (line(user)) " on " (line(host))
        @if let Some(run) = run { ", " a href={ "/runs/" (run) } { "run " (&run.to_string()[..8]) } }
        @if let Some(why) = why { ": " (line(why)) }
    }
}
