//! Faults by rule, and hanging or broken connections from the caller's side.
//! Not here: faults that an order names (`magic`).

use bwp_sync::simulator::{CallPhase, Config, Fault, FaultRule, Operation, Refusal, Shape};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{CREATE, Rig, UPDATE, by_alias, json_of, order, plain_client, refusal, wait_for};

/// Sends a create over a bare connection and returns every byte of the answer until its end.
async fn bytes_until_the_end(rig: &Rig, alias: &str, product: &str) -> Vec<u8> {
    let request = rig.request(CREATE, &json!({ "input": order(alias, product) })).build().unwrap();
    let address = format!("127.0.0.1:{}", request.url().port().unwrap());
    let body = request.body().unwrap().as_bytes().unwrap();
    let mut head = format!("POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    // a reset ends the connection as well as an orderly close
    stream.read_to_end(&mut answer).await.ok();
    answer
}

#[tokio::test]
async fn a_connection_dropped_after_the_effect_gives_no_byte_and_keeps_the_order() {
    let rig = Rig::start().await;
    assert_eq!(bytes_until_the_end(&rig, "SO-1", "sim-DropAfterEffect").await, b"");
    assert!(rig.simulator.order_by_alias("EXTERNAL_ID", "SO-1").is_some());
    assert_eq!(rig.simulator.ledger().orders_created(), 1);
    assert_eq!(refusal(&rig.create(&order("SO-1", "sim-DropAfterEffect")).await), "AliasValueAlreadyExists");
}

#[tokio::test]
async fn a_connection_dropped_before_the_effect_gives_no_byte_and_no_order() {
    let rig = Rig::start().await;
    assert_eq!(bytes_until_the_end(&rig, "SO-1", "sim-DropBeforeEffect-once").await, b"");
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
    assert_eq!(rig.create(&order("SO-1", "sim-DropBeforeEffect-once")).await.get("errors"), None);
}

#[tokio::test]
async fn a_hanging_call_is_closed_without_an_answer_when_the_caller_goes_away() {
    let rig = Rig::start().await;
    for (alias, product, hangs_at, orders) in
        [("SO-1", "sim-Hang", CallPhase::Opened, 0), ("SO-2", "sim-HangAfterEffect", CallPhase::TookEffect, 1)]
    {
        let mut events = rig.simulator.subscribe();
        let caller = tokio::spawn(rig.request(CREATE, &json!({ "input": order(alias, product) })).send());
        wait_for(&mut events, alias, hangs_at).await;
        caller.abort();
        assert_eq!(events.recv().await.unwrap().phase, CallPhase::Closed);
        assert_eq!(rig.simulator.ledger().orders_created(), orders);
    }
}

#[tokio::test]
async fn an_update_takes_effect_before_its_answer_is_lost() {
    for fault in [
        Fault::Drop { after_effect: true },
        Fault::Hang { after_effect: true },
        Fault::Http { status: 502, retry_after: None, body: None, after_effect: true },
    ] {
        let rig = Rig::start().await;
        rig.create(&order("SO-1", "P-1")).await;
        rig.simulator.add_fault(FaultRule::first(1, fault.clone()).on(Operation::UpdateOrder));
        let mut events = rig.simulator.subscribe();
        let input = json!({ "totalPrice": { "value": { "amount": "20.00", "currencyCode": "USD" } } });
        let variables = json!({ "orderIdentifier": by_alias("SO-1"), "input": input });
        let caller = tokio::spawn(rig.request(UPDATE, &variables).send());
        wait_for(&mut events, "SO-1", CallPhase::TookEffect).await;
        assert_eq!(rig.simulator.ledger().last_total_of("SO-1"), Some("20.00"), "{fault:?}");
        if fault == (Fault::Hang { after_effect: true }) {
            caller.abort();
            continue;
        }
        let answer = caller.await.unwrap();
        assert!(answer.is_err() || answer.unwrap().status() == 502, "{fault:?}");
    }
}

#[tokio::test]
async fn an_effect_that_is_late_comes_although_the_caller_has_gone() {
    let rig = Rig::start().await;
    rig.simulator.add_fault(FaultRule::first(1, Fault::Delay { millis: 200 }).on(Operation::CreateOrder));
    let mut events = rig.simulator.subscribe();
    let caller = tokio::spawn(rig.request(CREATE, &json!({ "input": order("SO-1", "P-1") })).send());
    wait_for(&mut events, "SO-1", CallPhase::Opened).await;
    caller.abort();
    wait_for(&mut events, "SO-1", CallPhase::Closed).await;
    wait_for(&mut events, "SO-1", CallPhase::TookEffect).await;
    assert_eq!(rig.simulator.ledger().orders_created(), 1);
}

#[tokio::test]
async fn an_answered_call_tells_its_phases_in_order() {
    let rig = Rig::start().await;
    let mut events = rig.simulator.subscribe();
    rig.create(&order("SO-1", "P-1")).await;
    for phase in [CallPhase::Opened, CallPhase::TookEffect, CallPhase::Answered, CallPhase::Closed] {
        let event = events.recv().await.unwrap();
        assert_eq!(
            (event.operation, event.alias.as_deref(), event.phase),
            (Operation::CreateOrder, Some("SO-1"), phase)
        );
    }
}

#[tokio::test]
async fn a_rule_hits_the_calls_that_it_names_as_often_as_it_says() {
    let rig = Rig::start().await;
    let out_of_stock = Fault::refuse(Refusal::validation("ItemOutOfStock"));
    rig.simulator.add_fault(FaultRule::first(2, out_of_stock.clone()).on(Operation::CreateOrder).for_alias("SO-1"));
    rig.simulator.add_fault(FaultRule::always(out_of_stock).for_product("P-2"));
    for _ in 0..2 {
        assert_eq!(refusal(&rig.create(&order("SO-1", "P-1")).await), "ItemOutOfStock");
    }
    assert_eq!(rig.create(&order("SO-1", "P-1")).await.get("errors"), None);
    assert_eq!(rig.create(&order("SO-3", "P-1")).await.get("errors"), None);
    assert_eq!(refusal(&rig.create(&order("SO-4", "P-2")).await), "ItemOutOfStock");
    rig.simulator.clear_faults();
    assert_eq!(rig.create(&order("SO-4", "P-2")).await.get("errors"), None);
}

#[tokio::test]
async fn a_refusal_can_take_every_shape() {
    let rig = Rig::start().await;
    let answer_in = async |shape| {
        rig.simulator.clear_faults();
        let fault =
            Fault::Refuse { error_type: "ValidationException".into(), code: Some("ShopperNotPrime".into()), shape };
        rig.simulator.add_fault(FaultRule::always(fault));
        json_of(rig.request(CREATE, &json!({ "input": order("SO-1", "P-1") })).send().await.unwrap()).await
    };
    let error = &answer_in(Shape::Classification).await["errors"][0];
    assert_eq!(
        error["extensions"]["classification"],
        json!({ "errorType": "ValidationException", "errorCode": 400, "code": "ShopperNotPrime" })
    );
    let error = &answer_in(Shape::Extensions).await["errors"][0];
    assert_eq!(error["extensions"], json!({ "errorType": "ValidationException", "code": "ShopperNotPrime" }));
    let error = &answer_in(Shape::TopLevel).await["errors"][0];
    assert_eq!((&error["errorType"], &error["errorInfo"]), (&json!("ValidationException"), &json!("ShopperNotPrime")));
    let flat = answer_in(Shape::Flat).await;
    assert_eq!((&flat["type"], &flat["code"]), (&json!("ValidationException"), &json!("ShopperNotPrime")));
}

#[tokio::test]
async fn rules_with_a_probability_repeat_with_their_seed() {
    let pattern = async |seed| {
        let rule = FaultRule { probability: Some(0.5), ..FaultRule::always(Fault::status(500)).on(Operation::Order) };
        let rig = Rig::with(Config { faults: vec![rule], seed, ..Config::default() }).await;
        let mut pattern = Vec::new();
        for _ in 0..32 {
            let request = rig.request("{ order(orderIdentifier: { orderId: \"1\" }) { id } }", &json!({}));
            pattern.push(request.send().await.unwrap().status().as_u16());
        }
        pattern
    };
    let first = pattern(1).await;
    assert!(first.contains(&200) && first.contains(&500));
    assert_eq!(first, pattern(1).await);
    assert_ne!(first, pattern(2).await);
}

#[tokio::test]
async fn revoking_all_tokens_denies_the_call_itself() {
    let mut rig = Rig::start().await;
    rig.simulator.add_fault(FaultRule::first(1, Fault::RevokeTokens));
    let variables = json!({ "input": order("SO-1", "P-1") });
    for _ in 0..2 {
        assert_eq!(rig.request(CREATE, &variables).send().await.unwrap().status(), 401);
    }
    rig.renew_token().await;
    assert_eq!(rig.request(CREATE, &variables).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_token_endpoint_can_fail_as_well() {
    let mut rig = Rig::start().await;
    let throttled = Fault::refuse(Refusal::codeless("ThrottlingError"));
    rig.simulator.add_fault(FaultRule::first(1, throttled).on(Operation::Token));
    let response = crate::support::ask_token(&rig.client, &rig.simulator, &[]).await;
    assert_eq!(response.status(), 429);
    assert_eq!(json_of(response).await["type"], "ThrottlingError");
    rig.renew_token().await;
}

#[tokio::test]
async fn rules_are_added_and_cleared_over_http() {
    let rig = Rig::start().await;
    let url = rig.simulator.endpoint().replace("/graphql", "/_simulator/faults");
    let post = async |rules: Value| {
        let request = rig.client.post(&url).header("content-type", "application/json").body(rules.to_string());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        post(json!([
            { "operation": "createOrder", "times": 1, "fault": { "http": { "status": 503, "retry-after": 7 } } },
            { "alias": "SO-1", "fault": { "refuse": { "type": "ValidationError", "code": "ItemOutOfStock" } } }
        ]))
        .await,
        204
    );
    let response = rig.request(CREATE, &json!({ "input": order("SO-1", "P-1") })).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"7".parse().unwrap()));
    assert_eq!(refusal(&rig.create(&order("SO-1", "P-1")).await), "ItemOutOfStock");
    assert_eq!(rig.client.delete(&url).send().await.unwrap().status(), 204);
    assert_eq!(rig.create(&order("SO-1", "P-1")).await.get("errors"), None);
    assert_eq!(post(json!({ "fault": "explode" })).await, 400);
    assert_eq!(post(json!({ "fault": "non-json" })).await, 204);
}

#[tokio::test]
async fn a_stopped_simulator_takes_its_connections_along() {
    let rig = Rig::start().await;
    let mut events = rig.simulator.subscribe();
    let caller = tokio::spawn(rig.request(CREATE, &json!({ "input": order("SO-1", "sim-Hang") })).send());
    wait_for(&mut events, "SO-1", CallPhase::Opened).await;
    let endpoint = rig.simulator.endpoint();
    rig.simulator.shutdown().await;
    assert!(caller.await.unwrap().is_err());
    assert!(plain_client().post(endpoint).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn calls_beyond_an_allowance_are_throttled_and_the_rest_is_not() {
    let rig = Rig::start().await;
    // no token is refilled during the test
    let throttled = FaultRule::always(Fault::refuse(Refusal::codeless("ThrottlingError"))).beyond(0.001, 3.0);
    rig.simulator.add_fault(throttled.on(Operation::Order));
    let mut ends = Vec::new();
    for _ in 0..5 {
        ends.push(rig.read("SO-1").await.get("errors").is_none());
    }
    assert_eq!(ends, [true, true, true, false, false]);
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
    assert_eq!(rig.create(&order("SO-1", "P-1")).await.get("errors"), None, "other calls are left alone");
}
