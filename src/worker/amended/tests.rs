//! Which amendment stands: by tables, and after any deliveries.
//!
//! Not here: what is sent of it.

use proptest::prelude::*;
use rust_decimal::Decimal;
use strum::IntoEnumIterator;

use super::*;
use crate::domain::input::{Address, Recipient, TaxSummary, Taxes, TotalPrice};
use crate::domain::money::{Amount, Money};
use crate::domain::order::Alias;

const ALL: [Field; 3] = [Field::Total, Field::Taxes, Field::Recipient];
const ORDER: &str = "322-ABC1-AAAAAA";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A stamp: sequence, time, taken, may be late.
type Row = (Option<&'static str>, Option<i64>, i64, bool);

fn stamp((sequence, time, taken, may_be_late): Row) -> Stamp {
    Stamp { sequence: sequence.map(Into::into), time: time.map(at), taken: at(taken), may_be_late }
}

fn on_time(taken: i64) -> Stamp {
    stamp((None, None, taken, false))
}

fn late(taken: i64) -> Stamp {
    stamp((None, None, taken, true))
}

/// An amendment that sets each of the fields to this number.
fn amendment(number: u32, fields: &[Field]) -> UpdateOrderInput {
    let amount = Amount::try_from(Decimal::from(number)).unwrap();
    let money = Money { amount, currency_code: "USD".to_owned().try_into().unwrap() };
    let delivery_address = Address {
        name: number.to_string(),
        street_address: "1 Main Street".into(),
        extended_address: None,
        locality: "Seattle".into(),
        region: "WA".into(),
        country_code: "US".into(),
        postal_code: "98101".into(),
        contact_number: None,
    };
    let sets = |field| fields.contains(&field);
    UpdateOrderInput {
        total_price: sets(Field::Total).then_some(TotalPrice { value: money }),
        taxes: sets(Field::Taxes).then_some(Taxes { summary: TaxSummary { collectable_tax_amount: money } }),
        recipient: sets(Field::Recipient).then_some(Recipient { delivery_address }),
        ..UpdateOrderInput::default()
    }
}

fn with_alias(amendment: UpdateOrderInput) -> UpdateOrderInput {
    UpdateOrderInput { aliases: vec![Alias::new("EXTERNAL_DISPLAY_ID", "#1001")], ..amendment }
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(number.into())
}

/// An amendment by its number, with an id of its own.
fn done(number: u32, stamp: Stamp, fields: &[Field]) -> Done {
    let set = LastWords::of(&amendment(number, fields));
    Done { amendment: id(number), message_id: format!("m-{number}"), stamp, set, has_own_id: true }
}

fn amended(all: impl IntoIterator<Item = Done>) -> Amended {
    let mut amended = Amended::default();
    all.into_iter().for_each(|done| amended.done(ORDER, done));
    amended
}

#[track_caller]
fn assert_judged(amended: &Amended, number: u32, stamp: &Stamp, fields: &[Field], left: &[Field], by: Option<&str>) {
    let judged = amended.judge(ORDER, id(number), true, stamp, &amendment(number, fields));
    assert_eq!(judged, Judged { wanted: amendment(number, left), superseded_by: by.map(Into::into) });
}

#[test]
fn the_sequence_decides_then_publication_then_time_then_the_broker() {
    // the one at hand, the one done before, whether the former comes after the latter
    const ROWS: [(Row, Row, bool); 19] = [
        ((Some("2"), Some(1), 1, true), (Some("1"), Some(2), 2, false), true),
        ((Some("1"), Some(2), 2, false), (Some("2"), Some(1), 1, false), false),
        ((Some("10"), None, 1, true), (Some("9"), None, 2, false), true),
        // equal or one-sided sequences decide nothing
        ((Some("07"), None, 2, false), (Some("7"), None, 1, false), true),
        ((Some("7"), Some(1), 2, true), (Some("7"), Some(2), 1, false), false),
        ((Some("1"), None, 2, false), (None, None, 1, false), true),
        ((None, None, 1, true), (Some("1"), None, 2, false), false),
        // on time: publication, whatever the shop's clock says
        ((None, Some(1), 2, false), (None, Some(2), 1, false), true),
        ((None, Some(1), 2, false), (None, Some(2), 2, true), true),
        // on time and overtaken by a message that names the order in another way
        ((None, None, 1, false), (None, None, 2, false), false),
        ((None, Some(2), 1, false), (None, Some(1), 2, false), true),
        // late: the shop's time
        ((None, Some(1), 2, true), (None, Some(2), 1, false), false),
        ((None, Some(2), 1, true), (None, Some(1), 2, false), true),
        // equal or one-sided times decide nothing
        ((None, Some(1), 2, true), (None, Some(1), 1, false), true),
        ((None, Some(1), 1, true), (None, Some(1), 2, false), false),
        ((None, Some(2), 1, true), (None, None, 2, false), false),
        // late, without times: the broker
        ((None, None, 2, true), (None, None, 1, true), true),
        ((None, None, 1, true), (None, None, 1, false), true),
        ((None, None, 1, true), (None, None, 2, true), false),
    ];
    for (ours, theirs, after) in ROWS {
        assert_eq!(stamp(ours).is_after(&stamp(theirs)), after, "{ours:?} after {theirs:?}");
    }
}

#[test]
fn sequences_are_compared_as_numbers_where_both_are() {
    for (ours, theirs, order) in [
        ("9", "10", Ordering::Less),
        ("0009", "10", Ordering::Less),
        ("007", "7", Ordering::Equal),
        ("000", "0", Ordering::Equal),
        ("123456789012345678901234567891", "123456789012345678901234567890", Ordering::Greater),
        ("a9", "a10", Ordering::Greater),
        ("2026-11-22/1", "2026-11-22/2", Ordering::Less),
        ("9", "10a", Ordering::Greater),
    ] {
        assert_eq!(compare(ours, theirs), order, "{ours} and {theirs}");
        assert_eq!(compare(theirs, ours), order.reverse(), "{theirs} and {ours}");
    }
}

#[test]
fn all_of_the_first_amendment_of_an_order_is_wanted() {
    let other = amended([done(2, on_time(2), &ALL)]);
    let judged = other.judge("322-ABC1-BBBBBB", id(1), true, &late(1), &amendment(1, &ALL));
    assert_eq!(judged, Judged { wanted: amendment(1, &ALL), superseded_by: None });
}

#[test]
fn of_a_late_amendment_those_fields_are_left_that_no_later_one_set() {
    use Field::{Recipient, Taxes, Total};
    let amended = amended([done(2, on_time(2), &[Total]), done(3, on_time(3), &[Recipient])]);
    for (fields, left, by) in [
        (&[Total][..], &[][..], Some("m-2")),
        (&[Recipient], &[], Some("m-3")),
        (&[Total, Recipient], &[], Some("m-3")),
        (&[Total, Taxes], &[Taxes], Some("m-2")),
        (&[Taxes], &[Taxes], None),
        (&ALL, &[Taxes], Some("m-3")),
    ] {
        assert_judged(&amended, 1, &late(1), fields, left, by);
        assert_judged(&amended, 4, &on_time(4), fields, fields, None);
    }
}

#[test]
fn aliases_are_added_however_late() {
    let amended = amended([done(2, on_time(2), &[Field::Total])]);
    for (input, wanted, by) in
        [(amendment(1, &[Field::Total]), amendment(1, &[]), Some("m-2")), (amendment(1, &[]), amendment(1, &[]), None)]
    {
        let judged = amended.judge(ORDER, id(1), true, &late(1), &with_alias(input));
        assert_eq!(judged, Judged { wanted: with_alias(wanted), superseded_by: by.map(Into::into) });
    }
}

#[test]
fn a_copy_changes_nothing_once_another_amendment_was_done() {
    use Field::{Taxes, Total};
    let mut amended = amended([done(1, on_time(1), &[Total])]);
    // published twice, or delivered twice: nothing else was done
    assert_judged(&amended, 1, &on_time(5), &[Total], &[Total], None);
    amended.done(ORDER, done(2, on_time(2), &[Taxes]));
    amended.done(ORDER, done(3, on_time(3), &[Taxes]));
    for stamp in [on_time(5), late(1), late(5)] {
        let copy = amended.judge(ORDER, id(1), true, &stamp, &with_alias(amendment(1, &[Total])));
        let superseded_by = Some("m-3".to_owned());
        assert_eq!(copy, Judged { wanted: UpdateOrderInput::default(), superseded_by }, "{stamp:?}");
    }
    assert_judged(&amended, 3, &late(3), &[Taxes], &[Taxes], None);
}

#[test]
fn an_amendment_without_an_id_of_its_own_is_no_copy() {
    let body = Done { has_own_id: false, ..done(1, on_time(1), &[Field::Total]) };
    let amended = amended([body, done(2, on_time(2), &[Field::Total])]);
    let input = amendment(1, &[Field::Total]);
    for (stamp, wanted, by) in
        [(on_time(3), input.clone(), None), (late(1), UpdateOrderInput::default(), Some("m-2".to_owned()))]
    {
        let judged = amended.judge(ORDER, id(1), false, &stamp, &input);
        assert_eq!(judged, Judged { wanted, superseded_by: by }, "{stamp:?}");
    }
    assert_judged(&amended, 2, &late(2), &[Field::Total], &[Field::Total], None);
    let is_copy = |has_own_id| {
        let one = self::amended([done(1, on_time(1), &[Field::Total]), done(2, on_time(2), &[Field::Taxes])]);
        one.judge(ORDER, id(1), has_own_id, &on_time(3), &input).superseded_by.is_some()
    };
    assert_eq!([true, false].map(is_copy), [true, false]);
}

#[test]
fn an_amendment_that_is_done_again_keeps_its_place() {
    let again = done(1, late(9), &[Field::Total]);
    let amended = amended([done(1, on_time(1), &[Field::Total]), again]);
    assert_judged(&amended, 2, &late(2), &[Field::Total], &[Field::Total], None);
    assert_judged(&amended, 1, &late(0), &[Field::Total], &[Field::Total], None);

    let copies = (0..2 * COPIES).map(|_| done(2, late(2), &[Field::Taxes]));
    let amended = self::amended([done(1, on_time(1), &[Field::Total])].into_iter().chain(copies));
    assert_judged(&amended, 1, &on_time(3), &[Field::Total], &[], Some("m-2"));
}

#[test]
fn what_is_published_again_without_an_id_counts_from_then_on() {
    let body = |taken| Done { has_own_id: false, ..done(1, on_time(taken), &[Field::Total]) };
    let amended = amended([body(1), body(9)]);
    assert_judged(&amended, 2, &late(2), &[Field::Total], &[], Some("m-1"));
}

#[test]
fn a_replay_is_the_last_one_whatever_its_shop_said() {
    let published = stamp((Some("9"), Some(9), 2, false));
    let amended = amended([done(2, published, &[Field::Total])]);
    for may_be_late in [false, true] {
        assert_judged(&amended, 1, &Stamp::of_replay(at(3), may_be_late), &[Field::Total], &[Field::Total], None);
    }
}

#[test]
fn the_standing_amendment_of_a_field_outlives_any_number_of_others() {
    let mut amended = amended([done(1000, on_time(1000), &[Field::Total])]);
    for number in 1001..1201 {
        amended.done(ORDER, done(number, on_time(number.into()), &[Field::Taxes]));
    }
    assert_judged(&amended, 1, &late(1), &[Field::Total], &[], Some("m-1000"));
    assert_judged(&amended, 1200, &late(1200), &[Field::Taxes], &[Field::Taxes], None);
    assert_judged(&amended, 1199, &on_time(2000), &[Field::Taxes], &[], Some("m-1200"));
    // too long ago to be known for a copy; its stamp still tells
    assert_judged(&amended, 1001, &late(1001), &[Field::Taxes], &[], Some("m-1200"));
    assert_eq!(amended.by_order[ORDER].own_ids.len(), COPIES);
}

#[test]
fn the_order_that_was_amended_longest_ago_is_forgotten_first() {
    let mut amended = Amended::default();
    let amend = |amended: &mut Amended, order: usize| {
        amended.done(&order.to_string(), done(2, on_time(2), &[Field::Total]));
    };
    for order in 0..REMEMBERED {
        amend(&mut amended, order);
    }
    amend(&mut amended, 0);
    amend(&mut amended, REMEMBERED);
    let is_known = |order: usize| {
        let input = amendment(1, &[Field::Total]);
        amended.judge(&order.to_string(), id(1), true, &late(1), &input).superseded_by.is_some()
    };
    assert_eq!([0, 1, 2, REMEMBERED].map(is_known), [true, false, true, true]);
    assert_eq!((amended.by_order.len(), amended.by_age.len()), (REMEMBERED, REMEMBERED));
}

/// The one thing by which late amendments are told apart.
#[derive(Clone, Copy, Debug)]
enum Witness {
    Sequence,
    Time,
    Taken,
}

/// A published amendment. Its number is its place in the order of publication.
#[derive(Clone, Debug)]
struct Published {
    fields: Vec<Field>,
    has_own_id: bool,
    /// Done at its first delivery; else only at a later one.
    on_time: bool,
}

/// Amendments, and further deliveries: of which amendment, and after the first delivery of which.
fn deliveries() -> impl Strategy<Value = (Vec<Published>, Vec<(usize, usize)>)> {
    let one = (prop::sample::subsequence(Field::iter().collect::<Vec<_>>(), 1..=3), any::<bool>(), any::<bool>());
    let one = one.prop_map(|(fields, has_own_id, on_time)| Published { fields, has_own_id, on_time });
    let again = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    (prop::collection::vec(one, 1..6), prop::collection::vec(again, 0..16)).prop_map(|(published, again)| {
        let count = published.len();
        let further = again.iter().map(|(which, after)| {
            let which = which.index(count);
            (which, which + after.index(count - which))
        });
        let missed = (0..count).filter(|number| !published[*number].on_time).map(|number| (number, count - 1));
        let further = further.chain(missed).collect();
        (published, further)
    })
}

/// An order, as the API holds it: the number of the amendment that was applied last to each field.
#[derive(Default)]
struct Stored {
    amended: Amended,
    fields: BTreeMap<Field, usize>,
}

impl Stored {
    /// Applies an amendment as the worker does.
    fn amend(&mut self, number: usize, Published { fields, has_own_id, .. }: &Published, stamp: Stamp) {
        let nth = u32::try_from(number).unwrap();
        let judged = self.amended.judge(ORDER, id(nth), *has_own_id, &stamp, &amendment(nth, fields));
        let set = LastWords::of(&judged.wanted);
        if judged.wanted != UpdateOrderInput::default() {
            self.fields.extend(set.fields().map(|field| (field, number)));
            self.amended.done(ORDER, Done { set, has_own_id: *has_own_id, ..done(nth, stamp, fields) });
        }
    }

    /// Fails unless each field is as the last amendment that sets it says.
    fn assert_last_of(&self, published: &[Published]) {
        for field in Field::iter() {
            let last = published.iter().rposition(|one| one.fields.contains(&field));
            assert_eq!(self.fields.get(&field).copied(), last, "{field:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn however_amendments_are_delivered_the_last_one_stands_in_each_field(
        (published, further) in deliveries(),
        witness in prop::sample::select(vec![Witness::Sequence, Witness::Time, Witness::Taken]),
    ) {
        let mut stored = Stored::default();
        let (mut now, mut first_taken) = (0, Vec::new());
        for (number, one) in published.iter().enumerate() {
            now += 1;
            first_taken.push(now);
            if one.on_time {
                stored.amend(number, one, told(witness, number, now, now, false));
            }
            for (number, _) in further.iter().filter(|(_, after)| *after == number) {
                now += 1;
                stored.amend(*number, &published[*number], told(witness, *number, first_taken[*number], now, true));
            }
        }
        stored.assert_last_of(&published);
    }

    #[test]
    fn with_sequences_the_last_amendment_stands_in_whatever_order_they_are_taken(
        (published, order) in deliveries().prop_flat_map(|(published, further)| {
            let numbers: Vec<_> = (0..published.len()).chain(further.iter().map(|(which, _)| *which)).collect();
            (Just(published), Just(numbers).prop_shuffle())
        }),
        late in any::<bool>(),
    ) {
        let mut stored = Stored::default();
        for (now, number) in order.into_iter().enumerate() {
            let now = i64::try_from(now).unwrap();
            stored.amend(number, &published[number], told(Witness::Sequence, number, now, now, late));
        }
        stored.assert_last_of(&published);
    }
}

/// The stamp of a delivery. Where another witness is there, nobody knows when a late message was taken first.
fn told(witness: Witness, number: usize, first_taken: i64, now: i64, may_be_late: bool) -> Stamp {
    let taken = at(if matches!(witness, Witness::Taken) { first_taken } else { now });
    let nth = i64::try_from(number).unwrap();
    Stamp {
        sequence: matches!(witness, Witness::Sequence).then(|| (nth + 8).to_string()),
        time: matches!(witness, Witness::Time).then(|| at(nth)),
        taken,
        may_be_late,
    }
}
