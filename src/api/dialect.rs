//! What the versions of the API are told differently: their documents, a name, and how an update names its order.
//!
//! Not here: answers. Where versions name a field differently, a document asks for it under the name that is read.

use serde::Serialize;
use serde_json::Value;

use super::config::ApiVersion;
use super::wire::as_json;
use crate::domain::input::{CreateOrderInput, UpdateOrderInput};
use crate::domain::order::OrderIdentifier;
use crate::ports::ApiError;

/// How one version is spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    /// `mutation createOrder($input)`.
    pub(super) create_order: &'static str,
    /// `mutation updateOrder` with the variables of [`UpdateOrder`].
    pub(super) update_order: &'static str,
    /// `query order($orderIdentifier)` with all that helps to compare two orders; some of it is undocumented on
    /// answers: a product's identifiers and the recipient.
    pub(super) order: &'static str,
    /// `query order($orderIdentifier)` with documented fields alone.
    pub(super) order_core: &'static str,
    /// `query order($orderIdentifier)` for the id alone, where an update names its order by nothing else.
    pub(super) order_id: Option<&'static str>,
    /// What an input says for Amazon as the one who delivers.
    amazon: &'static str,
}

impl Dialect {
    /// The dialect of a version.
    pub(super) fn of(version: ApiVersion) -> Self {
        match version {
            ApiVersion::V2024_11_01 => Self {
                create_order: include_str!("documents/create_order.graphql"),
                update_order: include_str!("documents/2024-11-01/update_order.graphql"),
                order: include_str!("documents/2024-11-01/order.graphql"),
                order_core: include_str!("documents/2024-11-01/order_core.graphql"),
                order_id: None,
                amazon: "AMAZON",
            },
            ApiVersion::V2024_04_01 => Self {
                create_order: include_str!("documents/create_order.graphql"),
                update_order: include_str!("documents/2024-04-01/update_order.graphql"),
                order: include_str!("documents/2024-04-01/order.graphql"),
                order_core: include_str!("documents/2024-04-01/order_core.graphql"),
                order_id: Some(include_str!("documents/2024-04-01/order_id.graphql")),
                amazon: "BUY_WITH_PRIME",
            },
        }
    }

    /// The input of `createOrder` in the words of this version.
    pub(super) fn create_input(&self, input: &CreateOrderInput) -> Result<Value, ApiError> {
        let mut input = as_json(input)?;
        let lines = input.get_mut("lineItems").and_then(Value::as_array_mut).into_iter().flatten();
        let providers = lines.filter_map(|line| line.pointer_mut("/selectedDeliveryOffer/details/deliveryProvider"));
        providers.filter(|provider| **provider == "AMAZON").for_each(|provider| *provider = self.amazon.into());
        Ok(input)
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
