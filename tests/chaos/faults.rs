//! How each fault is done and undone.
//! Not here: when; see `play`.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bwp_sync::simulator::{Fault as Rule, FaultRule, Operation, Refusal, Simulator};
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::sleep;

use crate::orders::{REFUSALS, poison, refused_product};
use crate::scenario::{Fault, Step};
use crate::stage::{ORDERS, Stage};
use crate::support::relay::Pace;
use crate::support::until::until;

/// A fault of the API has happened when so many calls have met it.
const HITS: u64 = 3;
/// Beginning of the names of orders that kill whoever tries to create them.
const POISON: &str = "poison-";
/// How long it may take until they have, and how long a queue may take to become empty. On a busy machine eight kills in a row
/// take two minutes, in which no other call is made.
const AT_LAST: Duration = Duration::from_secs(240);

/// More often than a message may come before it is handled alone.
const RESTARTS: usize = 6;

/// How long a new worker may take to consume before the old one is asked to end all the same.
const ROLL_WITHIN: Duration = Duration::from_secs(20);

/// The worker that is fed two times of three, else any.
async fn victim(stage: &Stage, rng: &mut Rng) -> usize {
    let any = rng.usize(..stage.workers.len());
    if rng.u32(..3) == 0 { any } else { stage.active().await.unwrap_or(any) }
}

/// Does harm, keeps it up and ends it. An error says what could not be done.
pub(crate) async fn strike(stage: &Stage, step: &Step, rng: &mut Rng) -> Result<(), String> {
    let lasts = step.lasts();
    let one = victim(stage, rng).await;
    match step.fault {
        Fault::RestartWorker => ended_well(stage.worker(one).await.restart().await)?,
        Fault::RestartsInARow => {
            for _ in 0..RESTARTS {
                let fed = stage.active().await.unwrap_or(one);
                ended_well(stage.worker(fed).await.restart_and_consume(ROLL_WITHIN).await)?;
            }
        }
        Fault::RollWorkers => {
            for worker in &stage.workers {
                ended_well(worker.lock().await.roll(ROLL_WITHIN).await)?;
            }
        }
        Fault::KillWorker => {
            let mut worker = stage.worker(one).await;
            worker.kill().await;
            worker.start();
        }
        Fault::FreezeWorker => {
            stage.worker(one).await.freeze(true);
            sleep(lasts).await;
            stage.worker(one).await.freeze(false);
        }
        Fault::AbortByMessage => abort_by_message(stage, rng).await?,
        Fault::CutBroker => stage.worker(one).await.broker.cut().await,
        Fault::HalfOpenBroker => pace_broker(stage, one, Pace::Stalled, lasts).await,
        Fault::SlowBroker => pace_broker(stage, one, slow(), lasts).await,
        Fault::CutApi => stage.worker(one).await.api.cut().await,
        Fault::HalfOpenApi => {
            stage.worker(one).await.api.pace(Pace::Stalled);
            sleep(lasts).await;
            // bytes under way never arrive: arriving after its caller has read back would be another fault
            let worker = stage.worker(one).await;
            worker.api.cut().await;
            worker.api.pace(Pace::Free);
        }
        Fault::CloseConnections | Fault::MemoryAlarm | Fault::KillNode | Fault::RestartNode | Fault::LoseQuorum => {
            harm_nodes(stage, step, rng).await;
        }
        Fault::UnknownField => {
            stage.simulator.leave_out(&["RefundDetails.refundFor".to_owned()])?;
            sleep(lasts).await;
            stage.simulator.leave_out(&[])?;
        }
        Fault::UnbindResults => {
            stage.bind_results(false).await;
            sleep(lasts).await;
            stage.bind_results(true).await;
            stage.persist().await;
        }
        Fault::DeleteQueue => delete_queue(stage).await?,
        Fault::ApiDown
        | Fault::ApiSlow
        | Fault::ServerErrors
        | Fault::Throttling
        | Fault::OneCallASecond
        | Fault::DenyCreates
        | Fault::UnlistedAnswers
        | Fault::LostAnswers
        | Fault::RevokeTokens
        | Fault::RefuseCredentials => harm_api(stage, step).await?,
    }
    Ok(())
}

/// Of a worker that was asked to end: by itself, though it may have had to leave a call, or a message, as it was.
fn ended_well(code: Option<i32>) -> Result<(), String> {
    if matches!(code, Some(0 | 1)) { Ok(()) } else { Err(format!("the worker ended with {code:?}")) }
}

fn slow() -> Pace {
    Pace::Slow { bytes: 512, late: Duration::from_millis(20) }
}

async fn pace_broker(stage: &Stage, worker: usize, pace: Pace, lasts: Duration) {
    stage.worker(worker).await.broker.pace(pace);
    sleep(lasts).await;
    stage.worker(worker).await.broker.pace(Pace::Free);
}

/// Publishes a message that kills whoever tries to create its order, and waits until it is settled.
async fn abort_by_message(stage: &Stage, rng: &mut Rng) -> Result<(), String> {
    let planned = poison(&format!("{POISON}{:08x}", rng.u32(..)));
    stage.publish(&planned).await;
    // eight kills, each with a takeover, and what came as often before it alone, whatever else happens meanwhile
    let deadline = tokio::time::Instant::now() + AT_LAST;
    while !stage.board.is_settled(&planned.id) {
        if tokio::time::Instant::now() > deadline {
            return Err(format!("{} was not settled", planned.id));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Kills each worker that tries to create an order that is poison, for as long as anything happens. A copy that a lost node
/// had kept may come long after its message was settled.
pub(crate) async fn kill_by_message(stage: &Stage) -> Infallible {
    let mut wires = Vec::new();
    for worker in &stage.workers {
        wires.push(worker.lock().await.api.trip_on(&["createOrder", POISON]));
    }
    loop {
        for (index, wire) in wires.iter_mut().enumerate() {
            if wire.try_recv().is_ok() {
                let mut worker = stage.worker(index).await;
                worker.kill().await;
                worker.api.cut().await;
                worker.start();
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn harm_nodes(stage: &Stage, step: &Step, rng: &mut Rng) {
    let chosen = rng.usize(..stage.nodes.len());
    let node = &stage.nodes[chosen];
    match step.fault {
        Fault::CloseConnections => {
            stage.vhost.close_connections().await;
        }
        Fault::MemoryAlarm => {
            // in one go: `rabbitmqctl` alone takes seconds to start, on a busy machine a minute
            let set = "vm_memory_monitor:set_vm_memory_high_watermark";
            let (millis, back) = (step.lasts().as_millis(), "{absolute, \"512MB\"}");
            node.ctl(&["eval", &format!("{set}(0.0), timer:sleep({millis}), {set}({back}).")]).await;
        }
        Fault::KillNode => {
            node.kill().await;
            sleep(step.lasts()).await;
            node.restart().await;
        }
        Fault::RestartNode => {
            node.shut_down().await;
            sleep(step.lasts()).await;
            node.restart().await;
        }
        _ => {
            let others: Vec<_> = stage.nodes.iter().enumerate().filter(|(index, _)| *index != chosen).collect();
            join_all(others.iter().map(|(_, node)| node.kill())).await;
            sleep(step.lasts()).await;
            join_all(others.iter().map(|(_, node)| node.restart())).await;
        }
    }
}

/// Nobody may publish or do other harm meanwhile: the caller holds both locks.
async fn delete_queue(stage: &Stage) -> Result<(), String> {
    if !stage.board.waiting_below(1, AT_LAST).await || !stage.drained(AT_LAST).await {
        return Err(format!("the queues did not become empty; not settled: {:?}", stage.board.unsettled()));
    }
    let bindings = async || stage.vhost.bindings().await.into_iter().collect::<BTreeSet<_>>();
    let before = bindings().await;
    stage.vhost.delete_queue(ORDERS).await;
    until("a worker brings the queue back, with its bindings", AT_LAST, bindings, |now| *now == before).await;
    stage.persist().await;
    Ok(())
}

async fn harm_api(stage: &Stage, step: &Step) -> Result<(), String> {
    let simulator = &stage.simulator;
    let on = |operations: &[Operation], probability, fault: Rule| -> Vec<_> {
        let rules = operations.iter().map(|operation| FaultRule::always(fault.clone()).on(*operation));
        rules.map(|rule| simulator.add_counted_fault(FaultRule { probability: Some(probability), ..rule })).collect()
    };
    let writes = [Operation::CreateOrder, Operation::UpdateOrder];
    let refused = |error_type| Rule::refuse(Refusal::codeless(error_type));
    let counters = match step.fault {
        Fault::ApiDown => return api_down(stage, step).await,
        Fault::RevokeTokens => {
            simulator.revoke_tokens();
            return Ok(());
        }
        Fault::ServerErrors => vec![simulator.add_counted_fault(FaultRule::always(Rule::status(503)))],
        Fault::Throttling => on(&[writes[0], writes[1], Operation::Order], 1.0, refused("ThrottlingError")),
        Fault::OneCallASecond => {
            vec![simulator.add_counted_fault(FaultRule::always(Rule::status(429)).beyond(1.0, 1.0))]
        }
        Fault::UnlistedAnswers => [unlisted(200, true), unlisted(200, false), unlisted(404, false)]
            .into_iter()
            .zip([0.3, 0.5, 1.0])
            .flat_map(|(answer, probability)| on(&[writes[0], writes[1], Operation::Order], probability, answer))
            .collect(),
        Fault::DenyCreates => on(&writes[..1], 1.0, refused("AccessDeniedError")),
        Fault::LostAnswers => on(&writes, 0.5, Rule::Drop { after_effect: true }),
        // longer than `api.timeout`, and over before an unknown outcome is believed to be none
        Fault::ApiSlow => on(&writes, 1.0, Rule::Delay { millis: 2400 }),
        _ => {
            let counters = on(&[Operation::Token], 1.0, refused("AccessDeniedError"));
            simulator.revoke_tokens();
            counters
        }
    };
    let piled_up = lasts_on(stage, step).await;
    let deadline = tokio::time::Instant::now() + AT_LAST;
    let hits = || counters.iter().map(|counter| counter.load(Ordering::Relaxed)).sum::<u64>();
    while hits() < HITS && tokio::time::Instant::now() < deadline {
        sleep(Duration::from_millis(200)).await;
    }
    let met = hits();
    fair_weather(simulator);
    piled_up?;
    if met < HITS { Err(format!("{:?}: only {met} calls met it", step.fault)) } else { Ok(()) }
}

/// An answer with a name that no document lists.
fn unlisted(status: u16, after_effect: bool) -> Rule {
    let body = r#"{"data":null,"errors":[{"message":"unexpected","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#;
    Rule::Http { status, retry_after: None, body: Some(body.to_owned()), after_effect }
}

async fn api_down(stage: &Stage, step: &Step) -> Result<(), String> {
    for worker in &stage.workers {
        let mut worker = worker.lock().await;
        worker.api.refuse(true).await;
        worker.api.cut().await;
    }
    let piled_up = lasts_on(stage, step).await;
    for worker in &stage.workers {
        worker.lock().await.api.refuse(false).await;
    }
    piled_up
}

/// Waits until the time of a fault is over and enough messages wait.
async fn lasts_on(stage: &Stage, step: &Step) -> Result<(), String> {
    sleep(step.lasts()).await;
    let deadline = tokio::time::Instant::now() + AT_LAST;
    while stage.board.waiting() < step.piles_up && tokio::time::Instant::now() < deadline {
        sleep(Duration::from_millis(200)).await;
    }
    let piled_up = stage.board.piles_up();
    if piled_up < step.piles_up { Err(format!("only {piled_up} messages piled up")) } else { Ok(()) }
}

/// Ends all faults of the API. Its lasting refusals come before any fault that is added later. No answer is lost, and no
/// effect is late, of a call that can have none.
pub(crate) fn fair_weather(simulator: &Simulator) {
    simulator.clear_faults();
    for code in REFUSALS {
        let refusal = FaultRule::always(Rule::refuse(Refusal::validation(code)));
        simulator.add_fault(refusal.on(Operation::CreateOrder).for_product(&refused_product(code)));
    }
}
