//! Answers with a byte order mark or an encoding that nobody asked for.
//!
//! Not here: what is in an answer.

use std::io::Write;

use bwp_sync::ports::{ApiError, OrderApi};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::VERSION;
use crate::stub::{Reply, Stub, created, token};

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn with_mark(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").into_bytes()
}

#[tokio::test]
async fn an_answer_with_a_byte_order_mark_is_read() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([Reply::new(200, with_mark(r#"{"access_token":"token-1","expires_in":885}"#))]);
    stub.graphql.reply([Reply::new(200, with_mark(&created().to_string()))]);
    assert_eq!(stub.client().create_order(&Default::default()).await.unwrap().id, "322-ABC1-AAAAAA");
}

#[tokio::test]
async fn an_answer_that_is_packed_is_read() {
    let stub = Stub::start(VERSION).await;
    let body = created().to_string();
    for (encoding, bytes) in [
        ("gzip", gzipped(body.as_bytes())),
        ("X-GZIP", gzipped(&with_mark(&body))),
        ("deflate", deflated(body.as_bytes())),
        ("identity", body.clone().into_bytes()),
    ] {
        stub.graphql.reply([Reply::new(200, bytes).with("content-encoding", encoding)]);
        assert_eq!(stub.client().create_order(&Default::default()).await.unwrap().id, "322-ABC1-AAAAAA", "{encoding}");
    }
    stub.token.reply([Reply::new(200, gzipped(br#"{"access_token":"token-1"}"#)).with("content-encoding", "gzip")]);
    stub.client().create_order(&Default::default()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_cannot_be_unpacked_says_what_it_is() {
    let stub = Stub::start(VERSION).await;
    let whole = gzipped(created().to_string().as_bytes());
    for (encoding, bytes, body) in [
        ("br", b"xyz".to_vec(), "content-encoding br: not supported"),
        ("gzip", b"{}".to_vec(), "content-encoding gzip: the body is not that"),
        ("gzip", whole[..whole.len() - 9].to_vec(), "content-encoding gzip: the body is not that"),
        ("gzip", gzipped(&vec![b' '; 5 << 20]), "larger than 4194304 bytes without its gzip"),
    ] {
        stub.graphql.reply([Reply::new(200, bytes).with("content-encoding", encoding)]);
        let error = stub.client().create_order(&Default::default()).await.unwrap_err();
        assert_eq!(error, ApiError::Unreadable { status: 200, retry_after: None, body: body.into() });
    }
    stub.token.reply([token("token-1", 885).with("content-encoding", "zstd")]);
    let error = stub.client().create_order(&Default::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "no token: HTTP 200 without a token: content-encoding zstd: not supported");
}
