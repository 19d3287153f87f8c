//! The first page: letters by code, and over time.
//!
//! Not here: counting them; see `dead_letters::overview`.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};

use super::access::Visitor;
use super::app::App;
use super::chart::chart;
use super::layout::Page;
use super::look::Seen;
use super::query::list_of;
use super::words::{ago, letters, line, number};
use crate::broker::Place;
use crate::dead_letters::overview::{OfCode, by_code, over_time};

/// Spans of the chart.
const SPANS: usize = 48;
/// Codes that the chart tells apart.
const CODES: usize = 6;

pub(super) async fn home(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>) -> Response {
    let now = app.look.now();
    let body = match &now.seen {
        Some(seen) => groups(seen),
        None if now.passed.is_some() => html! { p { "The letters are being read. This page loads again by itself." } },
        None => html! { p { "Nothing is read yet." } },
    };
    let again = now.passed.map(|_| 2);
    Page { app: &app, visitor: &visitor, title: "Dead letters", again, body }.into_response()
}

fn groups(seen: &Seen) -> Markup {
    let (codes, now) = (by_code(&seen.letters), Timestamp::now());
    let parked = seen.letters.iter().filter(|letter| letter.place == Place::Parked).count();
    if codes.is_empty() {
        return html! { p.empty { "No dead letters. Every message was done." } };
    }
    html! {
        @if parked > 0 { p { (letters(parked)) " of them parked: the queue of dead letters could not keep them." } }
        @if let Some(timeline) = over_time(&seen.letters, SPANS, CODES) { (chart(&timeline)) }
        table.groups {
            caption { "By code" }
            thead { tr {
                th scope="col" { "Code" } th.number scope="col" { "Letters" } th scope="col" { "Share" }
                th scope="col" { "Newest" } th scope="col" { "Oldest" } th.number scope="col" { "Replayed before" }
                th scope="col" { "What can be done" }
            } }
            tbody { @for of_code in &codes { (row(of_code, seen.letters.len(), now)) } }
        }
    }
}

fn row(of_code: &OfCode, all: usize, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" data-label="Code" {
                span {
                    a href=(list_of("code", &of_code.code)) { (line(&of_code.code)) }
                    " " span.class { (line(&of_code.class)) }
                }
            }
            td.number data-label="Letters" { (number(of_code.letters)) }
            td data-label="Share" { meter min="0" max=(all) value=(of_code.letters) { (of_code.letters * 100 / all.max(1)) " %" } }
            td data-label="Newest" { (ago(of_code.newest, now)) }
            td data-label="Oldest" { (ago(of_code.oldest, now)) }
            td.number data-label="Replayed before" { (number(of_code.replayed)) }
            td.wide data-label="What can be done" { (line(&of_code.action)) }
        }
    }
}
