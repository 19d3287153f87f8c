//! A refusal never repeats private data.
//!
//! Not here: the text of a refusal.

use serde_json::json;

use crate::places::places;
use crate::support::{changed, command, fixture, open, samples};

#[test]
fn a_name_in_the_wrong_place_is_not_repeated() {
    const SECRET: &str = "John Smith, 399 Boren Ave";
    let mut refused = 0;
    for name in samples("create-") {
        for place in &places(&serde_json::from_slice(&fixture("messages", &name)).unwrap()) {
            for planted in [json!(SECRET), json!([SECRET]), json!({ SECRET: SECRET }), json!(31415926)] {
                let body = changed(&name, |message| *message.pointer_mut(place).unwrap() = planted);
                let Err(rejection) = command(&body) else { continue };
                refused += 1;
                assert!(!rejection.message.contains("John"), "{place}: {}", rejection.message);
                let counts = ["total", "unitPrice", "quantity", "charge", "discount", "tax", "price"];
                let shown = rejection.message.contains("31415926");
                assert!(!shown || counts.iter().any(|field| place.ends_with(field)), "{place}: {}", rejection.message);
            }
        }
    }
    assert!(refused > 500, "only {refused} were refused");
}

#[test]
fn a_token_is_not_in_what_a_developer_prints() {
    let command = command(&fixture("messages", "create-lwa")).unwrap();
    assert!(!format!("{command:?}").contains("example-lwa-token"));
}

#[test]
fn an_unknown_type_is_named_without_what_is_somebodys_own() {
    let said = |name: &str| open(&changed("create-lwa", |message| message["type"] = json!(name))).unwrap_err().message;
    let kinds = "type: expected one of checkout-completed, fulfillment-triggered, order-amended, refund-updated, got";
    assert_eq!(said("cart.abandoned"), format!("{kinds} \"cart.abandoned\""));
    assert_eq!(said("orders/create, Shop.Events"), format!("{kinds} \"orders/create, Shop.Events\""));
    assert_eq!(said("\u{1b}[2J\u{202e}"), format!("{kinds} \"\\u{{1b}}[2J\\u{{202e}}\""));
    assert_eq!(said("John Smith"), format!("{kinds} \"[…]\""));
    assert!(said(&"x".repeat(5000)).len() < 400);
}
