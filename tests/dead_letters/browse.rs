//! Looking at letters shows all of them and changes none.
//! Not here: what is done with them.

use std::time::Duration;

use crate::messages::{checkout_of, header};
use crate::stage::{LETTERS, SOON, Stage};
use crate::support::broker::Broker;
use crate::support::private::assert_nothing_private;
use crate::support::relay::{Pace, Relay};
use crate::support::until::until;
use crate::tool::{REFUSED, field, json_lines, json_of, path};

#[tokio::test]
async fn letters_are_counted_listed_and_shown_and_stay_as_they_are() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2", "SO-3"]).await;
    assert_eq!(worker.terminated().await, Some(0));

    let stats = stage.tool(&["stats"]).await;
    insta::assert_snapshot!("stats", stats.shown());
    let list = stage.tool(&["list"]).await;
    insta::assert_snapshot!("list", list.shown());
    let id = field(&stage.listed().await, "letter")[1].clone();
    let show = stage.tool(&["show", &id[..8]]).await;
    insta::assert_snapshot!("show", show.shown());
    for ran in [&stats, &list, &show] {
        assert_nothing_private("stdout", &ran.stdout);
    }
    let revealed = stage.tool(&["list", "--reveal", "--order", "SO-2"]).await;
    assert!(revealed.stdout.contains("John Smith, Seattle"), "{revealed:?}");
    assert!(stage.tool(&["show", &id, "--reveal"]).await.stdout.contains("399 Boren Ave N"));

    let mut letters = stage.letters().await;
    let letters = letters.until(SOON, |seen| seen.len() == 3).await;
    let expected = ["SO-1", "SO-2", "SO-3"].map(|order| checkout_of(order, REFUSED).body);
    assert_eq!(letters.iter().map(|letter| letter.data.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(header(&letters[1], "bwp-letter-id"), Some(id));
}

#[tokio::test]
async fn a_look_that_is_killed_at_any_moment_loses_nothing_and_keeps_the_order() {
    const LETTERS_WRITTEN: usize = 3000;
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(LETTERS_WRITTEN).await;
    let before = field(&stage.listed().await, "letter");
    for kill in 0..8_u64 {
        let mut look = stage.starting_tool(&["list", "--json"]);
        tokio::time::sleep(Duration::from_millis(kill * 40)).await;
        look.sigkill();
        look.wait(SOON).await;
    }
    // figures of the broker are seconds old: only a look tells whether it has given all of them back
    let listed = async || field(&stage.listed().await, "letter");
    assert_eq!(until("all letters are back", SOON, listed, |seen| seen.len() >= LETTERS_WRITTEN).await, before);
}

/// Letters come in bursts, between which it may look as if there were no more.
#[tokio::test]
async fn a_look_over_a_slow_line_sees_every_letter() {
    const LETTERS_WRITTEN: usize = 200;
    let broker = Broker::shared();
    let (relay, stage) = (Relay::start(&broker.address()), Stage::on(&broker).await);
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(LETTERS_WRITTEN).await;
    let before = field(&stage.listed().await, "letter");
    assert_eq!(before.len(), LETTERS_WRITTEN);
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    relay.pace(Pace::Slow { bytes: 16 * 1024, late: Duration::from_millis(150) });
    let looked = stage.tool_with(&["list", "--json"], &[("BWP__BROKER__URI", &uri)]).await;
    assert_eq!((looked.code, looked.stderr.as_str()), (Some(0), ""), "{looked:?}");
    assert_eq!(field(&json_of(&looked.stdout), "letter"), before);
}

#[tokio::test]
async fn filters_choose_and_unknown_ids_are_said() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(4).await;
    stage.written_follower("SO-2").await;
    let count = async |arguments: &[&str]| {
        let ran = stage.tool(&[&["list", "--json"], arguments].concat()).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.lines().count()
    };
    assert_eq!(count(&["--order", "SO-2"]).await, 2);
    assert_eq!(count(&["--order", "SO-1,SO-2", "--operation", "createOrder"]).await, 2);
    assert_eq!(count(&["--code", "ShopperNotPrime"]).await, 0);
    assert_eq!(count(&["--text", "REFUSED THE CALL", "--class", "rejected", "--replays", "0"]).await, 5);
    assert_eq!(count(&["--until", "2026-11-22T15:04:05Z"]).await, 0);
    assert_eq!(count(&["--since", "2026-11-22T15:04:05Z"]).await, 5);
    insta::assert_snapshot!("unknown_id", stage.tool(&["show", "01234567"]).await.shown());
    insta::assert_snapshot!("no_match", stage.tool(&["list", "--code", "ShopperNotPrime"]).await.shown());
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let stage = Stage::new().await;
    insta::assert_snapshot!("no_queue", stage.tool(&["list"]).await.shown());
    stage.worker(&[]).await.terminated().await;
    insta::assert_snapshot!("empty_queue", stage.tool(&["stats"]).await.shown());
    insta::assert_snapshot!("nothing_to_replay", stage.tool(&["replay", "--all"]).await.shown());
    insta::assert_snapshot!("no_filter", stage.tool(&["replay"]).await.shown());
    let nowhere = [("BWP__BROKER__URI", "amqp://shop:pa55word@127.0.0.1:1/%2f")];
    insta::assert_snapshot!("no_broker", stage.tool_with(&["list"], &nowhere).await.shown());
    let wrong = stage.vhost.amqp_uri().replacen("//", "//nobody", 1);
    let refused = stage.tool_with(&["list"], &[("BWP__BROKER__URI", &wrong)]).await;
    insta::assert_snapshot!("wrong_credentials", refused.shown());
    let nowhere = format!("{}-not-there", stage.vhost.amqp_uri());
    let refused = stage.tool_with(&["list"], &[("BWP__BROKER__URI", &nowhere)]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("hint: the virtual host is all"), "{refused:?}");
}

/// Who may do what with a file.
fn mode(path: &str) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

#[tokio::test]
async fn letters_come_back_from_a_file_as_they_were() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2"]).await;
    assert_eq!(worker.terminated().await, Some(0));
    let folder = tempfile::tempdir().unwrap();
    let [first, second, ledger] = ["first", "second", "ledger"].map(|name| path(&folder, name));

    insta::assert_snapshot!(
        "export",
        stage.tool(&["export", "--all", "--out", &first]).await.shown().replace(&first, "FILE")
    );
    let again = stage.tool(&["export", "--all", "--out", &first]).await;
    assert!(again.code == Some(1) && again.stderr.contains("cannot make"), "{again:?}");
    assert_eq!(mode(&first), 0o600);
    let discard = ["discard", "--all", "--reason", "test orders", "--ledger", &ledger, "--yes"];
    insta::assert_snapshot!("discard", stage.tool(&discard).await.shown());
    assert!(stage.listed().await.is_empty());
    let noted = json_lines(&ledger);
    assert_eq!(field(&noted, "outcome"), ["discarded", "discarded"]);
    assert_eq!(mode(&ledger), 0o600);
    assert_eq!((&noted[0]["why"], &noted[0]["user"]), (&"test orders".into(), &"operator".into()));

    insta::assert_snapshot!("import", stage.tool(&["import", &first]).await.shown());
    stage.tool(&["export", "--all", "--out", &second]).await;
    assert_eq!(std::fs::read_to_string(&first).unwrap(), std::fs::read_to_string(&second).unwrap());

    let again = stage.tool(&["import", &first]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(
        again.stdout,
        "0 letters put into `bwp.dead-letters`\n        2  there already, so not put there; `--again` does\n"
    );
    assert_eq!(stage.listed().await.len(), 2);
    let id = field(&stage.listed().await, "letter")[0].clone();
    stage.tool(&["discard", &id, "--reason", "none", "--yes"]).await;
    let rest = stage.tool(&["import", &first]).await.stdout;
    assert!(rest.starts_with("1 letter put into") && rest.contains("1  there already"), "{rest}");
    stage.tool(&["import", &first, "--again"]).await;
    assert_eq!(stage.listed().await.len(), 4);

    // nothing of a file is put there where a later line is no letter; more letters than are under way at a time
    let good = std::fs::read_to_string(&first).unwrap().repeat(100);
    std::fs::write(&second, good + "{\"letter\": 1}\n").unwrap();
    let refused = stage.tool(&["import", &second, "--again"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("line 201: expected a letter"), "{refused:?}");
    assert_eq!(stage.listed().await.len(), 4);

    std::fs::write(&second, "{\"letter\": \"John Smith\"}\n").unwrap();
    insta::assert_snapshot!("wrong_file", stage.tool(&["import", &second]).await.shown().replace(&second, "FILE"));
}

#[tokio::test]
async fn a_letter_that_the_broker_wrote_says_why_and_whose_it_is_and_can_be_replayed() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    let case: serde_json::Value = serde_json::from_str(include_str!("../fixtures/cases/expired.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let expiration = text(&case["properties"]["expiration"]);
    let properties = lapin::BasicProperties::default().with_expiration(expiration.into()).with_delivery_mode(2);
    let body = serde_json::to_vec(&case["body"]).unwrap();
    stage.shop.publish("shop.events", &text(&case["routing_key"]), properties, &body).await;
    stage.queue(LETTERS, "the message has expired", |queue| queue.ready == 1).await;

    let listed = stage.listed().await;
    let said = ["order", "operation", "type", "code", "message"].map(|name| text(&listed[0][name]));
    assert_eq!(said, ["H-30", "createOrder", "RabbitMQ", "expired", "expired in bwp.orders after 1 s"]);
    assert!(listed[0]["deadLetteredAt"].is_string(), "{listed:?}");
    let id = text(&listed[0]["letter"]);
    let shown = stage.tool(&["show", &id]).await.stdout;
    assert!(shown.contains("expired in bwp.orders after 1 s") && shown.contains("`message-ttl`"), "{shown}");
    assert!(shown.contains("\"id\": \"H-30\"") && !shown.contains("Ada"), "{shown}");
    let revealed = stage.tool(&["show", &id, "--reveal"]).await.stdout;
    assert!(revealed.contains("queue: bwp.orders, reason: expired, routing-keys: [checkout-completed]"), "{revealed}");
    for program in ["FieldArray", "LongString", "ShortString"] {
        assert!(!revealed.contains(program), "{revealed}");
    }
    let _worker = stage.worker(&[]).await;
    let replayed = stage.tool(&["replay", "--code", "expired", "--yes"]).await;
    assert!(replayed.code == Some(0) && replayed.stdout.contains("1  done by the worker"), "{replayed:?}");
}
