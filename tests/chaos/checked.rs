//! The checker finds each violation where there is exactly one, and nothing where there is none.
//! Not here: runs.

use bwp_sync::simulator::{Alias, Effect};

use crate::checker::{Broken, check};
use crate::history::{Handled, History, How, PROCESS_BEGINS, SeenLetter, SeenResult, Sent};
use crate::model::End;

fn sent(id: &str, order: &str, end: End) -> Sent {
    Sent { id: id.into(), order: order.into(), end, confirmed: true }
}

fn result(cause: &str, kind: &str, outcome: &str) -> SeenResult {
    SeenResult { id: format!("{kind} of {cause}"), cause: cause.into(), kind: kind.into(), outcome: outcome.into() }
}

fn letter(message: &str, code: &str) -> SeenLetter {
    SeenLetter { id: format!("letter of {message}"), message: message.into(), code: code.into() }
}

fn created(order: &str, name: &str) -> Effect {
    let alias = Alias { alias_type: "EXTERNAL_ID".into(), alias_id: name.into() };
    Effect::Created { order: order.into(), aliases: vec![alias], has_alias: true }
}

fn started(order: &str) -> Effect {
    Effect::Started { order: order.into() }
}

fn amended(total: &str) -> Effect {
    Effect::Updated { order: "B-1".into(), fields: vec!["totalPrice".into()], total: Some(total.into()) }
}

fn paid() -> Effect {
    Effect::RefundPaid {
        order: "B-1".into(),
        refund: "R-1".into(),
        payment: Some("payment".into()),
        amount: "1.00".into(),
    }
}

/// One message of each end, all as they should be.
fn good() -> History {
    History {
        sent: vec![
            sent("checkout", "SO-1", End::Created),
            sent("trigger", "SO-1", End::Started),
            sent("refused", "SO-2", End::Letter("ItemOutOfStock")),
            sent("first amendment", "SO-1", End::Amended("40.00".into())),
            sent("last amendment", "SO-1", End::Amended("41.00".into())),
            sent("refund", "SO-1", End::Paid("payment".into())),
        ],
        results: vec![
            result("checkout", "order-created", "created"),
            result("trigger", "order-updated", "updated"),
            result("refused", "order-failed", "ItemOutOfStock"),
            result("first amendment", "order-updated", "updated"),
            result("last amendment", "order-updated", "updated"),
            result("refund", "order-updated", "updated"),
        ],
        letters: vec![letter("refused", "ItemOutOfStock")],
        queued: Vec::new(),
        effects: vec![created("B-1", "SO-1"), started("B-1"), amended("40.00"), amended("41.00"), paid()],
        handled: Vec::new(),
    }
}

/// Verdict of the checker on the good history after one change.
#[track_caller]
fn one(expected: Broken, change: impl FnOnce(&mut History)) {
    let mut history = good();
    change(&mut history);
    let broken: Vec<_> = check(&history).broken;
    assert_eq!(broken.iter().map(|(broken, _)| *broken).collect::<Vec<_>>(), [expected], "{broken:?}");
}

#[track_caller]
fn none(change: impl FnOnce(&mut History)) {
    let mut history = good();
    change(&mut history);
    assert_eq!(check(&history).broken, []);
}

#[test]
fn a_good_history_breaks_nothing() {
    none(|_| ());
    assert_eq!(check(&good()).seen_twice, 0);
}

#[test]
fn a_message_without_an_end_is_lost() {
    one(Broken::Lost, |history| {
        history.results.remove(1);
    });
}

#[test]
fn a_letter_that_is_not_told_and_a_failure_without_a_letter_are_lost() {
    one(Broken::Lost, |history| {
        history.results.remove(2);
    });
    one(Broken::Lost, |history| history.letters.clear());
}

#[test]
fn what_is_told_and_has_not_happened_is_lost() {
    one(Broken::Lost, |history| {
        history.effects.remove(1);
    });
    one(Broken::Lost, |history| {
        history.effects.remove(4);
    });
}

#[test]
fn an_amendment_may_be_left_out_only_where_it_is_told_and_a_later_one_has_happened() {
    let superseded = |history: &mut History, result: usize| {
        history.results[result].outcome = "superseded".into();
        history.effects.remove(result - 1);
    };
    none(|history| superseded(history, 3));
    one(Broken::Lost, |history| {
        history.effects.remove(2);
    });
    let mut history = good();
    superseded(&mut history, 4);
    let broken: Vec<_> = check(&history).broken.into_iter().map(|(broken, _)| broken).collect();
    assert_eq!(broken, [Broken::Lost, Broken::WrongTotal]);
}

#[test]
fn a_message_that_is_still_queued_or_was_never_confirmed_is_not_lost() {
    none(|history| {
        history.results.remove(1);
        history.queued.push("trigger".into());
    });
    none(|history| {
        history.results.remove(1);
        history.sent[1].confirmed = false;
    });
}

#[test]
fn an_order_that_is_created_twice_or_without_its_alias_is_doubled() {
    one(Broken::Doubled, |history| history.effects.push(created("B-9", "SO-1")));
    one(Broken::Doubled, |history| {
        history.effects.push(Effect::Created { order: "B-9".into(), aliases: Vec::new(), has_alias: false });
    });
}

#[test]
fn a_start_that_is_repeated_is_doubled() {
    one(Broken::Doubled, |history| history.effects.push(Effect::StartRepeated { order: "B-1".into() }));
}

#[test]
fn a_payment_that_is_told_twice_is_doubled() {
    one(Broken::Doubled, |history| history.effects.push(paid()));
}

#[test]
fn a_total_that_is_not_the_last_one_sent_is_wrong() {
    one(Broken::WrongTotal, |history| history.effects.swap(2, 3));
    one(Broken::WrongTotal, |history| history.effects.push(amended("99.00")));
}

#[test]
fn a_total_is_no_wrong_one_only_where_a_retry_queue_and_a_takeover_explain_it() {
    let hop = |at| ("first amendment", at, How::Hopped, (1, 1));
    let last = |at, process| ("last amendment", at, How::Done, process);
    let first = |at, process| ("first amendment", at, How::Done, process);
    for (explained, lines) in [
        (true, vec![hop(1), last(2, (1, 2)), first(3, (2, 1))]),
        (true, vec![hop(1), last(2, (1, 2)), first(3, (1, 3))]),
        // the one who did the last one must know
        (false, vec![hop(1), last(2, (1, 2)), first(3, (1, 2))]),
        (false, vec![last(2, (1, 2)), first(3, (2, 1))]),
        (false, vec![hop(2), last(1, (1, 2)), first(3, (2, 1))]),
        (false, vec![hop(1), first(2, (2, 1)), last(3, (1, 2))]),
    ] {
        let mut history = good();
        history.effects.swap(2, 3);
        history.handled = lines
            .iter()
            .map(|(message, at, how, process)| Handled {
                at: at.to_string(),
                message: (*message).into(),
                how: *how,
                process: *process,
            })
            .collect();
        let verdict = check(&history);
        assert_eq!(
            (verdict.broken.is_empty(), verdict.overtaken.len()),
            (explained, usize::from(explained)),
            "{lines:?}"
        );
    }
}

#[test]
fn a_workers_log_says_which_process_did_what() {
    let line = |at: &str, what: &str| format!(r#"{{"timestamp":"{at}","message":"{what}","message_id":"m-1"}}"#);
    let log = [
        PROCESS_BEGINS.to_owned(),
        line("1", "later"),
        line("2", "held"),
        PROCESS_BEGINS.to_owned(),
        line("3", "done"),
    ];
    let handled = |at: &str, how, process| Handled { at: at.into(), message: "m-1".into(), how, process };
    let expected = [handled("1", How::Hopped, (7, 1)), handled("3", How::Done, (7, 2))];
    assert_eq!(Handled::read_all(7, &log.join("\n")), expected);
}

#[test]
fn a_result_or_a_letter_with_a_second_id_is_doubled_and_one_with_the_same_id_is_only_seen_twice() {
    let another = |history: &mut History| {
        history.results.push(SeenResult { id: "another".into(), ..result("checkout", "order-created", "created") });
    };
    one(Broken::Doubled, another);
    one(Broken::Doubled, |history| {
        history.letters.push(SeenLetter { id: "another".into(), ..letter("refused", "ItemOutOfStock") });
    });
    let mut history = good();
    history.results.push(result("checkout", "order-created", "already-existed"));
    let verdict = check(&history);
    assert_eq!((verdict.broken, verdict.seen_twice), (Vec::new(), 1));
}

#[test]
fn another_code_than_the_right_one_is_wrong() {
    one(Broken::WrongCode, |history| {
        history.letters[0].code = "RetriesExhausted".into();
        history.results[2].outcome = "RetriesExhausted".into();
    });
}

#[test]
fn an_order_that_was_to_be_refused_and_is_there_is_wrong() {
    one(Broken::WrongCode, |history| history.effects.push(created("B-2", "SO-2")));
}

#[test]
fn a_letter_about_an_order_that_is_not_there_and_should_be_is_wrong() {
    one(Broken::WrongCode, |history| {
        *history = good();
        history.sent = vec![sent("checkout", "SO-1", End::Created)];
        history.results = vec![result("checkout", "order-failed", "RetriesExhausted")];
        history.letters = vec![letter("checkout", "RetriesExhausted")];
        history.effects.clear();
    });
}

#[test]
fn a_result_for_a_message_that_nobody_sent_is_wrong() {
    one(Broken::WrongCode, |history| history.results.push(result("foreign", "order-created", "created")));
}

#[test]
fn a_letter_for_an_order_that_is_there_is_found() {
    one(Broken::LetterForLiveOrder, |history| {
        history.results[0] = result("checkout", "order-failed", "RetriesExhausted");
        history.letters.push(letter("checkout", "RetriesExhausted"));
    });
    one(Broken::LetterForLiveOrder, |history| {
        history.results.push(result("checkout", "order-failed", "RetriesExhausted"));
        history.letters.push(letter("checkout", "RetriesExhausted"));
    });
}
