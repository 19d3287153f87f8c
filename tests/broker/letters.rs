//! A message that cannot be done ends as a letter that says why, and the worker goes on.
//! Not here: what came of good messages; the broker's or the API's own failures.

use bwp_sync::simulator::{Fault, FaultRule};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, DecimalValue, FieldTable};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::messages::{Message, checkout, checkout_event, checkout_of, header, json as result_of, structured, untidy};
use crate::stage::{ORDERS, SOON, Stage};
use crate::support::amqp::Collector;
use crate::support::node::Node;
use crate::support::until::until;

/// A message and the letter that it must become.
struct Case {
    message: Message,
    operation: &'static str,
    error: (&'static str, &'static str),
    /// Part of the explanation.
    says: &'static str,
    order: Option<&'static str>,
}

impl Case {
    fn id(&self) -> &str {
        self.message.properties.message_id().as_ref().expect("every case has an id").as_str()
    }
}

/// A body that is no event, under a routing key that says what it should be.
fn broken(id: &str, body: &[u8], says: &'static str) -> Case {
    let properties = BasicProperties::default().with_message_id(id.into());
    let message = Message { key: "checkout-completed".into(), properties, body: body.to_vec() };
    Case { message, operation: "createOrder", error: ("BwpSync", "InvalidMessage"), says, order: None }
}

/// A checkout with one thing changed.
fn changed(order: &'static str, at: &str, to: Value, code: (&'static str, &'static str), says: &'static str) -> Case {
    let mut event = checkout_event(order);
    let (parent, field) = at.rsplit_once('/').unwrap();
    match to {
        Value::Null => drop(event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field)),
        value => event.pointer_mut(parent).unwrap()[field] = value,
    }
    let message = untidy(structured(&event));
    Case { message, operation: "createOrder", error: code, says, order: Some(order) }
}

fn bad_messages() -> Vec<Case> {
    let invalid = ("BwpSync", "InvalidMessage");
    let aliases = (1..=5).map(|n| json!({ "type": format!("ERP_{n}"), "id": n.to_string() })).collect();
    let mut unknown = changed("unknown-kind", "/type", json!("shopper-registered"), invalid, "type: expected one of");
    (unknown.operation, unknown.error) = ("none", ("BwpSync", "UnsupportedMessage"));
    unknown.message.key = "checkout-completed".into();
    let mut too_large = broken("five-megabytes", &vec![b'x'; 5_000_000], "expected at most 1048576 bytes, got 5000000");
    // nobody looks into it
    too_large.operation = "none";
    vec![
        too_large,
        broken("not-json", b"order SO-1 please", "body: not JSON at line 1"),
        broken("empty", b"", "body: empty"),
        unknown,
        changed("missing", "/data/lines/0/quantity", Value::Null, invalid, "quantity"),
        changed("negative", "/data/lines/0/quantity", json!(-1), invalid, "lines[0].quantity"),
        changed("currency", "/data/currency", json!("US$"), invalid, "currency"),
        changed(
            "six-aliases",
            "/data/order/aliases",
            Value::Array(aliases),
            ("LocalValidation", "OrderAliasLimitExceeded"),
            "aliases",
        ),
    ]
}

#[tokio::test]
async fn every_bad_message_becomes_a_letter_that_says_why_and_the_next_good_one_is_done() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let (mut results, mut letters) = (stage.results().await, stage.letters().await);
    let cases = bad_messages();
    for case in &cases {
        stage.publish(&case.message).await;
    }
    assert_letters(&stage, &cases, &mut letters, &mut results).await;
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
}

/// A message in order that the API refuses, published with these properties.
fn refused(order: &'static str, properties: impl Fn(BasicProperties) -> BasicProperties) -> Case {
    let mut message = untidy(checkout_of(order, "sim-ItemOutOfStock"));
    message.properties = properties(message.properties);
    let error = ("ValidationError", "ItemOutOfStock");
    Case { message, operation: "createOrder", error, says: "", order: Some(order) }
}

fn table(headers: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Wants a copy in a queue of the test's.
fn copies() -> AMQPValue {
    AMQPValue::FieldArray(vec![text("test.copies")].into())
}

/// And one that looks like the broker's and is the shop's.
fn every_type_of_header() -> FieldTable {
    let inner = table(&[("deep", text("down"))]);
    table(&[
        ("bool", AMQPValue::Boolean(true)),
        ("i8", AMQPValue::ShortShortInt(-8)),
        ("u8", AMQPValue::ShortShortUInt(8)),
        ("i16", AMQPValue::ShortInt(-16)),
        ("u16", AMQPValue::ShortUInt(16)),
        ("i32", AMQPValue::LongInt(-32)),
        ("u32", AMQPValue::LongUInt(32)),
        ("i64", AMQPValue::LongLongInt(-64)),
        ("f32", AMQPValue::Float(0.5)),
        ("f64", AMQPValue::Double(-0.25)),
        ("decimal", AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 3879 })),
        ("text", text("text")),
        ("array", AMQPValue::FieldArray(vec![text("one"), AMQPValue::Boolean(false)].into())),
        ("time", AMQPValue::Timestamp(1_795_359_845)),
        ("table", AMQPValue::FieldTable(inner)),
        ("void", AMQPValue::Void),
        ("bytes", AMQPValue::ByteArray(b"\x00\xff".to_vec().into())),
        ("x-shop", text("not the broker's")),
    ])
}

fn awkward_messages() -> Vec<Case> {
    let large = |bytes: usize| text(&"h".repeat(bytes));
    let large = table(&[("largest", large(108_000)), ("large", large(14_000)), ("small", text("s"))]);
    vec![
        refused("user-id", |properties| properties.with_user_id("guest".into())),
        refused("expiration", |properties| properties.with_expiration("3600000".into())),
        refused("cc", |properties| properties.with_headers(table(&[("CC", copies())]))),
        refused("bcc", |properties| properties.with_headers(table(&[("BCC", copies())]))),
        refused("large-headers", |properties| properties.with_headers(large.clone())),
        refused("every-header", |properties| properties.with_headers(every_type_of_header())),
        refused("every-property", |properties| {
            let properties = properties.with_content_encoding("identity".into()).with_priority(3).with_timestamp(1);
            let properties = properties.with_correlation_id("c-1".into()).with_reply_to("shop.replies".into());
            properties.with_type("checkout-completed".into()).with_app_id("shop".into()).with_delivery_mode(1)
        }),
    ]
}

#[tokio::test]
async fn what_a_shop_may_add_to_a_message_neither_hurts_it_nor_gets_lost_on_its_way_to_a_letter() {
    let stage = Stage::new().await;
    let _worker = stage.worker(&[("BWP__RETRY__IN_PROCESS", "0")]).await;
    let (mut results, mut letters) = (stage.results().await, stage.letters().await);
    // a copy would reach this queue by either exchange, and through the default exchange by its name
    stage.shop.declare_quorum_queue("test.copies").await;
    stage.bind("test.copies", "shop.events", "test.copies").await;
    stage.bind("test.copies", "bwp.dead", "test.copies").await;
    let cases = awkward_messages();
    for case in &cases {
        // once through a retry queue first
        stage.simulator.add_fault(FaultRule::first(1, Fault::status(500)).for_alias(case.order.unwrap()));
        stage.publish(&case.message).await;
    }
    let letters = assert_letters(&stage, &cases, &mut letters, &mut results).await;
    for (name, value) in [("user-id", text("guest")), ("expiration", text("3600000")), ("cc", copies())] {
        let headers = letter_of(letters, &format!("checkout of {name}")).properties.headers().clone().unwrap();
        assert_eq!(headers.inner().get(format!("bwp-original-{name}").as_str()), Some(&value));
    }
    let cut = letter_of(letters, "checkout of large-headers");
    assert_eq!(header(cut, "bwp-headers-cut").as_deref(), Some("largest"));
    // copies that the shop itself asked for, and not one more
    assert_eq!(stage.left_in("test.copies").await.len(), 2);
}

/// Sets the largest body that the broker takes on channels that are opened from now on.
async fn largest_body(node: &Node, bytes: usize) {
    let set = format!(
        "application:set_env(rabbit, max_message_size, {bytes}), persistent_term:put(max_message_size, {bytes})."
    );
    node.ctl(&["eval", &set]).await;
}

/// Nobody knows what it is that the broker refuses, so all goes that may be it. The size of the body stands for that here.
#[tokio::test]
async fn a_message_of_which_the_broker_refuses_each_copy_ends_as_a_letter_of_its_body_alone() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
    let mut message = checkout_of("SO-1", "sim-ItemOutOfStock");
    message.properties = message.properties.with_headers(table(&[("shop", text("acme"))]));
    message.body.resize(6_000, b' ');
    stage.publish(&message).await;
    largest_body(&node, 3_000).await;
    let worker = stage.starting_worker(&[]);
    let lost = async || worker.said(r#""message":"not consuming""#);
    until("it is refused again and again", SOON, lost, |lost| *lost > 3).await;
    largest_body(&node, 128 * 1024 * 1024).await;
    let mut letters = stage.letters().await;
    let letter = &letters.until(SOON, |seen| seen.len() == 1).await[0];
    assert_eq!(header(letter, "bwp-error-code").as_deref(), Some("PoisonMessage"));
    assert_eq!((&letter.data, header(letter, "shop")), (&message.body, None));
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
}

/// Waits for one letter and one result of each case, looks at every letter, and sees that a good message is done then.
async fn assert_letters<'a>(
    stage: &Stage,
    cases: &[Case],
    letters: &'a mut Collector,
    results: &mut Collector,
) -> &'a [Delivery] {
    let letters = letters.until(SOON, |seen| seen.len() == cases.len()).await;
    stage.publish(&checkout("good")).await;
    let results = results.until(SOON, |seen| seen.len() == cases.len() + 1).await;
    assert!(results.iter().any(|result| result_of(result)["subject"] == "good"));
    for case in cases {
        let letter = letter_of(letters, case.id());
        let result = results.iter().find(|result| result_of(result)["data"]["causationId"] == case.id()).unwrap();
        assert_headers(case, letter);
        assert_properties(case, letter);
        assert_eq!(letter.data, case.message.body, "{}", case.id());
        let id = header(letter, "bwp-letter-id");
        assert_eq!(header(result, "bwp-letter-id"), id);
        let failure = &result_of(result)["data"]["failure"];
        assert_eq!(failure["letterId"].as_str(), id.as_deref());
        assert_eq!((failure["type"].as_str(), failure["code"].as_str()), (Some(case.error.0), Some(case.error.1)));
    }
    letters
}

#[track_caller]
fn letter_of<'a>(letters: &'a [Delivery], id: &str) -> &'a Delivery {
    let of_it = |letter: &&Delivery| letter.properties.message_id().as_ref().is_some_and(|its| its.as_str() == id);
    letters.iter().find(of_it).unwrap_or_else(|| panic!("no letter of {id}"))
}

#[track_caller]
fn assert_headers(case: &Case, letter: &Delivery) {
    let Case { operation, error: (error_type, code), order, .. } = case;
    assert_eq!(letter.routing_key.as_str(), format!("{operation}.{code}"));
    let is = |name: &str, expected: &str| {
        assert_eq!(header(letter, name).as_deref(), Some(expected), "{name} of {}", case.id());
    };
    is("bwp-operation", operation);
    is("bwp-error-type", error_type);
    is("bwp-error-code", code);
    is("bwp-error-class", "rejected");
    is("bwp-attempts", "1");
    is("bwp-source-queue", ORDERS);
    is("bwp-source-exchange", "shop.events");
    is("bwp-source-routing-key", &case.message.key);
    is("bwp-worker-version", env!("CARGO_PKG_VERSION"));
    is("bwp-replays", "0");
    assert_eq!(header(letter, "bwp-order").as_deref(), *order);
    assert!(header(letter, "bwp-letter-id").unwrap().parse::<Uuid>().is_ok());
    assert!(!header(letter, "bwp-suggested-action").unwrap().is_empty());
    let message = header(letter, "bwp-error-message").unwrap();
    assert!(message.contains(case.says), "{}: {message}", case.id());
    let time = |name| header(letter, name).unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time("bwp-first-failed-at") <= time("bwp-dead-lettered-at"));
}

/// A letter has the shop's properties except those that would hurt, and none that the broker wrote on the way.
#[track_caller]
fn assert_properties(case: &Case, letter: &Delivery) {
    let (sent, kept) = (&case.message.properties, &letter.properties);
    assert_eq!((kept.user_id(), kept.expiration(), kept.delivery_mode()), (&None, &None, &Some(2)));
    assert_eq!((kept.content_type(), kept.content_encoding()), (sent.content_type(), sent.content_encoding()));
    assert_eq!((kept.correlation_id(), kept.reply_to()), (sent.correlation_id(), sent.reply_to()));
    assert_eq!((kept.message_id(), kept.timestamp(), kept.kind()), (sent.message_id(), sent.timestamp(), sent.kind()));
    assert_eq!((kept.app_id(), kept.priority()), (sent.app_id(), sent.priority()));
    let (sent, kept) = (sent.headers().clone().unwrap_or_default(), kept.headers().clone().unwrap());
    let may_go = ["CC", "BCC", "largest"];
    for (name, value) in sent.inner().iter().filter(|(name, _)| !may_go.contains(&name.as_str())) {
        assert_eq!(kept.inner().get(name), Some(value), "{name} of {}", case.id());
    }
    for name in kept.inner().keys().filter(|name| !name.as_str().starts_with("bwp-")) {
        assert!(sent.inner().contains_key(name) && !may_go.contains(&name.as_str()), "{name} of {}", case.id());
    }
}
