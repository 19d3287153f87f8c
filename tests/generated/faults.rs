//! Faults of every kind during the run, each with a probability and a limit.
//! Not here: the expected ends.

use bwp_sync::simulator::{Fault, FaultRule, Operation, Refusal};

use crate::lives::{REFUSED_CREATES, REFUSED_UPDATE};

/// Fault rules for a plan of this size, in the order of their matching.
pub(crate) fn rules(messages: usize, lost: &[String]) -> Vec<FaultRule> {
    let times = u32::try_from(messages / 100).unwrap();
    let by_chance = |(fault, chance, operation): (Fault, f64, Option<Operation>)| FaultRule {
        probability: Some(chance),
        times: Some(times),
        operation,
        ..FaultRule::always(fault)
    };
    // a refused create must not take effect by an earlier fault: its rules stand between the two kinds
    let refused = REFUSED_CREATES.iter().map(|(product, _)| (*product, Operation::CreateOrder));
    let refused = refused.chain([(REFUSED_UPDATE.0, Operation::UpdateOrder)]);
    let refuse = |(product, operation): (&str, Operation)| {
        let code = product.rsplit('-').next().unwrap();
        FaultRule::always(Fault::refuse(Refusal::validation(code))).on(operation).for_product(product)
    };
    let lost = lost.iter().flat_map(|order| {
        let on_create = |fault| FaultRule::first(1, fault).on(Operation::CreateOrder).for_alias(order);
        [on_create(Fault::Drop { after_effect: true }), on_create(Fault::refuse(Refusal::validation("ItemOutOfStock")))]
    });
    lost.chain(without_effect().into_iter().map(by_chance))
        .chain(refused.map(refuse))
        .chain(with_effect().into_iter().map(by_chance))
        .collect()
}

/// Faults without an effect. Reads and updates are never denied: a denial means that the order does not exist.
/// Throttling is rare, because each time it slows all calls for seconds.
fn without_effect() -> Vec<(Fault, f64, Option<Operation>)> {
    let http = |status, retry_after| Fault::Http { status, retry_after, body: None, after_effect: false };
    let refuse = |name| Fault::refuse(Refusal::codeless(name));
    vec![
        (http(429, Some(1)), 0.0004, None),
        (http(429, None), 0.0004, None),
        (http(500, None), 0.004, None),
        (http(502, None), 0.004, None),
        (http(503, Some(1)), 0.004, None),
        (Fault::NonJson, 0.004, None),
        (Fault::Hang { after_effect: false }, 0.001, None),
        (Fault::Drop { after_effect: false }, 0.006, None),
        (Fault::RevokeTokens, 0.006, None),
        (refuse("ThrottlingError"), 0.0004, None),
        (refuse("ThrottlingException"), 0.0004, None),
        (refuse("InternalServerError"), 0.004, None),
        (refuse("ConflictException"), 0.01, Some(Operation::UpdateOrder)),
        (refuse("AccessDeniedError"), 0.006, Some(Operation::CreateOrder)),
        (refuse("AccessDeniedError"), 0.02, Some(Operation::Token)),
    ]
}

fn with_effect() -> Vec<(Fault, f64, Option<Operation>)> {
    let http = |status| Fault::Http { status, retry_after: None, body: None, after_effect: true };
    vec![
        (http(502), 0.01, None),
        (http(504), 0.005, None),
        (Fault::Hang { after_effect: true }, 0.002, None),
        (Fault::Drop { after_effect: true }, 0.01, None),
        (Fault::DataAndErrors { error_type: "InternalServerError".to_owned(), code: None }, 0.01, None),
        (Fault::Delay { millis: 30 }, 0.01, None),
    ]
}
