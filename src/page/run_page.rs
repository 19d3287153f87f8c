//! Runs: the list of them, and how far one has come.
//!
//! Not here: the work; see `running`.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use tokio::task::block_in_place;

use super::access::Visitor;
use super::app::App;
use super::form::Form;
use super::id::Id;
use super::layout::{Page, problem, token};
use super::running::{self, Run, State as RunState};
use super::words::{ago, letters, line, moment, number};
use crate::dead_letters::runs::{About, Counts, Ended, Kind};

/// Runs in the list.
const LISTED: usize = 200;

pub(super) async fn runs(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>) -> Response {
    let runs = match block_in_place(|| app.running.all()) {
        Ok(runs) => runs,
        Err(error) => return unreadable(&app, &visitor, &error),
    };
    let now = Timestamp::now();
    let body = html! {
        @if runs.is_empty() { p.empty { "Nothing was replayed or discarded from this page yet." } }
        @else {
            table.runs {
                caption.hidden { "Runs" }
                thead { tr { th scope="col" { "Run" } th scope="col" { "By" } th scope="col" { "Age" } th.number scope="col" { "Letters" }
                    th scope="col" { "State" } th scope="col" { "Reason" } } }
                tbody { @for (about, run_state) in runs.iter().take(LISTED) {
                    tr {
                        th scope="row" data-label="Run" { a href={ "/runs/" (about.run) } { (about.kind.command()) " " (&about.run.to_string()[..8]) } }
                        td data-label="By" { (line(&about.user)) }
                        td data-label="Age" { (ago(Some(about.began), now)) }
                        td.number data-label="Letters" { (number(about.letters)) }
                        td data-label="State" { (line(&state(run_state))) }
                        td.wide data-label="Reason" { (line(&about.why)) }
                    }
                } }
            }
        }
    };
    Page { app: &app, visitor: &visitor, title: "Runs", again: None, body }.into_response()
}

fn state(state: &RunState) -> String {
    match state {
        RunState::UnderWay(false) => "under way".to_owned(),
        RunState::UnderWay(true) => "stopping".to_owned(),
        RunState::Ended(Ended { how, .. }) => how.clone(),
        RunState::Interrupted(_) => "interrupted".to_owned(),
    }
}

pub(super) async fn run(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>, Id(id): Id) -> Response {
    match block_in_place(|| app.running.get(id)) {
        Ok(Some(run)) => {
            let title = format!(
                "{} of {}",
                if run.about.kind == Kind::Replay { "Replay" } else { "Discard" },
                letters(run.about.letters)
            );
            let again = matches!(run.state, RunState::UnderWay(_)).then_some(2);
            let body = html! { (headline(&run)) (progress(&run)) (buttons(&app, &visitor, &run)) (about(&run.about)) };
            Page { app: &app, visitor: &visitor, title: &title, again, body }.into_response()
        }
        Ok(None) if app.plans.is_taken(id) => {
            let body = html! { p.state role="status" { "It is about to begin." } };
            Page { app: &app, visitor: &visitor, title: "Run", again: Some(1), body }.into_response()
        }
        Ok(None) => problem(&app, Some(&visitor), StatusCode::NOT_FOUND, "There is no such run."),
        Err(error) => unreadable(&app, &visitor, &error),
    }
}

fn unreadable(app: &App, visitor: &Visitor, error: &std::io::Error) -> Response {
    let why = format!("The runs beside the ledger cannot be read: {error}");
    problem(app, Some(visitor), StatusCode::INTERNAL_SERVER_ERROR, &why)
}

fn headline(run: &Run) -> Markup {
    let Counts { succeeded, .. } = &run.counts;
    html! {
        @match &run.state {
            RunState::UnderWay(false) => p.state role="status" { "Under way. This page loads again by itself." },
            RunState::UnderWay(true) => p.state role="status" { "Stopping after the letters that are on their way." },
            RunState::Ended(Ended { at, how, .. }) => p.state role="status" { "Ended " (moment(*at)) ": " (line(how)) },
            RunState::Interrupted(at) => p.problem role="alert" {
                "Interrupted" @if let Some(at) = at { " at " (moment(*at)) }
                @if run.about.kind == Kind::Replay {
                    ": " (number(*succeeded)) " done, " (number(run.unknown())) " replayed with an outcome that is not known, "
                    (number(run.left())) " still letters."
                } @else {
                    ": " (number(run.counts.gone)) " discarded, " (number(run.left())) " still letters."
                }
            },
        }
    }
}

fn progress(run: &Run) -> Markup {
    let Counts { gone, succeeded, failed, failures, absent, in_use, changed } = &run.counts;
    let row = |what: &str, count: usize| html! { @if count > 0 { dt { (what) } dd.number { (number(count)) } } };
    let left_its_queue = if run.about.kind == Kind::Replay { "Sent to the worker" } else { "Discarded" };
    html! {
        progress max=(run.about.letters) value=(gone + absent) aria-label="Letters that have left their queue" { (number(*gone)) }
        dl.counts {
            (row(left_its_queue, *gone)) (row("Done by the worker", *succeeded)) (row("Failed again, with new letters", *failed))
            (row("Without an outcome yet", run.unknown())) (row("Replayed or discarded by somebody else", *absent))
            (row("In use by somebody else", *in_use)) (row("Not the planned body", *changed)) (row("Still letters", run.left()))
        }
        @if !failures.is_empty() {
            h2 { "Failed again" }
            ul { @for (order, code) in failures { li { "Order " (line(order.as_deref().unwrap_or("unknown"))) ": " (line(code)) } } }
            @if *failed > failures.len() { p { "And " (number(failed - failures.len())) " more." } }
        }
    }
}

fn buttons(app: &App, visitor: &Visitor, run: &Run) -> Markup {
    let form = |to: &str, label: &str, class: &str| {
        html! { form method="post" action={ "/runs/" (run.about.run) "/" (to) } { (token(visitor)) button class=(class) { (label) } } }
    };
    html! {
        @if !app.is_read_only() {
            div.buttons {
                @match run.state {
                    RunState::UnderWay(false) => (form("stop", "Stop", "danger")),
                    RunState::UnderWay(true) => {},
                    RunState::Interrupted(_) if run.left() == 0 => (form("continue", "Finish it", "main")),
                    RunState::Ended(_) | RunState::Interrupted(_) => @if run.left() > 0 {
                        (form("continue", &format!("Continue with {}", letters(run.left())), "main"))
                    },
                }
                a.button href="/letters" { "To the letters" }
            }
        }
    }
}

fn about(about: &About) -> Markup {
    let About { run, user, why, began, codes, rate, max_failures, changed, kind, .. } = about;
    html! {
        section aria-labelledby="about-heading" {
            h2 id="about-heading" { "What was asked for" }
            dl {
                dt { "Run" } dd { code { (run) } }
                dt { "By" } dd { (line(user)) ", " (moment(*began)) }
                dt { "Reason" } dd { (line(why)) }
                @if *kind == Kind::Replay {
                    dt { "Rate" } dd { (rate) " letters a second" }
                    @if let Some(failures) = max_failures { dt { "Stops" } dd { "after more failures than " (failures) } }
                }
                @if !changed.is_empty() { dt { "Changed" } dd { @for path in changed { code { (line(path)) } " " } } }
                dt { "Codes" } dd { @for (code, letters) in codes { (line(code)) " " (number(*letters)) ". " } }
            }
        }
    }
}

pub(super) async fn stop(State(app): State<Arc<App>>, Id(id): Id, Form { visitor, .. }: Form) -> Response {
    tracing::info!(run = %id, user = visitor.user, "a run was told to stop");
    app.running.stop(id);
    let noted = app.ledger(&visitor, "stop", None).and_then(|mut ledger| ledger.step(Some(id), 0, "told to stop"));
    if let Err(error) = noted {
        let why = format!("It stops, but the ledger cannot be written: {error}");
        return problem(&app, Some(&visitor), StatusCode::INTERNAL_SERVER_ERROR, &why);
    }
    Redirect::to(&format!("/runs/{id}")).into_response()
}

/// Goes on with the letters of a run that are still in their queue; the first goes alone again.
pub(super) async fn go_on(State(app): State<Arc<App>>, Id(id): Id, Form { visitor, .. }: Form) -> Response {
    tracing::info!(run = %id, user = visitor.user, "a run was told to go on");
    match block_in_place(|| running::resume(&app.running, id, &visitor.user)) {
        Ok(()) | Err(running::CannotBegin::UnderWay) => Redirect::to(&format!("/runs/{id}")).into_response(),
        Err(why) => problem(&app, Some(&visitor), StatusCode::CONFLICT, &why.to_string()),
    }
}
