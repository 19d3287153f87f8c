//! Which address leads to which page, and what is checked before.
//!
//! Not here: the checks themselves; see `access`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, REFRESH};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::html;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use super::access::Visitor;
use super::app::App;
use super::form::{Form, MOST_BYTES};
use super::layout::{Again, frame, problem};
use super::{
    edit_page, export, history_page, home_page, letter_page, list_page, login_page, look, plan_page, run_page,
};
use crate::listening::{self, Limits, Peer};

/// A browser keeps a few connections open; an export of many letters takes a while.
const LIMITS: Limits = Limits {
    what: "the page",
    request_within: Duration::from_secs(10),
    lasts: Duration::from_secs(1800),
    connections: 256,
};
/// How long a run may take to stop between two letters when the process ends.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of the largest form of somebody whom nobody knows yet.
const LOGIN_MOST_BYTES: usize = 4096;
/// Nothing but our own style sheet, pictures and forms.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";

/// Serves the page until it is stopped; runs that are under way stop between two letters.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: CancellationToken) {
    look::begin(&app.look, &app.settings);
    let router = router(Arc::clone(&app));
    tokio::select! {
        () = listening::serve(listener, router, LIMITS) => {}
        () = stop.cancelled() => {}
    }
    app.running.end(STOP_WITHIN).await;
}

fn router(app: Arc<App>) -> Router {
    let pages = Router::new()
        .route("/", get(home_page::home))
        .route("/letters", get(list_page::list))
        .route("/letters/{id}", get(letter_page::letter))
        .route("/letters/{id}/body", post(letter_page::read_body))
        .route("/letters/{id}/reveal", post(letter_page::reveal))
        .route("/letters/{id}/order", get(letter_page::order))
        .route("/letters/{id}/edit", get(edit_page::edit).post(edit_page::try_it))
        .route("/plans", post(plan_page::make))
        .route("/plans/{id}", get(plan_page::plan))
        .route("/plans/{id}/replay", post(plan_page::replay))
        .route("/plans/{id}/discard", post(plan_page::discard))
        .route("/runs", get(run_page::runs))
        .route("/runs/{id}", get(run_page::run))
        .route("/runs/{id}/stop", post(run_page::stop))
        .route("/runs/{id}/continue", post(run_page::go_on))
        .route("/history", get(history_page::history))
        .route("/export", post(export::export))
        .route("/read", post(read_again))
        .route("/logout", post(login_page::log_out))
        .fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(&app), visitors_alone));
    Router::new()
        .route("/login", get(login_page::show).post(login_page::log_in).layer(DefaultBodyLimit::max(LOGIN_MOST_BYTES)))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .merge(pages)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(from_fn_with_state(Arc::clone(&app), requests_of_ours_alone))
        .with_state(app)
}

/// Answers nothing that was not meant for this page, and no form of another one. Each answer says what a browser must not
/// do with it.
async fn requests_of_ours_alone(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = app.access.origin();
    let is_form = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if !origin.is_asked(request.headers()) {
        (StatusCode::MISDIRECTED_REQUEST, "this page is asked by another name\n").into_response()
    } else if is_form && !origin.is_sender(request.headers()) {
        (StatusCode::FORBIDDEN, "the form is of another page\n").into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets visitors through who have shown who they are; others are shown the way in.
async fn visitors_alone(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(visitor) = app.access.visitor(request.headers(), peer) {
        let address = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        request.extensions_mut().insert(visitor);
        let mut response = next.run(request).await;
        if let Some(Again(seconds)) = response.extensions_mut().remove() {
            load_again(&mut response, seconds, &address);
        }
        return response;
    }
    if !app.access.has_login() {
        return problem(&app, None, StatusCode::FORBIDDEN, "The proxy names nobody.");
    }
    if request.method() != Method::GET {
        return problem(&app, None, StatusCode::FORBIDDEN, "Nobody is logged in. Log in, and send the form again.");
    }
    let target = login_page::ours(request.uri().path_and_query().map(|target| target.as_str()));
    // a browser keeps the cookie back where a link on another site leads here; the page's own link brings it
    if request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        let content = html! { main id="main" { p { a href=(target) { "Go on to the dead letters" } } } };
        let mut response = frame("Dead letters", &html! {}, &content).into_response();
        load_again(&mut response, 0, target);
        return response;
    }
    let next: String = form_urlencoded::Serializer::new(String::new()).append_pair("next", target).finish();
    Redirect::to(&format!("/login?{next}")).into_response()
}

/// Has the browser load this address after some seconds. Without a name for it, a page whose address has a fragment is not
/// loaded: the browser takes that for a jump within the page.
fn load_again(response: &mut Response, seconds: u32, address: &str) {
    // an address has no character that a header must not have
    if let Ok(refresh) = HeaderValue::from_str(&format!("{seconds}; url={address}")) {
        response.headers_mut().insert(REFRESH, refresh);
    }
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("icon.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
}

async fn read_again(State(app): State<Arc<App>>, Form { .. }: Form) -> Redirect {
    look::begin(&app.look, &app.settings);
    Redirect::to("/")
}

async fn nothing_here(State(app): State<Arc<App>>, Extension(visitor): Extension<Visitor>) -> Response {
    problem(&app, Some(&visitor), StatusCode::NOT_FOUND, "There is no such page.")
}
