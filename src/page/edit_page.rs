//! Changes to one letter's message: a field for each value, and what they would do.
//!
//! Not here: making the changes; see `dead_letters::edit`.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use uuid::Uuid;

use super::access::Visitor;
use super::app::App;
use super::bodies::{self, Body};
use super::form::{Fields, Form};
use super::id::Id;
use super::layout::{Page, problem, token};
use super::letter_page::find;
use super::words::line;
use crate::broker::{StoredLetter, Summary};
use crate::dead_letters::edit::{Change, Edit};
use crate::dead_letters::leaves::{Leaf, leaves};
use crate::dead_letters::trial::{Tried, try_edit};

/// Begins the name of a field with a value of the message.
const VALUE: &str = "set:";
/// Values that have a field of their own.
const MOST_FIELDS: usize = 300;

pub(super) async fn edit(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>, Id(id): Id) -> Response {
    let (letter, stored) = match stored(&app, &visitor, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    match values(&app, &stored).await {
        Ok(values) => show(&app, &visitor, &letter, &form(&visitor, &letter, &values, None)),
        Err(why) => problem(&app, Some(&visitor), StatusCode::CONFLICT, &why),
    }
}

/// Shows what the changes would do, if a worker would take the message with them.
pub(super) async fn try_it(State(app): State<Arc<App>>, Id(id): Id, Form { fields, visitor }: Form) -> Response {
    let (letter, stored) = match stored(&app, &visitor, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let values = match values(&app, &stored).await {
        Ok(values) => values,
        Err(why) => return problem(&app, Some(&visitor), StatusCode::CONFLICT, &why),
    };
    let sets = changed(&values, &fields);
    match tried(&app, &stored, &sets).await {
        Ok(tried) if tried.changes.is_empty() => {
            show(&app, &visitor, &letter, &form(&visitor, &letter, &values, Some("Nothing is changed.")))
        }
        Ok(tried) => show(&app, &visitor, &letter, &consequence(&visitor, &letter, &sets, &tried.changes)),
        Err(why) => show(&app, &visitor, &letter, &form(&visitor, &letter, &values, Some(&why))),
    }
}

/// The effect of changes on a letter's message, if a worker would take it with them.
pub(super) async fn tried(app: &App, stored: &StoredLetter, sets: &[String]) -> Result<Tried, String> {
    let sets = sets.iter().map(|set| set.parse()).collect::<Result<_, _>>();
    let edit =
        Edit { sets: sets.map_err(|error: crate::dead_letters::edit::EditError| error.to_string())?, patch: None };
    try_edit(stored, &edit, &mut (app.settings.mappings)(), &app.settings.conventions, false).await
}

/// The letter with its message; a look for it is begun where nobody has.
async fn stored(app: &Arc<App>, visitor: &Visitor, id: Uuid) -> Result<(Summary, Arc<StoredLetter>), Response> {
    let (letter, _) = find(app, visitor, id).map_err(|problem| *problem)?;
    bodies::ask(&app.bodies, &app.look, &app.settings, &letter);
    match app.bodies.get(&letter).await {
        Body::Here(stored) => Ok((letter, stored)),
        Body::Missing(why) => Err(problem(app, Some(visitor), StatusCode::NOT_FOUND, &why)),
        // the letter's page shows how far the look has come
        Body::Unasked | Body::UnderWay(_) => Err(Redirect::to(&format!("/letters/{id}#message")).into_response()),
    }
}

async fn values(app: &App, stored: &StoredLetter) -> Result<Vec<Leaf>, String> {
    let mut mappings = (app.settings.mappings)();
    let message = mappings.message(stored).await.map_err(|why| why.to_string())?;
    if message.mapping.is_none() && message.opened(stored, &message.body).is_err() {
        return Err(
            "The body is no message of ours, and no mapping of the settings is for it, so nothing in it can be set."
                .to_owned(),
        );
    }
    Ok(leaves(&message.body))
}

/// The values that a form changes, as `path=value`. A private one that is left empty stays.
fn changed(values: &[Leaf], fields: &Fields) -> Vec<String> {
    let was = |path: &str| values.iter().find(|leaf| leaf.path == path);
    let own = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix(VALUE)?, value)));
    let own = own.filter(|(path, value)| match was(path) {
        Some(leaf) if leaf.private => !value.is_empty(),
        Some(leaf) => plain(&leaf.value) != plain(value),
        None => false,
    });
    let own = own.map(|(path, value)| format!("{path}={}", plain(value)));
    let more = fields.all("more").flat_map(str::lines).map(str::trim).filter(|set| !set.is_empty());
    own.chain(more.map(ToOwned::to_owned)).collect()
}

/// A text with the line ends of messages: a browser sends others.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn show(app: &App, visitor: &Visitor, letter: &Summary, body: &Markup) -> Response {
    let title = format!("Edit the message of {}", letter.order.as_deref().unwrap_or("no order"));
    let body = html! { (body) p { a href={ "/letters/" (letter.id) } { "Back to the letter" } } };
    Page { app, visitor, title: &title, again: None, body }.into_response()
}

fn form(visitor: &Visitor, letter: &Summary, values: &[Leaf], wrong: Option<&str>) -> Markup {
    html! {
        @if let Some(wrong) = wrong { p.problem role="alert" { (line(wrong)) } }
        p { "Nothing is sent before you have seen what changes, and begun a replay." }
        form.edit method="post" action={ "/letters/" (letter.id) "/edit" } {
            (token(visitor))
            @for Leaf { path, value, private } in values.iter().take(MOST_FIELDS) {
                label {
                    code { (line(path)) }
                    @if *private { input name={ (VALUE) (path) } placeholder="[…] stays as it is" autocomplete="off"; }
                    @else if value.contains(['\n', '\r']) { textarea name={ (VALUE) (path) } rows="3" { "\n" (value) } }
                    @else { input name={ (VALUE) (path) } value=(value) autocomplete="off"; }
                }
            }
            label { "Other fields, one to a line, as " code { "lines[0].product.sku=SKU-101" } textarea name="more" rows="3" {} }
            div.buttons { button.main { "Show what changes" } }
        }
    }
}

fn consequence(visitor: &Visitor, letter: &Summary, sets: &[String], changes: &[Change]) -> Markup {
    html! {
        (difference(changes))
        p { "A worker would take the message like this." }
        form method="post" action="/plans" {
            (token(visitor))
            input type="hidden" name="scope" value="selected";
            input type="hidden" name="letter" value=(letter.id);
            @for set in sets { input type="hidden" name="set" value=(set); }
            div.buttons { button.main { "Plan a replay with this" } a.button href={ "/letters/" (letter.id) "/edit" } { "Change more" } }
        }
    }
}

/// Changes, with private values masked.
pub(super) fn difference(changes: &[Change]) -> Markup {
    let value = |value: &Option<serde_json::Value>, private: bool| match value {
        None => "(absent)".to_owned(),
        Some(_) if private => "[…]".to_owned(),
        Some(value) => value.to_string(),
    };
    html! {
        table.difference {
            caption { "Changes" }
            thead { tr { th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "After" } } }
            tbody { @for Change { path, from, to, private } in changes {
                tr {
                    th scope="row" data-label="Field" { code { (line(path)) } }
                    td.removed data-label="Before" { del { (line(&value(from, *private))) } }
                    td.added data-label="After" { ins { (line(&value(to, *private))) } }
                }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_changed_is_set_and_a_private_value_stays_where_it_is_left_empty() {
        let leaf = |path: &str, value: &str, private| Leaf { path: path.into(), value: value.into(), private };
        let values =
            [leaf("total", "10.10", false), leaf("lines[0].quantity", "3", false), leaf("shipTo.name", "Ada", true)];
        let form = b"set%3Atotal=10.10&set%3Alines%5B0%5D.quantity=1&set%3AshipTo.name=&set%3Aother=1&more=tax%3D1%0D%0A+%0Alinks%3D2";
        assert_eq!(changed(&values, &Fields::read(form)), ["lines[0].quantity=1", "tax=1", "links=2"]);
        assert_eq!(changed(&values, &Fields::read(b"set%3AshipTo.name=Eve")), ["shipTo.name=Eve"]);
        let lines = [leaf("note", "door\nring", false)];
        assert_eq!(changed(&lines, &Fields::read(b"set%3Anote=door%0D%0Aring")), Vec::<String>::new());
    }

    #[test]
    fn a_private_value_is_masked_on_both_sides() {
        let change =
            Change { path: "data.shipTo.name".into(), from: Some("Ada".into()), to: Some("Eve".into()), private: true };
        let shown = difference(&[change]).into_string();
        assert!(!shown.contains("Ada") && !shown.contains("Eve"), "{shown}");
    }
}
