//! Whether a call that failed had been sent, against real sockets.
//!
//! Not here: answers.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bwp_sync::api::Client;
use bwp_sync::domain::input::CreateOrderInput;
use bwp_sync::domain::order::Alias;
use bwp_sync::ports::{ApiError, OrderApi};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::VERSION;
use crate::stub::{Stub, pass};
use crate::until::until;

/// Fault of a server that is given a request.
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

/// Error of a create against an address; tokens are had from a server that works.
async fn create(endpoint: String) -> ApiError {
    let stub = Stub::start(VERSION).await;
    let mut config = stub.config();
    config.endpoint = endpoint.parse().unwrap();
    Client::new(config).unwrap().create_order(&Default::default()).await.unwrap_err()
}

/// Error of a create after this many seconds, from a server that hangs after these bytes.
async fn create_in_vain(scheme: &str, bytes: &'static str, seconds: u64) -> ApiError {
    let (address, server, hangs) = faulty(Fault::Hang(bytes)).await;
    let call = tokio::spawn(create(format!("{scheme}://{address}/")));
    timeout(Duration::from_secs(30), hangs.notified()).await.unwrap();
    pass(seconds).await;
    let error = timeout(Duration::from_secs(5), call).await.unwrap().unwrap();
    server.abort();
    error
}

/// Bytes in the sender's kernel when its call is given up must not arrive later, after a read has shown no effect.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_request_that_nobody_receives_in_time_never_arrives() {
    let socket = TcpSocket::new_v4().unwrap();
    // of a request, only its beginning gets into so little room
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let stub = Stub::start(VERSION).await;
    let mut config = stub.config();
    config.endpoint = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    (config.connect_timeout, config.timeout) = (Duration::from_millis(500), Duration::from_secs(1));
    let alias = Alias { alias_type: "EXTERNAL_ID".into(), alias_id: "x".repeat(200_000) };
    let input = CreateOrderInput { aliases: vec![alias], ..CreateOrderInput::default() };
    let client = Client::new(config).unwrap();
    let (error, accepted) = tokio::join!(client.create_order(&input), listener.accept());
    assert!(no_answer(&error.unwrap_err()));
    let (mut stream, client) = accepted.unwrap();
    // as it is listed there, its own end first; other connections may have one of the two ports
    let ends = format!(":{:04X} 0100007F:{:04X} ", client.port(), listener.local_addr().unwrap().port());
    let is_there = async || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        sockets.lines().any(|line| line.contains(&ends))
    };
    // sooner than the default of the HTTP library
    until("the kernel drops the rest", Duration::from_secs(20), is_there, |is_there| !is_there).await;
    let cut = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::ConnectionReset);
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
    assert_eq!(error.to_string(), "the request was not sent: connection refused");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_was_not_sent() {
    let error = create("http://no-such-host.invalid/".into()).await;
    assert!(not_sent(&error), "{error}");
    assert!(error.to_string().starts_with("the request was not sent: name not resolved"), "{error}");
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
    assert_eq!(error, ApiError::NotSent { reason: "no connection in time".into() });
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
        assert_eq!(error, ApiError::NoAnswer { reason: "no answer in time".into() });
    }
}
