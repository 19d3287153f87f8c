//! A plan: what would happen, the operator's reason, and the two ways to carry it out.
//!
//! Not here: carrying it out; see `running`.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::access::Visitor;
use super::app::App;
use super::bodies::Body;
use super::edit_page::{difference, tried};
use super::form::{Fields, Form};
use super::id::Id;
use super::layout::{Page, problem, token};
use super::letter_page::find;
use super::plans::{self, Draft, Guard};
use super::query::Query;
use super::running;
use super::words::{counted, duration, letters, line, number};
use crate::broker::Summary;
use crate::dead_letters::edit::Change;
use crate::dead_letters::filter::Filter;
use crate::dead_letters::runs::{About, Kind};

/// Letters in a second, unless the operator wants another rate.
const RATE: f64 = 10.0;
/// Lowest rate: a letter in ten seconds.
const LOWEST_RATE: f64 = 0.1;
/// Highest rate: a worker has no use for more.
const HIGHEST_RATE: f64 = 1000.0;
/// Orders with a warning that are named.
const NAMED: usize = 50;

/// Makes a plan of the letters that were selected, or of all that match.
pub(super) async fn make(State(app): State<Arc<App>>, Form { fields, visitor }: Form) -> Response {
    if app.is_read_only() {
        return problem(&app, Some(&visitor), StatusCode::FORBIDDEN, "There is no ledger, so nothing can be changed.");
    }
    let Some(seen) = app.look.now().seen else {
        return problem(&app, Some(&visitor), StatusCode::CONFLICT, "The letters are not read yet.");
    };
    let (filter, about) = match chosen(&fields) {
        Ok(chosen) => chosen,
        Err(why) => return problem(&app, Some(&visitor), StatusCode::BAD_REQUEST, &why),
    };
    let letters: Vec<Summary> = seen.letters.iter().filter(|letter| filter.matches(letter)).cloned().collect();
    if letters.is_empty() {
        return problem(&app, Some(&visitor), StatusCode::NOT_FOUND, "No letter is like that any more.");
    }
    let sets: Vec<String> = fields.all("set").map(ToOwned::to_owned).collect();
    match changes(&app, &visitor, &letters, &sets).await {
        Ok(changes) => {
            let id = plans::make(&app.plans, &app.settings, letters, seen.at, about, (sets, changes));
            Redirect::to(&format!("/plans/{id}")).into_response()
        }
        Err(problem) => problem,
    }
}

/// The filter that a form stands for, and its words.
fn chosen(fields: &Fields) -> Result<(Filter, String), String> {
    if fields.get("scope") == Some("all") {
        let text = fields.all("query").next().ok_or("The form names no letters.")?;
        let query = Query::of(text, Timestamp::now());
        // a filter that cannot be read must not stand for all letters
        return if query.faults.is_empty() {
            Ok((query.filter.clone(), query.words()))
        } else {
            Err(query.faults.join("; "))
        };
    }
    let ids: Vec<String> = fields.all("letter").map(ToOwned::to_owned).collect();
    if ids.is_empty() || ids.iter().any(|id| id.parse::<Uuid>().is_err()) {
        return Err("Select at least one letter.".to_owned());
    }
    let about = "selected one by one".to_owned();
    Ok((Filter { ids, ..Filter::default() }, about))
}

async fn changes(
    app: &Arc<App>,
    visitor: &Visitor,
    letters: &[Summary],
    sets: &[String],
) -> Result<Vec<Change>, Response> {
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let refuse = |why: &str| problem(app, Some(visitor), StatusCode::CONFLICT, why);
    let [letter] = letters else { return Err(refuse("A change is made to one letter at a time.")) };
    let (letter, _) = find(app, visitor, letter.id).map_err(|problem| *problem)?;
    match app.bodies.get(&letter).await {
        Body::Here(stored) => tried(app, &stored, sets).await.map(|tried| tried.changes).map_err(|why| refuse(&why)),
        Body::Unasked | Body::UnderWay(_) | Body::Missing(_) => {
            Err(refuse("The letter's message is not at hand any more: edit it again."))
        }
    }
}

pub(super) async fn plan(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>, Id(id): Id) -> Response {
    match app.plans.get(id) {
        Some(draft) => show(&app, &visitor, id, &draft, None).await,
        None => gone(&app, &visitor, id),
    }
}

/// A plan that is not there: it was carried out, and then it is a run, or it is too old.
fn gone(app: &App, visitor: &Visitor, id: Uuid) -> Response {
    if app.plans.is_taken(id) || matches!(app.running.get(id), Ok(Some(_))) {
        return Redirect::to(&format!("/runs/{id}")).into_response();
    }
    problem(app, Some(visitor), StatusCode::NOT_FOUND, "There is no such plan: a plan is kept for an hour.")
}

async fn show(app: &App, visitor: &Visitor, id: Uuid, draft: &Draft, wrong: Option<&str>) -> Response {
    let Draft { plan, about, changes, .. } = draft;
    let count = plan.letters.len();
    let guard = draft.guard().await;
    let body = html! {
        @if let Some(wrong) = wrong { p.problem role="alert" { (line(wrong)) } }
        p { (letters(count)) ", " (line(about)) ". A replay makes at least " (counted(plan.calls(), "call")) " of the API, and takes "
            (duration(count as f64 / RATE)) " at " (RATE) " letters a second." }
        table.codes {
            caption { "Letters by code" }
            tbody { @for (code, letters) in &plan.head.codes { tr { th scope="row" { (line(code)) } td.number { (number(*letters)) } } } }
        }
        @if !changes.is_empty() { (difference(changes)) }
        (warnings(&guard))
        form.run method="post" action={ "/plans/" (id) "/replay" } {
            (token(visitor))
            label { "Reason, for the ledger" input name="why" required maxlength="500"; }
            div.row {
                label { "Letters in a second" input name="rate" type="number" min=(LOWEST_RATE) max=(HIGHEST_RATE) step="0.1" value=(RATE); }
                label { "Stop after more failures than" input name="max-failures" type="number" min="0" placeholder="no limit"; }
            }
            p.hint { "The first letter goes alone; the others follow when the worker has done it." }
            div.buttons { button.main { "Replay " (letters(count)) } }
        }
        @if changes.is_empty() {
            details.discard {
                summary { "Discard them instead" }
                form.run method="post" action={ "/plans/" (id) "/discard" } {
                    (token(visitor))
                    p { "Letters that are discarded are gone for good. Export them before, if in doubt." }
                    label { "Reason, for the ledger" input name="why" required maxlength="500"; }
                    label.check { input type="checkbox" name="sure" value="yes" required; "They are not needed any more" }
                    div.buttons { button.danger { "Discard " (letters(count)) } }
                }
            }
        }
    };
    Page { app, visitor, title: "Plan", again: None, body }.into_response()
}

fn warnings(guard: &Guard) -> Markup {
    let Guard { read, orders, warnings } = guard;
    html! {
        section aria-labelledby="guard-heading" {
            h2 id="guard-heading" { "What the API has" }
            @if read < orders {
                p role="status" { "Read " (number(*read)) " of " (number(*orders)) " orders so far; load the page again for the rest." }
            } @else if warnings.is_empty() {
                p { "Nothing speaks against a replay. Orders read: " (number(*orders)) "." }
            }
            @if !warnings.is_empty() {
                p { "Orders for which a replay may be for nothing, or that could not be read: " (number(warnings.len())) ". A replay does no harm." }
                ul { @for (order, warning) in warnings.iter().take(NAMED) { li { "Order " (line(order)) " " (line(&warning.to_string())) } } }
                @if warnings.len() > NAMED { p { "And " (number(warnings.len() - NAMED)) " more like that." } }
            }
        }
    }
}

pub(super) async fn replay(State(app): State<Arc<App>>, Id(id): Id, form: Form) -> Response {
    carry_out(&app, id, Kind::Replay, &form).await
}

pub(super) async fn discard(State(app): State<Arc<App>>, Id(id): Id, form: Form) -> Response {
    carry_out(&app, id, Kind::Discard, &form).await
}

async fn carry_out(app: &Arc<App>, id: Uuid, kind: Kind, Form { fields, visitor }: &Form) -> Response {
    let Some(draft) = app.plans.get(id) else { return gone(app, visitor, id) };
    let wanted = match wanted(kind, fields, draft.sets.is_empty()) {
        Ok(wanted) => wanted,
        Err(why) => return (StatusCode::BAD_REQUEST, show(app, visitor, id, &draft, Some(&why)).await).into_response(),
    };
    // the first to take it carries it out, also on a double click
    let Some(draft) = app.plans.take(id) else { return gone(app, visitor, id) };
    let about = About {
        run: id,
        kind,
        user: visitor.user.clone(),
        why: wanted.why,
        began: Timestamp::now(),
        letters: draft.plan.letters.len(),
        codes: draft.plan.head.codes.clone(),
        rate: wanted.rate,
        max_failures: wanted.max_failures,
        changed: draft.changes.iter().map(|change| change.path.clone()).collect(),
    };
    match running::begin(&app.running, about, draft.plan.clone(), &draft.sets) {
        Ok(()) => Redirect::to(&format!("/runs/{id}")).into_response(),
        Err(why) => {
            app.plans.give_back(id);
            problem(app, Some(visitor), StatusCode::INTERNAL_SERVER_ERROR, &format!("Nothing was begun: {why}"))
        }
    }
}

/// Wishes of the operator for a run.
#[derive(Debug, PartialEq)]
struct Wanted {
    why: String,
    rate: f64,
    max_failures: Option<usize>,
}

fn wanted(kind: Kind, fields: &Fields, is_unchanged: bool) -> Result<Wanted, String> {
    let why = fields.get("why").ok_or("A reason is needed, for the ledger.")?.trim().to_owned();
    if kind == Kind::Discard && fields.get("sure") != Some("yes") {
        return Err("Say that they are not needed any more.".to_owned());
    }
    if kind == Kind::Discard && !is_unchanged {
        return Err("A plan with a change is for a replay.".to_owned());
    }
    let rate =
        fields.get("rate").map_or(Ok(RATE), str::parse).ok().filter(|rate| (LOWEST_RATE..=HIGHEST_RATE).contains(rate));
    let rate =
        rate.ok_or_else(|| format!("Letters in a second: expected a number from {LOWEST_RATE} to {HIGHEST_RATE}."))?;
    let max_failures = fields.get("max-failures").map(str::parse).transpose();
    let max_failures = max_failures.map_err(|_| "Failures: expected a number, or nothing.")?;
    Ok(Wanted { why, rate, max_failures })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_needs_a_reason_and_numbers_that_are_some() {
        let read = |kind, form: &str| wanted(kind, &Fields::read(form.as_bytes()), true);
        let all = read(Kind::Replay, "why=+stock+came+&rate=2.5&max-failures=3");
        assert_eq!(all, Ok(Wanted { why: "stock came".into(), rate: 2.5, max_failures: Some(3) }));
        assert_eq!(read(Kind::Replay, "why=x&max-failures=").unwrap().rate, RATE);
        for wrong in [
            "",
            "why=+",
            "why=x&rate=0",
            "why=x&rate=1e-30",
            "why=x&rate=NaN",
            "why=x&rate=inf",
            "why=x&rate=1001",
            "why=x&max-failures=-1",
        ] {
            assert!(read(Kind::Replay, wrong).is_err(), "{wrong}");
        }
        assert!(read(Kind::Discard, "why=x").is_err() && read(Kind::Discard, "why=x&sure=yes").is_ok());
        assert!(wanted(Kind::Discard, &Fields::read(b"why=x&sure=yes"), false).is_err());
    }

    #[test]
    fn a_filter_that_cannot_be_read_stands_for_no_letter() {
        for wrong in [
            "scope=all&query=since%3Dsoon",
            "scope=all&query=codes%3DX",
            "scope=all&query=code%3D%2C",
            "scope=all",
            "scope=selected",
            "",
            "letter=1",
            "letter=",
        ] {
            assert!(chosen(&Fields::read(wrong.as_bytes())).is_err(), "{wrong}");
        }
        let (filter, about) = chosen(&Fields::read(b"scope=all&query=code%3DX&letter=1")).unwrap();
        assert_eq!((filter.codes, about.as_str()), (vec!["X".to_owned()], "those with code X"));
    }
}
