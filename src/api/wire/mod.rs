//! The wire format: the body of a request, and an answer as data and error facts.
//!
//! Not here: sending; what an error means for an order; what differs between versions.

mod complaint;
mod errors;
mod order;
mod plain;
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
    /// The order of a plain answer, and the operation that it answers. Then nothing else was read.
    plain: Option<(Operation, StoredOrder)>,
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
        let RawAnswer { status, retry_after, body } = &raw;
        let plain = if is_success(*status) { plain::read(body.text()) } else { None };
        if plain.is_none() {
            return Self::by_fields(raw);
        }
        let (status, retry_after) = (*status, *retry_after);
        let (errors, complaints) = (Vec::new(), Vec::new());
        Self { status, retry_after, plain, data: Value::Null, errors, complaints, body: raw.body }
    }

    /// Reads a body of any form, field by field: each may be missing or wrong.
    fn by_fields(raw: RawAnswer) -> Self {
        let mut body: Value = serde_json::from_slice(raw.body.text()).unwrap_or_default();
        let (errors, complaints) = (errors::facts(&body), errors::complaints(&body));
        let data = body.get_mut("data").map(Value::take).unwrap_or_default();
        let (status, retry_after) = (raw.status, raw.retry_after);
        Self { status, retry_after, plain: None, data, errors, complaints, body: raw.body }
    }

    #[cfg(test)]
    fn is_plain(&self) -> bool {
        self.plain.is_some()
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
        if self.plain.is_some() || (self.errors.is_empty() && self.data.is_object()) {
            Ok(())
        } else {
            Err(self.failure())
        }
    }

    /// The order after a mutation. With its id in the answer the mutation has taken effect, whatever error stands
    /// beside it. Without the id, nothing tells that it has.
    pub(super) fn mutated(mut self, operation: Operation) -> Result<StoredOrder, ApiError> {
        if let Some(order) = self.plain_of(operation) {
            return Ok(order);
        }
        let order = &self.data[operation.name()]["order"];
        order::read(order, !self.errors.is_empty()).ok_or_else(|| self.failure())
    }

    /// The order that a query found. `None` only where a successful answer without errors says `null`.
    pub(super) fn queried(mut self) -> Result<Option<StoredOrder>, ApiError> {
        if let Some(order) = self.plain_of(Operation::Order) {
            return Ok(Some(order));
        }
        let found = self.data.get(Operation::Order.name());
        let says_null = found.is_some_and(Value::is_null);
        match found.and_then(|found| order::read(found, !self.errors.is_empty())) {
            Some(order) => Ok(Some(order)),
            None if says_null && self.errors.is_empty() && is_success(self.status) => Ok(None),
            None => Err(self.failure()),
        }
    }

    fn plain_of(&mut self, operation: Operation) -> Option<StoredOrder> {
        self.plain.take_if(|(answers, _)| *answers == operation).map(|(_, order)| order)
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

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
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
