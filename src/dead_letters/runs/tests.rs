//! Runs that were interrupted, and what is kept of them.

use super::*;
use crate::dead_letters::filter::tests::letter;
use crate::dead_letters::ledger::Ledger;
use crate::dead_letters::ledger::tests::of_ada;
use crate::dead_letters::outcomes::Outcome;

const SET: &str = "shipTo.name=Eve";

struct Desk {
    folder: tempfile::TempDir,
    plan: Plan,
}

impl Desk {
    fn new() -> Self {
        let plan = Plan::of([1, 2, 3, 4].map(letter).to_vec(), Uuid::from_u128(7), "q", Timestamp::UNIX_EPOCH);
        Self { folder: tempfile::tempdir().unwrap(), plan }
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn runs(&self) -> Runs {
        Runs::beside(&self.ledger()).unwrap()
    }

    fn begun(&self, runs: &Runs, kind: Kind) -> About {
        let about = About {
            run: self.plan.head.replay_id,
            kind,
            user: "ada".into(),
            why: "test".into(),
            began: Timestamp::UNIX_EPOCH,
            letters: self.plan.letters.len(),
            codes: BTreeMap::new(),
            rate: 10.0,
            max_failures: None,
            changed: vec!["data.shipTo.name".into()],
        };
        runs.begin(&about, &self.plan, &[SET.to_owned()]).unwrap();
        about
    }

    fn noted(&self) -> Ledger {
        of_ada(&self.ledger(), None)
    }
}

#[test]
fn one_process_works_with_a_folder() {
    let desk = Desk::new();
    let runs = desk.runs();
    let refused = Runs::beside(&desk.ledger()).unwrap_err().to_string();
    assert_eq!(refused, "another page works with this ledger");
    drop(runs);
    desk.runs();
}

#[test]
fn an_interrupted_replay_is_told_by_its_journal_and_the_outcomes_of_the_ledger() {
    let desk = Desk::new();
    let runs = desk.runs();
    let about = desk.begun(&runs, Kind::Replay);
    let (mut journal, mut ledger) = (runs.journal(about.run).unwrap(), desk.noted());
    for letter in &desk.plan.letters[..3] {
        journal.note(letter).unwrap();
        ledger.note(letter, Some(about.run), &[], "published").unwrap();
    }
    for (at, failed) in [(0, false), (1, true)] {
        let outcome = Outcome { letter: desk.plan.letters[at].clone(), name: "any".into(), failed };
        ledger.outcome(about.run, &outcome).unwrap();
    }
    // of another run
    ledger.note(&desk.plan.letters[3], Some(Uuid::nil()), &[], "created").unwrap();
    let stored = runs.one(about.run).unwrap().unwrap();
    let Counts { gone, succeeded, failed, .. } = &stored.counts;
    assert_eq!((*gone, *succeeded, *failed, about.left(&stored.counts)), (3, 1, 1, 1));
    assert!(stored.ended.is_none() && stored.last_sign > Some(about.began));
}

#[test]
fn a_letter_that_was_noted_twice_as_discarded_counts_once() {
    let desk = Desk::new();
    let runs = desk.runs();
    let about = desk.begun(&runs, Kind::Discard);
    for at in [0, 1, 1] {
        desk.noted().note(&desk.plan.letters[at], Some(about.run), &[], "discarded").unwrap();
    }
    assert_eq!(runs.one(about.run).unwrap().unwrap().counts.gone, 2);
}

#[test]
fn changes_are_kept_until_no_letter_is_left_and_a_run_without_them_does_not_go_on() {
    let desk = Desk::new();
    let runs = desk.runs();
    let about = desk.begun(&runs, Kind::Replay);
    let ended =
        |gone| Ended { at: Timestamp::UNIX_EPOCH, how: "stopped".into(), counts: Counts { gone, ..Counts::default() } };
    runs.end(&about, &ended(3)).unwrap();
    assert_eq!(runs.edit(about.run).unwrap().sets, [SET.parse().unwrap()]);
    runs.resume(about.run).unwrap();
    assert_eq!(runs.one(about.run).unwrap().unwrap().ended, None);
    runs.end(&about, &ended(4)).unwrap();
    assert!(runs.edit(about.run).is_err());
    let files = fs::read_dir(desk.folder.path().join("ledger.runs")).unwrap();
    for file in files {
        assert!(!fs::read_to_string(file.unwrap().path()).unwrap().contains("Eve"));
    }
    assert_eq!(runs.all().unwrap().len(), 1);
}
