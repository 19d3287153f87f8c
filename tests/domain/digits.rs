//! Every amount of every kind of message goes out with the digits that it came in with, and is compared by them.
//!
//! Not here: reading and writing of a single amount; see `src/domain/money.rs`.

use bwp_sync::domain::amendment_left;
use bwp_sync::domain::command::Command;
use bwp_sync::domain::order::Alias;
use bwp_sync::domain::refunds_left::left_of;
use bwp_sync::domain::rules::Rules;
use bwp_sync::domain::stored::{StoredLine, StoredMoney, StoredOrder};
use serde_json::{Value, json};

use crate::places::places;
use crate::support::{changed, command, fixture, samples};

/// More than a floating-point number can hold, and zeros at the end.
const DIGITS: &str = "1234567890123456.78900";
/// Fields that are amounts.
const AMOUNTS: [&str; 7] = ["amount", "charge", "discount", "price", "tax", "total", "unitPrice"];

/// The input of a message's call, as it is sent for an order that shows nothing of it.
fn sent(body: &[u8]) -> String {
    let sent = match command(body).unwrap() {
        Command::CreateOrder(create) => serde_json::to_string(&create.input),
        Command::StartFulfillment(start) => serde_json::to_string(&start.input),
        Command::AmendOrder(amend) => serde_json::to_string(&amend.input),
        Command::UpdateRefunds(update) => {
            let line = StoredLine {
                id: Some("example-line-item-id".into()),
                aliases: Some(vec![Alias::new("EXTERNAL_ITEM_ID", "external-line-item-id")]),
                ..StoredLine::default()
            };
            let order = StoredOrder { lines: Some(vec![line]), refunds: Some(Vec::new()), ..StoredOrder::default() };
            serde_json::to_string(&left_of(&update, &order, "EXTERNAL_ITEM_ID", &Rules::default()).unwrap().details)
        }
    };
    sent.unwrap()
}

#[test]
fn every_amount_of_every_kind_of_message_goes_out_digit_for_digit() {
    let mut planted = Vec::new();
    for name in ["create-", "full-", "amend-", "refund-"].into_iter().flat_map(samples) {
        let message: Value = serde_json::from_slice(&fixture("messages", &name)).unwrap();
        let is_amount = |place: &&String| {
            let field = place.rsplit('/').next().unwrap_or_default();
            AMOUNTS.contains(&field) && message.pointer(place).is_some_and(|it| it.is_string() || it.is_number())
        };
        for place in places(&message).iter().filter(is_amount) {
            let body = changed(&name, |message| *message.pointer_mut(place).unwrap() = json!(DIGITS));
            let sent = sent(&body);
            assert!(sent.contains(&format!(r#""amount":{DIGITS},"#)), "{name}, {place}: {sent}");
            planted.push(place.rsplit('/').next().unwrap_or_default().to_owned());
        }
    }
    planted.sort();
    planted.dedup();
    assert_eq!(planted, AMOUNTS, "each field is in one of the messages");
}

#[test]
fn an_amount_that_the_api_shows_is_the_wanted_one_only_digit_for_digit() {
    let body = changed("amend-everything", |message| message["data"]["total"] = json!(DIGITS));
    let Ok(Command::AmendOrder(amend)) = command(&body) else { panic!("not an amendment") };
    for (shown, is_left) in [(DIGITS, false), ("1234567890123456.789", false), ("1234567890123456.78901", true)] {
        let total = Some(StoredMoney { amount: shown.parse().unwrap(), currency: None });
        let left = amendment_left::left_of(&amend.input, &StoredOrder { total, ..StoredOrder::default() });
        assert_eq!(left.total_price.is_some(), is_left, "{shown}");
    }
}
