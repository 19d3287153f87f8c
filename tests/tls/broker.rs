//! RabbitMQ over TLS, with the real binary.
//! Not here: the API over TLS.

use std::path::Path;
use std::time::Duration;

use bwp_sync::simulator::{Config, Simulator};
use lapin::BasicProperties;
use tempfile::TempDir;

use crate::authority::{Authority, NO_ROOTS, write};
use crate::support::amqp::Client;
use crate::support::broker::Vhost;
use crate::support::node::Node;
use crate::support::process::Process;
use crate::support::program::{addresses, bwp_sync};
use crate::support::until::until;
use crate::worker::CHECKOUT;

/// Far longer than any of these steps takes on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// A node that accepts TLS clients only with a certificate of its authority.
struct Stage {
    node: Node,
    vhost: Vhost,
    simulator: Simulator,
    authority: Authority,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let server = authority.server();
        let file = |name, content: &str| write(folder.path(), name, content);
        let (ca, verify) = (file("node-ca.pem", &authority.pem()), Path::new("1"));
        let (certificate, key) = (file("node.pem", &server.certificate), file("node-key.pem", &server.key));
        let variables = [
            ("BWP_NODE_TLS_CA", ca.as_path()),
            ("BWP_NODE_TLS_CERT", &certificate),
            ("BWP_NODE_TLS_KEY", &key),
            ("BWP_NODE_TLS_VERIFY", verify),
        ];
        let node = Node::start_with(&variables).await;
        let vhost = node.vhost().await;
        let simulator = Simulator::start(Config::default()).await.unwrap();
        Self { node, vhost, simulator, authority, folder }
    }

    fn file(&self, name: &str, content: &str) -> String {
        write(self.folder.path(), name, content).to_str().unwrap().to_owned()
    }

    /// The worker with the trusted roots of `ca.pem`, on a machine without certificate authorities of its own.
    fn worker(&self, settings: &[(&str, &str)]) -> Process {
        let addresses = addresses(&self.simulator);
        let ca = self.folder.path().join("ca.pem");
        let mut environment = vec![("BWP__BROKER__TLS__CA_FILE", ca.to_str().unwrap())];
        environment.extend(addresses.iter().map(|(name, address)| (*name, address.as_str())));
        environment.extend(NO_ROOTS.iter().chain(settings).copied());
        bwp_sync(&["run"], &environment)
    }

    /// Address without a user: the client's certificate names the user.
    fn uri(&self) -> String {
        format!("amqps://{}/{}?auth_mechanism=external", self.node.tls_address(), self.vhost.name())
    }

    async fn is_settled(&self) {
        let consumed = |consumers: &Vec<_>| !consumers.is_empty();
        until("the worker consumes", SOON, async || self.vhost.consumers().await, consumed).await;
        let shop = Client::connect(&self.vhost.amqp_uri(), "shop").await;
        let mut results = shop.listen("bwp.results", "#").await;
        let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
        shop.publish("shop.events", "checkout-completed", properties, CHECKOUT).await;
        let seen = results.until(SOON, |seen| !seen.is_empty()).await;
        assert_eq!(seen[0].routing_key.as_str(), "order-created");
    }
}

fn loses<'a>(reason: &'a str) -> impl Fn(&str) -> bool + 'a {
    move |line| line.contains("cannot connect") && line.contains(reason)
}

#[tokio::test]
async fn a_message_is_settled_over_tls_as_the_user_of_the_client_certificate() {
    let stage = Stage::set().await;
    let client = stage.authority.client("guest");
    stage.file("ca.pem", &stage.authority.pem());
    let (cert, key) = (stage.file("client.pem", &client.certificate), stage.file("client-key.pem", &client.key));
    let uri = stage.uri();
    let mut worker = stage.worker(&[
        ("BWP__BROKER__URI", &uri),
        ("BWP__BROKER__TLS__CERT_FILE", &cert),
        ("BWP__BROKER__TLS__KEY_FILE", &key),
    ]);
    stage.is_settled().await;
    worker.sigterm();
    assert_eq!(worker.wait(SOON).await.code(), Some(0));
}

#[tokio::test]
async fn what_is_wrong_with_certificates_is_said_and_can_be_mended_while_the_worker_runs() {
    let stage = Stage::set().await;
    let (client, stranger) = (stage.authority.client("guest"), Authority::new());
    stage.file("ca.pem", &stranger.pem());
    let unknown = stranger.client("guest");
    let (cert, key) = (stage.file("client.pem", &unknown.certificate), stage.file("client-key.pem", &unknown.key));
    let uri_file = stage.file("uri", "amqps://127.0.0.1:1/%2f\n");
    let worker = stage.worker(&[
        ("BWP__BROKER__URI_FILE", &uri_file),
        ("BWP__BROKER__TLS__CERT_FILE", &cert),
        ("BWP__BROKER__TLS__KEY_FILE", &key),
    ]);
    worker.wait_for_line(SOON, loses("refused")).await;
    stage.file("uri", &stage.uri());
    worker.wait_for_line(SOON, loses("invalid peer certificate: UnknownIssuer")).await;
    stage.file("ca.pem", &stage.authority.pem());
    worker.wait_for_line(SOON, loses("received fatal alert")).await;
    stage.file("client.pem", &client.certificate);
    stage.file("client-key.pem", &client.key);
    stage.is_settled().await;
}

#[tokio::test]
async fn without_a_client_certificate_a_broker_that_asks_for_one_refuses() {
    let stage = Stage::set().await;
    stage.file("ca.pem", &stage.authority.pem());
    let uri = format!("amqps://guest:guest@{}/{}", stage.node.tls_address(), stage.vhost.name());
    let mut worker = stage.worker(&[("BWP__BROKER__URI", &uri)]);
    worker.wait_for_line(SOON, loses("received fatal alert")).await;
    assert!(stage.vhost.consumers().await.is_empty());
    // the worker was still trying to connect
    worker.sigterm();
    assert_eq!(worker.wait(SOON).await.code(), Some(0));
}
