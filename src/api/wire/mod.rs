//! The wire format: the body of a request, and an answer as data and error facts.
//!
//! Not here: sending; what an error means for an order; what differs between versions.

mod complaint;
mod errors;
mod order;
mod text;

pub(super) use complaint::Complaint;
#[cfg(test)]
pub(super) use complaint::SchemaField;
pub(super) use errors::DATA_FETCHING;

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::body::Body;
use super::transport::RawAnswer;
use crate::domain::input::CreateOrderInput;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::ports::{ApiError, ErrorFact, Operation};

/// Variables of `createOrder`.
#[derive(Debug, Serialize)]
pub(super) struct CreateOrder<'a> {
    pub(super) input: CreateInput<'a>,
}

/// An input of `createOrder`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum CreateInput<'a> {
    /// In our words, which are those of the API's latest version.
    AsItIs(&'a CreateOrderInput),
    /// In words of another version.
    Changed(Value),
}

/// Variables of `order`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadOrder<'a> {
    pub(super) order_identifier: &'a OrderIdentifier,
}

#[derive(Serialize)]
struct Request<'a, V> {
    query: &'a RawValue,
    variables: &'a V,
}

/// The body of a request, with a document that is a text in JSON already.
pub(super) fn request_body(document: &RawValue, variables: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(&Request { query: document, variables }).map_err(|_| unwritable())
}

/// An input as JSON, to be changed before it is sent. Numbers keep their digits.
pub(super) fn as_json(input: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(input).map_err(|_| unwritable())
}

/// The error of an input that cannot be written. Its reason is left out, since it could quote the input.
fn unwritable() -> ApiError {
    ApiError::NotSent { reason: "the request cannot be written as JSON".to_owned() }
}

/// An answer, read as far as it can be.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    /// `null` where the answer has none, or is not GraphQL's.
    data: Value,
    errors: Vec<ErrorFact>,
    complaints: Vec<Complaint>,
    /// The body, to be described where it is no answer.
    body: Body,
}

impl Answer {
    /// Reads a body as GraphQL's envelope, or as the flat error that REST endpoints and gateways send.
    pub(super) fn read(raw: RawAnswer) -> Self {
        let mut body: Value = serde_json::from_slice(raw.body.text()).unwrap_or_default();
        let (errors, complaints) = (errors::facts(&body), errors::complaints(&body));
        let data = body.get_mut("data").map(Value::take).unwrap_or_default();
        Self { status: raw.status, retry_after: raw.retry_after, data, errors, complaints, body: raw.body }
    }

    /// The token was refused, by HTTP or by GraphQL in HTTP's words, and nothing was done.
    pub(super) fn refuses_token(&self) -> bool {
        let told = self.status == 401 || self.errors.first().is_some_and(|error| error.error_code == Some(401));
        told && self.data.as_object().is_none_or(|data| data.values().all(Value::is_null))
    }

    /// Complaints about the document, where it was not run.
    pub(super) fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// Whether the server itself complains of nothing but the document, and of an unknown field in known words.
    pub(super) fn names_unknown_fields(&self) -> bool {
        self.status < 500 && self.complaints.iter().any(|complaint| complaint.named.is_some())
    }

    /// Whether a document is valid that was sent to be validated alone.
    pub(super) fn validated(self) -> Result<(), ApiError> {
        if self.errors.is_empty() && self.data.is_object() { Ok(()) } else { Err(self.failure()) }
    }

    /// The order after a mutation. With its id in the answer the mutation has taken effect, whatever error stands
    /// beside it. Without the id, nothing tells that it has.
    pub(super) fn mutated(self, operation: Operation) -> Result<StoredOrder, ApiError> {
        let order = &self.data[operation.name()]["order"];
        order::read(order, !self.errors.is_empty()).ok_or_else(|| self.failure())
    }

    /// The order that a query found. `None` only where a successful answer without errors says `null`.
    pub(super) fn queried(self) -> Result<Option<StoredOrder>, ApiError> {
        let found = self.data.get(Operation::Order.name());
        let says_null = found.is_some_and(Value::is_null);
        match found.and_then(|found| order::read(found, !self.errors.is_empty())) {
            Some(order) => Ok(Some(order)),
            None if says_null && self.errors.is_empty() && (200..300).contains(&self.status) => Ok(None),
            None => Err(self.failure()),
        }
    }

    fn failure(self) -> ApiError {
        let Self { status, retry_after, errors, body, .. } = self;
        if errors.is_empty() {
            ApiError::Unreadable { status, retry_after, body: body.kind() }
        } else {
            ApiError::Answered { status, retry_after, errors }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are() -> Result<(), Box<dyn std::error::Error>> {
        let amount: serde_json::Number = serde_json::from_str("99999999999999999.990")?;
        let body = request_body(serde_json::from_str("\"query\"")?, &serde_json::json!({ "amount": amount }))?;
        let expected = r#"{"query":"query","variables":{"amount":99999999999999999.990}}"#;
        assert_eq!(String::from_utf8(body)?, expected);
        Ok(())
    }
}
