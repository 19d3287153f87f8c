//! Mappings: the process that they run in, their settings, the presets, and whole foreign orders in the simulator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bwp_sync::api::ApiVersion;
use bwp_sync::domain::envelope::mapped::{Answer, Mapped};
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use bwp_sync::domain::outcome::Outcome;
use bwp_sync::domain::stored::StoredMoney;
use bwp_sync::mapper::{Foreign, Mapper, Mapping, stage};
use bwp_sync::mapping::PRESETS;
use bwp_sync::ports::{Inbound, Job, OrderApi, Purpose, Settlement, WaitReason};
use bwp_sync::simulator::{Config, Simulator};
use bwp_sync::worker::{Status, handle};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::output::assert_settlement_is_clean;
use crate::scenario::context;
use crate::until::until;

const LONG: Duration = Duration::from_secs(300);

fn mapping(source: &str) -> Mapping {
    Mapping {
        name: "shop-orders".into(),
        routing_keys: vec!["orders/create".into()],
        types: vec!["shop.order".into()],
        kind: "checkout-completed".into(),
        source: source.into(),
        variables: BTreeMap::new(),
        examples: None,
    }
}

/// The process of one mapping.
pub(crate) fn mapper(source: &str) -> Mapper {
    Mapper::new(PathBuf::from(env!("CARGO_BIN_EXE_bwp-sync")), vec![mapping(source)])
}

async fn map(mapper: &mut Mapper, body: &str) -> Result<String, String> {
    let headers = BTreeMap::new();
    let foreign = Foreign { body: body.as_bytes(), headers: &headers, routing_key: "orders/create" };
    match tokio::time::timeout(LONG, mapper.map(0, foreign)).await.unwrap().unwrap() {
        Answer::Message(message) => Ok(message.data.get().to_owned()),
        Answer::Nothing => Ok("null".into()),
        Answer::Failed(why) => Err(why),
    }
}

#[tokio::test]
async fn a_program_that_takes_the_machine_fails_alone_and_the_next_message_is_mapped() {
    let source = r#"
        def deep: [deep];
        if .do == "loop" then last(repeat(1))
        elif .do == "recurse" then deep
        elif .do == "grow" then [range(1000000000)]
        elif .do == "long" then { text: ("0123456789" * 10000000) }
        elif .do == "garbage" then 1 / 0
        elif .do == "divide" then { total: (.total | tonumber / 3) }
        else { total } end"#;
    let mut mapper = mapper(source);
    let ended = "its process ended: too much memory, or a recursion without an end?";
    for (action, said) in [
        ("loop", "it took more than 1 s of CPU time: a loop without an end?"),
        ("recurse", ended),
        ("grow", ended),
        ("long", ""),
        ("garbage", "the answer is no JSON: it has bytes, or a number that is infinite or none"),
    ] {
        assert_eq!(map(&mut mapper, r#"{"total":"10.00"}"#).await.as_deref(), Ok(r#"{"total":"10.00"}"#));
        let failure = map(&mut mapper, &format!(r#"{{"do":"{action}"}}"#)).await.unwrap_err();
        if said.is_empty() {
            let is_bounded = failure == ended || failure == "the answer has more than 8388608 bytes";
            assert!(is_bounded, "{action}: {failure}");
        } else {
            assert_eq!(failure, said, "{action}");
        }
    }
    assert!(map(&mut mapper, r#"{"do":"divide","total":"10.00"}"#).await.unwrap().starts_with(r#"{"total":3.33"#));
}

#[tokio::test]
async fn a_place_that_costs_the_process_is_not_told_and_the_next_message_is_mapped() {
    let mut mapper = mapper("def deep: [deep]; if .deep then deep else { total: .total.amount } end");
    let headers = BTreeMap::new();
    let foreign = Foreign { body: br#"{"deep":true}"#, headers: &headers, routing_key: "orders/create" };
    assert_eq!(tokio::time::timeout(LONG, mapper.explained(0, foreign)).await.unwrap(), None);
    let failure = map(&mut mapper, r#"{"total":"10.00"}"#).await.unwrap_err();
    assert_eq!(failure, "line 1 column 52: `amount`: expected an object around it, got a text");
    assert_eq!(map(&mut mapper, r#"{"total":{"amount":"10.00"}}"#).await.as_deref(), Ok(r#"{"total":"10.00"}"#));
}

#[tokio::test]
async fn the_child_ends_with_its_input() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_bwp-sync"))
        .arg("mapper")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

/// A message in flight, and where its settlement would come.
fn job(inbound: Inbound) -> (Job, oneshot::Receiver<bwp_sync::ports::Settling>) {
    let (settle, settled) = oneshot::channel();
    (Job { inbound: Arc::new(inbound), settle, handlings: None }, settled)
}

fn foreign(routing_key: &str, body: &str) -> Inbound {
    Inbound { routing_key: routing_key.into(), body: body.into(), ..Inbound::default() }
}

#[tokio::test]
async fn messages_pass_the_stage_in_their_order_and_those_that_a_mapping_is_for_come_mapped() {
    let (jobs, work) = mpsc::channel(8);
    let (mapped, mut handed_on) = mpsc::channel(8);
    let (status, stop) = (Arc::<Status>::default(), CancellationToken::new());
    let stage = tokio::spawn(stage(mapper("{ id }"), status, 1000, work, mapped, stop));
    let typed = Inbound { message_type: Some("shop.order".into()), ..foreign("any", r#"{"id":2}"#) };
    let in_headers =
        Inbound { headers: [("ce-type".to_owned(), "shop.order".to_owned())].into(), ..foreign("any", r#"{"id":3}"#) };
    let packed = Inbound { content_encoding: Some("br".into()), ..foreign("orders/create", "\u{1}") };
    // an operator edited what a mapping made of it
    let edited = Inbound { edited: Some("shop-orders".into()), ..foreign("orders/create", r#"{"id":4}"#) };
    let large = foreign("orders/create", &format!("{{\"id\":\"{}\"}}", "x".repeat(1000)));
    let ours = foreign("checkout-completed", "{}");
    let mut settlements = Vec::new();
    for inbound in [foreign("orders/create", r#"{"id":1}"#), ours, typed, in_headers, packed, edited, large] {
        let (job, settled) = job(inbound);
        settlements.push(settled);
        jobs.send(job).await.unwrap();
    }
    drop(jobs);
    let mut seen = Vec::new();
    while let Some(job) = handed_on.recv().await {
        seen.push(match job.inbound.mapped.as_deref() {
            None => "as it is".to_owned(),
            Some(Mapped { mapping, answer: Answer::Message(message) }) => format!("{mapping} {}", message.data),
            Some(Mapped { answer: Answer::Failed(why), .. }) => why.clone(),
            Some(other) => panic!("{other:?}"),
        });
    }
    stage.await.unwrap();
    let packed = "content_encoding: expected gzip or deflate, got \"br\"";
    let one = |id| format!("shop-orders {{\"id\":{id}}}");
    assert_eq!(seen, [one(1), "as it is".into(), one(2), one(3), packed.into(), "as it is".into(), "as it is".into()]);
}

#[tokio::test]
async fn a_child_that_cannot_start_holds_the_message_and_says_so_until_it_is_given_back() {
    let (jobs, work) = mpsc::channel(1);
    let (mapped, mut handed_on) = mpsc::channel(1);
    let (status, stop) = (Arc::<Status>::default(), CancellationToken::new());
    let context = context(&Simulator::start(Config::default()).await.unwrap(), "sim-secret", ApiVersion::default());
    let mapper = Mapper::new(PathBuf::from("/nowhere/bwp-sync"), vec![mapping(".")]);
    let stage = tokio::spawn(stage(mapper, Arc::clone(&status), 1000, work, mapped, stop.clone()));
    let (job, settled) = job(Inbound { message_id: Some("m-1".into()), ..foreign("orders/create", "{}") });
    jobs.send(job).await.unwrap();
    let reason = async || status.held(&context.pace).first().map(|waiting| waiting.reason);
    until("the message is held", LONG, reason, |reason| *reason == Some(WaitReason::Mapping)).await;
    stop.cancel();
    // dropped without a settlement: given back
    assert!(settled.await.is_err());
    assert!(status.held(&context.pace).is_empty());
    drop(jobs);
    stage.await.unwrap();
    assert!(handed_on.recv().await.is_none());
}

/// A message of an example that a preset has mapped.
async fn mapped(preset: &str, case: &str, change: impl Fn(&mut Value)) -> Inbound {
    let (_, source) = PRESETS.into_iter().find(|(name, _)| *name == preset).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/mappings/{preset}/{case}.in.json"));
    let mut body: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut body);
    let body = serde_json::to_vec(&body).unwrap();
    let headers = BTreeMap::new();
    let foreign = Foreign { body: &body, headers: &headers, routing_key: "orders/create" };
    let answer = mapper(source).map(0, foreign).await.unwrap();
    let mapped = Some(Arc::new(Mapped { mapping: "shop-orders".into(), answer }));
    Inbound { mapped, ..self::foreign("orders/create", std::str::from_utf8(&body).unwrap()) }
}

#[tokio::test]
async fn whole_foreign_orders_are_in_the_simulator_amount_for_amount() {
    // as a person reads them in the shop's order
    for (preset, case, order, total, tax) in [
        ("shopify", "plain-order", "5678901234567", "27.59", Some("2.59")),
        ("shopify", "discounts-on-line-and-order", "5678901234567", "27.45", Some("0.00")),
        ("shopify", "two-currencies", "5678901234567", "11.90", Some("0.00")),
        ("shopify", "mixed-lines", "5678901234567", "92.50", Some("0.00")),
        ("commercetools", "plain-order", "6c1fa4e1-0c3b-4c56-8f3a-57a1d1c2a001", "27.59", Some("2.59")),
        ("commercetools", "discounts", "6c1fa4e1-0c3b-4c56-8f3a-57a1d1c2a001", "20.00", None),
        ("commercetools", "yen", "6c1fa4e1-0c3b-4c56-8f3a-57a1d1c2a001", "2500", None),
    ] {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        let context = context(&simulator, "sim-secret", ApiVersion::default());
        let inbound = mapped(preset, case, |_| {}).await;
        let settlement = handle(&context, &inbound).await;
        let Settlement::Done(result) = &settlement else { panic!("{preset} {case}: {settlement:?}") };
        assert_eq!(result.data.outcome, Some(Outcome::Created), "{preset} {case}");
        assert_eq!(result.subject.as_deref(), Some(order));
        let identifier = OrderIdentifier::Alias(Alias::new("EXTERNAL_ID", order));
        let stored = context.api.order(&identifier, Purpose::Compare).await.unwrap().unwrap();
        let amount = |money: Option<StoredMoney>| money.map(|money| money.amount.to_string());
        assert_eq!(amount(stored.total).as_deref(), Some(total), "{preset} {case}");
        assert_eq!(amount(stored.tax).as_deref(), tax, "{preset} {case}");
    }
}

#[tokio::test]
async fn parts_that_the_api_has_no_place_for_are_named_in_the_result() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = context(&simulator, "sim-secret", ApiVersion::default());
    let settlement = handle(&context, &mapped("shopify", "shipping", |_| {}).await).await;
    assert_settlement_is_clean(&settlement);
    let Settlement::Done(result) = &settlement else { panic!("{settlement:?}") };
    crate::schemas::assert_fits(result);
    let no_place = "not sent, the API has no place for it";
    let expected = [format!("company: {no_place}"), format!("shipping: 4.99 USD {no_place}")];
    assert_eq!(result.data.differences, expected);
    // a discount of the whole order has a place
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = self::context(&simulator, "sim-secret", ApiVersion::default());
    let discount = json!({ "discountedAmount": { "type": "centPrecision", "currencyCode": "USD", "centAmount": 150, "fractionDigits": 2 } });
    let discounted =
        mapped("commercetools", "plain-order", |body| body["discountOnTotalPrice"] = discount.clone()).await;
    let settlement = handle(&context, &discounted).await;
    assert!(matches!(settlement, Settlement::Done(_)), "{settlement:?}");
    let order = simulator.order_by_alias("EXTERNAL_ID", "6c1fa4e1-0c3b-4c56-8f3a-57a1d1c2a001").unwrap();
    assert!(order.json["discounts"].to_string().contains("1.50"), "{}", order.json);
}

#[tokio::test]
async fn a_refund_of_the_shop_is_told_with_its_payments() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = context(&simulator, "sim-secret", ApiVersion::default());
    for case in ["plain-order", "refund-paid"] {
        let settlement = handle(&context, &mapped("shopify", case, |_| {}).await).await;
        assert!(matches!(settlement, Settlement::Done(_)), "{settlement:?}");
    }
    let ledger = simulator.ledger();
    assert_eq!([ledger.payments_of("1"), ledger.payments_of("2")], [1, 1]);
}

#[tokio::test]
async fn a_body_that_is_not_for_the_worker_is_ignored_without_a_call() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = context(&simulator, "sim-secret", ApiVersion::default());
    for case in ["test-order", "cancelled", "unpaid", "without-prime", "refund-without-transactions"] {
        let Settlement::Done(result) = handle(&context, &mapped("shopify", case, |_| {}).await).await else { panic!() };
        crate::schemas::assert_fits(&result);
        assert_eq!((result.kind.name(), result.data.outcome), ("message-ignored", Some(Outcome::Ignored)), "{case}");
    }
    assert_eq!(simulator.ledger().calls.values().sum::<u64>(), 0);
}

#[tokio::test]
async fn a_letter_names_mapping_and_place_and_repeats_nothing_of_the_body() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = context(&simulator, "sim-secret", ApiVersion::default());
    let wrong_price =
        |body: &mut Value| body["line_items"][0]["price_set"] = json!({ "presentment_money": { "amount": "12,50" } });
    let no_list = |body: &mut Value| body["line_items"] = json!("Maria Lopez");
    for (case, change, said) in [
        ("no-e-mail", &(|_: &mut Value| {}) as &dyn Fn(&mut Value), "expected `email`, got none: the API needs one"),
        ("plain-order", &wrong_price, "mapping shop-orders: lines[0].unitPrice: expected a decimal, got \"12,50\""),
        ("plain-order", &no_list, ": expected a list or an object, got a text"),
    ] {
        let settlement = handle(&context, &mapped("shopify", case, change).await).await;
        assert_settlement_is_clean(&settlement);
        let Settlement::DeadLetter(letter, _) = settlement else { panic!("{case}: {settlement:?}") };
        assert_eq!((letter.code.as_str(), letter.error_type.as_str()), ("InvalidMessage", "BwpSync"));
        let message = &letter.message;
        assert!(message.starts_with("mapping shop-orders: ") && message.ends_with(said), "{message}");
        assert!(message.contains(": line ") || message.contains("lines[0]"), "{message}");
        let advice = &letter.suggested_action;
        assert!(advice.contains("mend the mapping") && advice.contains("replay --mapping NAME"), "{advice}");
        // only a message that the mapping made can be changed
        assert_eq!(advice.contains("`--set`"), message.contains("lines[0]"), "{advice}");
        assert!(!message.contains("Maria") && !message.contains("Lopez"), "{message}");
        assert!(!message.contains("it has"), "names of fields are for the person who maps a body: {message}");
    }
}
