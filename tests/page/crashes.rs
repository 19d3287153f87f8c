//! Killed at whatever moment of a replay, the page loses no letter and makes no order twice. After its start it knows how
//! far it had come.
//! Not here: the command's own crashes; see `tests/dead_letters/crashes.rs`.

use std::collections::BTreeSet;

use bwp_sync::dead_letters::replay::WINDOW;
use reqwest::StatusCode;

use crate::messages::{json, outcomes};
use crate::site::{Desk, Site, Visitor};
use crate::stage::{ORDERS, RESULTS, SOON, Stage};
use crate::support::until::until;

const LETTERS: usize = 600;
const KILLS: usize = 3;

#[tokio::test]
#[expect(clippy::print_stderr, reason = "the seed, for running it again, and a figure that is wanted")]
async fn a_page_that_is_killed_during_a_replay_loses_nothing_makes_no_order_twice_and_can_continue() {
    let seed = std::env::var("BWP_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("BWP_TEST_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let stage = Stage::new().await;
    // on a busy machine a hundred calls at a time take long, and none of them may fail here
    let patient = [("BWP__API__TIMEOUT", "60s"), ("BWP__SHUTDOWN__GRACE", "70s"), ("BWP__BROKER__PREFETCH", "100")];
    let worker = stage.worker(&patient).await;
    stage.keep_results().await;
    stage.written_letters(LETTERS).await;
    let desk = Desk::new();

    let mut site = Site::start(&stage, &desk).await;
    let mut ada = Visitor::named(&site, "ada").await;
    ada.sees("/letters", &format!("Plan for all {LETTERS} that match")).await;
    let plan = ada.send_from("/letters", "/plans", &[("scope", "all"), ("query", "")]).await;
    let plan = plan.leads_to().to_owned();
    let begun = ada.send_from(&plan, &format!("{plan}/replay"), &[("why", "stock came"), ("rate", "1000")]).await;
    let run = begun.leads_to().to_owned();
    for kill in 1..=KILLS {
        let noted = published(&desk);
        let next = noted + dice.usize(1..=LETTERS / (KILLS + 2));
        until("letters are noted", SOON * 3, async || published(&desk), |count| *count >= next.min(LETTERS)).await;
        site.killed().await;
        // the broker may still count the dead one as the holder of the lock
        let lock = async || stage.vhost.queue("bwp.dead-letters.lock").await.is_some();
        until("the lock is free", SOON, lock, |is_there| !is_there).await;
        site = Site::start(&stage, &desk).await;
        ada = Visitor::named(&site, "ada").await;
        let page = ada.get(&run).await.text;
        assert!(page.contains("Interrupted at"), "{page}");
        let (gone, left) = told(&page);
        assert_eq!(gone + left, LETTERS, "{kill}: {page}");
        assert!(gone >= noted && gone < LETTERS, "{kill}: {page}");
        let continued = ada.send_from(&run, &format!("{run}/continue"), &[]).await;
        assert_eq!(continued.status, StatusCode::SEE_OTHER, "{}", continued.text);
    }
    let last = async || {
        let page = ada.get(&run).await.text;
        // letters that the dead one held may come back only after the continued run has looked
        if page.contains("Continue with") {
            ada.send_from(&run, &format!("{run}/continue"), &[]).await;
        }
        (page, stage.listed().await.len())
    };
    let (page, _) =
        until("the run is done", SOON * 3, last, |(page, listed)| page.contains(": done") && *listed == 0).await;
    assert!(page.contains("Sent to the worker"), "{page}");
    assert_eq!(site.terminated().await, Some(0));

    stage.queue(ORDERS, "all is done", |queue| (queue.ready, queue.unacknowledged) == (0, 0)).await;
    assert_eq!(worker.terminated().await, Some(0));
    let mut results = stage.results().await;
    let seen = stage.rest_of(RESULTS, &mut results).await;
    let done: BTreeSet<_> = seen.iter().map(|result| json(result)["subject"].to_string()).collect();
    assert_eq!(done.len(), LETTERS, "every letter has a result");
    let twice = seen.len() - LETTERS;
    eprintln!("results beyond one for each letter: {twice}, after {KILLS} kills");
    assert!(twice <= WINDOW * KILLS, "{twice}");
    let created = |outcome: &str| ["created", "already-existed"].contains(&outcome);
    let others: Vec<_> = outcomes(seen).into_iter().filter(|(_, outcome)| !created(outcome)).collect();
    assert!(others.is_empty(), "{others:?}");
    let ledger = stage.simulator.ledger();
    assert_eq!((ledger.orders_created(), ledger.creates_without_alias()), (LETTERS, 0));
}

/// Letters whose publication the ledger has.
fn published(desk: &Desk) -> usize {
    let text = std::fs::read_to_string(desk.path("ledger")).unwrap_or_default();
    text.lines().filter(|line| line.contains(r#""outcome":"published""#)).count()
}

/// Letters that were sent to the worker, and those that are still letters, as the page tells them.
fn told(page: &str) -> (usize, usize) {
    let number = |what: &str| {
        let pattern = format!(r#"<dt>{what}</dt><dd class="number">([0-9,]+)</dd>"#);
        let found = regex::Regex::new(&pattern).unwrap().captures(page).map(|found| found[1].replace(',', ""));
        found.map_or(0, |digits| digits.parse().unwrap())
    };
    (number("Sent to the worker"), number("Still letters"))
}
