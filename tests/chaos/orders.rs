//! Messages of the shop: orders of every sort, drawn from a seed, some twice and some in the wrong order.
//! Not here: what must come of them; see `model`.

use std::collections::VecDeque;

use fastrand::Rng;
use serde::Deserialize;
use serde_json::json;

use crate::messages::{Message, Told, checkout_event, checkout_of, fulfillment, numbered, refund, structured};

/// Subject of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A checkout that can be done, at once or after a failure that passes.
    Checkout,
    /// A checkout that the API refuses with this code.
    Refused(&'static str),
    /// Fulfillment of an order that is created by another message.
    Trigger,
    /// The order has this total from now on.
    Amendment(String),
    /// A refund with a payment of this id.
    Refund(String),
    /// A checkout that cannot be read.
    Broken,
    /// Of a kind that nobody handles.
    Unsupported,
    /// A checkout that ends every process which tries to create its order.
    Poison,
}

/// A message that is to be published.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The message's id, by which results and letters name it.
    pub(crate) id: String,
    /// The shop's order id.
    pub(crate) order: String,
    pub(crate) what: What,
    pub(crate) message: Message,
}

/// Which sorts of orders there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mix {
    /// All of them.
    Everything,
    /// Those that end well.
    GoodOnly,
}

/// Codes with which the API refuses an order for good.
pub(crate) const REFUSALS: [&str; 4] =
    ["ItemOutOfStock", "AddressMismatch", "ShopperNotPrime", "InvalidItemIdentifier"];
/// Failures that pass: named in the order, they hit its first create alone.
const PASSING: [&str; 5] = [
    "sim-Http500-once",
    "sim-NonJson-once",
    "sim-DropAfterEffect-once",
    "sim-Http502AfterEffect-once",
    "sim-Http429-once",
];
/// Orders that are under way at the same time, so that their messages mingle.
const MINGLED: usize = 8;

/// The shop's messages, without end. A seed always gives equal messages in an equal order.
pub(crate) struct Shop {
    name: String,
    mix: Mix,
    /// Ways in which it may tell the order of an order's amendments.
    told: &'static [Told],
    rng: Rng,
    orders: usize,
    under_way: Vec<VecDeque<Planned>>,
    pub(crate) repeated: usize,
    pub(crate) shuffled: usize,
}

impl Shop {
    pub(crate) fn new(name: &str, mix: Mix, untold: bool, seed: u64) -> Self {
        let all = &[Told::Time, Told::TimeAndSequence, Told::Nothing];
        Self {
            name: name.to_owned(),
            mix,
            told: if untold { all } else { &all[..2] },
            rng: Rng::with_seed(seed),
            orders: 0,
            under_way: Vec::new(),
            repeated: 0,
            shuffled: 0,
        }
    }

    /// How many orders were begun.
    pub(crate) fn orders(&self) -> usize {
        self.orders
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Planned {
        while self.under_way.len() < MINGLED {
            let messages = self.order();
            self.under_way.push(messages);
        }
        let chosen = self.rng.usize(..self.under_way.len());
        let next = self.under_way[chosen].pop_front();
        self.under_way.retain(|messages| !messages.is_empty());
        next.expect("an order under way has a message")
    }

    /// Messages that are left of the orders that were begun.
    pub(crate) fn rest(&mut self) -> Vec<Planned> {
        std::mem::take(&mut self.under_way).into_iter().flatten().collect()
    }

    fn order(&mut self) -> VecDeque<Planned> {
        self.orders += 1;
        let order = format!("SO-{}-{}", self.name, self.orders);
        let drawn = match self.mix {
            Mix::Everything => self.rng.u32(..100),
            Mix::GoodOnly => 99,
        };
        let mut messages = match drawn {
            0..6 => {
                let code = REFUSALS[self.rng.usize(..REFUSALS.len())];
                vec![checkout(&order, &refused_product(code), What::Refused(code))]
            }
            6..9 => vec![broken(&order)],
            9..11 => vec![unsupported(&order)],
            11..21 => vec![checkout(&order, PASSING[self.rng.usize(..PASSING.len())], What::Checkout)],
            _ => self.good(&order),
        };
        // an amendment that came again after the next would rightly undo it
        if self.rng.u32(..100) < 5 && messages.iter().all(|message| !matches!(message.what, What::Amendment(_))) {
            let repeated = messages[self.rng.usize(..messages.len())].clone();
            messages.push(repeated);
            self.repeated += 1;
        }
        messages.into()
    }

    /// A checkout with what follows it, of which fulfillment sometimes comes first.
    fn good(&mut self, order: &str) -> Vec<Planned> {
        let mut messages = vec![checkout(order, "example-product-id", What::Checkout)];
        if self.rng.u32(..100) < 40 {
            messages.push(planned(order, What::Trigger, fulfillment(order)));
            if self.rng.u32(..100) < 15 {
                messages.reverse();
                self.shuffled += 1;
            }
        }
        let told = self.told[self.orders % self.told.len()];
        for amendment in 1..=self.rng.u32(..12).saturating_sub(8) {
            let message = numbered(order, amendment, told);
            messages.push(planned(order, What::Amendment(format!("{amendment}.00")), message));
        }
        if self.rng.u32(..100) < 10 {
            let payment = format!("payment of {order}");
            messages.push(planned(order, What::Refund(payment.clone()), refund(order, &payment)));
        }
        messages
    }
}

/// The product that the API refuses with this code: the simulator does so by itself, with or without a rule.
pub(crate) fn refused_product(code: &str) -> String {
    format!("sim-{code}")
}

/// A checkout that ends whoever tries to create its order.
pub(crate) fn poison(order: &str) -> Planned {
    checkout(order, "example-product-id", What::Poison)
}

fn checkout(order: &str, product: &str, what: What) -> Planned {
    planned(order, what, checkout_of(order, product))
}

fn broken(order: &str) -> Planned {
    let mut event = checkout_event(order);
    event["data"]["lines"][0]["quantity"] = json!(-1);
    planned(order, What::Broken, structured(&event))
}

fn unsupported(order: &str) -> Planned {
    let mut event = checkout_event(order);
    event["type"] = json!("parcel-lost");
    let message = Message { key: "checkout-completed".to_owned(), ..structured(&event) };
    planned(order, What::Unsupported, message)
}

fn planned(order: &str, what: What, message: Message) -> Planned {
    let id = message.properties.message_id().as_ref().expect("a message has an id").to_string();
    Planned { id, order: order.to_owned(), what, message }
}

#[test]
fn the_same_seed_gives_the_same_messages() {
    let drawn = |seed| {
        let mut shop = Shop::new("one", Mix::Everything, true, seed);
        (0..200).map(|_| shop.next()).map(|it| (it.id, it.message.body)).collect::<Vec<_>>()
    };
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
}
