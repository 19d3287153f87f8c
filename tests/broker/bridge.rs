//! The bridge of the page "Connect your shop": from a webhook over HTTP to the shop's exchange.
//! Not here: what becomes of the message; see `mappings`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lapin::message::Delivery;

use crate::messages::header;
use crate::stage::{SOON, Stage};
use crate::support::process::Process;
use crate::support::until::until;

const SECRET: &str = "the secret of the webhook";

/// The program as the page shows it.
fn program() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/connect-your-shop.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let begins = page.split("```python\n").nth(1).expect("the page has a program");
    begins.split("```").next().unwrap_or_default().to_owned()
}

/// A Python that has pika: Debian's, where it is there.
fn python() -> &'static str {
    if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}

/// Status of a webhook's call.
fn call(port: u16, topic: &str, body: &[u8], signature: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the bridge listens");
    stream.set_read_timeout(Some(SOON)).expect("a time-out can be set");
    let head = format!(
        "POST / HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\nContent-Length: {}\r\nX-Shopify-Topic: {topic}\r\n\
         X-Shopify-Webhook-Id: w-1\r\nX-Shopify-Hmac-Sha256: {signature}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("the bridge reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the bridge answers");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

fn signature(body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    BASE64_STANDARD.encode(ring::hmac::sign(&key, body))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_published_byte_for_byte_and_answered_only_when_the_broker_has_it() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.shop.declare_quorum_queue("test.webhooks").await;
    stage.bind("test.webhooks", "shop.events", "orders/create").await;
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port is free").port();
    let (uri, number) = (stage.vhost.amqp_uri(), port.to_string());
    let environment = [("AMQP_URI", uri.as_str()), ("WEBHOOK_SECRET", SECRET), ("PORT", &number)];
    let bridge = Process::spawn(python(), &["-c", &program()], &environment);
    let listens = async || match TcpStream::connect(("127.0.0.1", port)) {
        Ok(_) => String::new(),
        Err(error) => format!("{error}; it needs pika (apt-get install python3-pika)\n{}", bridge.stderr().join("\n")),
    };
    until("the bridge listens", SOON, listens, String::is_empty).await;

    // numbers of a float's other spelling, and bytes that are no text: nothing reads them on the way
    let body = b"{\"id\": 12.50, \"name\" :\"\xc3\xa9\", \"total\":99999999999999999.990 }\n\xff";
    let calls = [
        (401, "orders/create", signature(b"another body")),
        (401, "orders/create", String::new()),
        // no queue is bound for it: the broker would drop it
        (503, "carts/create", signature(body)),
        (200, "orders/create", signature(body)),
    ];
    for (status, topic, signature) in calls {
        assert_eq!(call(port, topic, body, &signature), status, "{topic}: {:?}", bridge.stderr());
    }
    let mut published = stage.shop.collect("test.webhooks").await;
    let seen: &[Delivery] = published.until(SOON, |seen| !seen.is_empty()).await;
    assert_eq!((seen.len(), seen[0].data.as_slice()), (1, &body[..]));
    assert_eq!(seen[0].properties.delivery_mode(), &Some(2));
    assert_eq!(header(&seen[0], "X-Shopify-Webhook-Id").as_deref(), Some("w-1"));
    assert_eq!(worker.terminated().await, Some(0));
}
