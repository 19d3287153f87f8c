//! The way in and the way out.
//!
//! Not here: what is right; see `access`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::access::Guess;
use super::app::App;
use super::form::{Fields, Form};
use super::layout::frame;
use crate::listening::Peer;

/// The login form; the printed address, which has the token in it, leads in at once.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    // a picture of another site, or a look ahead, must not use it up
    let is_opened = method == Method::GET && headers.get("sec-fetch-site").is_none_or(|site| site != "cross-site");
    match fields.get("token") {
        Some(token) if is_opened && !app.access.asks_for_names() => enter(&app, peer, token, None, "/").await,
        Some(_) | None => form(&app, StatusCode::OK, fields.get("next"), None),
    }
}

pub(super) async fn log_in(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Bytes,
) -> Response {
    let fields = Fields::read(&body);
    let name = fields.get("name").map(|name| name.trim().chars().take(100).collect::<String>());
    let next = ours(fields.get("next"));
    enter(&app, peer, fields.get("token").unwrap_or_default(), name.as_deref(), next).await
}

pub(super) async fn log_out(State(app): State<Arc<App>>, headers: HeaderMap, Form { .. }: Form) -> Response {
    ([(SET_COOKIE, app.access.log_out(&headers))], Redirect::to("/login")).into_response()
}

async fn enter(app: &App, peer: IpAddr, token: &str, name: Option<&str>, next: &str) -> Response {
    match app.access.log_in(peer, token, name).await {
        Guess::Right(cookie) => ([(SET_COOKIE, cookie)], Redirect::to(next)).into_response(),
        Guess::Wrong => {
            form(app, StatusCode::FORBIDDEN, Some(next), Some("The token is not right, or nobody is named."))
        }
        Guess::TooMany => {
            let why = "Too many wrong tokens just now. Wait a few seconds.";
            form(app, StatusCode::TOO_MANY_REQUESTS, Some(next), Some(why))
        }
    }
}

/// A path of this page; anything else leads to the first one.
pub(super) fn ours(next: Option<&str>) -> &str {
    let is_ours = |next: &&str| {
        next.starts_with('/') && !next.starts_with("//") && !next.contains(|c: char| c == '\\' || c.is_control())
    };
    next.filter(is_ours).unwrap_or("/")
}

fn form(app: &App, status: StatusCode, next: Option<&str>, wrong: Option<&str>) -> Response {
    let content = html! {
        main.login id="main" {
            h1 { "Log in" }
            @if let Some(wrong) = wrong { p.problem role="alert" { (wrong) } }
            form method="post" action="/login" {
                @if let Some(next) = next { input type="hidden" name="next" value=(ours(Some(next))); }
                @if app.access.asks_for_names() {
                    label { "Your name, for the ledger" input name="name" required maxlength="100" autocomplete="username"; }
                }
                label { "Token" input type="password" name="token" required autocomplete="current-password"; }
                button.main { "Log in" }
            }
            @if !app.access.asks_for_names() {
                p.hint { "The address that was printed at the start lets in once. For another session start it again, or give it a " code { "--token-file" } "." }
            }
        }
    };
    (status, frame("Log in", &html! { nav aria-label="Main" { a.home href="/" { "Dead letters" } } }, &content))
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_else() {
        for (next, leads_to) in [
            (Some("/letters?code=X"), "/letters?code=X"),
            (Some("https://evil.example.com"), "/"),
            (Some("//evil.example.com"), "/"),
            (Some("/\\evil.example.com"), "/"),
            (Some("/\t/evil.example.com"), "/"),
            (Some("letters"), "/"),
            (None, "/"),
        ] {
            assert_eq!(ours(next), leads_to);
        }
    }
}
