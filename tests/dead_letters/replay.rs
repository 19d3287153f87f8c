//! Replayed letters become orders, and what fails again is told.
//! Not here: what happens when the tool is killed.

use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;

use crate::messages::{checkout_of, header, json as body_of, outcomes};
use crate::stage::{LETTERS, ORDERS, RESULTS, SOON, Stage};
use crate::tool::{field, json_lines, path};

#[tokio::test]
async fn mended_letters_become_orders_and_results_say_by_which_run() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2", "SO-3"]).await;
    stage.mend();
    let mut results = stage.results().await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = path(&folder, "ledger");
    let dry = stage.tool(&["replay", "--code", "ItemOutOfStock", "--dry-run"]).await;
    insta::assert_snapshot!("dry_run", dry.shown());
    assert_eq!(stage.listed().await.len(), 3);
    insta::assert_snapshot!("not_asked", stage.tool(&["replay", "--order", "SO-1"]).await.shown());
    assert_eq!(stage.listed().await.len(), 3);

    let replay = ["replay", "--code", "ItemOutOfStock", "--yes", "--ledger", &ledger, "--reason", "in stock again"];
    insta::assert_snapshot!("replay", stage.tool(&replay).await.shown());
    assert!(stage.listed().await.is_empty());
    let seen = results.until(SOON, |seen| seen.len() == 3).await;
    assert!(outcomes(seen).iter().all(|(_, outcome)| outcome == "created"));
    let noted = json_lines(&ledger);
    assert_eq!(field(&noted, "outcome"), ["published", "created", "published", "published", "created", "created"]);
    for result in seen {
        assert_eq!(
            (&body_of(result)["data"]["replays"], header(result, "bwp-replay-id").as_deref()),
            (&json!(1), noted[0]["replayId"].as_str())
        );
    }
    assert_eq!(stage.simulator.ledger().orders_created(), 3);
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_replay_learns_its_outcome_and_takes_no_result_that_waits_for_the_shop() {
    let stage = Stage::new().await;
    stage.keep_results().await;
    let worker = stage.worker(&[("BWP__RESULTS__UNROUTABLE", "pause")]).await;
    worker.consumes(1).await;
    stage.written_letters(1).await;
    let (queue, exchange) = (RESULTS.into(), "bwp.results".into());
    let unbound = stage.shop.channel.queue_unbind(queue, exchange, "#".into(), FieldTable::default());
    unbound.await.expect("the queue of results can be unbound");
    let waiting = ["SO-2", "SO-3", "SO-4"];
    for order in waiting {
        stage.publish(&checkout_of(order, "mug")).await;
    }
    worker.says(&["nothing is settled until one is"]).await;

    let replayed = stage.tool(&["replay", "--all", "--yes"]).await;
    assert!(replayed.stdout.contains("1  done by the worker"), "{replayed:?}");
    stage.bind(RESULTS, "bwp.results", "#").await;
    let mut results = stage.shop.collect(RESULTS).await;
    let told = |seen: &[Delivery]| outcomes(seen).iter().filter(|(_, outcome)| outcome == "created").count();
    let seen = results.until(SOON, |seen| told(seen) == 1 + waiting.len()).await;
    let mut orders: Vec<_> = outcomes(seen).into_iter().filter(|(_, outcome)| outcome == "created").collect();
    orders.sort();
    assert_eq!(orders, ["SO-0", "SO-2", "SO-3", "SO-4"].map(|order| (order.to_owned(), "created".to_owned())));
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_first_letter_that_fails_again_stops_the_run_and_has_a_new_letter() {
    let stage = Stage::new().await;
    let _worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2", "SO-3"]).await;
    insta::assert_snapshot!("first_failed", stage.tool(&["replay", "--all", "--yes"]).await.shown());
    let letters = stage.listed().await;
    // letters that were not replayed are in their places
    let replays: Vec<_> = letters.iter().map(|letter| (letter["order"].clone(), letter["replays"].clone())).collect();
    assert_eq!(replays, [("SO-2", 0), ("SO-3", 0), ("SO-1", 1)].map(|(order, replays)| (json!(order), json!(replays))));
    let replayed = letters.iter().find(|letter| letter["replays"] == 1).unwrap();
    assert!(replayed["replayId"].is_string(), "{replayed}");
    let many = stage.tool(&["replay", "--all", "--yes", "--max-failures", "1", "--rate", "4"]).await;
    insta::assert_snapshot!("max_failures", many.shown());
}

#[tokio::test]
async fn what_a_shop_put_into_a_message_is_in_its_replay_and_what_would_hurt_is_not() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.refuse();
    let mut message = crate::messages::checkout_of("SO-1", crate::tool::REFUSED);
    let mut headers = lapin::types::FieldTable::default();
    headers.insert("shop".into(), AMQPValue::LongString("acme".into()));
    headers.insert("CC".into(), AMQPValue::FieldArray(vec![AMQPValue::LongString("test.copies".into())].into()));
    let properties = message.properties.with_headers(headers).with_user_id("guest".into());
    message.properties = properties.with_expiration("3600000".into()).with_priority(3).with_app_id("shop".into());
    stage.publish(&message).await;
    stage.queue(LETTERS, "the letter is there", |queue| queue.ready == 1).await;
    assert_eq!(worker.terminated().await, Some(0));

    let ran = stage.tool(&["replay", "--all", "--yes", "--no-wait", "--no-check"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut orders = stage.shop.collect(ORDERS).await;
    let replayed = &orders.until(SOON, |seen| seen.len() == 1).await[0];
    let properties = &replayed.properties;
    assert_eq!(replayed.data, message.body);
    assert_eq!((properties.user_id(), properties.expiration(), properties.delivery_mode()), (&None, &None, &Some(2)));
    assert_eq!((properties.priority(), properties.app_id()), (&Some(3), &Some("shop".into())));
    let names: Vec<_> = properties.headers().as_ref().unwrap().inner().keys().map(ToString::to_string).collect();
    let expected = [
        "bwp-original-cc",
        "bwp-original-expiration",
        "bwp-original-user-id",
        "bwp-publication",
        "bwp-replay-id",
        "bwp-replayed-letter",
        "bwp-replays",
        "bwp-source-exchange",
        "bwp-source-routing-key",
        "shop",
    ];
    assert_eq!(names, expected);
    assert_eq!(header(replayed, "bwp-replays").as_deref(), Some("1"));
}

#[tokio::test]
async fn through_the_shops_exchange_others_get_a_message_again_too_and_no_outcome_is_waited_for() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(2).await;
    stage.shop.declare_quorum_queue("test.others").await;
    stage.bind("test.others", "shop.events", "#").await;
    let replay = ["replay", "--all", "--yes", "--no-check", "--via-exchange"];
    let ran = stage.tool(&replay).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for queue in [ORDERS, "test.others"] {
        assert_eq!(stage.left_in(queue).await.len(), 2, "{queue}");
    }
    // a letter that no worker wrote
    stage.shop.publish("", LETTERS, lapin::BasicProperties::default(), b"{}").await;
    let ran = stage.tool(&replay).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("does not say which exchange"), "{ran:?}");
    assert_eq!(stage.listed().await.len(), 1);
}

#[tokio::test]
async fn of_one_order_the_create_goes_first() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_follower("SO-0").await;
    stage.written_follower("SO-1").await;
    stage.written_letters(2).await;
    let ran = stage.tool(&["replay", "--all", "--yes", "--no-wait", "--no-check", "--rate", "1000"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut orders = stage.shop.collect(ORDERS).await;
    let seen = orders.until(SOON, |seen| seen.len() == 4).await;
    let ids: Vec<_> = seen.iter().map(|it| body_of(it)["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids[..2].iter().filter(|id| id.starts_with("checkout")).count(), 2, "{ids:?}");
}

#[tokio::test]
async fn an_order_that_is_there_already_is_told_before_its_letter_is_replayed() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    stage.publish(&crate::messages::checkout("SO-0")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    stage.written_letters(2).await;
    let warned = stage.tool(&["replay", "--all"]).await;
    insta::assert_snapshot!("order_is_there", warned.shown());
    let unasked = stage.tool(&["replay", "--all", "--no-check"]).await;
    assert!(!unasked.stderr.contains("is there already"), "{unasked:?}");
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_message_is_changed_checked_and_shown_before_it_is_replayed() {
    let stage = Stage::new().await;
    let _worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1"]).await;
    let product = "lines[0].product.productId=example-product-id";
    let wrong = stage.tool(&["replay", "--order", "SO-1", "--set", "lines[0].quantity=many", "--yes"]).await;
    insta::assert_snapshot!("edit_refused", wrong.shown());
    let unknown = stage.tool(&["replay", "--order", "SO-1", "--set", "lines[0].quantitiy=2", "--yes"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let said = "lines[0].quantitiy: checkout-completed has no such field, hint: `quantity`";
    assert!(unknown.stderr.contains(said), "{unknown:?}");
    assert_eq!(stage.listed().await.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    let (patch, ledger) = (path(&folder, "patch.json"), path(&folder, "ledger"));
    std::fs::write(&patch, r#"[{ "op": "replace", "path": "/data/shopper/name", "value": "Jane Roe" }]"#).unwrap();
    let edit = ["replay", "--order", "SO-1", "--set", product, "--patch", &patch, "--yes", "--ledger", &ledger];
    let edited = stage.tool(&edit).await;
    insta::assert_snapshot!("edit", edited.shown());
    assert!(!edited.stderr.contains("Jane"));
    assert_eq!(json_lines(&ledger)[0]["edited"], json!(["data.lines[0].product.productId", "data.shopper.name"]));
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
}
