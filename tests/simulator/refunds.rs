//! Changes and refusals of refunds in `updateOrder`.
//! Not here: other parts of an update (`updates`).

use bwp_sync::simulator::{Effect, RefundState};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Rig, by_alias, json_of, order, refusal};

const OLD: &str = "2024-04-01";
const NEW: &str = "2024-11-01";

/// Every field of refunds that both versions show.
const READ_REFUNDS: &str = "query($orderIdentifier: OrderIdentifierInput!) { order(orderIdentifier: $orderIdentifier) {
    refunds { details { id aliases { aliasType aliasId } createdAt updatedAt state refundRequestReason
        refundStatusReason refundTotal { totalAmount { amount currencyCode } }
        paymentDetails { id amount { amount } state paymentMethod { displayString type } }
        refundFor { orderLineItems { lineItem { id aliases { aliasId } } } } } } } }";

async fn rig_with_order() -> Rig {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    rig
}

/// The order of [`rig_with_order`] with a refund that its shopper requested.
async fn rig_with_refund() -> (Rig, String) {
    let rig = rig_with_order().await;
    let id = rig.simulator.request_refund("SO-1").unwrap();
    (rig, id)
}

async fn update(rig: &Rig, details: Value) -> Value {
    rig.update("SO-1", &json!({ "refunds": { "details": details } })).await
}

async fn refunds(rig: &Rig) -> Vec<Value> {
    let answer = rig.call(READ_REFUNDS, &json!({ "orderIdentifier": by_alias("SO-1") })).await;
    answer["data"]["order"]["refunds"]["details"].as_array().unwrap().clone()
}

fn alias(id: &str) -> Value {
    json!([{ "aliasType": "EXTERNAL_REFUND_ID", "aliasId": id }])
}

fn total(amount: &str) -> Value {
    json!({ "totalAmount": { "amount": amount, "currencyCode": "USD" } })
}

fn payment(id: &str, amount: &str) -> Value {
    json!([{ "id": id, "amount": { "amount": amount, "currencyCode": "USD" },
        "paymentMethod": { "displayString": "Visa ending in 1234", "type": "CARD" }, "state": "SUCCESS" }])
}

#[tokio::test]
async fn a_refund_of_the_shops_begins_with_its_first_update_and_is_found_by_its_alias() {
    let rig = rig_with_order().await;
    assert!(refunds(&rig).await.is_empty());
    let first = json!([{ "aliases": alias("R-1"), "state": "PARTIAL", "refundTotal": total("4.00"),
        "refundRequestReason": "NOT_DELIVERED", "paymentDetails": payment("PAY-1", "4.00"),
        "refundFor": { "orderLineItems": [{ "lineItemId": { "lineItemId": "322-ABC1-AAAAAA-1" } }] } }]);
    assert_eq!(update(&rig, first).await.get("errors"), None);
    let second = json!([{ "aliases": alias("R-1"), "state": "SUCCESS", "refundTotal": total("10.00"),
        "paymentDetails": payment("PAY-2", "6.00") }]);
    assert_eq!(update(&rig, second).await.get("errors"), None);

    let [refund] = &refunds(&rig).await[..] else { panic!("expected one refund") };
    let id = refund["id"].as_str().unwrap();
    assert!(id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(refund["aliases"], alias("R-1"));
    assert_eq!((&refund["state"], &refund["refundRequestReason"]), (&json!("SUCCESS"), &json!("NOT_DELIVERED")));
    assert_eq!(refund["refundTotal"]["totalAmount"]["amount"].to_string(), "10.00");
    assert_eq!(refund["refundFor"]["orderLineItems"][0]["lineItem"]["id"], "322-ABC1-AAAAAA-1");
    let payments: Vec<_> = refund["paymentDetails"].as_array().unwrap().iter().map(|paid| &paid["id"]).collect();
    assert_eq!(payments, ["PAY-1", "PAY-2"]);

    let (order, refund) = ("322-ABC1-AAAAAA".to_owned(), id.to_owned());
    let updated = |state, total: &str| Effect::RefundUpdated {
        order: order.clone(),
        refund: refund.clone(),
        state,
        total: total.to_owned(),
    };
    let paid = |payment: &str, amount: &str| Effect::RefundPaid {
        order: order.clone(),
        refund: refund.clone(),
        payment: Some(payment.to_owned()),
        amount: amount.to_owned(),
    };
    let expected = [
        updated(RefundState::Partial, "4.00"),
        paid("PAY-1", "4.00"),
        updated(RefundState::Success, "10.00"),
        paid("PAY-2", "6.00"),
    ];
    assert_eq!(rig.simulator.ledger().effects[1..], expected);
}

#[tokio::test]
async fn a_refund_that_the_shopper_asked_for_waits_with_an_id_and_an_estimate() {
    let (rig, by_call) = rig_with_refund().await;
    let returned = json_of(rig.control(Method::POST, "refunds", &json!({ "alias": "SO-1" })).await).await;
    assert_eq!(rig.control(Method::POST, "refunds", &json!({ "alias": "SO-9" })).await.status(), 404);
    rig.create(&order("SO-2", "sim-ReturnRequested")).await;

    let refunds = refunds(&rig).await;
    let ids: Vec<_> = refunds.iter().map(|refund| &refund["id"]).collect();
    assert_eq!(ids, [&json!(by_call), &returned["id"]]);
    assert_eq!((&refunds[0]["state"], &refunds[0]["aliases"]), (&json!("PENDING"), &json!([])));
    assert_eq!(refunds[0]["refundTotal"]["totalAmount"]["amount"], 10);
    assert_eq!(refunds[0]["paymentDetails"], json!([]));
    let by_magic = rig.simulator.order_by_alias("EXTERNAL_ID", "SO-2").unwrap().json;
    assert_eq!(by_magic["refunds"]["details"][0]["state"], "PENDING");
    let requested = |effect: &&Effect| matches!(effect, Effect::RefundRequested { .. });
    assert_eq!(rig.simulator.ledger().effects.iter().filter(requested).count(), 3);
}

#[tokio::test]
async fn a_payment_that_is_sent_twice_is_kept_twice() {
    let (rig, id) = rig_with_refund().await;
    for _ in 0..2 {
        let again = json!([{ "id": id, "state": "PARTIAL", "refundTotal": total("4"),
            "paymentDetails": payment("PAY-1", "4") }]);
        assert_eq!(update(&rig, again).await.get("errors"), None);
    }
    assert_eq!(refunds(&rig).await[0]["paymentDetails"].as_array().unwrap().len(), 2);
    assert_eq!(rig.simulator.ledger().payments_of("PAY-1"), 2);
    assert_eq!(rig.simulator.ledger().payments_of("PAY-2"), 0);
}

#[tokio::test]
async fn a_state_moves_as_documented_and_to_rejected_from_pending_alone() {
    let states = ["PENDING", "FAILURE", "PARTIAL", "SUCCESS", "REJECTED"];
    let allowed: [&[&str]; 5] =
        [&states, &["PARTIAL", "FAILURE", "SUCCESS"], &["PARTIAL", "SUCCESS"], &["SUCCESS"], &["REJECTED"]];
    for (from, allowed) in states.into_iter().zip(allowed) {
        for to in states {
            let (rig, id) = rig_with_refund().await;
            let state = |state: &str| json!([{ "id": id, "state": state, "refundTotal": total("1") }]);
            assert_eq!(update(&rig, state(from)).await.get("errors"), None);
            let moved = update(&rig, state(to)).await;
            if allowed.contains(&to) {
                assert_eq!(moved.get("errors"), None, "{from} to {to}");
            } else {
                assert_eq!(refusal(&moved), "InvalidRefundStateTransition", "{from} to {to}");
            }
        }
    }
}

#[tokio::test]
async fn a_refund_without_a_state_stays_where_it_is() {
    let (rig, id) = rig_with_refund().await;
    for state in [json!("PARTIAL"), Value::Null] {
        update(&rig, json!([{ "id": id, "state": state, "refundTotal": total("1") }])).await;
    }
    assert_eq!(refunds(&rig).await[0]["state"], "PARTIAL");
}

#[tokio::test]
async fn what_is_wrong_with_a_refund_is_refused_by_name_and_nothing_of_the_update_is_done() {
    let (rig, id) = rig_with_refund().await;
    let with = |fields: Value| {
        let mut refund = fields;
        refund["refundTotal"] = total("1");
        refund
    };
    update(&rig, json!([with(json!({ "aliases": alias("R-1") }))])).await;
    let line = |id: Value| json!({ "orderLineItems": [{ "lineItemId": id }] });
    let known = |fields: Value| {
        let mut refund = with(fields);
        refund["id"] = json!(id);
        refund
    };
    let two_aliases = json!([alias("R-8")[0], alias("R-9")[0]]);
    let before = refunds(&rig).await;
    let effects = rig.simulator.ledger().effects.len();
    for (expected, details) in [
        ("MissingRefundId", json!([with(json!({}))])),
        ("MissingRefundId", json!([with(json!({ "aliases": two_aliases }))])),
        ("InvalidRefundId", json!([with(json!({ "id": "refund-123" }))])),
        ("DuplicateRefundId", json!([known(json!({})), known(json!({}))])),
        (
            "DuplicateAliasId",
            json!([with(json!({ "aliases": alias("R-2") })), known(json!({ "aliases": alias("R-2") }))]),
        ),
        ("InvalidAliasId", json!([known(json!({ "aliases": alias("R-1") }))])),
        ("InvalidAliasId", json!([with(json!({ "aliases": alias("") }))])),
        ("InvalidRefundRequestReasonUpdate", json!([known(json!({ "refundRequestReason": "NOT_DELIVERED" }))])),
        ("ValidationError", json!([known(json!({ "refundFor": line(json!({ "lineItemId": "L-9" })) }))])),
        ("ValidationError", json!([known(json!({ "refundFor": line(json!({})) }))])),
        // a valid refund beside an invalid one
        ("InvalidRefundId", json!([with(json!({ "aliases": alias("R-3") })), with(json!({ "id": "refund-123" }))])),
    ] {
        let input = json!({ "desiredExecutionState": "STARTED", "refunds": { "details": details } });
        assert_eq!(refusal(&rig.update("SO-1", &input).await), expected, "{details}");
    }
    assert_eq!(refunds(&rig).await, before);
    assert_eq!(rig.simulator.ledger().effects.len(), effects);
}

#[tokio::test]
async fn a_reason_may_be_repeated_and_that_of_the_shops_own_refund_may_change() {
    let (rig, id) = rig_with_refund().await;
    let repeated = json!([{ "id": id, "refundTotal": total("1"), "refundRequestReason": "RETURN_RECEIVED" }]);
    assert_eq!(update(&rig, repeated).await.get("errors"), None);
    for reason in ["NOT_DELIVERED", "BILLING_ERROR"] {
        let own = json!([{ "aliases": alias("R-1"), "refundTotal": total("1"), "refundRequestReason": reason }]);
        assert_eq!(update(&rig, own).await.get("errors"), None);
    }
    assert_eq!(refunds(&rig).await[1]["refundRequestReason"], "BILLING_ERROR");
}

#[tokio::test]
async fn an_alias_of_a_type_takes_the_place_of_the_one_before() {
    let (rig, id) = rig_with_refund().await;
    for name in ["R-1", "R-2"] {
        update(&rig, json!([{ "id": id, "refundTotal": total("1"), "aliases": alias(name) }])).await;
    }
    assert_eq!(refunds(&rig).await[0]["aliases"], alias("R-2"));
}

#[tokio::test]
async fn both_versions_take_and_show_refunds_each_with_its_own_name_for_the_pieces() {
    let rig = rig_with_order().await;
    let line = json!({ "lineItemId": { "lineItemId": "322-ABC1-AAAAAA-1" }, "refundedQuantity": { "amount": 1 } });
    let details = json!([{ "aliases": alias("R-1"), "state": "PENDING", "refundTotal": total("0"),
        "refundFor": { "orderLineItems": [line] } }]);
    let update = "mutation($input: UpdateOrderInput!) { updateOrder(input: $input) { order {
        refunds { details { refundFor { orderLineItems { refundedQuantity { amount } } } } } } } }";
    let input = json!({ "orderId": "322-ABC1-AAAAAA", "refunds": { "details": details } });
    let old = rig.call_in(OLD, update, &json!({ "input": input })).await;
    let of = |order: &Value| order["refunds"]["details"][0]["refundFor"]["orderLineItems"][0].clone();
    assert_eq!(of(&old["data"]["updateOrder"]["order"]), json!({ "refundedQuantity": { "amount": 1 } }));

    let read = "query($orderIdentifier: OrderIdentifierInput!) { order(orderIdentifier: $orderIdentifier) {
        refunds { details { refundFor { orderLineItems { amount { value unit } } } } } } }";
    let new = rig.call_in(NEW, read, &json!({ "orderIdentifier": by_alias("SO-1") })).await;
    assert_eq!(of(&new["data"]["order"]), json!({ "amount": { "value": 1, "unit": "ONE" } }));
    let shown = rig.call_in(OLD, READ_REFUNDS, &json!({ "orderIdentifier": by_alias("SO-1") })).await;
    assert_eq!(shown["data"]["order"]["refunds"]["details"][0]["state"], "PENDING");
}
