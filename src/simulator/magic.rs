//! Faults and fates that an order names by a line with the product identifier `sim-<name>`.
//! Not here: fault rules (`fault`).

use std::collections::HashSet;

use super::fault::{CallFacts, Fault};
use super::names::Operation;
use super::refusal::Refusal;

/// Changes to an order right after its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// `sim-ReturnRequested`: the shopper returns the order, and Buy with Prime opens a refund.
    ReturnRequested,
    /// `sim-Cancelled`: the order is cancelled, and its fulfillment cannot start.
    Cancelled,
}

impl Fate {
    /// The fate that a product identifier names.
    pub(super) fn named(product: &str) -> Option<Self> {
        match product {
            "sim-ReturnRequested" => Some(Self::ReturnRequested),
            "sim-Cancelled" => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// Record of the `-once` faults that have fired, per order.
#[derive(Debug, Default)]
pub(super) struct Magic {
    fired: HashSet<(String, String)>,
}

impl Magic {
    /// The fault that a product identifier of this call names.
    ///
    /// `sim-<name>` concerns `createOrder`, `sim-update-<name>` `updateOrder`, `sim-read-<name>` the order query. With
    /// `-once` at its end, it hits only the first call for the order. Unknown names are refused as
    /// `UnknownSimulatorFault`: a misspelled name must not pass for a good order.
    pub(super) fn fault_for(&mut self, call: &CallFacts) -> Option<Fault> {
        call.products.iter().find_map(|product| {
            let spell = product.strip_prefix("sim-").filter(|_| Fate::named(product).is_none())?;
            let (operation, name) = if let Some(name) = spell.strip_prefix("update-") {
                (Operation::UpdateOrder, name)
            } else if let Some(name) = spell.strip_prefix("read-") {
                (Operation::Order, name)
            } else {
                (Operation::CreateOrder, spell)
            };
            if operation != call.operation {
                return None;
            }
            let Some(name) = name.strip_suffix("-once") else { return Some(fault_named(name)) };
            let order = call.aliases.first().cloned().unwrap_or_default();
            self.fired.insert((order, product.clone())).then(|| fault_named(name))
        })
    }
}

fn fault_named(name: &str) -> Fault {
    let http = |status, retry_after, after_effect| Fault::Http { status, retry_after, body: None, after_effect };
    match name {
        "Http429" => http(429, Some(1), false),
        "Http500" => http(500, None, false),
        "Http502AfterEffect" => http(502, None, true),
        "NonJson" => Fault::NonJson,
        "Hang" => Fault::Hang { after_effect: false },
        "HangAfterEffect" => Fault::Hang { after_effect: true },
        "DropBeforeEffect" => Fault::Drop { after_effect: false },
        "DropAfterEffect" => Fault::Drop { after_effect: true },
        "DataAndErrors" => Fault::DataAndErrors { error_type: "InternalServerError".to_owned(), code: None },
        other => {
            let refusal = Refusal::named(other).unwrap_or_else(|| Refusal::validation("UnknownSimulatorFault"));
            Fault::refuse(refusal)
        }
    }
}
