//! Killed at whatever moment of a replay, the page loses no letter and makes no order twice. After its start it knows how
//! far it had come.
//! Not here: the command's own crashes; see `tests/dead_letters/crashes.rs`.

use std::collections::BTreeSet;

use bwp_sync::dead_letters::replay::WINDOW;

use crate::browser::Browser;
use crate::messages::{json, outcomes};
use crate::site::{Desk, Site, Visitor};
use crate::stage::{ORDERS, RESULTS, SOON, Stage};
use crate::support::seed::dice;
use crate::support::until::until;
use crate::tool::PATIENT;

const LETTERS: usize = 600;
const KILLS: usize = 3;

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a figure that is wanted")]
async fn a_page_that_is_killed_during_a_replay_loses_nothing_makes_no_order_twice_and_can_continue() {
    let mut dice = dice();
    let stage = Stage::new().await;
    let worker = stage.worker(&PATIENT).await;
    stage.keep_results().await;
    stage.written_letters(LETTERS).await;
    let desk = Desk::new();

    let mut site = Site::start(&stage, &desk).await;
    let browser = Browser::start(1280, 900).await;
    browser.log_in(&site, "ada").await;
    browser.shows_in_time(&format!("{LETTERS} letters")).await;
    browser.press("All letters").await;
    browser.press(&format!("Plan for all {LETTERS} that match")).await;
    browser.write("input[name=why]", "stock came").await;
    browser.write("input[name=rate]", "1000").await;
    browser.press(&format!("Replay {LETTERS} letters")).await;
    browser.shows("What was asked for").await;
    let run = browser.address().await.split_off(site.address.len());
    for kill in 1..=KILLS {
        let noted = published(&desk);
        let next = noted + dice.usize(1..=LETTERS / (KILLS + 2));
        until("letters are noted", SOON * 3, async || published(&desk), |count| *count >= next.min(LETTERS)).await;
        site.killed().await;
        // the broker may still count the dead one as the holder of the lock
        let lock = async || stage.vhost.queue("bwp.dead-letters.lock").await.is_some();
        until("the lock is free", SOON, lock, |is_there| !is_there).await;
        site = Site::start(&stage, &desk).await;
        browser.log_in(&site, "bob").await;
        browser.open(&format!("{}{run}", site.address)).await;
        let page = browser.shows("Interrupted at").await;
        let (gone, left) = told(&page);
        assert_eq!(gone + left, LETTERS, "{kill}: {page}");
        assert!(gone >= noted && gone < LETTERS, "{kill}: {page}");
        browser.press(&format!("Continue with {left} letters")).await;
        browser.shows("Under way").await;
    }
    browser.end().await;
    let bob = Visitor::named(&site, "bob").await;
    let last = async || {
        let page = bob.get(&run).await.text;
        // letters that the dead one held may come back only after the continued run has looked
        if page.contains("Continue with") {
            bob.send_from(&run, &format!("{run}/continue"), &[]).await;
        }
        (page, stage.listed().await.len())
    };
    let (page, _) =
        until("the run is done", SOON * 3, last, |(page, listed)| page.contains(": done") && *listed == 0).await;
    assert!(page.contains("Sent to the worker"), "{page}");
    assert_eq!(site.terminated().await, Some(0));
    let ledger = desk.ledger();
    let steps = |step: &str, user: &str| ledger.iter().filter(|it| it["step"] == step && it["user"] == user).count();
    assert_eq!((steps("began", "ada"), steps("continued", "ada")), (1, 0));
    assert!(steps("continued", "bob") >= KILLS, "each line names who did it");

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
        let told = page.lines().skip_while(|line| *line != what).nth(1);
        told.map_or(0, |digits| digits.parse().unwrap())
    };
    (number("Sent to the worker"), number("Still letters"))
}
