//! One letter: why it failed, its headers, its message, its order, what was done about it.
//!
//! Not here: changing it; see `edit_page`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use tokio::task::block_in_place;
use uuid::Uuid;

use super::access::Visitor;
use super::app::App;
use super::bodies::{self, Body};
use super::form::Form;
use super::history_page::actions;
use super::id::Id;
use super::layout::{Page, problem, token};
use super::query::list_of;
use super::words::{counted, letters, line, moment, text};
use crate::broker::{Place, StoredLetter, Summary};
use crate::dead_letters::found::Found;
use crate::dead_letters::ledger::{Action, actions_of};
use crate::dead_letters::plan::{Plan, Planned};
use crate::dead_letters::shown::{is_foreign, shown_body};
use crate::dead_letters::stored::Shown;

/// The letter of an address, and how often it lies in the queues.
pub(super) fn find(app: &App, visitor: &Visitor, id: Uuid) -> Result<(Summary, usize), Box<Response>> {
    let seen = app.look.now().seen;
    let mut found = seen.iter().flat_map(|seen| &seen.letters).filter(|letter| letter.id == id);
    match found.next() {
        Some(letter) => Ok((letter.clone(), 1 + found.count())),
        None => {
            let why =
                "No letter that was read has this id. It may have left its queue, or it was written later: read again.";
            Err(Box::new(problem(app, Some(visitor), StatusCode::NOT_FOUND, why)))
        }
    }
}

/// A letter as the ledger names it.
pub(super) fn planned(app: &App, letter: &Summary) -> Option<Planned> {
    let queue = &app.settings.broker.names.dead_letters;
    Plan::of(vec![letter.clone()], Uuid::nil(), queue, jiff::Timestamp::UNIX_EPOCH).letters.pop()
}

pub(super) async fn letter(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
) -> Response {
    match find(&app, &visitor, id) {
        Ok((letter, times)) => show(&app, &visitor, &letter, times, false).await,
        Err(problem) => *problem,
    }
}

/// Begins to read the letter's message.
pub(super) async fn read_body(State(app): State<Arc<App>>, Id(id): Id, Form { visitor, .. }: Form) -> Response {
    match find(&app, &visitor, id) {
        Ok((letter, _)) => {
            bodies::ask(&app.bodies, &app.look, &app.settings, &letter);
            Redirect::to(&format!("/letters/{id}#message")).into_response()
        }
        Err(problem) => *problem,
    }
}

/// Shows names and addresses once, and notes who saw them.
pub(super) async fn reveal(State(app): State<Arc<App>>, Id(id): Id, Form { visitor, .. }: Form) -> Response {
    let (letter, times) = match find(&app, &visitor, id) {
        Ok(found) => found,
        Err(problem) => return *problem,
    };
    if app.is_read_only() {
        return problem(&app, Some(&visitor), StatusCode::FORBIDDEN, "There is no ledger, so nothing can be revealed.");
    }
    let noted = app.ledger(&visitor, "show", None).and_then(|mut ledger| {
        planned(&app, &letter).map_or(Ok(()), |planned| ledger.note(&planned, None, &[], "revealed"))
    });
    if let Err(error) = noted {
        let why = format!("Nothing is shown, since the ledger cannot be written: {error}");
        return problem(&app, Some(&visitor), StatusCode::INTERNAL_SERVER_ERROR, &why);
    }
    tracing::info!(letter = %id, user = visitor.user, "a letter's personal data was shown");
    bodies::ask(&app.bodies, &app.look, &app.settings, &letter);
    show(&app, &visitor, &letter, times, true).await
}

async fn show(app: &Arc<App>, visitor: &Visitor, letter: &Summary, times: usize, reveal: bool) -> Response {
    let body = app.bodies.get(letter).await;
    let again = matches!(body, Body::UnderWay(_)).then_some(2);
    let mapped = match &body {
        Body::Here(stored) if stored.mapping().is_some() => Some(mapped(app, stored, reveal).await),
        Body::Here(_) | Body::Unasked | Body::UnderWay(_) | Body::Missing(_) => None,
    };
    let markup = html! {
        (facts(letter, times))
        (buttons(app, visitor, letter))
        section id="message" aria-labelledby="message-heading" {
            h2 id="message-heading" { "Message" }
            (message(app, visitor, letter, &body, reveal))
            @match &mapped {
                Some(Ok(event)) => { h3 { "What the mapping makes of it now" } pre tabindex="0" { (text(event)) } }
                Some(Err(why)) => { h3 { "Not mapped" } p.problem { (line(why)) } }
                None => {}
            }
        }
        @if let Body::Here(stored) = &body { (headers(stored, reveal)) }
        (past(app, letter))
    };
    let title = format!("Letter of {}", letter.order.as_deref().unwrap_or("no order"));
    // a page that was answered to a form must not be asked for again as if it was a link
    let again = again.filter(|_| !reveal);
    Page { app, visitor, title: &title, again, body: markup }.into_response()
}

fn facts(letter: &Summary, times: usize) -> Markup {
    let Summary { code, message, action, class, operation, error_type, order, attempts, replays, replay_id, .. } =
        letter;
    html! {
        p.why { strong { (line(code)) } ": " @if message.is_empty() { "no reason is given" } @else { (line(message)) } }
        p.advice { "What can be done: " (line(action)) }
        dl {
            dt { "Letter" } dd { code { (letter.id) } @if times > 1 { " (lies in the queues " (times) " times)" } }
            dt { "Order" } dd { @match order { Some(order) => a href=(list_of("order", order)) { (line(order)) }, None => "unknown" } }
            dt { "Operation" } dd { (line(operation)) ", " (line(error_type)) ", " (line(class)) }
            @if let Some(mapping) = &letter.mapping { dt { "Mapping" } dd { (line(mapping)) } }
            @if let Some(at) = letter.dead_lettered_at { dt { "Written" } dd { (moment(at)) " after " (counted(*attempts as usize, "attempt")) } }
            dt { "Replayed" } dd {
                @match (replays, replay_id) {
                    (0, _) => "never",
                    (times, Some(run)) => { (counted(*times as usize, "time")) ", the last by run " (line(run)) }
                    (times, None) => (counted(*times as usize, "time")),
                }
            }
            @if letter.place == Place::Parked { dt { "Place" } dd { "parked: the queue of dead letters could not keep it" } }
            dt { "Size" } dd { (letter.bytes) " bytes" }
        }
    }
}

fn buttons(app: &App, visitor: &Visitor, letter: &Summary) -> Markup {
    html! {
        div.buttons {
            @if !app.is_read_only() {
                form method="post" action="/plans" {
                    (token(visitor))
                    input type="hidden" name="scope" value="selected";
                    input type="hidden" name="letter" value=(letter.id);
                    button.main { "Plan for this letter" }
                }
                a.button href={ "/letters/" (letter.id) "/edit" } { "Edit" }
            }
            @if letter.order.is_some() { a.button href={ "/letters/" (letter.id) "/order" } { "What the API has" } }
        }
    }
}

fn message(app: &App, visitor: &Visitor, letter: &Summary, body: &Body, reveal: bool) -> Markup {
    let ask = |label: &str, what: &str| {
        html! {
            form method="post" action={ "/letters/" (letter.id) "/" (what) } { (token(visitor)) button { (label) } }
        }
    };
    html! {
        @match body {
            Body::Unasked => { p.hint { "It is read when you ask: queues have no shorter way to one letter than a pass." } (ask("Read the message", "body")) }
            Body::UnderWay(passed) => p role="status" { "Looking for it: " (letters(*passed)) " so far." @if !reveal { " This page loads again by itself." } },
            Body::Missing(why) => { p.problem role="alert" { (line(why)) } (ask("Look once more", "body")) }
            Body::Here(stored) => {
                pre tabindex="0" { (text(&shown_body(&stored.text(), is_foreign(stored), reveal))) }
                @if !reveal && !app.is_read_only() {
                    (ask("Show names and addresses", "reveal"))
                    p.hint { "Who looked is noted in the ledger." }
                }
            }
        }
    }
}

async fn mapped(app: &App, stored: &StoredLetter, reveal: bool) -> Result<String, String> {
    let mut mappings = (app.settings.mappings)();
    let message = mappings.message(stored).await.map_err(|why| why.to_string())?;
    Ok(shown_body(&message.body, false, reveal))
}

fn headers(stored: &StoredLetter, reveal: bool) -> Markup {
    let all = stored.headers();
    let own = all.iter().filter(|(name, _)| reveal || name.starts_with("bwp-"));
    html! {
        section aria-labelledby="headers-heading" {
            h2 id="headers-heading" { "Headers" }
            dl.headers { @for (name, value) in own { dt { code { (line(name)) } } dd { (line(value)) } } }
        }
    }
}

/// Actions of operators on the order, by the ledger.
fn past(app: &App, letter: &Summary) -> Markup {
    let (Some(ledger), Some(order)) = (&app.settings.ledger, &letter.order) else { return html! {} };
    let names = BTreeSet::from([order.to_string()]);
    let read = || if ledger.exists() { actions_of(ledger, &names) } else { Ok(Vec::new()) };
    let done: Vec<Action> = match block_in_place(read) {
        Ok(done) => done,
        Err(error) => return html! { p.problem { "The ledger cannot be read: " (line(&error.to_string())) } },
    };
    html! {
        section aria-labelledby="past-heading" {
            h2 id="past-heading" { "History of the order" }
            @if done.is_empty() { p { "The ledger has nothing of it." } } @else { (actions(done.iter().rev())) }
        }
    }
}

/// The order as the API has it.
pub(super) async fn order(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>, Id(id): Id) -> Response {
    let (letter, _) = match find(&app, &visitor, id) {
        Ok(found) => found,
        Err(problem) => return *problem,
    };
    let Some(order) = &letter.order else {
        return problem(&app, Some(&visitor), StatusCode::NOT_FOUND, "The letter names no order.");
    };
    let body = html! {
        @match app.settings.orders.find(order).await {
            Found::Order(stored) => dl { @for (what, text) in Shown::of(&stored).rows() { dt { (what) } dd { (line(&text)) } } },
            Found::Absent => p { "Buy with Prime has no such order." },
            Found::Unclear(why) => p.problem role="alert" { "Nobody can say now: " (line(&why)) },
        }
        p { a href={ "/letters/" (letter.id) } { "Back to the letter" } }
    };
    let title = format!("Order {order} at Buy with Prime");
    Page { app: &app, visitor: &visitor, title: &title, again: None, body }.into_response()
}
