//! The broker's management API over HTTP.
//! Not here: the meaning of its answers for a test; see `broker`.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::http::plain_http;
use super::until::until;

/// Longest wait for one answer; the node shares two cores with the tests.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Longest wait for an answer, all attempts together.
const ANSWERS_WITHIN: Duration = Duration::from_secs(180);

/// The management API of one node. A request with an unexpected answer fails the test.
#[derive(Clone)]
pub(crate) struct Management {
    client: Client,
    base: Url,
}

impl Management {
    /// `base` contains user name and password: `http://guest:guest@127.0.0.1:15672`.
    pub(crate) fn new(base: Url) -> Self {
        let client = plain_http()
            // a pooled connection belongs to the runtime that opened it, and a virtual host is deleted from another
            .pool_max_idle_per_host(0)
            .timeout(ANSWER_WITHIN)
            .build()
            .expect("the HTTP client is configured correctly");
        Self { client, base }
    }

    /// The resource at `path`, or `None` if it does not exist. The segments of a path are encoded here.
    pub(crate) async fn get(&self, path: &[&str]) -> Option<Value> {
        let (status, body) = self.send(Method::GET, path, None).await;
        if status == StatusCode::NOT_FOUND {
            return None;
        }
        assert!(status.is_success(), "GET {path:?}: {status} {body}");
        Some(serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {path:?}: {error} in {body}")))
    }

    /// The list at `path`. It must exist, but a node that starts may not know its virtual host yet.
    pub(crate) async fn list(&self, path: &[&str]) -> Vec<Value> {
        let what = format!("GET {path:?} is there");
        let there = until(&what, ANSWERS_WITHIN, async || self.get(path).await, Option::is_some);
        match there.await {
            Some(Value::Array(items)) => items,
            other => panic!("GET {path:?}: expected a list, got {other:?}"),
        }
    }

    /// Creates or replaces the resource at `path`.
    pub(crate) async fn put(&self, path: &[&str], body: Value) {
        let (status, answer) = self.send(Method::PUT, path, Some(body)).await;
        assert!(status.is_success(), "PUT {path:?}: {status} {answer}");
    }

    /// Has the broker do what `path` says.
    pub(crate) async fn post(&self, path: &[&str], body: Value) {
        let (status, answer) = self.send(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path:?}: {status} {answer}");
    }

    /// Deletes the resource at `path`; one that is gone already is fine.
    pub(crate) async fn delete(&self, path: &[&str]) {
        let (status, answer) = self.send(Method::DELETE, path, None).await;
        assert!(status.is_success() || status == StatusCode::NOT_FOUND, "DELETE {path:?}: {status} {answer}");
    }

    async fn send(&self, method: Method, path: &[&str], body: Option<Value>) -> (StatusCode, String) {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http address has a path").clear().push("api").extend(path);
        let mut request = self.client.request(method, url).header("content-type", "application/json");
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let request = request.build().expect("the request is well formed");
        // a node that has just joined a cluster drops connections, and answers 500 for a resource that ends meanwhile;
        // every request here can be repeated
        let send = async || self.client.execute(request.try_clone().expect("the body is a text")).await;
        let what = format!("the management API answers for {path:?}");
        let is_answer = |sent: &reqwest::Result<Response>| sent.as_ref().is_ok_and(|it| !it.status().is_server_error());
        let response = until(&what, ANSWERS_WITHIN, send, is_answer).await.expect("it has answered");
        let status = response.status();
        (status, response.text().await.unwrap_or_else(|error| panic!("management API, {path:?}: {error}")))
    }
}
