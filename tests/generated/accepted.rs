//! The API's schema accepts the call of every valid message.
//! Not here: rules of the API.

use bwp_sync::api::ApiVersion;
use bwp_sync::domain::outcome::Outcome;
use bwp_sync::ports::{Inbound, Settlement};
use bwp_sync::simulator::{Config, Simulator};
use bwp_sync::worker::handle;
use fastrand::Rng;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::data::checkout;
use crate::lives::{AMENDMENT, CHECKOUT, FULFILLMENT, REFUND};
use crate::plan::event;
use crate::update_data::{about, amendment, payment, refund, refunds};
use crate::worker::context;

/// Orders in each version, with four messages each.
const ORDERS: u32 = 100;

/// Messages of one order with every field, made from one seed.
fn messages(seed: u64, order: &str) -> [(&'static str, Value); 4] {
    let mut random = Rng::with_seed(seed);
    let random = &mut random;
    let paid = [payment("pay-1", random.u32(1..900)), payment("pay-2", random.u32(1..900))];
    let mut refunded = refund("R-1", "PARTIAL", random.u32(1800..9000), &paid[..random.usize(0..=2)]);
    if random.bool() {
        refunded["lines"] = serde_json::json!([{ "lineId": "1", "quantity": random.u32(1..9) }]);
        refunded["reason"] = serde_json::json!("DEFECTIVE");
    }
    let cents = random.u32(100_000..);
    [
        (CHECKOUT, checkout(random, order)),
        (AMENDMENT, amendment(random, order, cents)),
        (FULFILLMENT, about(order)),
        (REFUND, refunds(order, vec![refunded])),
    ]
}

/// Checks that each valid message succeeds with one attempt: neither the schema nor a rule refused it.
fn every_valid_message_is_accepted(version: ApiVersion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start(Config::default())).unwrap();
    let context = runtime.block_on(async { context(&simulator, version) });
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(ORDERS) });
    let number = std::cell::Cell::new(0);
    let ran = runner.run(&any::<u64>(), |seed| {
        number.set(number.get() + 1);
        for (kind, data) in messages(seed, &format!("SO-{}", number.get())) {
            let inbound = Inbound {
                body: event(number.get(), kind, &data),
                content_type: Some("application/cloudevents+json".to_owned()),
                ..Inbound::default()
            };
            let settlement = runtime.block_on(handle(&context, &inbound));
            let Settlement::Done(result) = &settlement else { panic!("{settlement:?}\n{data}") };
            prop_assert!(matches!(result.data.outcome, Some(Outcome::Created | Outcome::Updated)), "{:?}", settlement);
        }
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn every_valid_message_is_accepted_in_version_2024_11_01() {
    every_valid_message_is_accepted(ApiVersion::V2024_11_01);
}

#[test]
fn every_valid_message_is_accepted_in_version_2024_04_01() {
    every_valid_message_is_accepted(ApiVersion::V2024_04_01);
}
