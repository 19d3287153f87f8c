//! Holds what was observed against what must be. Pure: a history in, a verdict out.
//! Not here: how the history came about, and how the verdict is shown.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bwp_sync::simulator::{Alias, Effect};
use rust_decimal::Decimal;

use crate::history::{History, How, SeenLetter, SeenResult, Sent};
use crate::model::{End, FAILED};

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Broken {
    /// The broker had the message; no queue has it, and its end is not told or has not happened.
    Lost,
    /// An order, a start, a result or a letter is there twice, or an order could be.
    Doubled,
    /// Another end than the right one.
    WrongCode,
    /// A letter for something that has been done.
    LetterForLiveOrder,
    /// An order's total is not that of its last amendment.
    WrongTotal,
}

/// Findings of the checker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Each with the order or message concerned and what is wrong.
    pub(crate) broken: Vec<(Broken, String)>,
    /// Results that came again, under the same id.
    pub(crate) seen_twice: usize,
    /// Orders with the total of an overtaken amendment. It lay in a retry queue while another worker took over and did the
    /// last one. Then it came to a third worker, which knew nothing of that. No promise is broken: the documentation says so.
    pub(crate) overtaken: Vec<String>,
}

impl Verdict {
    pub(crate) fn count(&self, of: Broken) -> usize {
        self.broken.iter().filter(|(broken, _)| *broken == of).count()
    }
}

/// Compares.
pub(crate) fn check(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    let orders = Orders::of(&history.effects);
    let results = by(&history.results, |result| &result.cause);
    let letters = by(&history.letters, |letter| &letter.message);
    let queued: BTreeSet<&str> = history.queued.iter().map(String::as_str).collect();
    let sent: BTreeMap<&str, &Sent> = history.sent.iter().map(|sent| (sent.id.as_str(), sent)).collect();
    for (id, sent) in &sent {
        let results = results.get(id).map_or(&[][..], Vec::as_slice);
        let superseded = results.iter().any(|result| result.outcome == "superseded");
        let seen = Seen {
            sent,
            results,
            letters: letters.get(id).map_or(&[], Vec::as_slice),
            queued: queued.contains(id),
            created: orders.created.contains_key(sent.order.as_str()),
            done: orders.have_done(sent) || (superseded && orders.have_overtaken(sent, &history.sent)),
        };
        verdict.broken.extend(seen.broken().map(|(broken, why)| (broken, format!("{id}: {why}"))));
    }
    let foreign = results.keys().chain(letters.keys()).filter(|id| !sent.contains_key(*id));
    let foreign = foreign.map(|id| (Broken::WrongCode, format!("{id:?}: nobody has sent this message")));
    verdict.broken.extend(foreign);
    verdict.broken.extend(orders.doubled());
    for (order, right, stands) in wrong_totals(history, &orders) {
        if was_overtaken(history, order, right, stands) {
            verdict.overtaken.push(order.to_owned());
        } else {
            let why = format!("{order}: expected {right} at last, got {:?}", orders.totals[order]);
            verdict.broken.push((Broken::WrongTotal, why));
        }
    }
    verdict.seen_twice = history.results.len() - distinct(&history.results, |result| &result.id);
    verdict
}

/// Everything seen of one message.
struct Seen<'a> {
    sent: &'a Sent,
    results: &'a [&'a SeenResult],
    letters: &'a [&'a SeenLetter],
    queued: bool,
    created: bool,
    /// Its request has been carried out.
    done: bool,
}

impl Seen<'_> {
    fn broken(&self) -> impl Iterator<Item = (Broken, String)> {
        [self.lost(), self.doubled(), self.wrong_end()].into_iter().flatten()
    }

    fn lost(&self) -> Option<(Broken, String)> {
        if self.queued {
            return None;
        }
        let told = !self.results.is_empty();
        let written = !self.letters.is_empty();
        let why = match (told, written) {
            (false, false) if self.sent.confirmed => "neither result nor letter",
            (false, true) => "a letter, but no result",
            (true, false) if self.failed() => "told as failed, but there is no letter",
            (true, false) if !self.done => "told as done, but it has not happened",
            (false, false) | (true, _) => return None,
        };
        Some((Broken::Lost, why.to_owned()))
    }

    fn doubled(&self) -> Option<(Broken, String)> {
        let results = distinct(self.results, |result| &result.id);
        let letters = distinct(self.letters, |letter| &letter.id);
        // a message that ended in two ways has an end that is wrong, and is counted there
        let kinds = distinct(self.results, |result| &result.kind);
        let found = results > kinds.max(1) || letters > 1;
        found.then(|| (Broken::Doubled, format!("{results} results and {letters} letters with ids of their own")))
    }

    fn wrong_end(&self) -> Option<(Broken, String)> {
        let codes: BTreeSet<&str> = self.letters.iter().map(|letter| letter.code.as_str()).collect();
        let told: BTreeSet<(&str, &str)> =
            self.results.iter().map(|result| (result.kind.as_str(), result.outcome.as_str())).collect();
        let seen = || format!("expected {:?}, got results {told:?} and letters {codes:?}", self.sent.end);
        match &self.sent.end {
            End::Letter(code) => {
                let wrong = codes.iter().any(|it| it != code) || told.iter().any(|it| *it != (FAILED, *code));
                if self.created {
                    return Some((Broken::WrongCode, format!("{}, and the order is there", seen())));
                }
                wrong.then(|| (Broken::WrongCode, seen()))
            }
            _ if self.failed() => {
                Some((if self.created { Broken::LetterForLiveOrder } else { Broken::WrongCode }, seen()))
            }
            End::Created | End::Started | End::Amended(_) | End::Paid(_) => {
                let wrong = told.iter().any(|(kind, _)| *kind != self.sent.end.result());
                wrong.then(|| (Broken::WrongCode, seen()))
            }
        }
    }

    fn failed(&self) -> bool {
        !self.letters.is_empty() || self.results.iter().any(|result| result.kind == FAILED)
    }
}

/// Every order's total must be that of its last amendment. The orders of which it is not: the right total, and the one that
/// stands.
fn wrong_totals<'a>(history: &'a History, orders: &Orders) -> Vec<(&'a str, Decimal, Decimal)> {
    let mut last: BTreeMap<&str, Decimal> = BTreeMap::new();
    for it in &history.sent {
        if let End::Amended(total) = &it.end {
            last.insert(&it.order, decimal(total));
        }
    }
    let wrong = last.into_iter().filter_map(|(order, right)| {
        // an order that has none has lost its amendments, which is counted there
        let stands = *orders.totals.get(order)?.last()?;
        (stands != right).then_some((order, right, stands))
    });
    wrong.collect()
}

/// Whether the amendment that stands was overtaken: it hopped, the last one was done, and then it was done itself. Each of
/// the two was done by a process of its own, and the second cannot know of the first.
fn was_overtaken(history: &History, order: &str, right: Decimal, stands: Decimal) -> bool {
    let amendment = |of: Decimal| {
        let gives = |it: &&Sent| it.order == order && matches!(&it.end, End::Amended(total) if decimal(total) == of);
        history.sent.iter().rev().find(gives).map(|sent| sent.id.as_str())
    };
    let (Some(last), Some(stale)) = (amendment(right), amendment(stands)) else { return false };
    let of = |message: &str, how: How| {
        let message = message.to_owned();
        history.handled.iter().filter(move |it| it.message == message && it.how == how)
    };
    of(stale, How::Hopped).any(|hop| {
        let mut overtaking = of(last, How::Done).filter(|done| done.at > hop.at);
        overtaking.any(|done| of(stale, How::Done).any(|late| late.at > done.at && late.process != done.process))
    })
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is no amount: {error}"))
}

/// Effects on the orders, by the shop's ids.
#[derive(Default)]
struct Orders<'a> {
    created: HashMap<&'a str, usize>,
    starts: HashMap<&'a str, usize>,
    /// All that each order was given by updates, oldest first.
    totals: HashMap<&'a str, Vec<Decimal>>,
    /// How often each payment was told.
    payments: HashMap<&'a str, usize>,
    nameless: usize,
}

impl<'a> Orders<'a> {
    fn of(effects: &'a [Effect]) -> Self {
        let (mut orders, mut names) = (Self::default(), HashMap::new());
        for effect in effects {
            let name = |order: &'a String| names.get(order.as_str()).copied().unwrap_or(order.as_str());
            match effect {
                Effect::Created { order, aliases, .. } => match name_of(aliases) {
                    Some(name) => {
                        names.insert(order.as_str(), name);
                        *orders.created.entry(name).or_default() += 1;
                    }
                    None => orders.nameless += 1,
                },
                Effect::Started { order } | Effect::StartRepeated { order } => {
                    *orders.starts.entry(name(order)).or_default() += 1;
                }
                Effect::Updated { order, total, .. } => {
                    let total = total.as_deref().map(decimal);
                    orders.totals.entry(name(order)).or_default().extend(total);
                }
                Effect::RefundPaid { payment, .. } => {
                    *orders.payments.entry(payment.as_deref().unwrap_or_default()).or_default() += 1;
                }
                Effect::RefundRequested { .. } | Effect::RefundUpdated { .. } => {}
            }
        }
        orders
    }

    /// Whether what a message asks for has happened.
    fn have_done(&self, sent: &Sent) -> bool {
        let order = sent.order.as_str();
        match &sent.end {
            End::Created => self.created.contains_key(order),
            End::Started => self.starts.contains_key(order),
            End::Amended(total) => self.totals.get(order).is_some_and(|totals| totals.contains(&decimal(total))),
            End::Paid(payment) => self.payments.contains_key(payment.as_str()),
            End::Letter(_) => false,
        }
    }

    /// Whether an amendment that was sent later has happened, so that this one need not any more.
    fn have_overtaken(&self, sent: &Sent, all: &[Sent]) -> bool {
        let is_amended = |it: &&Sent| it.order == sent.order && matches!(it.end, End::Amended(_));
        let mut of_order = all.iter().filter(is_amended).skip_while(|it| it.id != sent.id);
        of_order.next().is_some() && of_order.any(|later| self.have_done(later))
    }

    fn doubled(&self) -> impl Iterator<Item = (Broken, String)> {
        let several = |counts: &HashMap<&str, usize>, what: &str| {
            let several = counts.iter().filter(|(_, times)| **times > 1);
            several.map(|(name, times)| (Broken::Doubled, format!("{name}: {what} {times} times"))).collect::<Vec<_>>()
        };
        let nameless =
            (0..self.nameless).map(|_| (Broken::Doubled, "an order was created without its alias".to_owned()));
        [several(&self.created, "created"), several(&self.starts, "started"), several(&self.payments, "paid")]
            .into_iter()
            .flatten()
            .chain(nameless)
    }
}

fn name_of(aliases: &[Alias]) -> Option<&str> {
    aliases.iter().find(|alias| alias.alias_type == "EXTERNAL_ID").map(|alias| alias.alias_id.as_str())
}

fn by<'a, T>(seen: &'a [T], key: impl Fn(&'a T) -> &'a String) -> HashMap<&'a str, Vec<&'a T>> {
    let mut grouped: HashMap<&str, Vec<&T>> = HashMap::new();
    for it in seen {
        grouped.entry(key(it).as_str()).or_default().push(it);
    }
    grouped
}

fn distinct<T>(seen: &[T], key: impl Fn(&T) -> &String) -> usize {
    seen.iter().map(key).collect::<BTreeSet<_>>().len()
}
