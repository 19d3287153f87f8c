//! HTTP connections within limits, so that a crowd of idle ones keeps nobody out.
//!
//! Not here: what is answered.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Wait after a connection that could not be accepted: the process may be out of descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The service's name, for log lines.
    pub what: &'static str,
    /// How long a client may take to send the head of a request.
    pub request_within: Duration,
    /// How long a connection may last, answers included.
    pub lasts: Duration,
    /// Connections at the same time; with one more, the oldest ends.
    pub connections: usize,
}

/// Address of the client of a request, as an extension.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Serves for as long as it is polled.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let what = limits.what;
    let mut connections = VecDeque::new();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, what, "a connection could not be accepted");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone().layer(Extension(Peer(peer.ip()))));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(limits.request_within);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        connections.retain(|connection: &AbortOnDropHandle<()>| !connection.is_finished());
        while connections.len() >= limits.connections {
            connections.pop_front();
        }
        connections.push_back(AbortOnDropHandle::new(tokio::spawn(async move {
            match timeout(limits.lasts, connection).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(error)) => tracing::debug!(%error, what, "a connection broke"),
            }
        })));
    }
}
