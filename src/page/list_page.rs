//! The list of letters, with a filter that is the page's address.
//!
//! Not here: the filter; plans.

use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};

use super::access::Visitor;
use super::app::App;
use super::form::Fields;
use super::layout::{Page, token};
use super::query::{FIELDS, PAGE, Query};
use super::words::{ago, letters, line, number};
use crate::broker::Summary;

/// Letters on a page.
const ON_A_PAGE: usize = 100;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    let (now, fields) = (Timestamp::now(), Fields::read(query.unwrap_or_default().as_bytes()));
    let query = Query::read(&fields, now);
    let seen = app.look.now().seen;
    let all = seen.as_ref().map_or(&[][..], |seen| &seen.letters);
    let found: Vec<&Summary> =
        all.iter().filter(|letter| query.faults.is_empty() && query.filter.matches(letter)).collect();
    let last = found.len().div_ceil(ON_A_PAGE).max(1);
    let page = fields.get(PAGE).and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, last);
    let shown: Vec<&Summary> = found.iter().skip((page - 1) * ON_A_PAGE).take(ON_A_PAGE).copied().collect();
    let body = html! {
        (filter_form(&query))
        @for fault in &query.faults { p.problem role="alert" { (line(fault)) } }
        @if shown.is_empty() {
            @match &seen {
                Some(_) => p.empty { "No letter is like that; there are " (letters(all.len())) "." },
                None => p.empty { "The letters are not read yet." },
            }
        } @else {
            form method="post" action="/plans" {
                (token(&visitor))
                input type="hidden" name="query" value=(query.text(&[]));
                (table(&shown, now, app.is_read_only()))
                (pages(&query, page, last))
                @if !app.is_read_only() { (actions(found.len(), &query)) }
            }
        }
    };
    Page { app: &app, visitor: &visitor, title: "Letters", again: seen.is_none().then_some(2), body }.into_response()
}

fn filter_form(query: &Query) -> Markup {
    let used = |fields: &[(&str, &str, &str)]| fields.iter().any(|(name, _, _)| !query.value(name).is_empty());
    let input = |(name, label, example): &(&str, &str, &str)| {
        html! { label { (label) input name=(name) value=(query.value(name)) placeholder=(example); } }
    };
    html! {
        form.filter method="get" action="/letters" role="search" {
            @for field in &FIELDS[..4] { (input(field)) }
            details open[used(&FIELDS[4..])] {
                summary { "More" }
                div.more { @for field in &FIELDS[4..] { (input(field)) } }
            }
            div.buttons { button.main { "Filter" } a href="/letters" { "All" } }
        }
    }
}

fn table(shown: &[&Summary], now: Timestamp, is_read_only: bool) -> Markup {
    html! {
        table.letters {
            caption.hidden { "Letters" }
            thead { tr {
                @if !is_read_only { th scope="col" { span.hidden { "Select" } } }
                th scope="col" { "Order" } th scope="col" { "Operation" } th scope="col" { "Code" }
                th scope="col" { "Age" } th.number scope="col" { "Replays" } th scope="col" { "Why" }
            } }
            tbody { @for letter in shown {
                tr {
                    @if !is_read_only {
                        td.select { input type="checkbox" name="letter" value=(letter.id) aria-label={ "Letter of order " (line(order(letter))) }; }
                    }
                    th scope="row" data-label="Order" { a href={ "/letters/" (letter.id) } { (line(order(letter))) } }
                    td data-label="Operation" { (line(&letter.operation)) }
                    td data-label="Code" { (line(&letter.code)) }
                    td data-label="Age" { (ago(letter.dead_lettered_at, now)) }
                    td.number data-label="Replays" { (letter.replays) }
                    td.wide data-label="Why" { (line(&letter.message)) }
                }
            } }
        }
    }
}

fn order(letter: &Summary) -> &str {
    letter.order.as_deref().unwrap_or("(no order)")
}

fn pages(query: &Query, page: usize, last: usize) -> Markup {
    let link = |to: usize| format!("/letters?{}", query.text(&[(PAGE, &to.to_string())]));
    html! {
        @if last > 1 {
            nav.pages aria-label="Pages" {
                @if page > 1 { a href=(link(1)) { "First" } a rel="prev" href=(link(page - 1)) { "Previous" } }
                span { "Page " (number(page)) " of " (number(last)) }
                @if page < last { a rel="next" href=(link(page + 1)) { "Next" } a href=(link(last)) { "Last" } }
            }
        }
    }
}

fn actions(found: usize, query: &Query) -> Markup {
    html! {
        div.actions {
            button.main name="scope" value="selected" { "Plan for the selected" }
            button name="scope" value="all" { "Plan for all " (number(found)) " that match" }
            button.quiet formaction="/export" name="scope" value="all" { "Export all " (number(found)) }
            p.hint { "A plan says first what would happen. These match: " (line(&query.words())) "." }
        }
    }
}
