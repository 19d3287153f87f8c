//! Plays a scenario to its end.
//! Not here: whether what came of it is right; see `checker`.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};

use crate::checker::check;
use crate::faults::{kill_by_message, strike};
use crate::orders::Shop;
use crate::report::Report;
use crate::scenario::{Fault, Scenario, Step};
use crate::stage::Stage;
use crate::worker::Usage;

/// How long nothing may come of what is left when all faults are over. The longest delay of a retry queue is 5 s.
const SETTLE_WITHIN: Duration = Duration::from_secs(180);

/// How a run is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// Which seed decides; the same seed gives the same plan.
    pub(crate) seed: u64,
    /// A long run goes on for so long, apart from starting and settling; the short form has no time.
    pub(crate) lasts: Option<Duration>,
}

impl Form {
    /// As the environment says: `BWP_CHAOS_MINUTES` makes it a long run, `BWP_TEST_SEED` gives the seed.
    pub(crate) fn asked_for() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let lasts = number("BWP_CHAOS_MINUTES").map(|minutes| Duration::from_secs(minutes * 60));
        Self { seed: number("BWP_TEST_SEED").unwrap_or_else(|| fastrand::u64(..)), lasts }
    }

    fn name(&self) -> &'static str {
        if self.lasts.is_some() { "long" } else { "short" }
    }
}

/// Result of one fault.
pub(crate) struct Struck {
    pub(crate) fault: Fault,
    /// Since the beginning of the run.
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    /// From its end until something was settled again and every worker was there; or what went wrong.
    pub(crate) resumed: Result<Duration, String>,
}

/// Resources that a worker took in the second half of a fault of the first lane.
pub(crate) struct Idle {
    pub(crate) cpu_percent: f64,
}

/// Plays the scenario of this name, prints what came of it and fails if anything is not as it must be.
pub(crate) async fn play(name: &str) {
    let form = Form::asked_for();
    let scenario = Scenario::read(form.name(), name);
    // the suites of two versions run side by side
    let version = std::env::var("BWP_TEST_RABBITMQ").map(|version| format!("-rabbitmq-{version}")).unwrap_or_default();
    let logs = format!("chaos-{}-{name}{version}", form.name());
    let logs = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(logs);
    std::fs::create_dir_all(&logs).expect("the folder for logs can be made");
    let begun = Instant::now();
    let mut stage = Stage::new(&scenario, form.seed, &logs).await;
    let mut shop = Shop::new(name, scenario.mix, scenario.untold, form.seed);
    let (over, is_over) = watch::channel(false);
    let played = async {
        let (struck, ()) = tokio::join!(
            async {
                let struck = lanes(&stage, &scenario, form).await;
                over.send_replace(true);
                struck
            },
            sell(&stage, &scenario, &mut shop, is_over),
        );
        (struck, stage.board.waiting_below(1, SETTLE_WITHIN).await && stage.drained(SETTLE_WITHIN).await)
    };
    let ((struck, idle), all_settled) = tokio::select! {
        played = played => played,
        never = kill_by_message(&stage) => match never {},
    };
    let unsettled = stage.board.unsettled();
    let mut usage = Vec::new();
    let mut ended_by_themselves = 0;
    for worker in &stage.workers {
        let mut worker = worker.lock().await;
        worker.notice_end();
        usage.push(worker.usage());
        ended_by_themselves += worker.ended_by_itself;
    }
    let (history, exit_codes) = stage.close().await;
    let report = Report {
        name,
        what: &scenario.what,
        form,
        took: begun.elapsed(),
        orders: shop.orders(),
        repeated: shop.repeated,
        shuffled: shop.shuffled,
        figures: stage.board.figures(),
        queued: history.queued.len(),
        verdict: check(&history),
        struck,
        idle,
        peak_memory: usage.iter().map(|usage: &Usage| usage.peak_memory).max().unwrap_or(0),
        unsettled: if all_settled { Vec::new() } else { unsettled },
        ended_by_themselves,
        exit_codes,
    };
    report.print(&logs);
    let failures = report.failures(&scenario);
    assert!(failures.is_empty(), "{failures:#?}\nlogs of the workers are in {}", stage.logs().display());
}

/// Publishes at the scenario's pace until the faults are over. Whenever it comes to rest, all messages of the orders begun
/// have been published. A fulfillment that came first must not wait for its checkout meanwhile.
async fn sell(stage: &Stage, scenario: &Scenario, shop: &mut Shop, over: watch::Receiver<bool>) {
    let mut pace = interval(Duration::from_secs(1) / scenario.per_second);
    // time that a fault has held up is not made up for in a burst
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*over.borrow() {
        let _selling = stage.open.lock().await;
        while !*over.borrow() && !stage.rest_wanted.load(Ordering::Relaxed) {
            pace.tick().await;
            if stage.board.waiting() < scenario.waiting {
                stage.publish(&shop.next()).await;
            }
        }
        for planned in shop.rest() {
            stage.publish(&planned).await;
        }
    }
}

async fn lanes(stage: &Stage, scenario: &Scenario, form: Form) -> (Vec<Struck>, Option<Idle>) {
    let until = form.lasts.filter(|_| scenario.again).map(|lasts| Instant::now() + lasts);
    let lanes = scenario.lanes.iter().enumerate().map(|(number, steps)| {
        let rng = Rng::with_seed(form.seed.wrapping_add(1 + number as u64));
        lane(stage, steps, Duration::from_secs_f64(scenario.rest), rng, until)
    });
    let watched = scenario.bounds.idle_cpu_percent.map(|_| scenario.lanes[0][0].lasts());
    let (struck, idle) = tokio::join!(join_all(lanes), async {
        match watched {
            Some(lasts) => Some(watch_idle(stage, lasts).await),
            None => None,
        }
    });
    (struck.into_iter().flatten().collect(), idle)
}

/// The faults of one lane, once or until the time is over, each time in another order.
async fn lane(stage: &Stage, steps: &[Step], rest: Duration, mut rng: Rng, until: Option<Instant>) -> Vec<Struck> {
    let mut struck = Vec::new();
    let mut left = Vec::new();
    loop {
        if left.is_empty() {
            left = steps.to_vec();
            rng.shuffle(&mut left);
        }
        let Some(step) = left.pop() else { return struck };
        if let Some(until) = until
            && !struck.is_empty()
            && Instant::now() + step.lasts() > until
        {
            sleep_until(until.into()).await;
            return struck;
        }
        struck.push(one(stage, &step, &mut rng).await);
        if until.is_none() && left.is_empty() {
            return struck;
        }
        sleep(rest).await;
    }
}

/// While work is to go on again nobody may bring it to rest.
async fn one(stage: &Stage, step: &Step, rng: &mut Rng) -> Struck {
    let (mut alone, mut among_others) = (None, None);
    if step.fault == Fault::DeleteQueue {
        let nobody_else = stage.harm.write().await;
        stage.rest_wanted.store(true, Ordering::Relaxed);
        alone = Some((nobody_else, stage.open.lock().await));
    } else {
        among_others = Some(stage.harm.read().await);
    }
    let (began, told) = (stage.board.elapsed(), stage.board.updates());
    let done = strike(stage, step, rng).await;
    let (ended, told) = (stage.board.elapsed(), stage.board.updates() - told);
    let done = done.and_then(|()| match told < step.updates_meanwhile {
        true => Err(format!("only {told} updates were told meanwhile")),
        false => Ok(()),
    });
    if let Some(held) = alone.take() {
        stage.rest_wanted.store(false, Ordering::Relaxed);
        drop(held);
    }
    let resumed = match done {
        Ok(()) => resumed(stage, step).await,
        Err(why) => Err(why),
    };
    drop(among_others);
    Struck { fault: step.fault, began, ended, resumed }
}

/// Waits until the shop has heard of something more, and all workers are there, fed or standing by.
async fn resumed(stage: &Stage, step: &Step) -> Result<Duration, String> {
    let since = Instant::now();
    let heard = stage.board.settled();
    loop {
        for worker in &stage.workers {
            let mut place = worker.lock().await;
            place.notice_end();
            // looks through what it has logged
            place.settled();
        }
        let missing = stage.missing().await;
        let took = since.elapsed();
        let goes_on = stage.board.settled() > heard;
        if missing.is_empty() && goes_on {
            return Ok(took);
        }
        if took > step.resume_within() {
            let missing: Vec<_> = missing.iter().map(|index| index + 1).collect();
            return Err(format!("after {took:.1?} something was settled: {goes_on}, workers away: {missing:?}"));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Resources that the first worker takes in the second half of a time.
async fn watch_idle(stage: &Stage, lasts: Duration) -> Idle {
    sleep(lasts / 2).await;
    let (since, before) = (Instant::now(), stage.worker(0).await.usage());
    sleep(lasts.saturating_sub(lasts / 20) / 2).await;
    let after = stage.worker(0).await.usage();
    let cpu_percent = (after.cpu - before.cpu).as_secs_f64() / since.elapsed().as_secs_f64() * 100.0;
    Idle { cpu_percent }
}
