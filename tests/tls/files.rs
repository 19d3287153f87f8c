//! Valid and invalid contents of PEM files.
//! Not here: connections.

use bwp_sync::tls::{Identity, TlsError, client_config};
use secrecy::SecretString;

use crate::authority::Authority;

#[test]
fn a_file_that_is_not_what_it_should_be_is_named_and_not_repeated() {
    let (authority, text) = (Authority::new(), |text: &str| SecretString::from(text));
    let (ours, other) = (authority.client("guest"), authority.client("guest"));
    let identity = |certificates: &str, key: &str| Identity { certificates: text(certificates), key: text(key) };
    let roots = text(&authority.pem());
    let broken = "-----BEGIN CERTIFICATE-----\npa55word\n-----END CERTIFICATE-----\n";
    for (roots, identity, expected) in [
        (text("nothing"), identity(&ours.certificate, &ours.key), TlsError::Roots),
        (text(broken), identity(&ours.certificate, &ours.key), TlsError::Roots),
        (roots.clone(), identity(&ours.key, &ours.key), TlsError::Certificates),
        (roots.clone(), identity(&ours.certificate, &ours.certificate), TlsError::Key),
        (roots.clone(), identity(&ours.certificate, &other.key), TlsError::OtherKey),
    ] {
        let error = client_config(Some(&roots), Some(&identity)).unwrap_err();
        assert_eq!(error, expected);
        assert!(!format!("{error} {error:?} {identity:?}").contains("pa55word"));
    }
    client_config(Some(&roots), Some(&identity(&ours.certificate, &ours.key))).unwrap();
}
