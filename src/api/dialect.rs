//! The differences between versions of the API: documents, a name, and how an update names its order.
//!
//! Not here: answers. Where versions name a field differently, a document asks for it under the name that is read.

use serde::Serialize;
use serde_json::Value;
use strum::{EnumIter, EnumTable, IntoEnumIterator};

use super::config::ApiVersion;
use super::document::Document;
use super::wire::{CreateInput, as_json};
use crate::domain::input::{CreateOrderInput, UpdateOrderInput};
use crate::domain::order::OrderIdentifier;
use crate::ports::{ApiError, Purpose, PurposeTable};

/// Fields of answers that no documentation names. A server that refuses a query in unknown words is asked without them.
pub(super) const UNDOCUMENTED: [&str; 4] =
    ["lineItems/product/id", "lineItems/product/sku", "lineItems/product/externalId", "recipient"];

/// The dialect of one version: one document for each mutation, and for each purpose of a read.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    mutations: MutationTable<Document>,
    /// `query order($orderIdentifier)` for each purpose.
    queries: PurposeTable<Document>,
    /// Whether an update can name its order by Buy with Prime's id alone.
    pub(super) by_id_alone: bool,
    /// The name of Amazon as delivery provider in an input, where it is another than ours.
    amazon: Option<&'static str>,
}

/// A mutation, by what it changes.
#[derive(Clone, Copy, Debug, EnumIter, EnumTable)]
pub(super) enum Mutation {
    /// `mutation createOrder($input)`.
    Create,
    /// `mutation updateOrder` with the variables of [`UpdateOrder`]; so are the others.
    Start,
    Amend,
    Refund,
}

impl Mutation {
    /// A name for people.
    fn name(self) -> &'static str {
        match self {
            Self::Create => "createOrder",
            Self::Start => "updateOrder to start",
            Self::Amend => "updateOrder to amend",
            Self::Refund => "updateOrder to refund",
        }
    }

    /// The mutation for what an update changes.
    pub(super) fn of_update(input: &UpdateOrderInput) -> Self {
        if input.refunds.is_some() {
            Self::Refund
        } else if input.desired_execution_state.is_some() {
            Self::Start
        } else {
            Self::Amend
        }
    }
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
        let mutations = MutationTable::from_closure(|mutation| match mutation {
            Mutation::Create => compose(document!("create_order")),
            Mutation::Start => updated(document!("update/start")),
            Mutation::Amend => updated(document!("update/amend")),
            Mutation::Refund => updated(document!("update/refund")),
        });
        let queries = PurposeTable::from_closure(|purpose| match purpose {
            Purpose::Start => compose(document!("order/start")),
            Purpose::Amend => compose(document!("order/amend")),
            Purpose::Refund => compose(document!("order/refund")),
            Purpose::Compare => compose(document!("order/compare")),
            Purpose::Identify => compose(document!("order/identity")),
        });
        Self { mutations, queries, by_id_alone, amazon }
    }

    /// The query for a purpose.
    pub(super) fn query(&self, purpose: Purpose) -> &Document {
        &self.queries[purpose]
    }

    /// The document of a mutation.
    pub(super) fn mutation(&self, mutation: Mutation) -> &Document {
        &self.mutations[mutation]
    }

    /// Every mutation, with a name for people.
    pub(super) fn mutations(&self) -> impl Iterator<Item = (&'static str, &Document)> {
        Mutation::iter().map(|mutation| (mutation.name(), self.mutation(mutation)))
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
