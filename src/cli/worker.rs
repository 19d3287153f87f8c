//! Asks the worker that runs on this machine, by its admin server.
//!
//! Not here: the meaning of its answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::settings::Settings;

/// Limit of one request.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Status and body of the worker's answer. One request of one line needs no HTTP client.
pub(super) async fn ask(settings: &Settings, path: &str) -> anyhow::Result<(u16, String)> {
    let Some(address) = settings.admin() else { bail!("admin.listen: nothing is served, so nothing can be asked") };
    let host = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    let address = SocketAddr::new(host, address.port());
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(TIMEOUT, asked).await.context("no answer in time")?;
    let answer = answer.with_context(|| format!("cannot ask {address}"))?;
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        (_, _) => bail!("{address}: no answer of a worker"),
    }
}
