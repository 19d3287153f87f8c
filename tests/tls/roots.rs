//! A machine without trusted roots, such as an image that contains only the binary.
//! Not here: connections to a broker; see `broker`.

use std::time::Duration;

use crate::authority::{Authority, NO_ROOTS, write};
use crate::support::process::Process;
use crate::support::program::bwp_sync;

const SOON: Duration = Duration::from_secs(120);

/// The worker with a broker that does not exist, and without certificate authorities of the system.
fn worker(settings: &[(&str, &str)]) -> Process {
    let mut environment = vec![("BWP__BROKER__URI", "amqp://guest:guest@127.0.0.1:1/%2f")];
    environment.extend(NO_ROOTS.iter().chain(settings).copied());
    bwp_sync(&["run"], &environment)
}

#[tokio::test]
async fn https_is_refused_with_a_clear_text() {
    let mut worker = worker(&[]);
    assert_eq!(worker.wait(SOON).await.code(), Some(1));
    let said = worker.stderr().join("\n");
    assert!(said.contains("tls.ca_file: expected certificate authorities in PEM, as the system has none"), "{said}");
}

#[tokio::test]
async fn plain_http_or_an_authority_of_ours_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let ca = write(folder.path(), "ca.pem", &Authority::new().pem());
    let plain = [
        ("BWP__API__ENDPOINT", "http://127.0.0.1:1/graphql"),
        ("BWP__API__TOKEN_ENDPOINT", "http://127.0.0.1:1/token"),
    ];
    for settings in [&plain[..], &[("BWP__API__TLS__CA_FILE", ca.to_str().unwrap())]] {
        let mut worker = worker(settings);
        worker.wait_for_line(SOON, |line| line.contains("cannot connect")).await;
        worker.sigterm();
        assert_eq!(worker.wait(SOON).await.code(), Some(0));
    }
}
