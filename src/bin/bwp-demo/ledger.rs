//! Reads the simulator's ledger.
//!
//! Not here: the comparison with the expected effects.

use std::time::Duration;

use anyhow::Context as _;
use bwp_sync::simulator::Ledger;
use url::Url;

/// Long enough for any answer: the simulator is idle and on the same machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Reads the ledger of the simulator whose GraphQL is at `endpoint`.
pub(crate) async fn read(endpoint: &Url) -> anyhow::Result<Ledger> {
    let page = endpoint.join("/_simulator/ledger").context("the simulator's address")?;
    let response = client()?.get(page).send().await.context("cannot reach the simulator")?.error_for_status()?;
    let body = response.bytes().await.context("the simulator's ledger broke off")?;
    serde_json::from_slice(&body).context("the simulator's ledger cannot be read")
}

/// A client with a TLS provider: reqwest is built without one and requires it even for plain HTTP.
fn client() -> anyhow::Result<reqwest::Client> {
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(ANSWER_WITHIN);
    client.build().context("cannot set up an HTTP client")
}
