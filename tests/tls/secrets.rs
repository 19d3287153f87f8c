//! Secrets in files that are replaced while the worker runs.
//! Not here: settings that are refused at the start.

use std::os::unix::fs::symlink;

use bwp_sync::api::{ApiVersion, Client};
use bwp_sync::ports::{OrderApi, Settlement};
use bwp_sync::secret::Secret;
use bwp_sync::simulator::{Config, Operation, Simulator};
use secrecy::ExposeSecret;

use crate::authority::write;
use crate::log::Log;
use crate::stub::Stub;
use crate::worker::{checkout, context};

#[tokio::test]
async fn a_client_secret_that_is_replaced_is_used_for_the_next_token() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "secret", "the one before\n");
    let keys = [("client_secret", ""), ("client_secret_file", file.to_str().unwrap())];
    let context = context(&simulator, &keys);
    assert!(matches!(checkout(&context).await, Settlement::Later(_)));

    write(folder.path(), "secret", "sim-secret\r\n");
    assert!(matches!(checkout(&context).await, Settlement::Done(_)));

    write(folder.path(), "secret", "one that is not used while the token lives");
    assert!(matches!(checkout(&context).await, Settlement::Done(_)));
    let tokens = simulator.ledger().calls_of(Operation::Token);
    simulator.revoke_tokens();
    assert!(matches!(checkout(&context).await, Settlement::Later(_)));
    assert!(simulator.ledger().calls_of(Operation::Token) > tokens);
}

#[tokio::test]
async fn client_id_and_access_key_are_read_again_for_each_token() {
    let (stub, folder) = (Stub::start(ApiVersion::default()).await, tempfile::tempdir().unwrap());
    let secret = |name| Secret::file(write(folder.path(), name, "before")).unwrap();
    let mut config = stub.config();
    (config.client_id, config.access_key) = (secret("id"), Some(secret("key")));
    let client = Client::new(config).unwrap();
    for name in ["id", "key"] {
        write(folder.path(), name, "after");
    }
    client.create_order(&Default::default()).await.unwrap();
    write(folder.path(), "key", "later");
    client.create_order(&Default::default()).await.unwrap();

    let form = String::from_utf8(stub.token.seen()[0].body.to_vec()).unwrap();
    assert!(form.contains("client_id=after"), "{form}");
    // the second call was sent with the first one's token
    for call in stub.graphql.seen() {
        assert_eq!(call.header("x-api-access-key"), "after");
    }
}

#[test]
fn a_file_that_is_gone_or_empty_for_a_moment_leaves_the_last_good_value_and_says_so_once() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::listen());
    let file = write(folder.path(), "secret", "first");
    let secret = Secret::file(&file).unwrap();
    for gone in [|file: &_| std::fs::remove_file(file).unwrap(), |file: &_| std::fs::write(file, "\n").unwrap()] {
        write(folder.path(), "secret", "second\n");
        assert_eq!(secret.read().expose_secret(), "second");
        gone(&file);
        assert_eq!(secret.read().expose_secret(), "second");
        assert_eq!(secret.read().expose_secret(), "second");
    }
    assert_eq!(log.count("keeping its last value"), 2, "{}", log.text());
    assert_eq!(log.count("second"), 0);
}

#[test]
fn a_link_that_is_swapped_leads_to_the_new_value() {
    let folder = tempfile::tempdir().unwrap();
    for version in ["one", "two"] {
        std::fs::create_dir(folder.path().join(version)).unwrap();
        write(&folder.path().join(version), "secret", version);
    }
    // as Kubernetes does it: a link to the folder, renamed over the previous one
    let (data, fresh) = (folder.path().join("data"), folder.path().join("fresh"));
    symlink("one", &data).unwrap();
    let secret = Secret::file(data.join("secret")).unwrap();
    symlink("two", &fresh).unwrap();
    std::fs::rename(&fresh, &data).unwrap();
    assert_eq!(secret.read().expose_secret(), "two");
}

#[test]
fn only_line_ends_are_cut_off_and_nothing_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::file(write(folder.path(), "file", " pass word \r\n\n")).unwrap();
    assert_eq!(secret.read().expose_secret(), " pass word ");
    for shown in [format!("{secret:?}"), format!("{:#?}", Secret::from("pass word")), format!("{:?}", secret.read())] {
        assert!(!shown.contains("word"), "{shown}");
    }
}
