//! A second worker takes over in the middle of the work, for every reason there is. Each order's amendments are still
//! done in the order of their publication, and the first worker changes nothing any more.
//! Not here: several hand-overs in a row; see `handovers`.

use std::collections::BTreeSet;
use std::time::Duration;

use bwp_sync::simulator::{CallEvent, CallPhase, Fault, FaultRule, Operation};
use tokio::sync::broadcast::Receiver;

use crate::messages::{amendment, checkout, outcomes};
use crate::stage::{ORDERS, SOON, Stage, Worker, call};
use crate::support::amqp::Collector;
use crate::support::broker::Broker;
use crate::support::node::Node;
use crate::support::relay::Relay;
use crate::work::{Work, updates};

/// Enough that each message in flight at a time has an order of its own, and some have none free.
const SHOP_ORDERS: usize = 12;
/// Several times the prefetch, so that most amendments are still in the queue at the hand-over.
const BEFORE: u32 = 10;
/// Published after it.
const AFTER: u32 = 3;
/// Updates that the first worker does before the hand-over.
const DONE: usize = 15;
/// A peer that says nothing is given up after two or three of these.
const HEARTBEAT: (&str, &str) = ("BWP__BROKER__HEARTBEAT", "2s");

/// For calls that stay open until the peer of a frozen worker has been given up.
const LONG_CALLS: [(&str, &str); 3] = [HEARTBEAT, ("BWP__API__TIMEOUT", "15s"), ("BWP__SHUTDOWN__GRACE", "17s")];

/// Delays that keep calls open whenever something happens.
fn slow() -> [FaultRule; 2] {
    let slow = |millis, operation| FaultRule::always(Fault::Delay { millis }).on(operation);
    [slow(150, Operation::UpdateOrder), slow(50, Operation::Order)]
}

/// The first worker in the middle of its work, with open calls, messages in flight and more in the queue, and a standby.
struct Shift {
    stage: Stage,
    first: Worker,
    second: Worker,
    results: Collector,
    work: Work,
}

impl Shift {
    async fn begin(stage: Stage, of_first: &[(&str, &str)], of_second: &[(&str, &str)]) -> Self {
        let first = stage.tagged("first", of_first).await;
        stage.active("first").await;
        let second = stage.tagged("second", of_second).await;
        let mut results = stage.results().await;
        let mut work = Work::begin(&stage, &mut results, SHOP_ORDERS).await;
        slow().into_iter().for_each(|rule| stage.simulator.add_fault(rule));
        let mut calls = stage.simulator.subscribe();
        work.amend(&stage, BEFORE).await;
        updates(&mut calls, DONE).await;
        assert_eq!(second.said(r#""message":"active""#), 0, "only one is fed");
        Self { stage, first, second, results, work }
    }

    /// Keeps the read before a change of each order open for so long. Nobody is between the decision to change and the call: a
    /// freeze in there is the one after which a change is still made.
    async fn all_in_reads(&self, long: Duration) -> Receiver<CallEvent> {
        let millis = u64::try_from(long.as_millis()).expect("no test takes so long");
        self.stage.simulator.clear_faults();
        self.stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis }).on(Operation::Order));
        let mut calls = self.stage.simulator.subscribe();
        let mut opened = BTreeSet::new();
        while opened.len() < SHOP_ORDERS {
            opened.insert(call(&mut calls, |event| is_read(event, CallPhase::Opened)).await.alias);
        }
        calls
    }

    /// The second has taken over. More is published, and all of it is done in order.
    async fn ends(&mut self) {
        self.second.is_active(true).await;
        self.stage.active("second").await;
        self.work.amend(&self.stage, AFTER).await;
        self.work.ends_in_order(&self.stage, &mut self.results).await;
        assert_eq!(self.second.said("superseded"), 0, "{:#?}", self.second.stderr());
    }
}

#[tokio::test]
async fn a_worker_that_is_killed_is_followed_by_another_in_order() {
    let mut shift = Shift::begin(Stage::new().await, &[], &[]).await;
    shift.first.sigkill();
    shift.ends().await;
    assert_eq!(shift.second.terminated().await, Some(0));
    assert!(shift.stage.left_in(ORDERS).await.is_empty());
}

#[tokio::test]
async fn a_worker_that_stops_in_good_order_is_followed_by_another_in_order() {
    let mut shift = Shift::begin(Stage::new().await, &[], &[]).await;
    shift.first.sigterm();
    assert_eq!(shift.first.wait(SOON).await.code(), Some(0));
    shift.ends().await;
}

#[tokio::test]
async fn a_worker_that_was_frozen_finds_another_in_its_place_and_changes_nothing_any_more() {
    let stage = Stage::new().await;
    let api = Relay::start(&api_of(&stage));
    let (endpoint, tokens) = through(&api);
    let settings =
        [&LONG_CALLS[..], &[("BWP__API__ENDPOINT", &endpoint), ("BWP__API__TOKEN_ENDPOINT", &tokens)]].concat();
    let mut shift = Shift::begin(stage, &settings, &LONG_CALLS).await;
    let mut calls = shift.all_in_reads(Duration::from_secs(10)).await;
    shift.first.sigstop();
    shift.stage.simulator.clear_faults();
    shift.second.is_active(true).await;
    // answered, so that it goes on at once when it can
    for _ in 0..SHOP_ORDERS {
        call(&mut calls, |event| is_read(event, CallPhase::Closed)).await;
    }
    let mut mutations = api.trip_on(&["mutation"]);
    shift.first.sigcont();
    shift.first.says(&["not consuming"]).await;
    shift.first.consumes(2).await;
    shift.ends().await;
    assert!(mutations.try_recv().is_err(), "{:#?}", shift.first.stderr());
    assert_eq!(shift.first.terminated().await, Some(0));
}

/// Nothing passes between it and the broker, though the connections stay open; the API is there for it.
#[tokio::test]
async fn a_worker_whose_network_is_half_open_makes_no_change_after_another_has_taken_over() {
    let broker = Broker::shared();
    let wire = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let api = Relay::start(&api_of(&stage));
    let (uri, (endpoint, tokens)) = (stage.vhost.amqp_uri_through(&wire.address()), through(&api));
    let settings = [
        HEARTBEAT,
        ("BWP__BROKER__URI", uri.as_str()),
        ("BWP__API__ENDPOINT", &endpoint),
        ("BWP__API__TOKEN_ENDPOINT", &tokens),
    ];
    let mut shift = Shift::begin(stage, &settings, &[HEARTBEAT]).await;
    wire.stall(true);
    shift.second.is_active(true).await;
    let mut mutations = api.trip_on(&["mutation"]);
    shift.first.says(&["not consuming"]).await;
    wire.stall(false);
    shift.first.consumes(2).await;
    shift.ends().await;
    assert!(mutations.try_recv().is_err(), "{:#?}", shift.first.stderr());
}

#[tokio::test]
async fn a_worker_that_loses_its_network_is_followed_by_another_in_order() {
    let broker = Broker::shared();
    let mut wire = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let uri = stage.vhost.amqp_uri_through(&wire.address());
    let mut shift = Shift::begin(stage, &[("BWP__BROKER__URI", &uri)], &[]).await;
    wire.refuse(true).await;
    wire.cut().await;
    shift.ends().await;
    wire.refuse(false).await;
    shift.first.consumes(2).await;
    assert_eq!(shift.first.terminated().await, Some(0));
}

#[tokio::test]
async fn a_connection_that_an_operator_closes_hands_over_in_order() {
    let mut shift = Shift::begin(Stage::new().await, &[], &[]).await;
    let active = shift.stage.active("first").await;
    shift.stage.vhost.close_connection(&active.connection).await;
    shift.ends().await;
    shift.first.consumes(2).await;
}

/// Shorter than a real one, and longer than what is waited for after a takeover.
const CONSUMER_TIMEOUT: &str = "[application:set_env(rabbit, Name, Value)
    || {Name, Value} <- [{consumer_timeout, 12000}, {channel_tick_interval, 500}]].";

#[tokio::test]
async fn a_consumer_that_the_broker_times_out_hands_over_in_order() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    // for channels from now on: the shop's own may leave messages alone for longer
    node.ctl(&["eval", CONSUMER_TIMEOUT]).await;
    let mut api = Relay::start(&api_of(&stage));
    let (endpoint, tokens) = through(&api);
    let settings = [("BWP__API__ENDPOINT", endpoint.as_str()), ("BWP__API__TOKEN_ENDPOINT", &tokens)];
    let mut shift = Shift::begin(stage, &settings, &[]).await;
    // it pauses with all that is in flight
    api.refuse(true).await;
    api.cut().await;
    shift.first.says(&["paused: ", "api-down"]).await;
    shift.first.says(&["not consuming", "PRECONDITION_FAILED"]).await;
    shift.ends().await;
    api.refuse(false).await;
}

/// Everything short enough for messages that are held to be given back after a few seconds.
const GIVE_BACK: [(&str, &str); 6] = [
    ("BWP__BROKER__GIVE_BACK_AFTER", "4s"),
    ("BWP__BROKER__MAX_HOLD", "3s"),
    ("BWP__API__TIMEOUT", "600ms"),
    ("BWP__API__CONNECT_TIMEOUT", "300ms"),
    ("BWP__PAUSE__FIRST_PROBE", "200ms"),
    ("BWP__PAUSE__LONGEST_PROBE", "400ms"),
];

#[tokio::test]
async fn what_a_pause_holds_for_too_long_is_given_back_to_another_in_order() {
    let stage = Stage::new().await;
    let mut api = Relay::start(&api_of(&stage));
    let (endpoint, tokens) = through(&api);
    let own = [("BWP__API__ENDPOINT", endpoint.as_str()), ("BWP__API__TOKEN_ENDPOINT", &tokens)];
    // longer than the work before the pause takes on a busy machine
    let later = [("BWP__BROKER__GIVE_BACK_AFTER", "8s")];
    let settings = [&GIVE_BACK[..], &later].concat();
    let mut shift = Shift::begin(stage, &[&settings[..], &own].concat(), &settings).await;
    api.refuse(true).await;
    api.cut().await;
    shift.first.says(&["paused: ", "api-down"]).await;
    shift.ends().await;
    api.refuse(false).await;
    shift.first.consumes(2).await;
    assert_eq!(shift.first.terminated().await, Some(0));
}

#[tokio::test]
async fn a_pause_that_outlasts_the_limit_of_each_worker_in_turn_breaks_no_order_and_writes_no_letter() {
    /// Times that each gives back; more often than a message may come before it is handled alone.
    const TIMES: usize = 4;
    let settings = [&GIVE_BACK[..], &[("BWP__BROKER__GIVE_BACK_AFTER", "8s")]].concat();
    let mut shift = Shift::begin(Stage::new().await, &settings, &settings).await;
    shift.stage.simulator.clear_faults();
    shift.stage.simulator.add_fault(FaultRule::always(Fault::status(503)));
    for worker in [&shift.first, &shift.second] {
        worker.consumes(1 + TIMES).await;
        worker.says(&["paused: ", "api-down"]).await;
    }
    for worker in [&shift.first, &shift.second] {
        assert_eq!(worker.said(r#""message":"later""#), 0, "a hop is forgotten: {:#?}", worker.stderr());
    }
    shift.stage.simulator.clear_faults();
    shift.work.amend(&shift.stage, AFTER).await;
    shift.work.ends_in_order(&shift.stage, &mut shift.results).await;
    for worker in [shift.first, shift.second] {
        assert_eq!(worker.terminated().await, Some(0));
    }
}

/// The first worker's calls may still be under way, which makes a second start or payment possible, but no second order.
#[tokio::test]
async fn after_a_takeover_creates_go_on_at_once_and_updates_wait_until_the_last_call_must_have_ended() {
    // all of it is in flight at once
    let waits = [("BWP__API__TIMEOUT", "5s"), ("BWP__SHUTDOWN__GRACE", "7s"), ("BWP__BROKER__PREFETCH", "200")];
    let mut shift = Shift::begin(Stage::new().await, &waits, &waits).await;
    // before the kill: the other may be active by the time that this one is known to have ended
    let killed = tokio::time::Instant::now();
    shift.first.sigkill();
    shift.first.wait(SOON).await;
    // requests that the first had still sent have been read by the API since
    shift.stage.vhost.queue(ORDERS).await;
    let mut calls = shift.stage.simulator.subscribe();
    shift.stage.publish(&checkout("new")).await;
    // nobody has had this one in flight, and it waits like all others
    shift.stage.publish(&amendment("new", "51.00")).await;
    shift.work.also(2);
    let first = call(&mut calls, |event| event.phase == CallPhase::Opened).await;
    assert_eq!((first.operation, first.alias.as_deref()), (Operation::CreateOrder, Some("new")));
    call(&mut calls, opened_update).await;
    let waited = killed.elapsed();
    assert!(waited >= Duration::from_millis(5100), "the first update begins after {waited:?}");
    // and for no longer, such as `broker.max_hold`
    assert!(waited < Duration::from_secs(60), "the first update begins after {waited:?}");
    shift.ends().await;
}

fn is_read(event: &CallEvent, phase: CallPhase) -> bool {
    event.operation == Operation::Order && event.phase == phase
}

fn opened_update(event: &CallEvent) -> bool {
    event.operation == Operation::UpdateOrder && event.phase == CallPhase::Opened
}

#[tokio::test]
async fn a_start_without_anything_redelivered_waits_for_nothing() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[("BWP__API__TIMEOUT", "20s"), ("BWP__SHUTDOWN__GRACE", "25s")]).await;
    let mut results = stage.results().await;
    let mut work = Work::begin(&stage, &mut results, 3).await;
    let begun = tokio::time::Instant::now();
    work.amend(&stage, 2).await;
    work.ends_in_order(&stage, &mut results).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    worker.is_active(false).await;
    let seen = results.until(SOON, |_| true).await;
    assert!(outcomes(seen).iter().all(|(_, outcome)| outcome == "created" || outcome == "updated"));
}

/// Host and port of the simulated API.
pub(crate) fn api_of(stage: &Stage) -> String {
    stage.simulator.endpoint().split('/').nth(2).expect("an address has a host").to_owned()
}

/// The API's addresses through a relay.
pub(crate) fn through(api: &Relay) -> (String, String) {
    let at = api.address();
    (format!("http://{at}/graphql"), format!("http://{at}/token"))
}
