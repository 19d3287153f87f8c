//! The differences between versions of the API: documents, a name, and how an update names its order.
//!
//! Not here: answers. Where versions name a field differently, a document asks for it under the name that is read.

use serde::Serialize;
use serde_json::Value;

use super::config::ApiVersion;
use super::document::Document;
use super::wire::{CreateInput, as_json};
use crate::domain::input::{CreateOrderInput, UpdateOrderInput};
use crate::domain::order::OrderIdentifier;
use crate::ports::{ApiError, Purpose};

/// Fields of answers that no documentation names. A server that refuses a query in unknown words is asked without them.
pub(super) const UNDOCUMENTED: [&str; 4] =
    ["lineItems/product/id", "lineItems/product/sku", "lineItems/product/externalId", "recipient"];

/// The dialect of one version: one document for each purpose.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    /// `mutation createOrder($input)`.
    pub(super) create_order: Document,
    /// `mutation updateOrder` with the variables of [`UpdateOrder`].
    start: Document,
    amend: Document,
    refund: Document,
    /// `query order($orderIdentifier)` for each purpose.
    to_start: Document,
    to_amend: Document,
    to_refund: Document,
    to_compare: Document,
    to_identify: Document,
    /// Whether an update can name its order by Buy with Prime's id alone.
    pub(super) by_id_alone: bool,
    /// The name of Amazon as delivery provider in an input, where it is another than ours.
    amazon: Option<&'static str>,
}

macro_rules! document {
    ($($file:literal),+) => { [$(include_str!(concat!("documents/", $file, ".graphql"))),+] };
}

impl Dialect {
    /// The dialect of a version.
    pub(super) fn of(version: ApiVersion) -> Self {
        let ([update, own], by_id_alone, amazon) = match version {
            ApiVersion::V2024_11_01 => (document!("2024-11-01/update_order", "2024-11-01/fragments"), false, None),
            ApiVersion::V2024_04_01 => {
                (document!("2024-04-01/update_order", "2024-04-01/fragments"), true, Some("BUY_WITH_PRIME"))
            }
        };
        let [fragments] = document!("fragments");
        let compose = |[operation]: [&str; 1]| Document::compose(&[operation, fragments, own]);
        let updated = |[answer]: [&str; 1]| Document::compose(&[update, answer, fragments, own]);
        Self {
            create_order: compose(document!("create_order")),
            start: updated(document!("update/start")),
            amend: updated(document!("update/amend")),
            refund: updated(document!("update/refund")),
            to_start: compose(document!("order/start")),
            to_amend: compose(document!("order/amend")),
            to_refund: compose(document!("order/refund")),
            to_compare: compose(document!("order/compare")),
            to_identify: compose(document!("order/identity")),
            by_id_alone,
            amazon,
        }
    }

    /// The query for a purpose.
    pub(super) fn order(&self, purpose: Purpose) -> &Document {
        match purpose {
            Purpose::Start => &self.to_start,
            Purpose::Amend => &self.to_amend,
            Purpose::Refund => &self.to_refund,
            Purpose::Compare => &self.to_compare,
            Purpose::Identify => &self.to_identify,
        }
    }

    /// The mutation for what an input changes.
    pub(super) fn update_order(&self, input: &UpdateOrderInput) -> &Document {
        if input.refunds.is_some() {
            &self.refund
        } else if input.desired_execution_state.is_some() {
            &self.start
        } else {
            &self.amend
        }
    }

    /// Every mutation, with a name for people.
    pub(super) fn mutations(&self) -> [(&'static str, &Document); 4] {
        [
            ("createOrder", &self.create_order),
            ("updateOrder to start", &self.start),
            ("updateOrder to amend", &self.amend),
            ("updateOrder to refund", &self.refund),
        ]
    }

    /// The input of `createOrder` in the words of this version.
    pub(super) fn create_input<'a>(&self, input: &'a CreateOrderInput) -> Result<CreateInput<'a>, ApiError> {
        let Some(amazon) = self.amazon else { return Ok(CreateInput::AsItIs(input)) };
        let mut input = as_json(input)?;
        let lines = input.get_mut("lineItems").and_then(Value::as_array_mut).into_iter().flatten();
        let providers = lines.filter_map(|line| line.pointer_mut("/selectedDeliveryOffer/details/deliveryProvider"));
        providers.filter(|provider| **provider == "AMAZON").for_each(|provider| *provider = amazon.into());
        Ok(CreateInput::Changed(input))
    }
}

/// Variables of `updateOrder`.
#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum UpdateOrder<'a> {
    /// The order is named beside the input, in any way.
    Beside { order_identifier: &'a OrderIdentifier, input: &'a UpdateOrderInput },
    /// The order is named in the input, by its id.
    Within { input: InputWithId<'a> },
}

/// An input that says which order it is for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InputWithId<'a> {
    pub(super) order_id: String,
    #[serde(flatten)]
    pub(super) input: &'a UpdateOrderInput,
}
