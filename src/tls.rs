//! TLS configuration of a client, from PEM texts: trusted roots, and a certificate to present.
//!
//! Not here: the source of the texts; connections.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret, SecretString};

/// A client's certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// PEM: the client's own certificate first, then the intermediate ones.
    pub certificates: SecretString,
    /// PEM, in PKCS#8 or an older form.
    pub key: SecretString,
}

/// Reason why TLS is impossible. Contents of files are not repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The text contains no valid root certificates.
    #[error("ca_file: expected one or more certificates in PEM")]
    Roots,
    /// There is no trusted root.
    #[error("ca_file: expected certificate authorities in PEM, as the system has none to trust")]
    NoRoots,
    /// The text contains no valid client certificates.
    #[error("cert_file: expected one or more certificates in PEM")]
    Certificates,
    /// The text contains no valid client key.
    #[error("key_file: expected a private key in PEM, as PKCS#8 without a password")]
    Key,
    /// The key belongs to another certificate.
    #[error("key_file: expected the key of the first certificate in `cert_file`")]
    OtherKey,
}

/// Configuration of a client that trusts the system's roots and those in `roots` (PEM). It presents `identity` if the
/// server asks.
///
/// The crypto provider is fixed here: no default installed elsewhere in the process has an effect.
///
/// # Errors
/// Invalid texts, or no trusted root.
pub fn client_config(roots: Option<&SecretString>, identity: Option<&Identity>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = roots.map(|pem| certificates(pem).ok_or(TlsError::Roots)).transpose()?;
    let unusable = if extra.is_some() { TlsError::Roots } else { TlsError::NoRoots };
    let verifier =
        Verifier::new_with_extra_roots(extra.unwrap_or_default(), Arc::clone(&provider)).map_err(|_| unusable)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(&identity.certificates).ok_or(TlsError::Certificates)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose_secret().as_bytes()).map_err(|_| TlsError::Key)?;
    builder.with_client_auth_cert(chain, key).map_err(|_| TlsError::OtherKey)
}

/// Configuration that trusts no server, for a client of plain HTTP.
///
/// # Errors
/// Never in practice: the provider knows the default versions of TLS.
pub fn trusting_nobody() -> Result<ClientConfig, TlsError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsError::NoRoots)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// All certificates of a PEM text; `None` if one is invalid or there is none.
fn certificates(pem: &SecretString) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes()).collect();
    found.ok().filter(|certificates| !certificates.is_empty())
}
