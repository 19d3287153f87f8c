//! The frame of each page: head, bar, how old the look is, foot.
//!
//! Not here: what a page is about.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::access::{FORM_TOKEN, Visitor};
use super::app::App;
use super::look::Now;
use super::words::{letters, line, moment, number};

/// A page in its frame.
pub(super) struct Page<'a> {
    pub(super) app: &'a App,
    pub(super) visitor: &'a Visitor,
    pub(super) title: &'a str,
    /// Seconds after which the browser loads it again; none where nothing changes.
    pub(super) again: Option<u32>,
    pub(super) body: Markup,
}

/// Noted on a response: seconds after which the browser loads the page again. The router knows the page's address.
#[derive(Clone, Copy)]
pub(super) struct Again(pub(super) u32);

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        let Self { app, visitor, title, again, body } = self;
        let now = app.look.now();
        let bar = html! {
            nav aria-label="Main" {
                a.home href="/" { "Dead letters" }
                a href="/letters" { "All letters" }
                a href="/runs" { "Runs" }
                a href="/history" { "History" }
            }
            div.who {
                @if app.is_read_only() { span.tag title="No --ledger was given" { "read-only" } }
                span { (line(&visitor.user)) }
                @if app.access.has_login() {
                    form method="post" action="/logout" { (token(visitor)) button.quiet { "Log out" } }
                }
            }
        };
        let look = look_bar(&now, visitor);
        let content = html! { (look) main id="main" { h1 { (line(title)) } (body) } };
        let mut response = frame(title, &bar, &content).into_response();
        if let Some(seconds) = again {
            response.extensions_mut().insert(Again(seconds));
        }
        response
    }
}

/// The hidden field without which no form is taken.
pub(super) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(visitor.form_token); }
}

/// A page without a visitor, or without anything to work with.
pub(super) fn frame(title: &str, bar: &Markup, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (line(title)) " · bwp-sync" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
            }
            body {
                a.skip href="#main" { "To the content" }
                header { (bar) }
                (content)
                footer { "bwp-sync " (env!("CARGO_PKG_VERSION")) }
            }
        }
    };
    Html(page.into_string())
}

/// How old the look is, who holds letters, and how to look again.
fn look_bar(now: &Now, visitor: &Visitor) -> Markup {
    html! {
        section.look aria-label="State of the look" {
            @match (&now.seen, now.passed) {
                (_, Some(passed)) => p role="status" { "Reading: " (letters(passed)) " so far" },
                (Some(seen), None) => p role="status" { "Read " (moment(seen.at)) ", " (letters(seen.letters.len())) },
                (None, None) => p role="status" { "Nothing is read yet" },
            }
            @if now.passed.is_none() {
                form method="post" action="/read" { (token(visitor)) button.quiet { "Read again" } }
            }
            @if let Some(why) = &now.failed { p.problem role="alert" { "The letters could not be read: " (line(why)) } }
            @if now.is_stale && now.passed.is_none() {
                p.hint { "Letters were replayed or discarded since then." }
            }
            @if let Some(elsewhere) = now.seen.as_ref().and_then(|seen| seen.elsewhere.as_ref()) {
                p.hint {
                    @match elsewhere.letters {
                        Some(held) => { (number(held)) " more were in use, and are not shown: " },
                        None => "Some letters may be missing: they were with ",
                    }
                    (line(&elsewhere.holder))
                }
            }
        }
    }
}

/// A page that says why there is no other.
pub(super) fn problem(app: &App, visitor: Option<&Visitor>, status: StatusCode, why: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Problem");
    let body = html! { p.problem role="alert" { (line(why)) } p { a href="/" { "To the groups" } } };
    match visitor {
        Some(visitor) => (status, Page { app, visitor, title, again: None, body }).into_response(),
        None => (status, frame(title, &html! {}, &html! { main id="main" { h1 { (title) } (body) } })).into_response(),
    }
}
