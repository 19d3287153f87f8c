//! A client for plain HTTP.
//! Not here: what is asked.

use reqwest::{Client, ClientBuilder};

/// A client for plain HTTP that asks no proxy. reqwest is built without a TLS provider and requires one nevertheless.
pub(crate) fn plain_http() -> ClientBuilder {
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring knows the default TLS versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy()
}
