//! The way of an order can be followed in a collector of traces: attempts, retries, letter, replay.
//! Not here: the tool that replays; see `replay`.

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use lapin::types::{AMQPValue, FieldTable};

use crate::authority::{Authority, NO_ROOTS, write};
use crate::collector::{Collector, Span};
use crate::front::{Front, authority_of};
use crate::messages::{Message, amendment, checkout, checkout_of, header};
use crate::stage::{SOON, Stage, Worker};
use crate::tool::REFUSED;

/// The shop's trace, and the span in which it published.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const CONSUMER: i32 = 5;

/// A message in whose headers the shop's trace goes on.
fn traced(mut message: Message) -> Message {
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString(format!("00-{TRACE}-{SPAN}-01").into()));
    message.properties = message.properties.with_headers(headers);
    message
}

async fn worker(stage: &Stage, collector: &Collector, settings: &[(&str, &str)]) -> Worker {
    // of one message that may be in hand none is held: every failure takes a retry queue
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("BWP__RETRY__IN_PROCESS", "0"),
        ("BWP__BROKER__PREFETCH", "1"),
    ];
    let worker = stage.starting_worker(&[&own[..], settings].concat());
    worker.consumes(1).await;
    worker
}

/// Spans of messages in the sequence of their end, as outcomes.
fn processed(spans: &[Span]) -> Vec<&Span> {
    spans.iter().filter(|span| span.name == "process bwp.orders").collect()
}

/// Names of the spans below one.
fn below(spans: &[Span], above: &Span) -> Vec<String> {
    let below = spans.iter().filter(|span| span.parent == above.id);
    below.map(|span| span.name.clone()).collect()
}

#[tokio::test]
async fn every_attempt_of_an_order_is_a_trace_that_links_to_the_shops_up_to_its_replay() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let worker = worker(&stage, &collector, &[]).await;
    let mut results = stage.shop.listen("bwp.results", "#").await;
    stage.simulator.add_fault(FaultRule::first(1, Fault::status(500)).on(Operation::CreateOrder));
    stage.refuse();
    let message = traced(checkout_of("SO-1", REFUSED));
    stage.publish(&message).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    stage.mend();
    let replayed = stage.tool(&["replay", "--all", "--yes"]).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    stage.publish(&traced(amendment("SO-1", "52.00"))).await;
    let results = results.until(SOON, |seen| seen.len() == 3).await;
    let carried_on = header(&results[1], "traceparent");

    let spans = collector.until("four deliveries are traced", |spans| processed(spans).len() == 4).await;
    let deliveries = processed(&spans);
    let outcomes: Vec<_> = deliveries.iter().map(|span| span.attribute("bwp.outcome")).collect();
    assert_eq!(outcomes, ["later", "dead-lettered", "created", "updated"]);
    let errors: Vec<_> = deliveries.iter().map(|span| (span.is_error, span.attribute("error.type"))).collect();
    assert!(errors[0].0 && errors[1] == (true, "ItemOutOfStock".into()), "{errors:?}");
    assert_eq!(errors[2..], [(false, String::new()), (false, String::new())]);
    let replays: Vec<_> = deliveries.iter().map(|span| span.attribute("bwp.replays")).collect();
    assert_eq!(replays, ["0", "0", "1", "0"]);
    for span in &deliveries {
        assert_eq!((span.kind, span.parent.as_str()), (CONSUMER, ""), "{span:?}");
        assert_eq!(span.links, [(TRACE.to_owned(), SPAN.to_owned())], "{span:?}");
        assert_ne!(span.trace, TRACE);
        assert_eq!((span.service.as_str(), span.schema.is_empty()), ("bwp-sync", false));
        assert_eq!(span.attribute("bwp.order.id"), "SO-1");
        assert_eq!(span.attribute("messaging.system"), "rabbitmq");
        assert!(span.attribute("messaging.destination.name").ends_with(":bwp.orders"), "{span:?}");
    }
    for (delivery, expected) in [
        (0, &["mutation createOrder", "publish bwp.orders.retry.200ms"][..]),
        (1, &["query order", "publish bwp.dead:createOrder.ItemOutOfStock", "publish bwp.results:order-failed"]),
        (2, &["mutation createOrder", "publish bwp.results:order-created"]),
        (3, &["query order", "mutation updateOrder", "publish bwp.results:order-updated"]),
    ] {
        let names = below(&spans, deliveries[delivery]);
        assert!(expected.iter().all(|name| names.iter().any(|it| it == name)), "{expected:?} in {names:?}");
    }
    let call = spans.iter().find(|span| span.name == "mutation updateOrder").unwrap();
    assert_eq!((call.kind, call.attribute("graphql.operation.type").as_str()), (3, "mutation"));

    // a result carries the trace on, and the log names it
    let sent = spans.iter().find(|span| span.name == "publish bwp.results:order-created").unwrap();
    assert_eq!(carried_on, Some(format!("00-{}-{}-01", sent.trace, sent.id)));
    worker.says(&[r#""message":"done""#, &format!(r#""trace_id":"{}""#, sent.trace)]).await;
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn an_attempt_can_be_a_part_of_the_shops_trace() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let worker = worker(&stage, &collector, &[("BWP__TRACES__RELATION", "parent")]).await;
    stage.publish(&traced(checkout("SO-1"))).await;
    let spans = collector.until("a delivery is traced", |spans| !processed(spans).is_empty()).await;
    let delivery = processed(&spans)[0];
    assert_eq!((delivery.trace.as_str(), delivery.parent.as_str()), (TRACE, SPAN));
    assert!(delivery.links.is_empty(), "{delivery:?}");
    assert_eq!(worker.terminated().await, Some(0));
}

/// A collector and an API that speak TLS, by an authority that no system knows.
struct Encrypted {
    collector: Collector,
    /// Address of the collector's front.
    front: String,
    settings: Vec<(&'static str, String)>,
    _fronts: [Front; 2],
    _folder: tempfile::TempDir,
}

impl Encrypted {
    async fn start(stage: &Stage) -> Self {
        let (authority, collector) = (Authority::new(), Collector::start().await);
        let api = authority_of(&stage.simulator.endpoint());
        let spans = Front::start(&authority_of(&collector.endpoint), &authority.server()).await;
        let calls = Front::start(&api, &authority.server()).await;
        let behind = |address: &str| address.replace("http:", "https:").replace(&api, &calls.address.to_string());
        let folder = tempfile::tempdir().unwrap();
        let ca = write(folder.path(), "ca.pem", &authority.pem());
        let settings = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("https://{}", spans.address)),
            ("BWP__API__ENDPOINT", behind(&stage.simulator.endpoint())),
            ("BWP__API__TOKEN_ENDPOINT", behind(&stage.simulator.token_endpoint())),
            ("BWP__API__TLS__CA_FILE", ca.to_str().unwrap().to_owned()),
            // a busy machine takes a while to agree on keys
            ("BWP__API__TIMEOUT", "50s".to_owned()),
            ("BWP__API__CONNECT_TIMEOUT", "40s".to_owned()),
            ("BWP__SHUTDOWN__GRACE", "55s".to_owned()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "50000".to_owned()),
        ];
        Self { collector, front: spans.address.to_string(), settings, _fronts: [spans, calls], _folder: folder }
    }

    /// With a setting over those before.
    fn with(mut self, name: &'static str, value: String) -> Self {
        self.settings.push((name, value));
        self
    }

    async fn worker(&self, stage: &Stage) -> Worker {
        let settings = self.settings.iter().map(|(name, value)| (*name, value.as_str()));
        worker(stage, &self.collector, &NO_ROOTS.into_iter().chain(settings).collect::<Vec<_>>()).await
    }
}

#[tokio::test]
async fn traces_go_by_tls_to_a_collector_that_the_apis_authorities_vouch_for_and_to_no_other() {
    let stage = Stage::new().await;
    let encrypted = Encrypted::start(&stage).await;
    let worker = encrypted.worker(&stage).await;
    stage.publish(&checkout("SO-1")).await;
    encrypted.collector.until("a delivery is traced", |spans| !processed(spans).is_empty()).await;
    assert_eq!(worker.said("cannot send traces"), 0, "{:#?}", worker.stderr());
    assert_eq!(worker.terminated().await, Some(0));

    let stranger = Front::start(&authority_of(&encrypted.collector.endpoint), &Authority::new().server()).await;
    let encrypted = encrypted.with("OTEL_EXPORTER_OTLP_ENDPOINT", format!("https://{}", stranger.address));
    let before = encrypted.collector.until("what was sent", |_| true).await.len();
    let worker = encrypted.worker(&stage).await;
    stage.publish(&checkout("SO-2")).await;
    worker.says(&["cannot send traces", "certificate"]).await;
    worker.says(&[r#""message":"done""#]).await;
    assert_eq!(worker.terminated().await, Some(0));
    assert_eq!(encrypted.collector.until("what was sent", |_| true).await.len(), before, "a stranger got no span");
}

#[tokio::test]
async fn traces_by_tls_go_through_the_apis_proxy_with_its_password() {
    let stage = Stage::new().await;
    let (proxy, heads) = Front::proxy().await;
    let password = format!("http://worker:pa55word@{}", proxy.address);
    let encrypted = Encrypted::start(&stage).await.with("BWP__API__PROXY", password);
    let worker = encrypted.worker(&stage).await;
    stage.publish(&checkout("SO-1")).await;
    encrypted.collector.until("a delivery is traced", |spans| !processed(spans).is_empty()).await;
    let heads = heads.borrow().clone();
    let tunnel = format!("CONNECT {}", encrypted.front);
    let tunnel = heads.iter().find(|head| head.starts_with(&tunnel)).unwrap_or_else(|| panic!("{heads:?}"));
    // base64 of worker:pa55word
    assert!(tunnel.to_lowercase().contains("proxy-authorization: basic d29ya2vyonbhntv3b3jk"), "{tunnel}");
    assert!(!worker.stderr().join("\n").contains("pa55word"), "{:#?}", worker.stderr());
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_collector_that_is_away_costs_one_line_and_no_order() {
    let (stage, mut collector) = (Stage::new().await, Collector::start().await);
    // nobody listens there
    collector.endpoint = "http://127.0.0.1:1".into();
    let worker = worker(&stage, &collector, &[]).await;
    let mut results = stage.results().await;
    for number in 0..3 {
        stage.publish(&checkout(&format!("SO-{number}"))).await;
        results.until(SOON, |seen| seen.len() > number).await;
        worker.says(&["cannot send traces"]).await;
    }
    assert_eq!(worker.said("cannot send traces"), 1, "{:#?}", worker.stderr());
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn without_a_collector_headers_and_log_are_as_they_were() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[("OTEL_SERVICE_NAME", "shop")]).await;
    let mut results = stage.results().await;
    stage.publish(&traced(checkout("SO-1"))).await;
    let seen = results.until(SOON, |seen| seen.len() == 1).await;
    assert_eq!(header(&seen[0], "traceparent"), Some(format!("00-{TRACE}-{SPAN}-01")));
    worker.says(&[r#""message":"done""#]).await;
    assert_eq!(worker.said("trace_id"), 0, "{:#?}", worker.stderr());
    assert_eq!(worker.terminated().await, Some(0));
}
