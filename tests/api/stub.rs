//! A server that records what it is sent and answers as it is told.
//!
//! Not here: any knowledge of orders.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use bwp_sync::api::{ApiVersion, Client, ClientConfig, DEFAULT_TARGET_HEADER};
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{self, timeout};
use url::Url;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The client's end of the connection.
    pub(crate) peer: SocketAddr,
}

impl Recorded {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer to give.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A granted token.
pub(crate) fn token(text: &str, lifetime: u64) -> Reply {
    Reply::json(200, &json!({ "access_token": text, "expires_in": lifetime }))
}

/// One path of the server: replies in order, the last one for ever.
pub(crate) struct Route {
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Recorded>>,
    arrived: watch::Sender<usize>,
    /// How many of the requests that come may be answered.
    open: watch::Sender<usize>,
}

impl Route {
    fn new(reply: Reply) -> Arc<Self> {
        Arc::new(Self {
            replies: Mutex::new([reply].into()),
            seen: Mutex::default(),
            arrived: watch::Sender::new(0),
            open: watch::Sender::new(usize::MAX),
        })
    }

    /// Sets what is answered from here on.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        *self.replies.lock().unwrap() = replies.into_iter().collect();
    }

    pub(crate) fn seen(&self) -> Vec<Recorded> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Waits until this many requests have come.
    pub(crate) async fn arrived(&self, count: usize) {
        let mut arrivals = self.arrived.subscribe();
        timeout(Duration::from_secs(30), arrivals.wait_for(|arrived| *arrived >= count)).await.unwrap().unwrap();
    }

    /// Requests from here on come in and are not answered until they are released.
    pub(crate) fn hold(&self) {
        self.open.send_replace(self.count());
    }

    /// Answers the one that has waited longest.
    pub(crate) fn release_one(&self) {
        self.open.send_modify(|open| *open += 1);
    }

    /// Answers all, and holds no more.
    pub(crate) fn release(&self) {
        self.open.send_replace(usize::MAX);
    }

    async fn handle(
        State(route): State<Arc<Self>>,
        ConnectInfo(peer): ConnectInfo<SocketAddr>,
        request: Request,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        route.seen.lock().unwrap().push(Recorded { headers: parts.headers, body, peer });
        let mut position = 0;
        route.arrived.send_modify(|arrived| {
            *arrived += 1;
            position = *arrived;
        });
        route.open.subscribe().wait_for(|open| *open >= position).await.unwrap();
        let reply = {
            let mut replies = route.replies.lock().unwrap();
            if replies.len() > 1 { replies.pop_front().unwrap() } else { replies.front().unwrap().clone() }
        };
        let mut response = Response::builder().status(reply.status);
        for (name, value) in reply.headers {
            response = response.header(name, value);
        }
        response.body(reply.body.into()).unwrap()
    }
}

/// A running server; it stops when it is dropped.
pub(crate) struct Stub {
    pub(crate) token: Arc<Route>,
    pub(crate) graphql: Arc<Route>,
    /// Version that its clients are told.
    version: ApiVersion,
    base: Url,
    server: tokio::task::JoinHandle<()>,
}

impl Stub {
    pub(crate) async fn start(version: ApiVersion) -> Self {
        let token = Route::new(token("token-1", 885));
        let graphql = Route::new(Reply::json(200, &created()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let app = Router::new()
            .route("/token", post(Route::handle).with_state(Arc::clone(&token)))
            .route("/graphql", post(Route::handle).with_state(Arc::clone(&graphql)));
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { token, graphql, version, base, server }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig {
            endpoint: self.base.join("graphql").unwrap(),
            token_endpoint: self.base.join("token").unwrap(),
            client_id: "client-id".into(),
            client_secret: "client-s&cret".into(),
            target_id: "target-id".into(),
            target_header: DEFAULT_TARGET_HEADER.into(),
            access_key: None,
            version: self.version,
            timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(5),
            ca: None,
            proxy: None,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.config()).unwrap()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An answer to `createOrder`.
pub(crate) fn created() -> Value {
    json!({ "data": { "createOrder": { "order": { "id": "322-ABC1-AAAAAA" } } } })
}

/// An answer to `order`.
pub(crate) fn found() -> Value {
    json!({ "data": { "order": { "id": "322-ABC1-AAAAAA" } } })
}

/// How the shop names the order.
pub(crate) fn alias() -> OrderIdentifier {
    OrderIdentifier::Alias(Alias::new("EXTERNAL_ID", "SO-10042"))
}

/// Moves the clock, and lets it run again, since a clock that stands jumps on while sockets are waited for.
pub(crate) async fn pass(seconds: u64) {
    time::pause();
    time::advance(Duration::from_secs(seconds)).await;
    time::resume();
}
