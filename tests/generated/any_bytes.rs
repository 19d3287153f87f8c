//! The worker settles any delivery, and never writes a dead letter without a code.
//! Not here: arbitrary bytes in the pure rooms; see `tests/domain`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bwp_sync::api::{ApiVersion, Client};
use bwp_sync::ports::{Inbound, Settlement};
use bwp_sync::simulator::{Config, Simulator};
use bwp_sync::worker::{Context, handle};
use fastrand::Rng;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::data::checkout;
use crate::lives::{AMENDMENT, CHECKOUT, FULFILLMENT, REFUND};
use crate::places::places;
use crate::plan::event;
use crate::update_data::{about, amendment, payment, refund, refunds};
use crate::worker::context;

/// One worker and one simulator for all cases.
struct Stage {
    runtime: Runtime,
    context: Arc<Context<Client>>,
    _simulator: Simulator,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start(Config::default())).unwrap();
    let context = runtime.block_on(async { context(&simulator, ApiVersion::default()) });
    Stage { runtime, context, _simulator: simulator }
});

/// Fails if a message is not settled, or ends as a dead letter without a code.
fn ends(inbound: &Inbound) -> Result<(), TestCaseError> {
    let settlement = STAGE.runtime.block_on(handle(&STAGE.context, inbound));
    if let Settlement::DeadLetter(letter, result) = &settlement {
        for text in [&letter.code, &letter.error_type, &letter.operation, &letter.suggested_action] {
            prop_assert!(!text.trim().is_empty(), "{:?}", letter);
        }
        prop_assert!(!result.data.causation_id.is_empty(), "{:?}", result);
    }
    Ok(())
}

fn headers() -> impl Strategy<Value = BTreeMap<String, String>> {
    let names = ["id", "type", "source", "specversion", "subject", "time", "datacontenttype"];
    let name = prop_oneof![
        prop::sample::select(names.map(|name| format!("cloudEvents:{name}")).to_vec()),
        prop::sample::select(names.map(|name| format!("cloudEvents_{name}")).to_vec()),
        Just("traceparent".to_owned()),
        any::<String>(),
    ];
    let value = prop_oneof![
        prop::sample::select(vec![CHECKOUT, FULFILLMENT, AMENDMENT, REFUND, "1.0", "2026-11-22T15:04:05Z", ""])
            .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::btree_map(name, value, 0..8)
}

/// Arbitrary values for every property of a delivery that a shop or a broker sets.
fn delivered(body: Vec<u8>) -> impl Strategy<Value = Inbound> {
    let content_type = prop::option::of(prop_oneof![Just("application/cloudevents+json".to_owned()), any::<String>()]);
    let kind = prop_oneof![Just("order.amended".to_owned()), Just(REFUND.to_owned()), any::<String>()];
    let texts = (content_type, any::<Option<String>>(), prop::option::of(kind.clone()), kind);
    (texts, headers(), any::<Option<u64>>(), any::<(bool, bool, u8)>()).prop_map(
        move |(
            (content_type, message_id, message_type, routing_key),
            headers,
            timestamp,
            (hopped, redelivered, unended),
        )| {
            let body = body.clone();
            let unended = u32::from(unended) / 32;
            Inbound {
                body,
                content_type,
                message_id,
                message_type,
                timestamp,
                headers,
                routing_key,
                hopped,
                redelivered,
                suspect: unended > 0,
                unended,
                ..Inbound::default()
            }
        },
    )
}

/// A valid message of each kind.
fn valid(seed: u64) -> Vec<(&'static str, Value)> {
    let mut random = Rng::with_seed(seed);
    let paid = [payment("pay-1", 100)];
    vec![
        (CHECKOUT, checkout(&mut random, "SO-1")),
        (FULFILLMENT, about("SO-1")),
        (AMENDMENT, amendment(&mut random, "SO-1", 4000)),
        (REFUND, refunds("SO-1", vec![refund("R-1", "PARTIAL", 100, &paid)])),
    ]
}

fn planted() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["1e99", "-0", "0.1e-28", "99999999999999999999999999999", "1E+400"])
            .prop_map(|number| serde_json::from_str(number).unwrap()),
        any::<String>().prop_map(Value::String),
        prop::sample::select(vec!["", " ", "SO-1", "USD", "sim-ItemOutOfStock", "1.00"]).prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[{}]])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_with_any_properties_end_in_a_settlement(
        inbound in prop::collection::vec(any::<u8>(), 0..256).prop_flat_map(delivered),
    ) {
        ends(&inbound)?;
    }

    #[test]
    fn a_message_of_any_kind_with_anything_in_the_wrong_place_ends_in_a_settlement(
        seed in any::<u64>(),
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), planted()), 1..3),
        bare in any::<bool>(),
    ) {
        let all = valid(seed);
        let (kind, mut data) = all[which.index(all.len())].clone();
        for (at, planted) in changes {
            let all = places(&data);
            *data.pointer_mut(&all[at.index(all.len())]).unwrap() = planted;
        }
        let inbound = if bare {
            Inbound { body: data.to_string().into_bytes(), routing_key: kind.to_owned(), ..Inbound::default() }
        } else {
            Inbound { body: event(1, kind, &data), ..Inbound::default() }
        };
        ends(&inbound)?;
    }
}
