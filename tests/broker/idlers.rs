//! The admin port while clients keep connections open without a request.
//! Not here: what it answers; see `admin`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::admin::{LISTEN, address, get};
use crate::stage::{SOON, Stage};

/// Far more than the connections that the port keeps at the same time.
const IDLERS: usize = 1_000;

#[tokio::test]
async fn clients_that_never_end_their_request_are_let_go_and_keep_no_probe_out() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[LISTEN]).await;
    let address = address(&worker).await;
    let mut idlers = Vec::new();
    for _ in 0..IDLERS {
        let mut idler = TcpStream::connect(&address).await.expect("somebody listens");
        // one that has been let go already may not take it
        idler.write_all(b"GET /metrics HTTP/1.1\r\nhost: ").await.ok();
        idlers.push(idler);
    }
    assert_eq!(get(&address, "/livez").await, (200, "ok\n".to_owned()));
    let files = std::fs::read_dir(format!("/proc/{}/fd", worker.id())).expect("they can be listed").count();
    assert!(files < IDLERS / 2, "{files} files and connections are open");
    for mut idler in idlers {
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(SOON, idler.read_to_end(&mut answer)).await;
        // an orderly end, or a reset
        assert!(ended.is_ok(), "a connection is kept open");
    }
    assert_eq!(get(&address, "/livez").await, (200, "ok\n".to_owned()));
    assert_eq!(worker.terminated().await, Some(0));
}
