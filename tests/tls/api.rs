//! The API over TLS, and through a proxy.
//! Not here: the broker.

use std::path::Path;

use bwp_sync::ports::{ApiError, OrderApi, Settlement};
use bwp_sync::simulator::{Config, Simulator};

use crate::authority::{Authority, write};
use crate::front::{Front, authority_of};
use crate::worker::{checkout, context};

struct Stage {
    simulator: Simulator,
    front: Front,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        let authority = Authority::new();
        let front = Front::start(&authority_of(&simulator.endpoint()), &authority.server()).await;
        Self { simulator, front, authority, folder: tempfile::tempdir().unwrap() }
    }

    /// An address of the simulator behind the TLS front.
    fn behind(&self, address: &str) -> String {
        let plain = authority_of(address);
        address.replace("http:", "https:").replace(&plain, &self.front.address.to_string())
    }

    fn endpoint(&self) -> String {
        self.behind(&self.simulator.endpoint())
    }

    fn file(&self, name: &str, content: &str) -> std::path::PathBuf {
        write(self.folder.path(), name, content)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn an_authority_of_ours_is_trusted_beside_others_in_its_file() {
    let stage = Stage::set().await;
    let ca = stage.file("ca.pem", &(Authority::new().pem() + &stage.authority.pem()));
    let token_endpoint = stage.behind(&stage.simulator.token_endpoint());
    let keys =
        [("endpoint", stage.endpoint()), ("token_endpoint", token_endpoint), ("tls.ca_file", text(&ca).to_owned())];
    let context = context(&stage.simulator, &keys.each_ref().map(|(key, value)| (*key, value.as_str())));
    assert!(matches!(checkout(&context).await, Settlement::Done(_)));
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_sent_nothing_and_no_letter_is_written() {
    let stage = Stage::set().await;
    let ca = stage.file("ca.pem", &Authority::new().pem());
    let context = context(&stage.simulator, &[("endpoint", &stage.endpoint()), ("tls.ca_file", text(&ca))]);
    let error = context.api.create_order(&Default::default()).await.unwrap_err();
    let ApiError::NotSent { reason } = &error else { panic!("{error:?}") };
    assert!(reason.starts_with("TLS: invalid peer certificate"), "{reason}");
    let settlement = checkout(&context).await;
    assert!(matches!(settlement, Settlement::Later(_)), "{settlement:?}");
}

#[tokio::test]
async fn an_authority_that_is_replaced_is_taken_over_without_a_restart() {
    let stage = Stage::set().await;
    let ca = stage.file("ca.pem", &Authority::new().pem());
    let context = context(&stage.simulator, &[("endpoint", &stage.endpoint()), ("tls.ca_file", text(&ca))]);
    assert!(matches!(checkout(&context).await, Settlement::Later(_)));

    stage.file("ca.pem", "what somebody saved by mistake");
    assert!(matches!(checkout(&context).await, Settlement::Later(_)));
    stage.file("ca.pem", &stage.authority.pem());
    // this call cannot be sent either, and triggers a new read of the files
    assert!(matches!(checkout(&context).await, Settlement::Later(_)));
    assert!(matches!(checkout(&context).await, Settlement::Done(_)));
}

#[tokio::test]
async fn a_token_request_looks_at_the_authorities_first() {
    let stage = Stage::set().await;
    let ca = stage.file("ca.pem", &Authority::new().pem());
    let token_endpoint = stage.behind(&stage.simulator.token_endpoint());
    let context = context(&stage.simulator, &[("token_endpoint", &token_endpoint), ("tls.ca_file", text(&ca))]);
    stage.file("ca.pem", &stage.authority.pem());
    assert!(matches!(checkout(&context).await, Settlement::Done(_)));
}

#[tokio::test]
async fn a_proxy_is_gone_through_with_its_password() {
    let stage = Stage::set().await;
    let (proxy, heads) = Front::proxy().await;
    let ca = stage.file("ca.pem", &stage.authority.pem());
    let address = stage.file("proxy", &format!("http://worker:pa55word@{}\n", proxy.address));
    let token_endpoint = stage.behind(&stage.simulator.token_endpoint());
    let context = context(
        &stage.simulator,
        &[
            ("endpoint", &stage.endpoint()),
            ("token_endpoint", &token_endpoint),
            ("tls.ca_file", text(&ca)),
            ("proxy_file", text(&address)),
        ],
    );
    assert!(matches!(checkout(&context).await, Settlement::Done(_)));
    let heads = heads.borrow();
    assert!(heads[0].starts_with(&format!("CONNECT {}", stage.front.address)), "{heads:?}");
    // base64 of worker:pa55word
    assert!(heads[0].to_lowercase().contains("proxy-authorization: basic d29ya2vyonbhntv3b3jk"), "{heads:?}");
}
