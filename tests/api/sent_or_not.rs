//! Whether a call that failed had been sent, against real sockets.
//!
//! Not here: answers.

use std::sync::Arc;
use std::time::Duration;

use bwp_sync::api::Client;
use bwp_sync::ports::{ApiError, OrderApi};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::VERSION;
use crate::stub::{Stub, pass};

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Fault {
    /// Closes without an answer.
    Close,
    /// Resets the connection.
    Reset,
    /// Sends these bytes, then closes.
    Say(&'static str),
    /// Sends these bytes, then nothing.
    Hang(&'static str),
}

/// A server that does the same with every request, until its task is stopped. Tells when it begins to hang.
async fn faulty(fault: Fault) -> (String, JoinHandle<()>, Arc<Notify>) {
    let hangs = Arc::new(Notify::new());
    let told = Arc::clone(&hangs);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_some(&mut stream).await;
            match fault {
                Fault::Close => {}
                Fault::Reset => stream.set_zero_linger().unwrap(),
                Fault::Say(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
                Fault::Hang(bytes) => {
                    stream.write_all(bytes.as_bytes()).await.unwrap();
                    told.notify_one();
                    std::future::pending::<()>().await;
                }
            }
        }
    });
    (address, server, hangs)
}

/// Reads the first bytes, which is when a request has been sent "at least in part".
async fn read_some(stream: &mut TcpStream) {
    let mut buffer = [0; 64 * 1024];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
}

/// What a create says against an address; tokens are had from a server that works.
async fn create(endpoint: String) -> ApiError {
    let stub = Stub::start(VERSION).await;
    let mut config = stub.config();
    config.endpoint = endpoint.parse().unwrap();
    Client::new(config).unwrap().create_order(&Default::default()).await.unwrap_err()
}

/// What a create says after so many seconds, of a server that hangs after these bytes.
async fn create_in_vain(scheme: &str, bytes: &'static str, seconds: u64) -> ApiError {
    let (address, server, hangs) = faulty(Fault::Hang(bytes)).await;
    let call = tokio::spawn(create(format!("{scheme}://{address}/")));
    timeout(Duration::from_secs(30), hangs.notified()).await.unwrap();
    pass(seconds).await;
    let error = timeout(Duration::from_secs(5), call).await.unwrap().unwrap();
    server.abort();
    error
}

fn not_sent(error: &ApiError) -> bool {
    matches!(error, ApiError::NotSent { .. })
}

fn no_answer(error: &ApiError) -> bool {
    matches!(error, ApiError::NoAnswer { .. })
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = create(format!("http://{address}/")).await;
    assert!(not_sent(&error), "{error}");
    assert!(error.to_string().contains("refused") && !error.to_string().contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_was_not_sent() {
    let error = create("http://no-such-host.invalid/".into()).await;
    assert!(not_sent(&error), "{error}");
}

#[tokio::test]
async fn a_failed_handshake_was_not_sent() {
    for fault in [Fault::Say("HTTP/1.1 400 Bad Request\r\n\r\n"), Fault::Close, Fault::Reset] {
        let (address, server, _) = faulty(fault).await;
        let error = create(format!("https://{address}/")).await;
        server.abort();
        assert!(not_sent(&error), "{error}");
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_was_not_sent() {
    let error = create_in_vain("https", "", 5).await;
    assert!(not_sent(&error), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_has_no_answer() {
    for fault in [Fault::Close, Fault::Reset] {
        let (address, server, _) = faulty(fault).await;
        let error = create(format!("http://{address}/")).await;
        server.abort();
        assert!(no_answer(&error), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_is_no_answer() {
    for half in [
        "HTTP/1.1 200 OK\r\ncontent-len",
        "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\":",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n",
        "this is not HTTP\r\n\r\n",
    ] {
        let (address, server, _) = faulty(Fault::Say(half)).await;
        let error = create(format!("http://{address}/")).await;
        server.abort();
        assert!(no_answer(&error), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_no_answer() {
    for half in ["", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\":"] {
        let error = create_in_vain("http", half, 20).await;
        assert!(no_answer(&error), "{error}");
    }
}
