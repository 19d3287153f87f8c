//! Lives of single orders: their messages in the order of delivery, with the expected end of each.
//! Not here: the interleaving of many orders.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::data::{BREAKS, checkout, checkout_of, prime_checkout};
use crate::plan::{Effects, End, Message, event};
use crate::update_data::{
    BROKEN_AMENDMENTS, BROKEN_REFUNDS, about, amendment, dollars, payment, refund, refunds, with_alias,
};

pub(crate) const CHECKOUT: &str = "checkout-completed";
pub(crate) const FULFILLMENT: &str = "fulfillment-triggered";
pub(crate) const AMENDMENT: &str = "order-amended";
pub(crate) const REFUND: &str = "refund-updated";

const CREATED: End = End::Done(&["created", "already-existed"]);
const STARTED: End = End::Done(&["updated", "already-started"]);
const CHANGED: End = End::Done(&["updated"]);
/// Ends of a redelivered update, which changes no field. The outcome depends on whether an earlier answer was lost.
const AMENDED_AGAIN: End = End::Done(&["updated", "unchanged", "superseded"]);
const REFUNDED_AGAIN: End = End::Done(&["updated", "unchanged", "superseded"]);
const NOT_FOUND: End = End::Letter("BwpSync/OrderNotFound");
const ANOTHERS: End = End::Letter("BwpSync/AliasBelongsToAnotherOrder");

/// Products whose create the simulator refuses, with the expected dead letters.
pub(crate) const REFUSED_CREATES: [(&str, &str); 5] = [
    ("sim-ItemOutOfStock", "ValidationError/ItemOutOfStock"),
    ("sim-ShopperNotPrime", "ValidationError/ShopperNotPrime"),
    ("sim-AddressMismatch", "ValidationError/AddressMismatch"),
    ("sim-ExpiredIdpToken", "ValidationError/ExpiredIdpToken"),
    ("sim-ItemUnavailableWithPrime", "ValidationError/ItemUnavailableWithPrime"),
];
/// Product whose updates the simulator refuses, with the expected dead letter.
pub(crate) const REFUSED_UPDATE: (&str, &str) =
    ("sim-update-InvalidOrderExecutionState", "ValidationError/InvalidOrderExecutionState");

/// Generator of lives, with the expected effects.
pub(crate) struct Lives<'r> {
    random: &'r mut Rng,
    orders: usize,
    messages: usize,
    /// Checkouts of the orders that others collide with.
    owned: Vec<Value>,
    pub(crate) owners: Vec<Message>,
    pub(crate) effects: Effects,
    pub(crate) lost: Vec<String>,
}

impl<'r> Lives<'r> {
    /// A generator with this number of orders that others collide with.
    pub(crate) fn new(random: &'r mut Rng, owners: usize) -> Self {
        let (effects, owned, lost) = (Effects::default(), Vec::new(), Vec::new());
        let mut lives = Self { random, orders: 0, messages: 0, owned, owners: Vec::new(), effects, lost };
        for _ in 0..owners {
            let order = lives.order();
            let mut data = checkout(lives.random, &order);
            data["order"]["displayId"] = json!(format!("#{order}"));
            data["order"]["aliases"] = json!([{ "type": "ERP_ID", "id": order }]);
            lives.owned.push(data.clone());
            let message = lives.create(&order, &data);
            lives.owners.push(message);
        }
        lives
    }

    /// The life of a new order.
    pub(crate) fn next(&mut self) -> Vec<Message> {
        let order = self.order();
        match self.random.u8(0..100) {
            0..64 => self.good(&order),
            64..70 => self.refused(&order),
            70..78 => self.broken(&order),
            78..82 => self.orphaned(&order),
            82..88 => self.colliding(&order),
            88..91 => self.cancelled(&order),
            91..94 => self.not_to_be_started(&order),
            94..98 => self.lost(&order),
            _ => vec![self.unreadable()],
        }
    }

    /// An order that is created and updated, with invalid messages in between.
    fn good(&mut self, order: &str) -> Vec<Message> {
        let mut data = checkout(self.random, order);
        let with_order = self.random.u8(0..10) == 0;
        if with_order {
            data["startFulfillment"] = json!(true);
        }
        let create = self.create(order, &data);
        let started = self.random.u8(0..10) < 7;
        if with_order || started {
            self.effects.started.insert(order.to_owned(), 1);
        }
        let mut early = Vec::new();
        let mut threads = Vec::new();
        if started {
            let trigger = vec![self.message(order, FULFILLMENT, &about(order), STARTED)];
            if self.random.u8(0..5) == 0 { early.extend(trigger) } else { threads.push(trigger) }
        }
        let mut amendments = self.amendments(order);
        // a message that waits for its order does not hold others up: later ones may be done before it
        if amendments.len() == 1 && self.random.u8(0..5) == 0 {
            early.push(amendments.remove(0));
        } else {
            threads.push(self.with_broken_amendment(order, amendments));
        }
        let mut told = self.refunds(order);
        if told.len() == 1 && self.random.u8(0..5) == 0 {
            early.push(told.remove(0));
        } else {
            threads.push(self.with_broken_refund(order, told));
        }
        let early: Vec<_> = early.into_iter().flat_map(|message| self.perhaps_again(message)).collect();
        let mut life = early;
        life.extend(self.perhaps_again(create.clone()));
        let after: Vec<Vec<Message>> = threads
            .into_iter()
            .map(|thread| thread.into_iter().flat_map(|message| self.perhaps_again(message)).collect())
            .collect();
        life.extend(self.mixed(after));
        if self.random.u8(0..20) == 0 {
            life.push(Message { redelivered: true, ..create });
        }
        life
    }

    /// Amendments, each with a different total.
    fn amendments(&mut self, order: &str) -> Vec<Message> {
        let count = *self.random.choice(&[0, 0, 1, 1, 2, 3]).unwrap();
        let amend = |_| {
            let cents = 100_000 + u32::try_from(self.messages).unwrap();
            let mut data = amendment(self.random, order, cents);
            if self.random.bool() {
                // the order has this alias from the second time on
                data["addAliases"] = json!([{ "type": "ERP_ID", "id": order }]);
            }
            self.effects.totals.insert(order.to_owned(), dollars(cents));
            self.message(order, AMENDMENT, &data, CHANGED)
        };
        (0..count).map(amend).collect()
    }

    fn with_broken_amendment(&mut self, order: &str, mut amendments: Vec<Message>) -> Vec<Message> {
        let broken = match self.random.u8(0..20) {
            0 | 1 => {
                let (letter, data) = *self.random.choice(&BROKEN_AMENDMENTS).unwrap();
                self.message(order, AMENDMENT, &data(order), End::Letter(letter))
            }
            2 => {
                let alias = self.owner()["order"]["aliases"][0].clone();
                self.message(order, AMENDMENT, &with_alias(order, &alias), ANOTHERS)
            }
            _ => return amendments,
        };
        amendments.insert(self.random.usize(..=amendments.len()), broken);
        amendments
    }

    /// A refund that the shop opened, step by step. Payments that were reported before may be repeated.
    fn refunds(&mut self, order: &str) -> Vec<Message> {
        let steps = *self.random.choice(&[0_u32, 0, 1, 1, 2, 3]).unwrap();
        let (mut payments, mut told, mut total) = (Vec::new(), Vec::new(), 0);
        if steps > 1 && self.random.u8(0..3) == 0 {
            let data = refunds(order, vec![refund("R-1", "FAILURE", 0, &[])]);
            told.push(self.message(order, REFUND, &data, CHANGED));
        }
        for step in 1..=steps {
            let (id, cents) = (format!("pay {order} {step}"), self.random.u32(1..900));
            total += cents;
            let new = payment(&id, cents);
            self.effects.payments.insert(id, 1);
            payments.push(new.clone());
            let state = if step == steps { "SUCCESS" } else { "PARTIAL" };
            let mut refund = refund(
                "R-1",
                state,
                total,
                if self.random.bool() { &payments } else { &payments[payments.len() - 1..] },
            );
            if self.random.bool() {
                refund["lines"] = json!([{ "lineId": "1", "quantity": 1 }]);
            }
            self.effects.refunds.insert(format!("{order} R-1"), format!("{state} {}", dollars(total)));
            told.push(self.message(order, REFUND, &refunds(order, vec![refund]), CHANGED));
        }
        told
    }

    fn with_broken_refund(&mut self, order: &str, mut told: Vec<Message>) -> Vec<Message> {
        match self.random.u8(0..20) {
            0 | 1 => {
                let (letter, data) = *self.random.choice(&BROKEN_REFUNDS).unwrap();
                let message = self.message(order, REFUND, &data(order), End::Letter(letter));
                told.insert(self.random.usize(..=told.len()), message);
            }
            2 | 3 if !told.is_empty() => {
                // a paid refund cannot fail, and the amount of a payment cannot change
                let failed = refund("R-1", "FAILURE", 90_000, &[]);
                let more = refund("R-1", "SUCCESS", 90_000, &[payment(&format!("pay {order} 1"), 89_000)]);
                for (refund, letter) in
                    [(failed, "LocalValidation/InvalidRefundStateTransition"), (more, "BwpSync/InvalidMessage")]
                {
                    told.push(self.message(order, REFUND, &refunds(order, vec![refund]), End::Letter(letter)));
                }
            }
            _ => {}
        }
        told
    }

    /// An order that the API always refuses, and messages that wait for it in vain.
    fn refused(&mut self, order: &str) -> Vec<Message> {
        let (product, letter) = *self.random.choice(&REFUSED_CREATES).unwrap();
        let data = checkout_of(self.random, order, product);
        let create = self.message(order, CHECKOUT, &data, End::Letter(letter));
        self.in_vain(order, create)
    }

    /// An order that the worker, or a rule of the API, refuses.
    fn broken(&mut self, order: &str) -> Vec<Message> {
        let (letter, damage) = *self.random.choice(&BREAKS).unwrap();
        let mut data = prime_checkout(self.random, order);
        damage(&mut data);
        let create = self.message(order, CHECKOUT, &data, End::Letter(letter));
        self.in_vain(order, create)
    }

    fn in_vain(&mut self, order: &str, create: Message) -> Vec<Message> {
        let mut life = self.perhaps_again(create);
        let waiting = if self.random.bool() { Vec::new() } else { self.orphaned(order) };
        let at = self.random.usize(..=life.len());
        life.splice(at..at, waiting);
        life
    }

    /// Messages of an order that is never created.
    fn orphaned(&mut self, order: &str) -> Vec<Message> {
        let refund = refunds(order, vec![refund("R-1", "PARTIAL", 500, &[payment(&format!("never {order}"), 500)])]);
        let amendment = amendment(self.random, order, 100);
        let all = [(FULFILLMENT, about(order)), (AMENDMENT, amendment), (REFUND, refund)];
        let message = |(kind, data): &(&'static str, Value)| self.message(order, kind, data, NOT_FOUND);
        let mut life: Vec<_> = all.iter().map(message).collect();
        self.random.shuffle(&mut life);
        life.truncate(self.random.usize(1..=3));
        life
    }

    /// A create with an alias of an existing order.
    fn colliding(&mut self, order: &str) -> Vec<Message> {
        let mut owner = self.owner();
        let mut data = checkout(self.random, order);
        match self.random.u8(0..3) {
            0 => data["order"]["aliases"] = owner["order"]["aliases"].take(),
            1 => data["order"]["displayId"] = owner["order"]["displayId"].take(),
            _ => {
                // an equal order id for a different order
                owner["lines"][0]["quantity"] = json!(77);
                owner["lines"][0]["delivery"] = json!({ "by": "merchant", "message": "soon", "locale": "en-US" });
                let order = owner["order"]["id"].as_str().unwrap().to_owned();
                return vec![self.message(&order, CHECKOUT, &owner, ANOTHERS)];
            }
        }
        let create = self.message(order, CHECKOUT, &data, ANOTHERS);
        self.in_vain(order, create)
    }

    fn cancelled(&mut self, order: &str) -> Vec<Message> {
        let data = checkout_of(self.random, order, "sim-Cancelled");
        let letter = End::Letter("LocalValidation/ExecutionCannotBeStartedDueToCancellation");
        vec![self.create(order, &data), self.message(order, FULFILLMENT, &about(order), letter)]
    }

    fn not_to_be_started(&mut self, order: &str) -> Vec<Message> {
        let (product, letter) = REFUSED_UPDATE;
        let data = checkout_of(self.random, order, product);
        vec![self.create(order, &data), self.message(order, FULFILLMENT, &about(order), End::Letter(letter))]
    }

    /// A create that took effect while its answer was lost, and is then refused for an alias of its own.
    fn lost(&mut self, order: &str) -> Vec<Message> {
        self.lost.push(order.to_owned());
        let data = checkout(self.random, order);
        let create = self.create(order, &data);
        self.perhaps_again(create)
    }

    /// A message that the worker cannot read or does not support.
    fn unreadable(&mut self) -> Message {
        let unknown = event(self.messages, "order-cancelled", &about("SO-1"));
        let (body, letter) = match self.random.u8(0..3) {
            0 => (unknown, "BwpSync/UnsupportedMessage"),
            1 => (format!("not JSON {}", self.messages).into_bytes(), "BwpSync/InvalidMessage"),
            _ => (event(self.messages, CHECKOUT, &json!([])), "BwpSync/InvalidMessage"),
        };
        self.messages += 1;
        let end = End::Letter(letter);
        Message { order: String::new(), kind: "unreadable", body, redelivered: false, end }
    }

    fn order(&mut self) -> String {
        self.orders += 1;
        format!("SO-{}", self.orders)
    }

    fn owner(&mut self) -> Value {
        self.random.choice(&self.owned).unwrap().clone()
    }

    fn create(&mut self, order: &str, data: &Value) -> Message {
        self.effects.created.insert(order.to_owned(), 1);
        self.message(order, CHECKOUT, data, CREATED)
    }

    fn message(&mut self, order: &str, kind: &'static str, data: &Value, end: End) -> Message {
        self.messages += 1;
        Message { order: order.to_owned(), kind, body: event(self.messages, kind, data), redelivered: false, end }
    }

    /// A message, sometimes with a duplicate right after it.
    fn perhaps_again(&mut self, message: Message) -> Vec<Message> {
        if self.random.u8(0..10) != 0 {
            return vec![message];
        }
        let end = match (message.kind, message.end) {
            (AMENDMENT, End::Done(_)) => AMENDED_AGAIN,
            (REFUND, End::Done(_)) => REFUNDED_AGAIN,
            (_, end) => end,
        };
        let redelivered = self.random.bool();
        let first = Message { end, ..message.clone() };
        vec![first, Message { redelivered, end, ..message }]
    }

    /// Interleaves threads; each keeps its order.
    fn mixed(&mut self, mut threads: Vec<Vec<Message>>) -> Vec<Message> {
        threads.iter_mut().for_each(|thread| thread.reverse());
        let mut mixed = Vec::new();
        while !threads.is_empty() {
            let index = self.random.usize(..threads.len());
            match threads[index].pop() {
                Some(message) => mixed.push(message),
                None => drop(threads.swap_remove(index)),
            }
        }
        mixed
    }
}
