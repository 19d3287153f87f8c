//! An API that does nothing but answer: what the worker costs is all that is measured.
//! Not here: rules, schemas and effects; the simulator has them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Tell of an order that it is started, once it was updated. Without that, each start of one order is sent.
    #[arg(long)]
    remember: bool,
}

/// Ids of the orders that were updated.
type Updated = Arc<Mutex<HashSet<String>>>;

pub(crate) async fn serve(arguments: Arguments) {
    let listener = TcpListener::bind(arguments.listen).await.unwrap();
    let routes = Router::new().route("/graphql", post(answer)).route("/token", post(token));
    println!("listening");
    let latency = Duration::from_millis(arguments.latency);
    let updated = arguments.remember.then(Updated::default);
    axum::serve(listener, routes.with_state((latency, updated))).await.unwrap();
}

async fn token() -> impl IntoResponse {
    json(r#"{"access_token":"bench","token_type":"bearer","expires_in":86400}"#.to_owned())
}

async fn answer(State((latency, updated)): State<(Duration, Option<Updated>)>, body: String) -> impl IntoResponse {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let order = order_in(&body);
    let mutation = ["createOrder", "updateOrder"].into_iter().find(|name| body.contains(&format!("mutation {name}")));
    let is_started = updated.is_some_and(|updated| {
        let mut updated = updated.lock().unwrap();
        if mutation == Some("updateOrder") {
            updated.insert(order.to_owned());
        }
        updated.contains(order)
    });
    let state = if is_started { "STARTED" } else { "NOT_STARTED" };
    let shown = format!(
        r#"{{"id":"bwp-{order}","aliases":[{{"aliasType":"EXTERNAL_ID","aliasId":"{order}"}}],"lineItems":[],"metadata":{{"executionState":"{state}"}}}}"#
    );
    json(match mutation {
        Some(name) => format!(r#"{{"data":{{"{name}":{{"order":{shown}}}}}}}"#),
        None => format!(r#"{{"data":{{"order":{shown}}}}}"#),
    })
}

fn json(body: String) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], body)
}

/// The order's id, which every call has in it somewhere.
fn order_in(body: &str) -> &str {
    let from = body.find("SO-").unwrap_or(body.len());
    let id = &body[from..];
    &id[..id.find('"').unwrap_or(id.len())]
}
