//! Types that are both inputs and answers.
//! Not here: types that are only one of the two.

use async_graphql::{Enum, InputObject, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use rust_decimal::Decimal;

/// An exact amount: a JSON number in an answer, a number or a text in an input.
#[derive(Clone, Copy)]
pub(crate) struct Amount(Decimal);

#[Scalar]
impl ScalarType for Amount {
    fn parse(value: Value) -> InputValueResult<Self> {
        let written = match &value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        Decimal::from_str_exact(&written).map(Self).map_err(|_| InputValueError::custom("expected a decimal"))
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.to_string().parse().unwrap())
    }
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "MoneyInput")]
pub(crate) struct Money {
    pub(crate) amount: Amount,
    pub(crate) currency_code: String,
}

#[derive(Clone, Eq, InputObject, PartialEq, SimpleObject)]
#[graphql(input_name = "AliasInput")]
pub(crate) struct Alias {
    pub(crate) alias_type: String,
    pub(crate) alias_id: String,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "TotalPriceInput")]
pub(crate) struct TotalPrice {
    pub(crate) value: Money,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "TaxesInput")]
pub(crate) struct Taxes {
    pub(crate) summary: TaxSummary,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "TaxSummaryInput")]
pub(crate) struct TaxSummary {
    pub(crate) collectable_tax_amount: Money,
}

#[derive(Clone, Copy, Enum, Eq, PartialEq)]
pub(crate) enum DestinationType {
    ExternalOrderManagement,
    ExternalOrderTracking,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "OrderLinkInput")]
pub(crate) struct OrderLink {
    pub(crate) destination_type: DestinationType,
    pub(crate) url: String,
    pub(crate) display_message: Option<String>,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "CustomerInput")]
pub(crate) struct Customer {
    pub(crate) contact: Contact,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "ContactInput")]
pub(crate) struct Contact {
    pub(crate) email_data: EmailData,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "EmailDataInput")]
pub(crate) struct EmailData {
    pub(crate) name: Option<String>,
    pub(crate) email: String,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "RecipientInput")]
pub(crate) struct Recipient {
    pub(crate) delivery_address: Address,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "AddressInput")]
pub(crate) struct Address {
    pub(crate) name: Option<String>,
    pub(crate) street_address: String,
    pub(crate) extended_address: Option<String>,
    pub(crate) locality: String,
    pub(crate) region: String,
    pub(crate) postal_code: String,
    pub(crate) country_code: String,
    pub(crate) contact_number: Option<String>,
}

/// State of fulfillment; the default is not started.
#[derive(Clone, Copy, Debug, Default, Enum, Eq, PartialEq)]
pub(crate) enum ExecutionState {
    #[default]
    NotStarted,
    Started,
}
