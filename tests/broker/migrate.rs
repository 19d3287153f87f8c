//! `bwp-sync migrate`: from the queues of version 0.1.0 to those of this version, killed at any moment.
//! Not here: what this version declares; see `topology`.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use tokio_util::sync::CancellationToken;

use crate::messages::header;
use crate::old_queues::{
    DELAYS, RETRY, RETRY_SOON, SUSPECTS, Shop, arrived, assert_order, boolean, declare_old, order, orders, publish,
    publish_hops, publish_letter,
};
use crate::stage::{ORDERS, SOON, Stage};
use crate::support::amqp::Client;
use crate::support::broker::Broker;
use crate::support::node::Node;
use crate::support::process::Process;
use crate::support::relay::Relay;

/// The beginning of the line on stdout when there was something to do.
const MIGRATED: &str = "migrated ";

fn migration(stage: &Stage) -> Process {
    // also where a worker may declare nothing
    stage.command("migrate", &[DELAYS, ("BWP__BROKER__DECLARE", "false")])
}

/// Runs the command to its end; returns what it says on stdout.
async fn migrate(stage: &Stage) -> String {
    end_of(migration(stage)).await
}

/// Waits until a migration has ended well, and returns all that it has printed.
async fn end_of(mut migration: Process) -> String {
    let status = migration.wait(SOON * 2).await;
    assert_eq!(status.code(), Some(0), "{:#?}", migration.stderr());
    migration.stdout().join("\n")
}

async fn names(stage: &Stage) -> Vec<String> {
    let mut names: Vec<_> = stage.vhost.queues().await.into_iter().map(|queue| queue.name).collect();
    // says who held the lock last
    names.retain(|name| name != "bwp.dead-letters.lock-holder");
    names.sort();
    names
}

async fn assert_migrated(stage: &Stage) {
    let expected = ["bwp.dead-letters", "bwp.dead-letters.parked", ORDERS, RETRY, RETRY_SOON];
    assert_eq!(names(stage).await, expected);
    let arguments = stage.vhost.queue(ORDERS).await.unwrap().arguments;
    assert_eq!(arguments["x-single-active-consumer"], true, "{arguments}");
    let bindings = stage.vhost.bindings().await;
    assert_eq!(
        bindings.iter().filter(|(from, _, to)| from == "shop.events" && to == ORDERS).count(),
        8,
        "{bindings:?}"
    );
    assert_eq!(bindings.len(), 9, "{bindings:?}");
    assert_eq!(migrate(stage).await, "nothing to migrate");
}

#[tokio::test]
async fn all_messages_come_over_in_their_order_with_their_history_while_the_shop_publishes() {
    let stage = Stage::new().await;
    declare_old(&stage).await;
    let (suspects, old, later) = (orders("suspect", 5), orders("old", 200), orders("later", 3));
    publish_hops(&stage, SUSPECTS, &suspects).await;
    publish(&stage, &old).await;
    publish_hops(&stage, RETRY, &later).await;
    give_back(&stage, 3).await;
    let shop = Shop::open(&stage).await;
    // They leave their queue one after the other. Were they not held meanwhile, the old work queue would never be empty.
    let has_migrated = CancellationToken::new();
    let hops = async {
        let mut published = Vec::new();
        while !has_migrated.is_cancelled() {
            let order = format!("soon-{:04}", published.len());
            publish_hops(&stage, RETRY_SOON, std::slice::from_ref(&order)).await;
            published.push(order);
            // long enough for the migration to see that for a moment no more comes
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        published
    };
    let (soon, said) = tokio::join!(hops, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let said = migrate(&stage).await;
        has_migrated.cancel();
        said
    });
    let meanwhile = shop.close().await;
    let migrated = said.strip_prefix(MIGRATED).and_then(|rest| rest.strip_suffix(" messages to bwp.orders"));
    assert!(migrated.unwrap().parse::<usize>().unwrap() >= 205, "{said}");
    assert_migrated(&stage).await;

    let all = [suspects, old, soon, meanwhile].concat();
    let mut arrived = arrived(&stage, &all).await;
    let deliveries = stage.rest_of(ORDERS, &mut arrived).await;
    assert_order(deliveries);
    let mut unmarked_copies = 0;
    for delivery in deliveries {
        let (order, attempts) = (order(delivery), header(delivery, "bwp-attempts"));
        let is_copy = delivery.exchange.as_str().is_empty();
        if is_copy {
            assert_eq!(header(delivery, "bwp-source-exchange").as_deref(), Some("shop.events"), "{order}");
            assert_eq!(header(delivery, "bwp-source-routing-key").as_deref(), Some("checkout-completed"), "{order}");
        }
        if order.starts_with("suspect") || order.starts_with("soon") {
            assert_eq!(attempts.as_deref(), Some("3"), "{order}");
            assert_eq!(header(delivery, "bwp-replay-id").as_deref(), Some("run"), "{order}");
            assert_eq!(header(delivery, "bwp-first-taken-at").as_deref(), Some("2026-01-02T03:04:05Z"), "{order}");
        }
        let was_handled =
            order.starts_with("suspect") || ["old-0000", "old-0001", "old-0002"].contains(&order.as_str());
        // One that came late was asked for and given back by the migration itself: it waits a little more than it need. None
        // that the shop has sent since was in its hands.
        let marked = boolean(delivery, "bwp-outcome-unknown");
        assert!(marked || !was_handled, "{order}");
        assert!(is_copy || !marked, "{order}");
        unmarked_copies += usize::from(is_copy && !marked);
    }
    assert_ne!(unmarked_copies, 0);
    assert_eq!(stage.left_in(RETRY).await.len(), later.len());
}

/// Lets a consumer take messages, and gives them back, as a worker that is killed does.
async fn give_back(stage: &Stage, number: usize) {
    let worker = Client::connect(&stage.vhost.amqp_uri(), "worker").await;
    let qos = worker.channel.basic_qos(u16::try_from(number).unwrap(), lapin::options::BasicQosOptions::default());
    qos.await.unwrap();
    let options = BasicConsumeOptions::default();
    let consumed = worker.channel.basic_consume(ORDERS.into(), "".into(), options, FieldTable::default());
    let mut consumer = consumed.await.unwrap();
    for _taken in 0..number {
        consumer.next().await.unwrap().unwrap();
    }
    worker.connection.close(200, "OK".into()).await.unwrap();
}

#[tokio::test]
async fn killed_after_any_step_it_goes_on_and_nothing_is_lost() {
    let stage = Stage::new().await;
    declare_old(&stage).await;
    let (suspects, old, later) = (orders("suspect", 5), orders("old", 500), orders("later", 3));
    publish_hops(&stage, SUSPECTS, &suspects).await;
    publish(&stage, &old).await;
    publish_hops(&stage, RETRY, &later).await;
    let shop = Shop::open(&stage).await;
    for step in [
        "from bwp.orders.suspects to",
        "deleted bwp.orders.suspects",
        "from bwp.orders to",
        "deleted bwp.orders",
        "declared bwp.orders",
        "from bwp.orders.migration-old",
        "deleted bwp.orders.migration-old",
        "from bwp.orders.migration-new",
    ] {
        kill_after(&stage, step).await;
    }
    assert!(migrate(&stage).await.starts_with(MIGRATED));
    let meanwhile = shop.close().await;
    assert_migrated(&stage).await;
    let mut arrived = arrived(&stage, &[suspects, old, meanwhile].concat()).await;
    assert_order(stage.rest_of(ORDERS, &mut arrived).await);
    assert_eq!(stage.left_in(RETRY).await.len(), later.len());
}

async fn kill_after(stage: &Stage, step: &str) {
    let mut migration = migration(stage);
    migration.wait_for_line(SOON, |line| line.ends_with(step) || line.contains(&format!("{step} "))).await;
    migration.sigkill();
    migration.wait(SOON).await;
}

#[tokio::test]
async fn killed_in_the_midst_of_moving_it_loses_nothing_and_keeps_the_order() {
    const KILLS: u64 = 9;
    let stage = Stage::new().await;
    declare_old(&stage).await;
    let old = orders("old", 3000);
    futures_util::future::join_all(old.chunks(1).map(|order| publish(&stage, order))).await;
    let shop = Shop::open(&stage).await;
    // from before its first step to some way into moving, and in its next run further on; a fast one ends before the last
    let (mut kills, mut said) = (0, None);
    for kill in 0..KILLS {
        let mut migration = migration(&stage);
        tokio::time::sleep(Duration::from_millis(100 + 250 * kill)).await;
        if migration.ended().is_some() {
            said = Some(end_of(migration).await);
            break;
        }
        migration.sigkill();
        migration.wait(SOON).await;
        kills += 1;
    }
    assert!(kills >= KILLS / 2, "only {kills} of {KILLS} came in time");
    let said = match said {
        Some(said) => said,
        None => migrate(&stage).await,
    };
    assert!(said.starts_with(MIGRATED), "{said}");
    let meanwhile = shop.close().await;
    assert_migrated(&stage).await;
    let mut arrived = arrived(&stage, &[old, meanwhile].concat()).await;
    assert_order(stage.rest_of(ORDERS, &mut arrived).await);
}

/// Requests that wait on their way come all at once: a question for more is then answered before what comes by itself.
#[tokio::test]
async fn on_a_line_that_stops_and_starts_the_order_is_kept() {
    let stage = Stage::new().await;
    declare_old(&stage).await;
    let old = orders("old", 300);
    publish(&stage, &old).await;
    let relay = Relay::start(&Broker::shared().address());
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let mut migration = stage.command("migrate", &[DELAYS, ("BWP__BROKER__URI", &uri)]);
    while migration.ended().is_none() {
        for (stalled, millis) in [(true, 150), (false, 30)] {
            relay.stall(stalled);
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }
    assert_eq!(migration.wait(SOON).await.code(), Some(0), "{:#?}", migration.stderr());
    let mut arrived = arrived(&stage, &old).await;
    assert_order(stage.rest_of(ORDERS, &mut arrived).await);
}

#[tokio::test]
async fn nothing_is_touched_while_somebody_consumes_or_a_binding_would_be_lost() {
    let stage = Stage::new().await;
    declare_old(&stage).await;
    let (before, bindings) = (names(&stage).await, stage.vhost.bindings().await);
    let refused = async |settings: &[(&str, &str)], said: &[&str]| {
        let mut migration = stage.command("migrate", settings);
        assert_eq!(migration.wait(SOON).await.code(), Some(1));
        let stderr = migration.stderr().join("\n");
        assert!(said.iter().all(|said| stderr.contains(said)), "{stderr}");
        assert_eq!(names(&stage).await, before);
    };
    let worker = Client::connect(&stage.vhost.amqp_uri(), "worker").await;
    for queue in [ORDERS, SUSPECTS] {
        let _consumer = worker.collect(queue).await;
        refused(&[DELAYS], &[&format!("`{queue}` is being consumed"), "hint: stop every worker first"]).await;
    }
    assert_eq!(stage.vhost.bindings().await, bindings);
    worker.connection.close(200, "OK".into()).await.unwrap();

    stage.bind(ORDERS, "shop.events", "our.own").await;
    let management = std::env::var("BWP_TEST_MANAGEMENT_URI").unwrap();
    let settings = [DELAYS, ("BWP__BROKER__MANAGEMENT_URI", &management)];
    refused(&settings, &["`bwp.orders` is bound to `shop.events` with key `our.own`", "broker.bindings"]).await;
}

#[tokio::test]
async fn where_there_is_nothing_nothing_is_made() {
    let stage = Stage::new().await;
    assert_eq!(migrate(&stage).await, "nothing to migrate");
    assert_eq!(names(&stage).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_worker_names_the_command_waits_for_it_and_does_everything() {
    let stage = Stage::new().await;
    stage.keep_results().await;
    declare_old(&stage).await;
    let (suspects, old, soon) = (orders("suspect", 2), orders("old", 20), orders("soon", 2));
    publish_hops(&stage, SUSPECTS, &suspects).await;
    publish(&stage, &old).await;
    publish_hops(&stage, RETRY_SOON, &soon).await;
    publish_letter(&stage, "letter-0000").await;
    let worker = stage.starting_worker(&[DELAYS]);
    worker.says(&["not consuming", "x-single-active-consumer", "hint: ", "`bwp-sync migrate`"]).await;
    kill_after(&stage, "declared bwp.orders").await;
    worker.says(&["not consuming", "`bwp.orders.migration-new` exists", "`bwp-sync migrate` again"]).await;
    assert!(migrate(&stage).await.starts_with(MIGRATED));
    worker.consumes(1).await;

    let all: BTreeSet<_> = [suspects, old, soon].concat().into_iter().collect();
    let mut results = stage.results().await;
    results.until(SOON, |seen| seen.iter().map(order).collect::<BTreeSet<_>>() == all).await;
    // a letter of the old version is replayed like one of this version
    let mut replay = stage.program(&["dead-letters", "replay", "--code", "ItemOutOfStock", "--yes"], &[DELAYS]);
    assert_eq!(replay.wait(SOON).await.code(), Some(0), "{:?}", replay.stderr());
    let all = all.into_iter().chain(["letter-0000".to_owned()]).collect::<BTreeSet<_>>();
    results.until(SOON, |seen| seen.iter().map(order).collect::<BTreeSet<_>>() == all).await;
    assert_eq!(stage.simulator.ledger().orders_created(), all.len());
}

/// The old work queue has no leader that answers.
#[tokio::test]
async fn a_queue_that_does_not_answer_is_not_waited_for_without_end() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    declare_old(&stage).await;
    publish(&stage, &orders("old", 3)).await;
    node.suspend_leader(stage.vhost.name(), ORDERS, Duration::from_secs(100)).await;
    let mut migration = migration(&stage);
    assert_eq!(migration.wait(SOON * 2).await.code(), Some(1));
    let said = migration.stderr().join("\n");
    assert!(said.contains("cannot read `bwp.orders`") && said.contains("no answer within 30 s"), "{said}");
}
