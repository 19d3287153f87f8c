//! Functions that a program may call: those of jq without its ways out of the program, and exact money.
//!
//! Not here: running a program.

use jaq_core::data::JustLut;
use jaq_core::load::parse::Def;
use jaq_core::native::{Fun, bome, run, v};
use jaq_json::{Error, Num, Rc, Val, ValR};

use super::decimal::Exact;

/// Values that natives work on.
pub(super) type Data = JustLut<Val>;

/// Natives that end the process, show its environment, read a clock or write to its log.
const WAYS_OUT: [&str; 7] = ["halt", "env", "now", "debug_empty", "stderr_empty", "localtime", "strflocaltime"];
/// Definitions that need one of them.
const DEFINED_BY_THEM: [&str; 4] = ["halt", "halt_error", "debug", "stderr"];

/// Reasons of the money functions. None has a value in it.
const NO_DECIMAL: &str = "a money function got no exact decimal: expected a number or its text, at most 38 digits";
const INEXACT: &str = "a money function got a number that arithmetic has made inexact: use `money_sum`, `money_mul` and \
                       their like instead of `+` and `*`";
const NO_LIST: &str = "`money_sum`: expected a list of amounts";
const NO_DIGITS: &str = "a money function got no number of digits from 0 to 30";
const NO_PARTS: &str = "`money_div`: expected a whole number of parts, at least 1";
const NOT_WHOLE: &str = "`money_minor`: expected a whole number of the smallest unit";
const TOO_LONG: &str = "a money function would need more than 38 digits";

/// Reasons of errors that hold no value: those above, and those that jq's own definitions raise.
pub(super) const REASONS: [&str; 10] = [
    NO_DECIMAL,
    INEXACT,
    NO_LIST,
    NO_DIGITS,
    NO_PARTS,
    NOT_WHOLE,
    TOO_LONG,
    "cannot parse as number",
    "cannot parse as boolean",
    "split input and separator must be strings",
];

/// Definitions in jq.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let all = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(|def| !DEFINED_BY_THEM.contains(&def.name))
}

/// Natives.
pub(super) fn natives() -> impl Iterator<Item = Fun<Data>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.filter(|(name, ..)| !WAYS_OUT.contains(name)).chain(money())
}

fn money() -> impl Iterator<Item = Fun<Data>> {
    let functions: [jaq_core::native::Filter<jaq_core::RunPtr<Data>>; 8] = [
        ("money_sum", v(0), |cv| bome(sum(&cv.1))),
        ("money_neg", v(0), |cv| bome(amount(&cv.1).and_then(|it| shown(it.neg())))),
        ("money_sub", v(2), |mut cv| {
            let (other, one) = (cv.0.pop_var(), cv.0.pop_var());
            bome(both(&one, &other).and_then(|(one, other)| shown(other.neg().and_then(|other| one.add(other)))))
        }),
        ("money_mul", v(2), |mut cv| {
            let (other, one) = (cv.0.pop_var(), cv.0.pop_var());
            bome(both(&one, &other).and_then(|(one, other)| shown(one.mul(other))))
        }),
        ("money_cmp", v(2), |mut cv| {
            let (other, one) = (cv.0.pop_var(), cv.0.pop_var());
            let order = both(&one, &other).and_then(|(one, other)| one.compare(other).ok_or_else(|| said(TOO_LONG)));
            bome(order.map(|order| Val::from(order as isize)))
        }),
        ("money_minor", v(1), |mut cv| {
            let digits = cv.0.pop_var();
            bome(digits_of(&digits).and_then(|digits| {
                let minor = amount(&cv.1)?.of_minor(digits);
                minor.map(|it| text(&it)).ok_or_else(|| said(NOT_WHOLE))
            }))
        }),
        ("money_round", v(1), |mut cv| {
            let digits = cv.0.pop_var();
            bome(digits_of(&digits).and_then(|digits| shown(amount(&cv.1)?.rounded(digits))))
        }),
        ("money_div", v(2), |mut cv| {
            let (digits, parts) = (cv.0.pop_var(), cv.0.pop_var());
            bome(share(&cv.1, &parts, &digits))
        }),
    ];
    functions.into_iter().map(run::<Data>)
}

fn sum(list: &Val) -> ValR {
    let Val::Arr(list) = list else { return Err(said(NO_LIST)) };
    let add = |sum: Exact, value| sum.add(amount(value)?).ok_or_else(|| said(TOO_LONG));
    list.iter().try_fold(Exact::ZERO, add).map(|sum| text(&sum))
}

fn share(whole: &Val, parts: &Val, digits: &Val) -> ValR {
    let (whole, digits) = (amount(whole)?, digits_of(digits)?);
    let parts = amount(parts)?.whole().filter(|parts| *parts > 0).ok_or_else(|| said(NO_PARTS))?;
    let (each, left) = whole.shared(parts, digits).ok_or_else(|| said(TOO_LONG))?;
    let fields = [("each", each), ("left", left)].map(|(name, it)| (Val::from(name.to_owned()), text(&it)));
    Ok(Val::Obj(Rc::new(fields.into_iter().collect())))
}

fn both(one: &Val, other: &Val) -> Result<(Exact, Exact), Error> {
    Ok((amount(one)?, amount(other)?))
}

fn amount(value: &Val) -> Result<Exact, Error> {
    let read = match value {
        Val::Num(Num::Float(_)) => return Err(said(INEXACT)),
        Val::Num(number) => Exact::of(&number.to_string()),
        Val::TStr(text) => std::str::from_utf8(text).ok().and_then(Exact::of),
        Val::Null | Val::Bool(_) | Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => None,
    };
    read.ok_or_else(|| said(NO_DECIMAL))
}

fn digits_of(value: &Val) -> Result<u32, Error> {
    let digits = amount(value)?.whole().and_then(|digits| u32::try_from(digits).ok());
    digits.filter(|digits| *digits <= 30).ok_or_else(|| said(NO_DIGITS))
}

fn shown(exact: Option<Exact>) -> ValR {
    exact.map(|it| text(&it)).ok_or_else(|| said(TOO_LONG))
}

fn text(exact: &Exact) -> Val {
    Val::from(exact.to_string())
}

fn said(reason: &str) -> Error {
    Error::str(reason)
}
