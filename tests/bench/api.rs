//! An API that does nothing but answer: what the worker costs is all that is measured.
//! Not here: rules, schemas and effects; the simulator has them.

use std::net::SocketAddr;
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
}

pub(crate) async fn serve(arguments: Arguments) {
    let listener = TcpListener::bind(arguments.listen).await.unwrap();
    let routes = Router::new().route("/graphql", post(answer)).route("/token", post(token));
    println!("listening");
    axum::serve(listener, routes.with_state(Duration::from_millis(arguments.latency))).await.unwrap();
}

async fn token() -> impl IntoResponse {
    json(r#"{"access_token":"bench","token_type":"bearer","expires_in":86400}"#.to_owned())
}

async fn answer(State(latency): State<Duration>, body: String) -> impl IntoResponse {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let order = order_in(&body);
    let shown = format!(
        r#"{{"id":"bwp-{order}","aliases":[{{"aliasType":"EXTERNAL_ID","aliasId":"{order}"}}],"lineItems":[],"metadata":{{"executionState":"NOT_STARTED"}}}}"#
    );
    let mutation = ["createOrder", "updateOrder"].into_iter().find(|name| body.contains(&format!("mutation {name}")));
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
