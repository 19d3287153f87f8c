//! Answers that no document lists: met by every order, by one alone, and after an effect.
//! Not here: what one attempt says and how many say enough (`src/policy`); the order of steps (`scenarios/pauses.json`).

use std::sync::Arc;
use std::time::Duration;

use bwp_sync::api::{ApiVersion, Client};
use bwp_sync::policy::breaker::Waits;
use bwp_sync::ports::{ApiState, Inbound, Settlement};
use bwp_sync::simulator::{Config, Fault, FaultRule, Operation, Simulator};
use bwp_sync::worker::{Context, Pacing, handle};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::context::{client, paced};
use crate::queue::work_off;
use crate::scenario::{event, plain_checkout};

const PREFETCH: usize = 50;
/// Answers that are tried side by side, each with a server and a client.
const SIDE_BY_SIDE: usize = 4;
/// Orders of which each kind of message is about so many.
const ORDERS: usize = 100;
/// How long the answer is given after the pause has begun: several times the longest wait for a probe.
const OUTAGE: Duration = Duration::from_secs(2);
/// Long enough for a busy machine.
const SOON: Duration = Duration::from_secs(120);
const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// An answer that no document lists.
#[derive(Clone, Copy, Debug)]
struct Answer {
    status: u16,
    body: &'static str,
    /// How a pause names it.
    named: &'static str,
    /// Of every operation, or of this one.
    operation: Option<Operation>,
    after_effect: bool,
}

const fn answer(
    status: u16,
    body: &'static str,
    named: &'static str,
    operation: Option<Operation>,
    after_effect: bool,
) -> Answer {
    Answer { status, body, named, operation, after_effect }
}

const CREATES: Option<Operation> = Some(Operation::CreateOrder);
const UPDATES: Option<Operation> = Some(Operation::UpdateOrder);
const READS: Option<Operation> = Some(Operation::Order);

const ANSWERS: [Answer; 15] = [
    answer(
        200,
        r#"{"data":null,"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#,
        "HTTP 200 INTERNAL_SERVER_ERROR",
        None,
        false,
    ),
    answer(
        200,
        r#"{"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}"#,
        "HTTP 200 UNAUTHENTICATED",
        None,
        false,
    ),
    answer(
        200,
        r#"{"errors":[{"message":"no","extensions":{"classification":{"errorType":"MaintenanceException"}}}]}"#,
        "HTTP 200 MaintenanceException",
        None,
        false,
    ),
    answer(404, r#"{"errors":[{"message":"no route"}]}"#, "HTTP 404", None, false),
    answer(400, r#"{"code":"MAINTENANCE"}"#, "HTTP 400 MAINTENANCE", None, false),
    answer(
        200,
        r#"{"errors":[{"message":"no","path":["x"],"extensions":{"classification":"DataFetchingException"}}]}"#,
        "HTTP 200 DataFetchingException",
        None,
        false,
    ),
    answer(
        200,
        r#"{"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#,
        "HTTP 200 INTERNAL_SERVER_ERROR",
        UPDATES,
        true,
    ),
    answer(200, r#"{"errors":[{"message":"no"}]}"#, "HTTP 200", UPDATES, false),
    answer(
        404,
        r#"{"errors":[{"message":"no","errorType":"ResourceNotFoundException"}]}"#,
        "HTTP 404 ResourceNotFoundException",
        UPDATES,
        false,
    ),
    answer(
        422,
        r#"{"errors":[{"message":"no","extensions":{"code":"BAD_USER_INPUT"}}]}"#,
        "HTTP 422 BAD_USER_INPUT",
        CREATES,
        false,
    ),
    answer(
        400,
        r#"{"errors":[{"message":"Variable \"$input\" got invalid value 2147483648 at \"input.x\"","locations":[{"line":1,"column":17}]}]}"#,
        "HTTP 400",
        CREATES,
        false,
    ),
    answer(409, r#"{"type":"Locked","code":"StoreLocked"}"#, "HTTP 409 Locked/StoreLocked", CREATES, true),
    answer(
        200,
        r#"{"errors":[{"message":"no","extensions":{"errorType":"ValidationError","code":"NewRule"}}]}"#,
        "HTTP 200 ValidationError/NewRule",
        CREATES,
        false,
    ),
    answer(
        200,
        r#"{"errors":[{"message":"no","extensions":{"classification":"INTERNAL_ERROR"}}]}"#,
        "HTTP 200 INTERNAL_ERROR",
        READS,
        false,
    ),
    answer(300, r#"{"type":"Moved","message":"no"}"#, "HTTP 300 Moved", READS, false),
];

impl Answer {
    fn rule(self) -> FaultRule {
        let (body, after_effect) = (Some(self.body.into()), self.after_effect);
        let fault = Fault::Http { status: self.status, retry_after: None, body, after_effect };
        FaultRule { operation: self.operation, ..FaultRule::always(fault) }
    }
}

/// A worker that waits little, with the budgets of the default settings.
async fn stage() -> (Simulator, Arc<Context<Client>>) {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let pacing = Pacing { max_calls_per_second: None, waits: Waits { first: MILLIS(100), longest: MILLIS(400) } };
    let mut context = paced(client(&simulator, "sim-secret", ApiVersion::default()), pacing);
    context.limits.delays = [100, 200, 400].map(MILLIS).into();
    (simulator, Arc::new(context))
}

fn checkout(order: &str) -> Inbound {
    event(&format!("checkout {order}"), "checkout-completed", &plain_checkout(order))
}

fn fulfillment(order: &str) -> Inbound {
    event(&format!("fulfillment {order}"), "fulfillment-triggered", &json!({ "order": { "id": order } }))
}

/// Every order meets the answer until calls have been paused, and messages have tried in vain for a while.
async fn everybody_meets(answer: Answer) -> Result<(), String> {
    let (simulator, context) = stage().await;
    let there = |n: usize| format!("THERE-{n}");
    let before = work_off(&context, (0..ORDERS).map(|n| checkout(&there(n))), PREFETCH, Duration::ZERO, None).await;
    assert_eq!(before.len(), ORDERS);

    simulator.add_fault(answer.rule());
    let messages = (0..ORDERS).flat_map(|n| [fulfillment(&there(n)), checkout(&format!("NEW-{n}"))]);
    let messages: Vec<_> = messages.collect();
    let worker = {
        let context = Arc::clone(&context);
        tokio::spawn(async move { work_off(&context, messages, PREFETCH, Duration::ZERO, None).await })
    };
    let stopped = answer.operation.map(|operation| operation.name());
    let is_named = || {
        let pause = context.pace.pause();
        pause.is_some_and(|it| (it.cause, it.answer.as_str(), it.operation) == ("api-unclear", answer.named, stopped))
    };
    let began = Instant::now();
    while !is_named() {
        if worker.is_finished() || began.elapsed() > SOON {
            return Err(format!("no pause that names it, {:?}", context.pace.pause()));
        }
        tokio::time::sleep(MILLIS(5)).await;
    }
    tokio::time::sleep(OUTAGE).await;
    assert!(context.pace.pause().is_some(), "{answer:?}");
    if answer.operation.is_none() {
        assert!(matches!(context.status.api(), ApiState::Fails(_)), "{answer:?}: {:?}", context.status.api());
    }
    simulator.clear_faults();

    let settled = worker.await.unwrap();
    let letters: Vec<_> = ends(&settled).into_iter().filter(|end| end.starts_with("letter")).collect();
    let ledger = simulator.ledger();
    let starts: usize = (0..ORDERS).map(|n| ledger.starts_of(&there(n))).sum();
    let done = (settled.len(), ledger.orders_created(), starts);
    if !letters.is_empty() || done != (2 * ORDERS, 2 * ORDERS, ORDERS) || context.pace.pause().is_some() {
        return Err(format!("(settled, created, started) {done:?}, {:?}, {letters:?}", context.pace.pause()));
    }
    Ok(())
}

fn ends(settled: &[Settlement]) -> Vec<String> {
    let end = |settlement: &Settlement| match settlement {
        Settlement::Done(result) => result.data.outcome.unwrap().name().into(),
        Settlement::Later(later) => format!("later {:?}", later.history.last_error),
        Settlement::DeadLetter(letter, _) => format!("letter {}/{} {}", letter.error_type, letter.code, letter.class),
    };
    settled.iter().map(end).collect()
}

/// One order meets it, while others pass.
async fn one_order_meets(answer: Answer) -> Result<(), String> {
    let (simulator, context) = stage().await;
    for order in ["SO-1", "OTHER"] {
        handle(&context, &checkout(order)).await;
    }
    let creates = answer.operation == CREATES;
    let (order, mut inbound) = if creates { ("SO-2", checkout("SO-2")) } else { ("SO-1", fulfillment("SO-1")) };
    simulator.add_fault(answer.rule().for_alias(order));
    let mut seen = Vec::new();
    for round in 0..10 {
        let settlement = handle(&context, &inbound).await;
        seen.extend(ends(std::slice::from_ref(&settlement)));
        match settlement {
            Settlement::Later(later) => {
                inbound.history = later.history;
                inbound.failed_by = Some(Instant::now());
            }
            Settlement::Done(_) | Settlement::DeadLetter(..) => break,
        }
        let other = format!("OTHER-{round}");
        for message in [checkout(&other), fulfillment(&other)] {
            let settlement = handle(&context, &message).await;
            assert!(matches!(settlement, Settlement::Done(_)), "{settlement:?}");
        }
    }
    let last = seen.last().cloned().unwrap_or_default();
    // where it took effect, a read finds that
    let expected = match (creates, answer.after_effect) {
        (_, false) => last.starts_with("letter") && last.ends_with("unknown"),
        (true, true) => last == "already-existed",
        (false, true) => last == "updated",
    };
    // the first stay is not counted where nothing has passed meanwhile
    let stays = if answer.after_effect && !creates { 1 } else { 4 };
    let starts = simulator.ledger().starts_of("SO-1");
    let started = usize::from(answer.after_effect && !creates);
    if !expected || seen.len() > stays || starts != started || context.pace.pause().is_some() {
        return Err(format!("started {starts} times, {seen:?}, {:?}", context.pace.pause()));
    }
    Ok(())
}

async fn for_each_answer<F: Future<Output = Result<(), String>> + Send + 'static>(
    test: impl Fn(Answer) -> F + Copy + Send + 'static,
) {
    let mut running = JoinSet::new();
    for answer in ANSWERS {
        while running.len() >= SIDE_BY_SIDE {
            let ended: Result<Result<(), String>, _> = running.join_next().await.unwrap();
            ended.unwrap().unwrap();
        }
        running.spawn(async move { test(answer).await.map_err(|why| format!("{answer:?}: {why}")) });
    }
    running.join_all().await.into_iter().for_each(|ended| ended.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_no_document_lists_makes_no_letter_while_every_order_meets_it() {
    for_each_answer(everybody_meets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_no_document_lists_for_one_order_alone_is_its_letter_after_the_small_budget() {
    for_each_answer(one_order_meets).await;
}
