//! Whom we trust and how we show who we are, as TLS wants it: from PEM texts to a client's configuration.
//!
//! Not here: where the texts come from; connections.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret, SecretString};

/// A client's certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// PEM; the client's own certificate comes first, then those between it and a root.
    pub certificates: SecretString,
    /// PEM, in PKCS#8 or an older form.
    pub key: SecretString,
}

/// Why there can be no TLS. Nothing of a file's content is repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The extra roots are none.
    #[error("ca_file: expected one or more certificates in PEM")]
    Roots,
    /// There is nobody to trust.
    #[error("ca_file: expected certificate authorities in PEM, as the system has none to trust")]
    NoRoots,
    /// The client's certificates are none.
    #[error("cert_file: expected one or more certificates in PEM")]
    Certificates,
    /// The client's key is none.
    #[error("key_file: expected a private key in PEM, as PKCS#8 without a password")]
    Key,
    /// The key is another certificate's.
    #[error("key_file: expected the key of the first certificate in `cert_file`")]
    OtherKey,
}

/// A client's side of TLS: trusts the system's roots and those in `roots` (PEM), and shows `identity` when asked.
///
/// The provider is our own, so that nothing depends on a default installed elsewhere in the process.
///
/// # Errors
/// Texts that are not what they should be; nobody to trust.
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

/// A client's side of TLS that no server satisfies, for a client that speaks plain HTTP only.
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

/// All certificates of a PEM text; none is as wrong as a broken one.
fn certificates(pem: &SecretString) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes()).collect();
    found.ok().filter(|certificates| !certificates.is_empty())
}
